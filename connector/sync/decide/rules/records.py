"""Every subscription, invoice, payment, refund, dispute and payout has its record in Salesforce.

Refunds and disputes have one even if their account is unknown.
"""

from __future__ import annotations

from connector.mappers import fields, phrases
from connector.mappers.records import dispute, invoice, payment, payout, recurly_links, refund, subscription
from connector.models.facts import Facts, Kind, Payment, ProcessorObject
from connector.models.plan import Change, Parent
from connector.policy import Policy
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex

SUBSCRIPTIONS = "subscriptions"
INVOICES = "invoices"
PAYMENTS = "payments"
REFUNDS = "refunds"
DISPUTES = "disputes"
PAYOUTS = "payouts"


def subscriptions(facts: Facts, policy: Policy) -> list[Change]:
    return [
        Change(
            object=fields.Subscription.OBJECT,
            key=subscription.key(facts, item),
            rule=SUBSCRIPTIONS,
            reason=f"subscription {item.uuid} is {phrases.plain(item.state)}",
            fields=subscription.record(item, recurly_links.to(item, facts, policy)),
            parents={fields.Subscription.ACCOUNT: Parent("Account", facts.subject)},
        )
        for item in facts.subscriptions
    ]


def invoices(facts: Facts, policy: Policy) -> list[Change]:
    return [
        Change(
            object=fields.Invoice.OBJECT,
            key=invoice.key(facts, item),
            rule=INVOICES,
            reason=f"invoice {item.number} is {phrases.plain(item.state)}",
            fields=invoice.record(item, recurly_links.to(item, facts, policy)),
            parents={fields.Invoice.ACCOUNT: Parent("Account", facts.subject)},
        )
        for item in facts.invoices
    ]


def payments(facts: Facts, policy: Policy) -> list[Change]:
    """Payments, attempts and refunds of the billing system."""
    keys = {item.id: payment.key(facts, item) for item in facts.payments}
    invoice_keys = {
        ref: invoice.key(facts, item) for item in facts.invoices for ref in (item.id, f"number-{item.number}")
    }
    return [_payment(item, facts, policy, keys, invoice_keys) for item in facts.payments]


def _payment(
    item: Payment, facts: Facts, policy: Policy, keys: dict[str, str], invoice_keys: dict[str, str]
) -> Change:
    parents = {fields.Payment.ACCOUNT: Parent("Account", facts.subject)}
    invoice_key = invoice_keys.get(item.invoice_id or "") or invoice_keys.get(f"number-{item.invoice_number}")
    if invoice_key:
        parents[fields.Payment.INVOICE] = Parent("Billing_Invoice__c", invoice_key)
    return Change(
        object=fields.Payment.OBJECT,
        key=payment.key(facts, item),
        rule=PAYMENTS,
        reason=f"{phrases.plain(item.type)} {item.uuid} is {phrases.plain(item.status)}",
        fields=payment.record(item, recurly_links.to(item, facts, policy), keys.get(item.original_id or "")),
        parents=parents,
    )


def refunds(facts: Facts, policy: Policy) -> list[Change]:
    """Refunds that a processor reports, with or without a known account."""
    index = FactsIndex(facts)
    return [
        Change(
            object=fields.Refund.OBJECT,
            key=refund.key(item),
            rule=REFUNDS,
            reason=f"refund {item.id} of {item.source} is {phrases.plain(item.status or 'not told of in full')}",
            fields=refund.record(item, processor_helpers.began_at(item, index.facts)),
            parents=processor_helpers.parents(item, index),
            clears=dict.fromkeys(processor_helpers.LOOKUPS),
        )
        for item in facts.of(Kind.REFUND)
    ]


def disputes(facts: Facts, policy: Policy) -> list[Change]:
    """Disputes that a processor reports, with or without a known account."""
    index = FactsIndex(facts)
    return [
        Change(
            object=fields.Dispute.OBJECT,
            key=dispute.key(item),
            rule=DISPUTES,
            reason=dispute.standing(item),
            fields=dispute.record(item, processor_helpers.began_at(item, index.facts)),
            parents=processor_helpers.parents(item, index),
            clears=dict.fromkeys(processor_helpers.LOOKUPS),
        )
        for item in facts.of(Kind.DISPUTE)
    ]


def payouts(facts: Facts, policy: Policy) -> list[Change]:
    return [_payout(item) for item in facts.of(Kind.PAYOUT)]


def _payout(item: ProcessorObject) -> Change:
    return Change(
        object=fields.Payout.OBJECT,
        key=payout.key(item),
        rule=PAYOUTS,
        reason=f"payout {item.id} of {item.source} is {phrases.plain(item.status or 'not told of in full')}",
        fields=payout.record(item),
    )
