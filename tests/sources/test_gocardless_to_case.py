"""Each kind of GoCardless, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest
from journey import NO_RECORD, Customer, Row, Table, check, travel
from sync.processing import by_bank
from webhooks.gocardless_deliveries import batch, item, read

from connector.models.events import Event
from connector.webhooks.gocardless.kinds import HANDLED

CUSTOMER = Customer("gocardless", "PM1", paid_with=by_bank())

LINKS = {
    "creditors.bounced_payout": {"creditor": "CR1", "payout": "PO1"},
    "mandates.replaced": {"mandate": "MD1", "new_mandate": "MD2"},
}
"""Where an event links to more than its own object."""

TAKEN = ("payments.confirmed", "payments.paid_out")
STOOD = ("mandates.active",)

TABLE: Table = {
    # They say which payment the others are about; failures Recurly tells of.
    "payments.created": Row(NO_RECORD),
    "payments.customer_approval_granted": Row(NO_RECORD),
    "payments.customer_approval_denied": Row(NO_RECORD),
    "payments.submitted": Row(NO_RECORD),
    "payments.resubmission_requested": Row(NO_RECORD),
    "payments.confirmed": Row(NO_RECORD),
    "payments.paid_out": Row(NO_RECORD),
    "payments.cancelled": Row(NO_RECORD),
    "payments.failed": Row(NO_RECORD),
    "payments.late_failure_settled": Row(NO_RECORD, "keeps bank_debit", after=(*TAKEN, "payments.failed")),
    # The bank asks nobody: the dispute is a record, and what is left to do is to be paid again.
    "payments.charged_back": Row(
        "Billing_Dispute__c lost", "opens bank_debit; records dispute: Lost", after=TAKEN
    ),
    "payments.chargeback_cancelled": Row(
        "Billing_Dispute__c won",
        "resolves bank_debit: Recovered; keeps dispute: Won",
        after=(*TAKEN, "payments.charged_back"),
    ),
    "payments.chargeback_settled": Row(
        "Billing_Dispute__c lost",
        "keeps bank_debit; keeps dispute: Lost",
        after=(*TAKEN, "payments.charged_back"),
    ),
    # They name the refund alone; of which payment it is, the API is asked.
    "refunds.created": Row("Billing_Refund__c pending", asked=True),
    "refunds.paid": Row("Billing_Refund__c succeeded", asked=True, after=("refunds.created",)),
    "refunds.refund_settled": Row("Billing_Refund__c succeeded", asked=True, after=("refunds.paid",)),
    "refunds.failed": Row(
        "Billing_Refund__c failed", "opens refund_failed", asked=True, after=("refunds.paid",)
    ),
    "refunds.funds_returned": Row(
        "Billing_Refund__c failed",
        "keeps refund_failed",
        asked=True,
        after=("refunds.paid", "refunds.failed"),
    ),
    "payouts.paid": Row(
        "Billing_Payout__c paid", "resolves payout_failed: Paid", after=("creditors.bounced_payout",)
    ),
    "creditors.bounced_payout": Row("Billing_Payout__c failed", "opens payout_failed"),
    # They name the mandate alone; whose it is, the API is asked.
    "mandates.created": Row(NO_RECORD, asked=True),
    "mandates.customer_approval_granted": Row(NO_RECORD, asked=True),
    "mandates.customer_approval_skipped": Row(NO_RECORD, asked=True),
    "mandates.submitted": Row(NO_RECORD, asked=True),
    "mandates.resubmission_requested": Row(NO_RECORD, asked=True),
    "mandates.active": Row(NO_RECORD, asked=True),
    "mandates.reinstated": Row(
        NO_RECORD, "resolves mandate_lost: Restored", asked=True, after=("mandates.cancelled",)
    ),
    # The mandate stands, or another one has taken its place.
    "mandates.transferred": Row(NO_RECORD, asked=True, after=STOOD),
    "mandates.replaced": Row(NO_RECORD, asked=True, after=STOOD),
    "mandates.consumed": Row(NO_RECORD, asked=True, after=STOOD),
    "mandates.cancelled": Row(NO_RECORD, "opens mandate_lost", asked=True, after=STOOD),
    "mandates.failed": Row(NO_RECORD, "opens mandate_lost", asked=True, after=("mandates.submitted",)),
    "mandates.expired": Row(NO_RECORD, "opens mandate_lost", asked=True, after=STOOD),
    "mandates.blocked": Row(NO_RECORD, "opens mandate_lost", asked=True, after=("mandates.created",)),
}


def tell(kind: str, at: datetime) -> Event:
    more = {"links": LINKS[kind]} if kind in LINKS else {}
    (found,) = read(batch(item(kind, f"EV-{kind}", created_at=at.isoformat(), **more)))
    return found


def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    row = TABLE[kind]
    landed = travel(tell, kind, row, CUSTOMER)
    assert (landed.record, landed.case) == (row.record, row.case)
    check(landed, row, CUSTOMER)
