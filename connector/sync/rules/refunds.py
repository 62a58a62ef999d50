"""Every refund that a processor tells of has its record, whether its account is known or not."""

from __future__ import annotations

from connector.facts import About, Facts, Kind, ProcessorObject
from connector.mappers import words
from connector.mappers.fields import Refund as F
from connector.mappers.records import invoice as invoices
from connector.mappers.records import payment as payments
from connector.mappers.records import refund as record
from connector.plan import Change, Parent
from connector.policy import Policy
from connector.sync.evidence import Evidence, joined

NAME = "refunds"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    evidence = Evidence(facts)
    return [_refund(item, evidence) for item in facts.of(Kind.REFUND)]


def _refund(item: ProcessorObject, evidence: Evidence) -> Change:
    return Change(
        object=F.OBJECT,
        key=record.key(item),
        rule=NAME,
        reason=f"refund {item.id} of {item.source} is {words.plain(item.status or 'not told of in full')}",
        fields=record.record(item, joined.began_at(item, evidence.facts)),
        parents=_parents(item, evidence),
    )


def _parents(item: ProcessorObject, evidence: Evidence) -> dict[str, Parent]:
    facts = evidence.facts
    if facts.about is not About.ACCOUNT:
        return {}
    found = {F.ACCOUNT: Parent("Account", facts.subject)}
    payment, invoice = evidence.payment_behind(item), evidence.invoice_behind(item)
    if payment:
        found[F.PAYMENT] = Parent("Billing_Payment__c", payments.key(facts, payment))
    if invoice:
        found[F.INVOICE] = Parent("Billing_Invoice__c", invoices.key(facts, invoice))
    return found
