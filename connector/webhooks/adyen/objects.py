"""What an event tells of: disputes, fraud warnings, refunds, payouts, charges, mandates. Adyen's words end here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.webhooks.adyen.object_context import Item, ItemContext, given, is_true
from connector.webhooks.processor_event import moment, part, word


def told_of(told: ItemContext) -> tuple[ProcessorObject, ...]:
    """The objects of a handled kind; none where it does not name one."""
    return (_READERS[told.kind](told, told.reference),) if told.reference else ()


def _dispute(told: ItemContext, id_: str) -> ProcessorObject:
    """All events of a dispute have the same PSP reference."""
    code = told.more("chargebackReasonCode") or told.more("rfiReasonCode")
    return ProcessorObject(
        kind=Kind.DISPUTE,
        id=id_,
        status=_dispute_status(told),
        stage=_stage(told),
        reason=code,
        reason_text=told.reason,
        network_code=code,
        due_at=moment(told.more("defensePeriodEndsAt")),
        opened_at=told.at if told.kind in _OPENING else None,
        link=told.page,
        **told.common,
    )


def _stage(told: ItemContext) -> Stage:
    """By the event code; a code that comes at several stages is about an inquiry where it says so."""
    stage, _, _ = _DISPUTES[told.kind]
    inquiry = told.more("rfiReasonCode") or (told.more("disputeStatus") or "").lower() in _OF_INQUIRIES
    return Stage.INQUIRY if inquiry and told.kind in _ANY_STAGE else stage


def _dispute_status(told: ItemContext) -> Status | None:
    """By the event code; by ``disputeStatus`` where the code alone does not decide. Brazil never gives it."""
    _, usual, heeded = _DISPUTES[told.kind]
    status = heeded.get((told.more("disputeStatus") or "").lower(), usual)
    return _answerable(told) if status is Status.NEEDS_RESPONSE and told.kind in _CHARGEBACKS else status


def _answerable(told: ItemContext) -> Status:
    """Adyen may have defended it already, or nobody can: then to ask for evidence would be wrong."""
    if is_true(told.more("autoDefended")):
        return Status.UNDER_REVIEW
    ends = moment(told.more("defensePeriodEndsAt"))
    over = told.kind == "CHARGEBACK" and ends is not None and ends <= told.at
    return Status.LOST if over or told.more("defendable") == "false" else Status.NEEDS_RESPONSE


def _fraud_warning(told: ItemContext, id_: str) -> ProcessorObject:
    warned = told.kind == "NOTIFICATION_OF_FRAUD"
    code = told.more("nofReasonCode")
    return ProcessorObject(
        kind=Kind.FRAUD_WARNING,
        id=id_,
        status=Status.OPEN if warned else Status.CLOSED,
        reason=code,
        reason_text=told.reason,
        network_code=code,
        opened_at=told.at if warned else None,
        link=told.page,
        **told.common,
    )


def _refund(told: ItemContext, id_: str) -> ProcessorObject:
    """``success`` answers the request. That the bank failed it later is a kind of its own, with ``success`` true."""
    if told.kind == "CANCEL_OR_REFUND" and told.more("modification.action") == "cancel":
        return _charge(told, id_)
    done, not_done = _REFUNDS[told.kind]
    status = done if told.success else not_done
    common = told.common
    return ProcessorObject(
        kind=Kind.REFUND,
        id=id_,
        status=status,
        reason=told.reason if status is Status.FAILED else None,
        link=told.page,
        **{**common, "references": given(*common["references"], id_)},
    )


def _payout(told: ItemContext, id_: str) -> ProcessorObject:
    """A payout to a person. Who it is, is told by the merchant's own reference only."""
    done, not_done = _PAYOUTS[told.kind]
    status = done if told.success else not_done
    return ProcessorObject(
        kind=Kind.PAYOUT,
        id=told.payment or id_,
        status=status,
        reason=told.reason if status is not Status.PAID else None,
        payee=told.more("shopperReference") or "",
        **told.common,
    )


def _charge(told: ItemContext, id_: str) -> ProcessorObject:
    done, not_done = _CHARGES.get(told.kind, (None, None))
    status = done if told.success else not_done
    failed = status in (Status.FAILED, Status.RETURNED)
    return ProcessorObject(
        kind=Kind.CHARGE,
        id=told.payment or id_,
        status=status,
        reason=told.reason if failed else None,
        reason_text=told.more("refusalReasonRaw") if failed else None,
        link=told.page,
        **told.common,
    )


def notice_of_change(data: Item, kind: str, at: datetime) -> tuple[ProcessorObject, ...]:
    """The bank corrected the account of a debit. The mandate stands; the debit after this may not come through."""
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


# Adyen's words and ours ---------------------------------------------------------------------------------------

_SAID: Final[Mapping[str, Status]] = {
    "undefended": Status.NEEDS_RESPONSE,
    "unresponded": Status.NEEDS_RESPONSE,
    "pending": Status.UNDER_REVIEW,
    "responded": Status.UNDER_REVIEW,
    "won": Status.WON,
    "lost": Status.LOST,
    "accepted": Status.ACCEPTED,
    "expired": Status.EXPIRED,
}
_ENDED: Final[Mapping[str, Status]] = {word: _SAID[word] for word in ("won", "lost", "accepted", "expired")}
_CODE_DECIDES: Final[Mapping[str, Status]] = {}

_DISPUTES: Final[Mapping[str, tuple[Stage, Status | None, Mapping[str, Status]]]] = {
    "REQUEST_FOR_INFORMATION": (Stage.INQUIRY, Status.NEEDS_RESPONSE, _SAID),
    "NOTIFICATION_OF_CHARGEBACK": (Stage.CHARGEBACK, Status.NEEDS_RESPONSE, _SAID),
    "CHARGEBACK": (Stage.CHARGEBACK, Status.NEEDS_RESPONSE, _SAID),
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
"""Event code → stage, status, and which words of ``disputeStatus`` are heeded instead."""

_ANY_STAGE: Final = frozenset({"INFORMATION_SUPPLIED", "ISSUER_COMMENTS", "DISPUTE_DEFENSE_PERIOD_ENDED"})
_OF_INQUIRIES: Final = frozenset({"responded", "unresponded"})
_CHARGEBACKS: Final = frozenset({"NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK"})
_OPENING: Final = _CHARGEBACKS | {"REQUEST_FOR_INFORMATION"}

_REFUNDS: Final[Mapping[str, tuple[Status, Status | None]]] = {
    "REFUND": (Status.SUCCEEDED, Status.FAILED),
    "REFUND_WITH_DATA": (Status.SUCCEEDED, Status.FAILED),
    "CANCEL_OR_REFUND": (Status.SUCCEEDED, Status.FAILED),
    "POSTPONED_REFUND": (Status.PENDING, Status.FAILED),
    "VOID_PENDING_REFUND": (Status.CANCELED, None),  # only the calling-off failed
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
    "AUTHORISATION": (Status.SUCCEEDED, Status.FAILED),  # captured by itself, unless set up otherwise
    "CAPTURE": (Status.SUCCEEDED, Status.FAILED),
    "CAPTURE_FAILED": (Status.RETURNED, Status.RETURNED),
    # Money that was only held was let go, as after every check of a card: no failure, and no payment.
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
