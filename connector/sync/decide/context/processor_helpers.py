"""What the rules about processors' objects share: the wait for an account, and how it was found.

An object that no account was found for is shown to a person once it has waited as long as the policy says, in the
queue the policy names; when its account becomes known, its case moves there (``lifecycle``).
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
"""Subjects that disputes and warnings are told of: the account, and the object while it is joined to none."""

_MOST_REFERENCES: Final = 10


def asked_at(item: ProcessorObject, facts: Facts, policy: Policy) -> datetime | None:
    """When a person is asked about an object without an account; None where nothing is waited for."""
    if facts.about is not SubjectKind.OBJECT or item.known_since is None:
        return None
    return item.known_since + timedelta(minutes=policy.joining.wait_minutes)


def is_evident(item: ProcessorObject, facts: Facts, policy: Policy) -> bool:
    """Whether it may have a case: its account is known, or it has waited long enough."""
    asked = asked_at(item, facts, policy)
    return asked is None or facts.now >= asked


def next_asked(items: Iterable[ProcessorObject], facts: Facts, policy: Policy) -> datetime | None:
    """When the next of these has waited long enough."""
    moments = (asked_at(item, facts, policy) for item in items)
    return min((at for at in moments if at and at > facts.now), default=None)


def queue(facts: Facts, policy: Policy) -> str | None:
    """Whose a case without an account is; None: the rule's own queue."""
    return policy.joining.queue if facts.about is SubjectKind.OBJECT else None


def code(facts: Facts) -> str | None:
    """The account as texts name it, where there is one."""
    return facts.code if facts.about is SubjectKind.ACCOUNT else None


def began_at(item: ProcessorObject, facts: Facts) -> datetime | None:
    """As its processor says, else the first event about it."""
    told = (e.occurred_at for e in facts.events if e.source == item.source and item.id in e.refs)
    return item.opened_at or earliest(*told)


def joined(item: ProcessorObject, facts: Facts) -> str | None:
    """How its account is known."""
    if facts.about is not SubjectKind.ACCOUNT or not item.joined_by:
        return None
    return f"Joined to account {facts.code} by {item.joined_by}."


def look_for(item: ProcessorObject) -> str | None:
    """What a person can search for: ``reference ch_1 or pi_1, invoice 1001, customer cus_1``."""
    refs = item.references[:_MOST_REFERENCES]
    told = (
        f"transaction reference {' or '.join(refs)}" if refs else None,
        f"invoice {item.invoice_number}" if item.invoice_number else None,
        f"customer {item.customer} of the gateway" if item.customer else None,
    )
    return ", ".join(part for part in told if part) or None


def money(item: ProcessorObject) -> Money | None:
    """Its amount, where that is known; with an empty currency where nobody said which."""
    return Money(item.amount, item.currency or "") if item.amount is not None else None


def at_stake(item: ProcessorObject, evidence: FactsIndex) -> Money | None:
    """Its own amount, else that of the payment behind it."""
    payment = evidence.payment_behind(item)
    whole = Money(payment.amount, payment.currency) if payment else None
    return money(item) or whole


def told_money(value: Money | None) -> str | None:
    return phrases.money(value.amount, value.currency) if value else None


def beside(item: ProcessorObject, kind: Kind, evidence: FactsIndex) -> list[ProcessorObject]:
    """What its processor tells of this kind about the same payment, the oldest first."""
    payment = evidence.payment_behind(item)
    if payment:
        return evidence.objects_of(kind, payment)
    refs = {item.id, *item.references}
    found = (one for one in evidence.facts.of(kind) if one.source == item.source)
    return [one for one in found if refs & {one.id, *one.references}]


def dispute_of(paid: Iterable[Payment | None], evidence: FactsIndex) -> ProcessorObject | None:
    """The first dispute a processor tells of about any of these payments."""
    named = [one for one in paid if one]
    about = (one for one in evidence.facts.of(Kind.DISPUTE) if evidence.payment_behind(one) in named)
    return next(about, None)


def short_reason(item: ProcessorObject, reason: Reason) -> str | None:
    """``Visa 10.4 fraud``, for a subject; of a warning, which is always of fraud, what the issuer says."""
    if item.kind is Kind.FRAUD_WARNING:
        return phrases.plain(item.reason) if item.reason and item.reason[0].isalpha() else reason.code
    category = None if reason.category == "general" else phrases.plain(reason.category)
    return " ".join(part for part in (reason.code, category) if part) or None


LOOKUPS: Final = (F.ACCOUNT, F.PAYMENT, F.INVOICE)
"""Of the record of a dispute or refund. Where it is another account's now, those that are not known are emptied."""


def parents(item: ProcessorObject, evidence: FactsIndex) -> dict[str, Parent]:
    """What the record of a dispute or refund hangs on: its account, payment and invoice, as far as they are known."""
    facts = evidence.facts
    if facts.about is not SubjectKind.ACCOUNT:
        return {}
    found = {F.ACCOUNT: Parent("Account", facts.subject)}
    payment, invoice = evidence.payment_behind(item), evidence.invoice_behind(item)
    if payment:
        found[F.PAYMENT] = Parent("Billing_Payment__c", payments.key(facts, payment))
    if invoice:
        found[F.INVOICE] = Parent("Billing_Invoice__c", invoices.key(facts, invoice))
    return found
