"""The checklist of evidence for a dispute: known items are ticked, items that a person has to add are not. Pure.

Plain lines, ``[x] …`` or ``[ ] …``, the same for the same facts. No address, no card number, and nothing that changes
with time alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from connector.mappers import phrases, reasons
from connector.mappers.field_limits import line
from connector.mappers.money import format_money
from connector.models.facts import (
    Facts,
    Money,
    Payment,
    ProcessorObject,
    SubjectKind,
    Subscription,
    TimelineEvent,
)
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex, moment, paid_at
from connector.sync.decide.context.payment_context import behind

_NOTICES: Final = frozenset({"charge_invoice.created", "invoice.created", "dunning_event.created"})
_REMINDERS: Final = "subscription.renewal."
_MAX_LISTED: Final = 5
_MAX_ITEMS: Final = 20
_LONGEST: Final = 500
_ENOUGH: Final = 2
"""Number of earlier payments that card networks accept as a history."""
_ONLY_IF_WANTED: Final = frozenset({"invoice", "reference"})
"""The line of the payment already has them."""


ANSWERS: Final[Mapping[str, str]] = {
    "undisputed payments": "earlier",
    "refund's record": "refunds",
    "no cancellation before": "subscription",
    "renewal notices": "notices",
    "notice of amount": "notices",
    "customer's record": "invoice",
    "processor's record": "reference",
}
"""Words in an item of the wanted evidence → topic that answers it."""


@dataclass(frozen=True, slots=True)
class _Topic:
    """``content``: the known facts; ``helps``: whether they are evidence for us."""

    what: str
    content: str | None
    helps: bool = True

    def line(self, what: str = "") -> str:
        text_ = f"{what or self.what}: {self.content or 'not known'}"
        return _ticked(text_, self.content is not None and self.helps)


def text(item: ProcessorObject, index: FactsIndex) -> str:
    """The checklist: the payment, what helps against this kind of dispute, and other known facts."""
    topics = _topics(item, index) if index.facts.about is SubjectKind.ACCOUNT else {}
    payment = topics.pop("payment", None)
    wanted = [(one, _answer(one)) for one in reasons.needs_evidence(item)[:_MAX_ITEMS]]
    answered = {name for _, name in wanted}
    also = [topic for name, topic in topics.items() if name not in answered and name not in _ONLY_IF_WANTED]
    lines = [
        *([payment.line()] if payment else []),
        *(_wanted(one, topics.get(name)) for one, name in wanted),
        *(topic.line() for topic in also),
    ]
    return "\n".join(lines)


def _answer(wanted: str) -> str:
    return next((name for words_, name in ANSWERS.items() if words_ in wanted), "")


def _wanted(what: str, topic: _Topic | None) -> str:
    return topic.line(what) if topic and topic.content else _ticked(what, False)


def _ticked(text_: str, done: bool) -> str:
    return f"[{'x' if done else ' '}] {line(text_, _LONGEST) or ''}"


def _topics(item: ProcessorObject, index: FactsIndex) -> dict[str, _Topic]:
    """Topics from billing data; needs a known account."""
    facts, paid = index.facts, behind(item, index)
    earlier = _undisputed(paid.payment, index) if paid.payment else []
    email = facts.account is not None and bool(facts.account.email)
    return {
        "payment": _Topic("The payment", paid.describe()),
        "invoice": _Topic("The invoice", f"invoice {paid.invoice.number}" if paid.invoice else None),
        "reference": _Topic("The gateway's reference", " or ".join(item.references[:_MAX_LISTED]) or None),
        "earlier": _Topic("Earlier undisputed payments", _earlier(earlier), len(earlier) >= _ENOUGH),
        "refunds": _Topic("Refunds of this payment", paid.describe_refunds() or "none", bool(paid.refunds)),
        "subscription": _subscribed(paid.payment, index),
        "notices": _Topic("Notices by Recurly before it", _notices(item, facts)),
        "contact": _Topic("The customer's e-mail address", "known, see the contact" if email else None),
    }


# Payments ---------------------------------------------------------------------------------------------------


def _earlier(found: Sequence[Payment]) -> str | None:
    """``4 by the same method, from 2026-03-01 to 2026-10-01, USD 196.00 in all``."""
    if not found:
        return None
    first, last = phrases.day(paid_at(found[0])), phrases.day(paid_at(found[-1]))
    when = f"on {first}" if len(found) == 1 else f"from {first} to {last}"
    return f"{len(found)} by the same method, {when}, {_total(found)} in all"


def _undisputed(payment: Payment, index: FactsIndex) -> list[Payment]:
    """Payments before this one by the same method, the oldest first. Without a method, none are the same."""
    method = payment.payment_method
    if method is None or not method.last_four:
        return []
    disputed = index.disputed_payments()
    until = moment(paid_at(payment))
    before = (one for one in index.collected_by(method) if moment(paid_at(one)) < until)
    return [one for one in before if one.id not in disputed]


def _total(found: Iterable[Payment]) -> str:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for one in found:
        sums[one.currency] += one.amount
    return ", ".join(format_money(Money(sums[code], code)) for code in sorted(sums))


# Subscriptions ----------------------------------------------------------------------------------------------


def _subscribed(payment: Payment | None, index: FactsIndex) -> _Topic:
    """History of the subscription; it helps unless it was canceled before the payment."""
    found = _subscriptions(payment, index)[-_MAX_LISTED:]
    text_ = "; ".join(_history(one, payment, index.facts) for one in found)
    return _Topic("The subscription", text_ or None, not any(_canceled_before(one, payment) for one in found))


def _subscriptions(payment: Payment | None, index: FactsIndex) -> Sequence[Subscription]:
    """Subscriptions of the paid invoice; all of the account if the invoice names none."""
    invoice = index.invoice_of(payment) if payment else None
    of_account = sorted(index.facts.subscriptions, key=lambda one: (moment(one.activated_at), one.uuid))
    named = [one for one in of_account if invoice and one.id in invoice.subscription_ids]
    return named or of_account


def _canceled_before(one: Subscription, payment: Payment | None) -> bool:
    paid = paid_at(payment) if payment else None
    return one.canceled_at is not None and paid is not None and one.canceled_at < paid


def _history(subscription: Subscription, payment: Payment | None, facts: Facts) -> str:
    """``Gold since 2026-01-15, 3 renewals; canceled on 2026-11-25, 5 days after the payment``."""
    since = phrases.day(subscription.activated_at or subscription.created_at)
    renewals = sum(
        invoice.origin == "renewal" and subscription.id in invoice.subscription_ids
        for invoice in facts.invoices
    )
    parts = (
        subscription.plan_name or subscription.plan_code,
        f" since {since}" if since else "",
        f", {phrases.count(renewals, 'renewal')}" if renewals else "",
        f", {_ending(subscription, payment)}",
    )
    return "".join(parts)


def _ending(subscription: Subscription, payment: Payment | None) -> str:
    canceled = subscription.canceled_at
    if canceled is None:
        return "not canceled" if subscription.expires_at is None else _expired(subscription)
    text_ = f"canceled on {phrases.day(canceled)}"
    paid = paid_at(payment) if payment else None
    if paid is None:
        return text_
    days = abs((canceled.date() - paid.date()).days)
    side = "after" if canceled >= paid else "before"
    return f"{text_}, {phrases.count(days, 'day')} {side} the payment"


def _expired(subscription: Subscription) -> str:
    return f"ends on {phrases.day(subscription.expires_at)}"


# Notices -----------------------------------------------------------------------------------------------------


def _notices(item: ProcessorObject, facts: Facts) -> str | None:
    """``3 before the dispute, the last on 2026-11-15 (Renewal coming up, event e3)``."""
    found = _sent(item, facts)
    if not found:
        return None
    listed = ", ".join(
        f"{phrases.event_label(one.source, one.kind)} {phrases.day(one.occurred_at)} ({one.event_id})"
        for one in found[-_MAX_LISTED:]
    )
    return f"{len(found)}, the last on {phrases.day(found[-1].occurred_at)}: {listed}"


def _sent(item: ProcessorObject, facts: Facts) -> list[TimelineEvent]:
    """Reminders, invoices and dunning of the billing system before the dispute began, the oldest first."""
    until = processor_helpers.began_at(item, facts)
    found = (
        one
        for one in facts.events
        if one.source == facts.source and (one.kind in _NOTICES or one.kind.startswith(_REMINDERS))
        if until is None or one.occurred_at <= until
    )
    return sorted(found, key=lambda one: (one.occurred_at, one.event_id))
