"""What happens to customers, as steps: when, what the objects are then, and what was said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connector.models.facts import (
    BillingObject,
    ExistingCase,
    Facts,
    ProcessorObject,
    Stage,
    Status,
    TimelineEvent,
)
from connector.policy import Policy
from connector.sync.decide.decide import decide
from sync.crm import MemoryCrm
from sync.world import (
    account,
    applied,
    at,
    card,
    credit,
    decline,
    dispute,
    event,
    facts,
    invoice,
    paid_invoice,
    payment,
    refund,
    said,
    subscription,
    warning,
)

NIL = Decimal("0.00")


@dataclass(frozen=True)
class Step:
    when: datetime
    objects: tuple[BillingObject | ProcessorObject, ...]
    events: tuple[TimelineEvent, ...]


Story = tuple[Step, ...]


def step(when: datetime, *parts: Any) -> Step:
    said = tuple(part for part in parts if isinstance(part, TimelineEvent))
    return Step(when, tuple(part for part in parts if not isinstance(part, TimelineEvent)), said)


def tell(story: Story, looks: frozenset[int], late: Mapping[str, int], policy: Policy) -> MemoryCrm:
    """Decide and apply at some steps and at the end; an event may arrive at a later step than its own."""
    crm = MemoryCrm()
    for number in sorted(looks | {len(story) - 1}):
        now = story[number].when + timedelta(minutes=5)
        crm.apply(decide(_known(story, number, late, crm, now), policy), now)
    return crm


def _known(story: Story, number: int, late: Mapping[str, int], crm: MemoryCrm, now: datetime) -> Facts:
    last = number == len(story) - 1
    heard = [
        said
        for index, earlier in enumerate(story[: number + 1])
        for said in earlier.events
        if last or index + late.get(said.event_id, 0) <= number
    ]
    written = crm.written()
    events = [replace(e, on_timeline=_row(e) in written) for e in heard]
    cases: tuple[ExistingCase, ...] = crm.cases()
    return facts(*story[number].objects, *events, *cases, now=now)


def _row(event_: TimelineEvent) -> str:
    site = "acme:" if event_.source == "recurly" else ""
    return f"{event_.source}:{site}event:{event_.event_id}"


_SUB = subscription()
_PAST_DUE = ("inv1", "number-1001")
_SUB_REFS = ("sub1", "uuid-5ub1")
_ACCOUNT_REFS = ("acc1", "code-bob")
_HARD = decline("expired_card")
_INVALID = account(payment_method=card(valid=False), updated_at=at(10))
_UPDATED = account(payment_method=card(last_four="4444", updated_at=at(14)), updated_at=at(14))

_OWED = invoice(dunning_events_sent=1)
_PAID = payment(created_at=at(1), updated_at=at(1), gateway_reference="ch_1")
_DISPUTE = dispute(at=at(8), opened_at=at(8))
_WARNING = warning(at=at(3), opened_at=at(3))
_TAKEN = refund(status="success", origin="chargeback", created_at=at(12), updated_at=at(12))

STORIES: Mapping[str, Story] = {
    "a renewal fails and recovers": (
        step(at(9), account(), _SUB),
        step(
            at(10),
            account(),
            _SUB,
            invoice(),
            decline(),
            event("payment.failed", at(10), "pay0", "uuid-9ay0"),
        ),
        step(
            at(10, 13),
            account(),
            _SUB,
            invoice(dunning_events_sent=1, updated_at=at(10, 13)),
            decline(),
            event("charge_invoice.past_due", at(10, 13), *_PAST_DUE),
            event("dunning_event.created", at(10, 13), *_PAST_DUE),
        ),
        step(
            at(13),
            account(),
            _SUB,
            invoice(dunning_events_sent=2, updated_at=at(13)),
            decline(),
            decline(id="pay2", uuid="9ay2", created_at=at(13)),
            event("payment.failed", at(13), "pay2", "uuid-9ay2"),
        ),
        step(
            at(20),
            account(),
            _SUB,
            paid_invoice(dunning_events_sent=2),
            decline(),
            decline(id="pay2", uuid="9ay2", created_at=at(13)),
            payment(),
            event("payment.succeeded", at(20), "pay1", "uuid-9ay1"),
            event("charge_invoice.paid", at(20), *_PAST_DUE),
        ),
    ),
    "an expired card is replaced and the invoice paid": (
        step(
            at(10),
            _INVALID,
            _SUB,
            invoice(dunning_events_sent=1),
            _HARD,
            event("payment.failed", at(10), "pay0", "uuid-9ay0"),
        ),
        step(
            at(14),
            _UPDATED,
            _SUB,
            invoice(dunning_events_sent=1),
            _HARD,
            event("billing_info.updated", at(14), *_ACCOUNT_REFS),
        ),
        step(
            at(20),
            _UPDATED,
            _SUB,
            paid_invoice(dunning_events_sent=1),
            _HARD,
            payment(payment_method=card(last_four="4444")),
            event("payment.succeeded", at(20), "pay1"),
        ),
    ),
    "an invoice is paid, reopened and lost": (
        step(at(10), account(), invoice(dunning_events_sent=1), decline()),
        step(at(12), account(), paid_invoice(dunning_events_sent=1, closed_at=at(12)), decline()),
        step(
            at(13),
            account(),
            invoice(state="open", dunning_events_sent=1, updated_at=at(13)),
            decline(),
            event("charge_invoice.reopened", at(13), *_PAST_DUE),
        ),
        step(
            at(20),
            account(),
            invoice(state="failed", dunning_events_sent=4, closed_at=at(20), updated_at=at(20)),
            decline(),
            event("charge_invoice.failed", at(20), *_PAST_DUE),
        ),
    ),
    "a paper invoice is late": (
        step(
            at(10),
            account(),
            invoice(collection_method="manual"),
            event("charge_invoice.past_due", at(10), *_PAST_DUE),
        ),
        step(at(20), account(), paid_invoice(collection_method="manual")),
    ),
    "a customer cancels and comes back": (
        step(
            at(16),
            account(),
            subscription(
                state="canceled", canceled_at=at(16), expires_at=at(15, month=12), updated_at=at(16)
            ),
            event("subscription.canceled", at(16), *_SUB_REFS),
        ),
        step(
            at(18),
            account(),
            subscription(updated_at=at(18)),
            event("subscription.reactivated", at(18), *_SUB_REFS),
        ),
    ),
    "a customer cancels and is lost": (
        step(at(1), account(), subscription(state="canceled", canceled_at=at(1), expires_at=at(15))),
        step(
            at(15),
            account(),
            subscription(state="expired", canceled_at=at(1), expires_at=at(15), expiration_reason="canceled"),
            event("subscription.canceled", at(1), *_SUB_REFS),
            event("subscription.expired", at(15), *_SUB_REFS),
        ),
    ),
    "a subscription is paused and resumed": (
        step(
            at(16),
            account(),
            subscription(state="paused", paused_at=at(16), updated_at=at(16)),
            event("subscription.paused", at(16), *_SUB_REFS),
        ),
        step(
            at(19),
            account(),
            subscription(updated_at=at(19)),
            event("subscription.resumed", at(19), *_SUB_REFS),
        ),
    ),
    "a refund fails and then works": (
        step(at(8), account(), payment(created_at=at(1))),
        step(
            at(9),
            account(),
            payment(created_at=at(1)),
            refund(status="declined", code="gateway_error", created_at=at(9)),
        ),
        step(
            at(10),
            account(),
            payment(created_at=at(1)),
            refund(status="declined", code="gateway_error", created_at=at(9)),
            refund(id="ref2", uuid="4ef2", created_at=at(10)),
            event("payment.refunded", at(10), "ref2", "uuid-4ef2"),
        ),
    ),
    "a large refund is to be reviewed": (
        step(
            at(8),
            account(),
            payment(amount=Decimal(900), created_at=at(1)),
            event("payment.succeeded", at(1), "pay1"),
        ),
        step(
            at(9),
            account(),
            payment(amount=Decimal(900), created_at=at(1), refunded=True),
            refund(amount=Decimal(900), created_at=at(9)),
            event("payment.refunded", at(9), "ref1", "uuid-4ef1"),
        ),
    ),
    "a payment is charged back": (
        step(
            at(8),
            account(),
            payment(created_at=at(1)),
            event("payment.succeeded", at(1), "pay1", "uuid-9ay1"),
        ),
        step(
            at(12),
            account(),
            payment(created_at=at(1), status="chargeback"),
            event("payment.transaction_status_updated", at(12), "pay1", "uuid-9ay1"),
        ),
        step(
            at(13),
            account(),
            payment(created_at=at(1), status="chargeback"),
            refund(status="chargeback", origin="chargeback", created_at=at(12)),
        ),
    ),
    "credit waits beside a debt": (
        step(
            at(10),
            account(),
            _OWED,
            event("charge_invoice.past_due", at(10), *_PAST_DUE),
        ),
        step(
            at(12),
            account(),
            _OWED,
            credit(),
            event("credit_invoice.opened", at(12), "inv2"),
        ),
        step(
            at(20),
            account(),
            replace(_OWED, state="paid", balance=NIL, closed_at=at(20), updated_at=at(20)),
            credit(state="closed", balance=NIL, closed_at=at(20)),
            applied(),
            event("credit_payment.created", at(20), "cp1", "uuid-c9"),
        ),
    ),
    "a card expires and is renewed in time": (
        step(
            at(16),
            account(payment_method=card(exp_month=11, exp_year=2026)),
            _SUB,
            event("subscription.renewal.cc_will_expire", at(16), *_SUB_REFS),
        ),
        step(
            at(18),
            account(payment_method=card(exp_year=2030, updated_at=at(18)), updated_at=at(18)),
            _SUB,
            event("billing_info.updated", at(18), *_ACCOUNT_REFS),
        ),
    ),
    "a dispute is contested, won and lost after all": (
        step(at(2), account(), _PAID, paid_invoice(), event("payment.succeeded", at(1), "pay1")),
        step(
            at(8), account(), _PAID, paid_invoice(), _DISPUTE, said("charge.dispute.created", at(8), "dp_1")
        ),
        step(
            at(12),
            account(),
            _PAID,
            paid_invoice(),
            replace(_DISPUTE, at=at(12), status=Status.UNDER_REVIEW),
            said("charge.dispute.updated", at(12), "dp_1"),
        ),
        step(
            at(15),
            account(),
            _PAID,
            paid_invoice(),
            replace(_DISPUTE, at=at(15), status=Status.WON),
            said("charge.dispute.closed", at(15), "dp_1"),
        ),
        step(
            at(21),
            account(),
            _PAID,
            paid_invoice(),
            replace(_DISPUTE, at=at(21), status=Status.LOST),
            said("charge.dispute.closed", at(21), "dp_1"),
        ),
    ),
    "a dispute goes on to a second round, and Recurly records the chargeback": (
        step(at(8), account(), _PAID, _DISPUTE, said("charge.dispute.created", at(8), "dp_1")),
        step(at(10), account(), _PAID, replace(_DISPUTE, at=at(10), status=Status.WON)),
        step(at(12), account(), _PAID, replace(_DISPUTE, at=at(10), status=Status.WON), _TAKEN),
        step(
            at(20),
            account(),
            _PAID,
            replace(_DISPUTE, at=at(20), stage=Stage.PRE_ARBITRATION),
            _TAKEN,
            said("charge.dispute.updated", at(20), "dp_1"),
        ),
    ),
    "a payment is refunded when its issuer warns of fraud": (
        step(at(3), account(), _PAID, _WARNING, said("radar.early_fraud_warning.created", at(3), "issfr_1")),
        step(
            at(4),
            account(),
            _PAID,
            _WARNING,
            refund(created_at=at(4), updated_at=at(4)),
            event("payment.refunded", at(4), "ref1"),
        ),
    ),
    "a warning of fraud becomes a dispute": (
        step(at(3), account(), _PAID, _WARNING),
        step(
            at(8),
            account(),
            _PAID,
            _WARNING,
            _DISPUTE,
            said("charge.dispute.created", at(8), "dp_1"),
            said("radar.early_fraud_warning.created", at(3), "issfr_1"),
        ),
    ),
}
