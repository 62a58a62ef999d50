"""Maps events to objects: disputes, fraud warnings, refunds, payouts, charges, mandates. Adyen's terms end here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.webhooks.adyen.object_context import Item, ItemContext, given, is_true
from connector.webhooks.processor_event import moment, part, word


def objects_of(context: ItemContext) -> tuple[ProcessorObject, ...]:
    """The objects of a handled kind; none if the event does not name one."""
    return (_READERS[context.kind](context, context.reference),) if context.reference else ()


def _dispute(context: ItemContext, id_: str) -> ProcessorObject:
    """All events of a dispute have the same PSP reference."""
    code = context.more("chargebackReasonCode") or context.more("rfiReasonCode")
    return ProcessorObject(
        kind=Kind.DISPUTE,
        id=id_,
        status=_dispute_status(context),
        stage=_stage(context),
        reason=code,
        reason_text=context.reason,
        network_code=code,
        due_at=moment(context.more("defensePeriodEndsAt")),
        opened_at=context.at if context.kind in _OPENING else None,
        link=context.page,
        **context.common,
    )


def _stage(context: ItemContext) -> Stage:
    """Stage by the event code; inquiry if a code of several stages has inquiry fields."""
    stage, _, _ = _DISPUTES[context.kind]
    inquiry = context.more("rfiReasonCode") or (context.more("disputeStatus") or "").lower() in _OF_INQUIRIES
    return Stage.INQUIRY if inquiry and context.kind in _ANY_STAGE else stage


def _dispute_status(context: ItemContext) -> Status | None:
    """Status by the event code, or by ``disputeStatus`` if the code is not sufficient; Brazil never sends it."""
    _, usual, heeded = _DISPUTES[context.kind]
    status = heeded.get((context.more("disputeStatus") or "").lower(), usual)
    return (
        _answerable(context) if status is Status.NEEDS_RESPONSE and context.kind in _CHARGEBACKS else status
    )


def _answerable(context: ItemContext) -> Status:
    """Whether evidence can be sent: not if Adyen has defended the dispute already, or nobody can."""
    if is_true(context.more("autoDefended")):
        return Status.UNDER_REVIEW
    ends = moment(context.more("defensePeriodEndsAt"))
    over = context.kind == "CHARGEBACK" and ends is not None and ends <= context.at
    return Status.LOST if over or context.more("defendable") == "false" else Status.NEEDS_RESPONSE


def _fraud_warning(context: ItemContext, id_: str) -> ProcessorObject:
    warned = context.kind == "NOTIFICATION_OF_FRAUD"
    code = context.more("nofReasonCode")
    return ProcessorObject(
        kind=Kind.FRAUD_WARNING,
        id=id_,
        status=Status.OPEN if warned else Status.CLOSED,
        reason=code,
        reason_text=context.reason,
        network_code=code,
        opened_at=context.at if warned else None,
        link=context.page,
        **context.common,
    )


def _refund(context: ItemContext, id_: str) -> ProcessorObject:
    """``success`` is the result of the request. A later failure at the bank is another kind, with ``success`` true."""
    if context.kind == "CANCEL_OR_REFUND" and context.more("modification.action") == "cancel":
        return _charge(context, id_)
    done, not_done = _REFUNDS[context.kind]
    status = done if context.success else not_done
    common = context.common
    return ProcessorObject(
        kind=Kind.REFUND,
        id=id_,
        status=status,
        reason=context.reason if status is Status.FAILED else None,
        link=context.page,
        **{**common, "references": given(*common["references"], id_)},
    )


def _payout(context: ItemContext, id_: str) -> ProcessorObject:
    """A payout to a person, who is identified only by the merchant's own reference."""
    done, not_done = _PAYOUTS[context.kind]
    status = done if context.success else not_done
    return ProcessorObject(
        kind=Kind.PAYOUT,
        id=context.payment or id_,
        status=status,
        reason=context.reason if status is not Status.PAID else None,
        payee=context.more("shopperReference") or "",
        **context.common,
    )


def _charge(context: ItemContext, id_: str) -> ProcessorObject:
    done, not_done = _CHARGES.get(context.kind, (None, None))
    status = done if context.success else not_done
    failed = status in (Status.FAILED, Status.RETURNED)
    return ProcessorObject(
        kind=Kind.CHARGE,
        id=context.payment or id_,
        status=status,
        reason=context.reason if failed else None,
        reason_text=context.more("refusalReasonRaw") if failed else None,
        link=context.page,
        **context.common,
    )


def notice_of_change(data: Item, kind: str, at: datetime) -> tuple[ProcessorObject, ...]:
    """The bank corrected the account of a debit. The mandate stays valid; the next debit may fail."""
    payment = word(data.get("pspReference"))
    code = word(part(data.get("notificationOfChange")).get("reasonCode"))
    if payment is None:
        return ()
    return (
        ProcessorObject(
            kind=Kind.MANDATE,
            source="adyen",
            id=payment,
            at=at,
            status=Status.ACTIVE,
            reason=code,
            reason_text=_CHANGES.get(code or "", "The bank account's details changed."),
            network="ach" if kind.startswith("ACH") or code else None,
            network_code=code,
            references=(payment,),
            customer=word(data.get("shopperReference")),
        ),
    )


# Adyen's terms to ours ---------------------------------------------------------------------------------------

_DISPUTE_STATUS: Final[Mapping[str, Status]] = {
    "undefended": Status.NEEDS_RESPONSE,
    "unresponded": Status.NEEDS_RESPONSE,
    "pending": Status.UNDER_REVIEW,
    "responded": Status.UNDER_REVIEW,
    "won": Status.WON,
    "lost": Status.LOST,
    "accepted": Status.ACCEPTED,
    "expired": Status.EXPIRED,
}
_ENDED: Final[Mapping[str, Status]] = {
    word: _DISPUTE_STATUS[word] for word in ("won", "lost", "accepted", "expired")
}
_CODE_DECIDES: Final[Mapping[str, Status]] = {}

_DISPUTES: Final[Mapping[str, tuple[Stage, Status | None, Mapping[str, Status]]]] = {
    "REQUEST_FOR_INFORMATION": (Stage.INQUIRY, Status.NEEDS_RESPONSE, _DISPUTE_STATUS),
    "NOTIFICATION_OF_CHARGEBACK": (Stage.CHARGEBACK, Status.NEEDS_RESPONSE, _DISPUTE_STATUS),
    "CHARGEBACK": (Stage.CHARGEBACK, Status.NEEDS_RESPONSE, _DISPUTE_STATUS),
    "INFORMATION_SUPPLIED": (Stage.CHARGEBACK, Status.UNDER_REVIEW, _CODE_DECIDES),
    # "This stage is not final": disputeStatus still says Pending, though the money is back.
    "CHARGEBACK_REVERSED": (Stage.CHARGEBACK, Status.WON, _CODE_DECIDES),
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": (Stage.CHARGEBACK, Status.WON, _CODE_DECIDES),
    "DISPUTE_DEFENSE_PERIOD_ENDED": (Stage.CHARGEBACK, Status.EXPIRED, _ENDED),
    "ISSUER_COMMENTS": (Stage.CHARGEBACK, None, _CODE_DECIDES),
    # The issuer declined the defense and the money is gone; only a pre-arbitration may bring it back.
    "SECOND_CHARGEBACK": (Stage.PRE_ARBITRATION, Status.LOST, _CODE_DECIDES),
    "PREARBITRATION_OPEN": (Stage.PRE_ARBITRATION, Status.NEEDS_RESPONSE, _ENDED),
    "PREARBITRATION_ACCEPTED": (Stage.PRE_ARBITRATION, Status.ACCEPTED, _CODE_DECIDES),
    "PREARBITRATION_DECLINED": (Stage.PRE_ARBITRATION, Status.UNDER_REVIEW, _CODE_DECIDES),
    "PREARBITRATION_ISSUER_WITHDRAWN": (Stage.PRE_ARBITRATION, Status.WITHDRAWN, _CODE_DECIDES),
    "PREARBITRATION_WON": (Stage.PRE_ARBITRATION, Status.WON, _CODE_DECIDES),
    "PREARBITRATION_LOST": (Stage.PRE_ARBITRATION, Status.LOST, _CODE_DECIDES),
    "SCHEME_ARBITRATION": (Stage.ARBITRATION, Status.UNDER_REVIEW, _CODE_DECIDES),
    "SCHEME_ARBITRATION_WON": (Stage.ARBITRATION, Status.WON, _CODE_DECIDES),
    "SCHEME_ARBITRATION_LOST": (Stage.ARBITRATION, Status.LOST, _CODE_DECIDES),
}
"""Event code → stage, status, and values of ``disputeStatus`` that override the status."""

_ANY_STAGE: Final = frozenset({"INFORMATION_SUPPLIED", "ISSUER_COMMENTS", "DISPUTE_DEFENSE_PERIOD_ENDED"})
_OF_INQUIRIES: Final = frozenset({"responded", "unresponded"})
_CHARGEBACKS: Final = frozenset({"NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK"})
_OPENING: Final = _CHARGEBACKS | {"REQUEST_FOR_INFORMATION"}

_REFUNDS: Final[Mapping[str, tuple[Status, Status | None]]] = {
    "REFUND": (Status.SUCCEEDED, Status.FAILED),
    "REFUND_WITH_DATA": (Status.SUCCEEDED, Status.FAILED),
    "CANCEL_OR_REFUND": (Status.SUCCEEDED, Status.FAILED),
    "POSTPONED_REFUND": (Status.PENDING, Status.FAILED),
    "VOID_PENDING_REFUND": (Status.CANCELED, None),  # only the cancellation failed
    "REFUND_FAILED": (Status.FAILED, Status.FAILED),
    "REFUNDED_REVERSED": (Status.FAILED, Status.FAILED),
}
_PAYOUTS: Final[Mapping[str, tuple[Status, Status | None]]] = {
    "PAYOUT_THIRDPARTY": (Status.PAID, Status.FAILED),
    "PAYOUT_DECLINE": (Status.CANCELED, None),
    "PAYOUT_EXPIRE": (Status.FAILED, None),
    "PAIDOUT_REVERSED": (Status.FAILED, Status.FAILED),
}
_CHARGES: Final[Mapping[str, tuple[Status | None, Status | None]]] = {
    "AUTHORISATION": (Status.SUCCEEDED, Status.FAILED),  # captured automatically, unless configured otherwise
    "CAPTURE": (Status.SUCCEEDED, Status.FAILED),
    "CAPTURE_FAILED": (Status.RETURNED, Status.RETURNED),
    # A reservation was released, as after every card check: neither a failure nor a payment.
    "CANCELLATION": (None, None),
    "TECHNICAL_CANCEL": (None, None),
    "EXPIRE": (None, None),
}
"""Event code → status when ``success`` is true, and when it is not."""

_CHANGES: Final[Mapping[str, str]] = {
    "C01": "The account number was wrong.",
    "C02": "The routing number was wrong.",
    "C03": "The routing and account number were wrong.",
    "C04": "The name on the account changed.",
    "C05": "The type of the account was wrong.",
    "C06": "The account number and the type of the account were wrong.",
    "C07": "The routing number, account number and type of the account were wrong.",
    "C09": "The identification number was wrong.",
    "C10": "The company's name was wrong.",
    "C11": "The company's identification was wrong.",
    "C12": "The company's name and identification were wrong.",
}
_READERS: Final[Mapping[str, Callable[[ItemContext, str], ProcessorObject]]] = {
    **dict.fromkeys(_DISPUTES, _dispute),
    **dict.fromkeys(
        ("NOTIFICATION_OF_FRAUD", "MANUAL_REVIEW_ACCEPT", "MANUAL_REVIEW_REJECT"), _fraud_warning
    ),
    **dict.fromkeys(_REFUNDS, _refund),
    **dict.fromkeys(_PAYOUTS, _payout),
    **dict.fromkeys(_CHARGES, _charge),
}
