"""Shared helpers of the rules about processor objects: the wait for a match, and texts about it.

An object without an account gets a case after the wait that the policy sets, in the queue that the policy names. When
it is matched, its case moves to the account (``lifecycle``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from connector.mappers import phrases
from connector.mappers.fields import Dispute as F
from connector.mappers.reasons import Reason
from connector.mappers.records import invoice as invoices
from connector.mappers.records import payment as payments
from connector.models.facts import Facts, Kind, Money, Payment, ProcessorObject, SubjectKind
from connector.models.plan import Parent
from connector.policy import Policy
from connector.sync.decide.context.facts_index import FactsIndex, earliest

ABOUT: Final = frozenset({SubjectKind.ACCOUNT, SubjectKind.OBJECT})
"""Kinds of subjects with disputes and warnings: accounts, and objects that are not matched."""

_MOST_REFERENCES: Final = 10


def asked_at(item: ProcessorObject, facts: Facts, policy: Policy) -> datetime | None:
    """When an unmatched object gets a case; None if it does not wait."""
    if facts.about is not SubjectKind.OBJECT or item.known_since is None:
        return None
    return item.known_since + timedelta(minutes=policy.joining.wait_minutes)


def is_evident(item: ProcessorObject, facts: Facts, policy: Policy) -> bool:
    """Whether it may have a case: it is matched, or has waited long enough."""
    asked = asked_at(item, facts, policy)
    return asked is None or facts.now >= asked


def next_asked(items: Iterable[ProcessorObject], facts: Facts, policy: Policy) -> datetime | None:
    """When the next of these objects has waited long enough."""
    moments = (asked_at(item, facts, policy) for item in items)
    return min((at for at in moments if at and at > facts.now), default=None)


def queue(facts: Facts, policy: Policy) -> str | None:
    """The queue for a case without an account; None: the queue of the rule."""
    return policy.joining.queue if facts.about is SubjectKind.OBJECT else None


def code(facts: Facts) -> str | None:
    """The account code for texts; None without an account."""
    return facts.code if facts.about is SubjectKind.ACCOUNT else None


def began_at(item: ProcessorObject, facts: Facts) -> datetime | None:
    """Begin as the processor reports it, else the time of the first event about the object."""
    parts = (e.occurred_at for e in facts.events if e.source == item.source and item.id in e.refs)
    return item.opened_at or earliest(*parts)


def joined(item: ProcessorObject, facts: Facts) -> str | None:
    """Sentence about how the object was matched; None if it was not."""
    if facts.about is not SubjectKind.ACCOUNT or not item.joined_by:
        return None
    return f"Joined to account {facts.code} by {item.joined_by}."


def search_hints(item: ProcessorObject) -> str | None:
    """Search terms for a person: ``reference ch_1 or pi_1, invoice 1001, customer cus_1``."""
    refs = item.references[:_MOST_REFERENCES]
    parts = (
        f"transaction reference {' or '.join(refs)}" if refs else None,
        f"invoice {item.invoice_number}" if item.invoice_number else None,
        f"customer {item.customer} of the gateway" if item.customer else None,
    )
    return ", ".join(part for part in parts if part) or None


def money(item: ProcessorObject) -> Money | None:
    """Its amount, if known; with an empty currency if that is unknown."""
    return Money(item.amount, item.currency or "") if item.amount is not None else None


def at_stake(item: ProcessorObject, index: FactsIndex) -> Money | None:
    """Its amount, else the amount of its payment."""
    payment = index.payment_behind(item)
    whole = Money(payment.amount, payment.currency) if payment else None
    return money(item) or whole


def money_text(value: Money | None) -> str | None:
    return phrases.money(value.amount, value.currency) if value else None


def beside(item: ProcessorObject, kind: Kind, index: FactsIndex) -> list[ProcessorObject]:
    """Objects of this kind about the same payment, the oldest first."""
    payment = index.payment_behind(item)
    if payment:
        return index.objects_of(kind, payment)
    refs = {item.id, *item.references}
    found = (one for one in index.facts.of(kind) if one.source == item.source)
    return [one for one in found if refs & {one.id, *one.references}]


def dispute_of(paid: Iterable[Payment | None], index: FactsIndex) -> ProcessorObject | None:
    """The first dispute that a processor reports for any of these payments."""
    named = [one for one in paid if one]
    about = (one for one in index.facts.of(Kind.DISPUTE) if index.payment_behind(one) in named)
    return next(about, None)


def short_reason(item: ProcessorObject, reason: Reason) -> str | None:
    """``Visa 10.4 fraud``, for the subject of a case; for a fraud warning the reason of the issuer."""
    if item.kind is Kind.FRAUD_WARNING:
        return phrases.plain(item.reason) if item.reason and item.reason[0].isalpha() else reason.code
    category = None if reason.category == "general" else phrases.plain(reason.category)
    return " ".join(part for part in (reason.code, category) if part) or None


LOOKUPS: Final = (F.ACCOUNT, F.PAYMENT, F.INVOICE)
"""Lookups of a dispute or refund record. Unknown ones are cleared, because the record may have changed its account."""


def parents(item: ProcessorObject, index: FactsIndex) -> dict[str, Parent]:
    """Parents of a dispute or refund record: account, payment and invoice, as far as they are known."""
    facts = index.facts
    if facts.about is not SubjectKind.ACCOUNT:
        return {}
    found = {F.ACCOUNT: Parent("Account", facts.subject)}
    payment, invoice = index.payment_behind(item), index.invoice_behind(item)
    if payment:
        found[F.PAYMENT] = Parent("Billing_Payment__c", payments.key(facts, payment))
    if invoice:
        found[F.INVOICE] = Parent("Billing_Invoice__c", invoices.key(facts, invoice))
    return found
