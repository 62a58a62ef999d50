"""A Stripe event → its identity, its time, and its objects.

A snapshot event (``object: event``) contains the complete object, whose ``object`` is its type. A thin event
(``object: v2.core.event``) contains none. Objects are documented at https://docs.stripe.com/api (2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from connector.mappers import stripe_statuses
from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.webhooks.processor_event import (
    ParsedEvent,
    Unreadable,
    content_digest,
    epoch,
    moment,
    need,
    part,
    word,
)
from connector.webhooks.stripe import payments
from connector.webhooks.stripe.payments import amount, id_of, references

SOURCE: Final = "stripe"
THIN: Final = "v2.core.event"
NOT_SNAPSHOT: Final = "A thin event holds no object: set the endpoint's payload style to snapshot."

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ObjectContext:
    """The object of one event, as it was at ``at``. ``before``: the values that an update replaced; ``account``: the
    connected account, None for the own account."""

    at: datetime
    live: bool | None
    account: str | None
    object: Body
    before: Body

    def about(self, kind: Kind, **attributes: Any) -> ProcessorObject:
        return ProcessorObject(kind=kind, source=SOURCE, at=self.at, account=self.account, **attributes)

    def page(self, path: str) -> str:
        """Address of a page of the dashboard, of the connected account if there is one."""
        return stripe_statuses.dashboard(path, self.live is not False, self.account)


def said(found: Body) -> ParsedEvent:
    """Parse an event. Unreadable if it is none of Stripe."""
    created = found.get("created")
    live = found.get("livemode")
    return ParsedEvent(
        event_id=need(found.get("id"), "its id"),
        kind=need(found.get("type"), "its type"),
        occurred_at=epoch(created) or moment(created),
        live=live if isinstance(live, bool) else None,
        carry=lambda: _carried(found),
        # Without pending_webhooks and similar fields, which differ between deliveries.
        content=content_digest([found.get("type"), found.get("account"), found.get("data")]),
    )


def is_thin(found: Body) -> bool:
    return found.get("object") == THIN


def _carried(found: Body) -> tuple[ProcessorObject, ...]:
    if is_thin(found):
        raise Unreadable(NOT_SNAPSHOT)
    data = part(found.get("data"))
    context = _context(found, data)
    read = _READERS.get(str(context.object.get("object")))
    if read is None:
        raise Unreadable("It holds no object that an event of its kind is about.")
    return read(context)


def _context(found: Body, data: Body) -> ObjectContext:
    at = epoch(found.get("created"))
    if at is None:
        raise Unreadable("It does not say when it happened.")
    live = found.get("livemode")
    return ObjectContext(
        at=at,
        live=live if isinstance(live, bool) else None,
        account=stripe_statuses.connected_account(found.get("account")),
        object=part(data.get("object")),
        before=part(data.get("previous_attributes")),
    )


def _with_charge(context: ObjectContext, one: ProcessorObject) -> tuple[ProcessorObject, ...]:
    """The object, and its charge if it is expanded."""
    charge = part(context.object.get("charge"))
    return (one, context.about(Kind.CHARGE, **payments.charge(charge))) if charge.get("id") else (one,)


def _payment_page(context: ObjectContext) -> str | None:
    payment = id_of(context.object.get("charge")) or id_of(context.object.get("payment_intent"))
    return context.page(f"payments/{payment}") if payment else None


# Charges and refunds ---------------------------------------------------------------------------------------


def _charge(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """The charge, and the refunds in it (API versions before 2022-11-15 include them)."""
    found = context.object
    listed = stripe_statuses.refunds_of(found)
    refunds = (context.about(Kind.REFUND, **payments.refund(one, found)) for one in listed)
    return (context.about(Kind.CHARGE, **payments.charge(found)), *refunds)


def _intent(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    return (context.about(Kind.CHARGE, **payments.intent(context.object)),)


def _refund(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    return _with_charge(context, context.about(Kind.REFUND, **payments.refund(context.object, {})))


# Disputes --------------------------------------------------------------------------------------------------


def _dispute(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    found = context.object
    network, network_code = stripe_statuses.network_of_dispute(found)
    evidence = part(found.get("evidence_details"))
    refundable = found.get("is_charge_refundable")
    one = context.about(
        Kind.DISPUTE,
        id=need(found.get("id"), "which dispute it is"),
        status=stripe_statuses.DISPUTE.get(str(found.get("status"))),
        stage=_stage(context),
        reason=word(found.get("reason")),
        network=network,
        network_code=network_code,
        **amount(found),
        answered=stripe_statuses.answered(evidence),
        due_at=epoch(evidence.get("due_by")),
        opened_at=epoch(found.get("created")),
        references=references(found.get("charge"), found.get("payment_intent")),
        refundable=refundable if isinstance(refundable, bool) else None,
        link=_payment_page(context),
    )
    return _with_charge(context, one)


def _stage(context: ObjectContext) -> Stage:
    """Stage by the status until it is closed; after an appeal by the evidence, which keeps the appeal."""
    status = str(context.object.get("status"))
    if status.startswith("warning_"):
        return Stage.INQUIRY
    before = str(context.before.get("status"))
    appealed = part(context.object.get("evidence")).get("appeal") or before.startswith("appeal_")
    return Stage.PRE_ARBITRATION if appealed or status.startswith("appeal_") else Stage.CHARGEBACK


# Fraud warnings --------------------------------------------------------------------------------------------


def _early_fraud_warning(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """``actionable``: a refund can still prevent a dispute."""
    found = context.object
    actionable = found.get("actionable")
    open_ = Status.OPEN if actionable else Status.CLOSED
    one = context.about(
        Kind.FRAUD_WARNING,
        id=need(found.get("id"), "which fraud warning it is"),
        status=open_ if isinstance(actionable, bool) else None,
        reason=word(found.get("fraud_type")),
        opened_at=epoch(found.get("created")),
        references=references(found.get("charge"), found.get("payment_intent")),
        link=_payment_page(context),
    )
    return _with_charge(context, one)


def _review(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A review is open until a person or an event closes it; then ``reason`` is why."""
    found = context.object
    is_open = found.get("open")
    why = found.get("opened_reason") if is_open else found.get("closed_reason")
    open_ = Status.OPEN if is_open else Status.CLOSED
    one = context.about(
        Kind.FRAUD_WARNING,
        id=need(found.get("id"), "which review it is"),
        status=open_ if isinstance(is_open, bool) else None,
        reason=word(why) or word(found.get("reason")),
        opened_at=epoch(found.get("created")),
        references=references(found.get("charge"), found.get("payment_intent")),
        link=_payment_page(context),
    )
    return _with_charge(context, one)


# Payouts and mandates --------------------------------------------------------------------------------------

_PAYOUT: Final[Mapping[str, Status]] = {
    "pending": Status.PENDING,
    "in_transit": Status.PENDING,
    "paid": Status.PAID,
    "failed": Status.FAILED,
    "canceled": Status.CANCELED,
}
_MANDATE: Final[Mapping[str, Status]] = {
    "pending": Status.PENDING,
    "active": Status.ACTIVE,
    "inactive": Status.INACTIVE,
}


def _payout(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """``payee``: the connected account; empty for payouts to the own account."""
    found = context.object
    payout_id = need(found.get("id"), "which payout it is")
    one = context.about(
        Kind.PAYOUT,
        id=payout_id,
        status=_PAYOUT.get(str(found.get("status"))),
        reason=word(found.get("failure_code")),
        reason_text=word(found.get("failure_message")),
        **amount(found),
        opened_at=epoch(found.get("created")),
        settles_at=epoch(found.get("arrival_date")),
        payee=context.account or "",
        link=context.page(f"payouts/{payout_id}"),
    )
    return (one,)


def _mandate(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    found = context.object
    details = part(found.get("payment_method_details"))
    method = word(details.get("type"))
    scheme = part(details.get(method or ""))
    # A mandate for one payment ends with it, which is no loss.
    once = found.get("type") == "single_use"
    one = context.about(
        Kind.MANDATE,
        id=need(found.get("id"), "which mandate it is"),
        status=None if once else _MANDATE.get(str(found.get("status"))),
        reason=word(scheme.get("revocation_reason")) or word(scheme.get("network_status")),
        network=stripe_statuses.NETWORKS.get(method or "", method),
    )
    return (one,)


_READERS: Final[Mapping[str, Callable[[ObjectContext], tuple[ProcessorObject, ...]]]] = {
    "charge": _charge,
    "dispute": _dispute,
    "mandate": _mandate,
    "payment_intent": _intent,
    "payout": _payout,
    "radar.early_fraud_warning": _early_fraud_warning,
    "refund": _refund,
    "review": _review,
}
"""Type of the object → its reader."""
