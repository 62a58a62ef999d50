"""Every dispute that a processor tells of has its record, whether its account is known or not."""

from __future__ import annotations

from collections.abc import Sequence

from connector.facts import About, Facts, Kind, ProcessorObject
from connector.mappers.fields import Dispute as F
from connector.mappers.records import dispute as record
from connector.mappers.records import invoice as invoices
from connector.mappers.records import payment as payments
from connector.plan import Change, Parent
from connector.policy import Policy
from connector.sync.evidence import Evidence, joined

NAME = "disputes"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    found = facts.of(Kind.DISPUTE)
    return _disputes(found, Evidence(facts)) if found else []


def _disputes(found: Sequence[ProcessorObject], evidence: Evidence) -> list[Change]:
    return [_dispute(item, evidence) for item in found]


def _dispute(item: ProcessorObject, evidence: Evidence) -> Change:
    return Change(
        object=F.OBJECT,
        key=record.key(item),
        rule=NAME,
        reason=record.standing(item),
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
