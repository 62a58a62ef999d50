"""Every payment, attempt and refund of the account has its record."""

from __future__ import annotations

from connector.mappers import phrases
from connector.mappers.fields import Payment as F
from connector.mappers.records import invoice as invoices
from connector.mappers.records import payment as record
from connector.mappers.records import recurly_links
from connector.models.facts import Facts, Payment
from connector.models.plan import Change, Parent
from connector.policy import Policy

NAME = "payments"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    keys = {payment.id: record.key(facts, payment) for payment in facts.payments}
    known = {
        ref: invoices.key(facts, item)
        for item in facts.invoices
        for ref in (item.id, f"number-{item.number}")
    }
    return [_payment(item, facts, policy, keys, known) for item in facts.payments]


def _payment(
    item: Payment, facts: Facts, policy: Policy, keys: dict[str, str], invoices_known: dict[str, str]
) -> Change:
    parents = {F.ACCOUNT: Parent("Account", facts.subject)}
    invoice = invoices_known.get(item.invoice_id or "") or invoices_known.get(f"number-{item.invoice_number}")
    if invoice:
        parents[F.INVOICE] = Parent("Billing_Invoice__c", invoice)
    return Change(
        object=F.OBJECT,
        key=record.key(facts, item),
        rule=NAME,
        reason=f"{phrases.plain(item.type)} {item.uuid} is {phrases.plain(item.status)}",
        fields=record.record(item, recurly_links.to(item, facts, policy), keys.get(item.original_id or "")),
        parents=parents,
    )
