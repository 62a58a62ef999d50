"""Each kind of Stripe, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest
from journey import NO_RECORD, Customer, Row, Table, check, travel
from webhooks.stripe_deliveries import charge, event, read
from webhooks.test_stripe_objects import CASES

from connector.models.events import Event
from connector.webhooks.stripe.kinds import HANDLED

CUSTOMER = Customer("stripe", "ch_1", number="INV-1042")
OPENED = "charge.dispute.created"
CLOSED = "charge.dispute.closed"
WARNED = "radar.early_fraud_warning.created"

PAYLOADS = {kind: found for kind, (found, *_) in CASES.items()} | {
    "charge.refunded": charge(amount_refunded=4900, refunded=True)
}
"""As the objects are tested with; but the charge was given back in full."""

TABLE: Table = {
    OPENED: Row("Billing_Dispute__c needs_response", "opens dispute"),
    "charge.dispute.updated": Row("Billing_Dispute__c under_review", "keeps dispute", after=(OPENED,)),
    "charge.dispute.closed": Row("Billing_Dispute__c won", "resolves dispute: Won", after=(OPENED,)),
    "charge.dispute.funds_withdrawn": Row(
        "Billing_Dispute__c needs_response", "keeps dispute", after=(OPENED,)
    ),
    "charge.dispute.funds_reinstated": Row(
        "Billing_Dispute__c won", "keeps dispute: Won", after=(OPENED, CLOSED)
    ),
    WARNED: Row(NO_RECORD, "opens fraud_warning"),
    "radar.early_fraud_warning.updated": Row(NO_RECORD, "resolves fraud_warning: Reviewed", after=(WARNED,)),
    "review.opened": Row(NO_RECORD, "opens fraud_warning"),
    "review.closed": Row(NO_RECORD, "resolves fraud_warning: Reviewed", after=("review.opened",)),
    # They say which payment and invoice the others are about.
    "charge.pending": Row(NO_RECORD),
    "charge.succeeded": Row(NO_RECORD),
    "charge.captured": Row(NO_RECORD),
    "charge.updated": Row(NO_RECORD),
    # Recurly tells of the failed payment, and has its case.
    "charge.failed": Row(NO_RECORD),
    "payment_intent.payment_failed": Row(NO_RECORD),
    "charge.refunded": Row(NO_RECORD, "resolves fraud_warning: Refunded", after=(WARNED,)),
    "charge.refund.updated": Row("Billing_Refund__c failed", "opens refund_failed"),
    "refund.created": Row("Billing_Refund__c pending"),
    "refund.updated": Row(
        "Billing_Refund__c succeeded", "resolves refund_failed: Refunded", after=("refund.failed",)
    ),
    "refund.failed": Row("Billing_Refund__c failed", "opens refund_failed", after=("refund.created",)),
    "payout.created": Row("Billing_Payout__c pending"),
    "payout.updated": Row("Billing_Payout__c pending"),
    "payout.paid": Row("Billing_Payout__c paid", "resolves payout_failed: Paid", after=("payout.failed",)),
    "payout.reconciliation_completed": Row("Billing_Payout__c paid", after=("payout.paid",)),
    "payout.canceled": Row("Billing_Payout__c canceled"),
    "payout.failed": Row("Billing_Payout__c failed", "opens payout_failed", after=("payout.paid",)),
    # It names its payment method alone; whose that is, the API is asked.
    "mandate.updated": Row(NO_RECORD, "opens mandate_lost", asked=True),
}


def tell(kind: str, at: datetime) -> Event:
    stamp = int(at.timestamp())
    return read(event(kind, PAYLOADS[kind], created=stamp, id=f"evt_{kind}"))


def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    row = TABLE[kind]
    landed = travel(tell, kind, row, CUSTOMER)
    assert (landed.record, landed.case) == (row.record, row.case)
    check(landed, row, CUSTOMER)


def test_a_refund_in_part_leaves_the_warning_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAYLOADS, "charge.refunded", charge(amount_refunded=1900, refunded=False))
    landed = travel(tell, "charge.refunded", TABLE["charge.refunded"], CUSTOMER)
    assert landed.case == "keeps fraud_warning"
