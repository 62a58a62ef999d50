"""Each kind of PayPal, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest
from journey import NO_RECORD, Customer, Row, Table, check, travel
from webhooks.paypal_deliveries import event, read, stamp
from webhooks.test_paypal_objects import CAPTURE, CASES, SALE

from connector.models.events import Event
from connector.webhooks.paypal.kinds import HANDLED

CUSTOMER = Customer(
    "paypal_complete",
    CAPTURE,
    (SALE, "6T496768GW863311H"),
    number="INV-1042",
    gateway_customers=("PAYER1", "CUSTOMER1"),
)
OPENED = "CUSTOMER.DISPUTE.CREATED"

TABLE: Table = {
    OPENED: Row("Billing_Dispute__c needs_response", "opens dispute"),
    "CUSTOMER.DISPUTE.UPDATED": Row("Billing_Dispute__c under_review", "keeps dispute", after=(OPENED,)),
    "CUSTOMER.DISPUTE.RESOLVED": Row("Billing_Dispute__c won", "resolves dispute: Won", after=(OPENED,)),
    "RISK.DISPUTE.CREATED": Row("Billing_Dispute__c needs_response", "opens dispute"),
    # They say which payment and invoice the others are about; failures Recurly tells of.
    "PAYMENT.CAPTURE.COMPLETED": Row(NO_RECORD),
    "PAYMENT.CAPTURE.PENDING": Row(NO_RECORD),
    "PAYMENT.CAPTURE.DECLINED": Row(NO_RECORD),
    "PAYMENT.CAPTURE.DENIED": Row(NO_RECORD),
    "PAYMENT.SALE.COMPLETED": Row(NO_RECORD),
    "PAYMENT.SALE.PENDING": Row(NO_RECORD),
    "PAYMENT.SALE.DENIED": Row(NO_RECORD),
    # PayPal took the money back itself.
    "PAYMENT.CAPTURE.REVERSED": Row(NO_RECORD, "opens bank_debit", after=("PAYMENT.CAPTURE.COMPLETED",)),
    "PAYMENT.SALE.REVERSED": Row(NO_RECORD, "opens bank_debit", after=("PAYMENT.SALE.COMPLETED",)),
    "PAYMENT.CAPTURE.REFUNDED": Row("Billing_Refund__c succeeded"),
    "PAYMENT.SALE.REFUNDED": Row("Billing_Refund__c succeeded"),
    "PAYMENT.REFUND.PENDING": Row("Billing_Refund__c pending"),
    "PAYMENT.REFUND.FAILED": Row(
        "Billing_Refund__c failed", "opens refund_failed", after=("PAYMENT.REFUND.PENDING",)
    ),
    "PAYMENT.PAYOUTS-ITEM.SUCCEEDED": Row(
        "Billing_Payout__c paid", "resolves payout_failed: Paid", after=("PAYMENT.PAYOUTS-ITEM.BLOCKED",)
    ),
    "PAYMENT.PAYOUTS-ITEM.HELD": Row("Billing_Payout__c pending"),
    "PAYMENT.PAYOUTS-ITEM.UNCLAIMED": Row("Billing_Payout__c pending"),
    "PAYMENT.PAYOUTS-ITEM.CANCELED": Row("Billing_Payout__c canceled"),
    "PAYMENT.PAYOUTS-ITEM.BLOCKED": Row("Billing_Payout__c failed", "opens payout_failed"),
    "PAYMENT.PAYOUTS-ITEM.DENIED": Row("Billing_Payout__c failed", "opens payout_failed"),
    "PAYMENT.PAYOUTS-ITEM.FAILED": Row("Billing_Payout__c failed", "opens payout_failed"),
    "PAYMENT.PAYOUTS-ITEM.REFUNDED": Row(
        "Billing_Payout__c failed", "opens payout_failed", after=("PAYMENT.PAYOUTS-ITEM.SUCCEEDED",)
    ),
    "PAYMENT.PAYOUTS-ITEM.RETURNED": Row(
        "Billing_Payout__c failed", "opens payout_failed", after=("PAYMENT.PAYOUTS-ITEM.UNCLAIMED",)
    ),
    "PAYMENT.PAYOUTSBATCH.DENIED": Row("Billing_Payout__c failed", "opens payout_failed"),
    "BILLING_AGREEMENTS.AGREEMENT.CANCELLED": Row(NO_RECORD, "opens mandate_lost"),
    "VAULT.PAYMENT-TOKEN.DELETED": Row(NO_RECORD, "opens mandate_lost"),
}


def tell(kind: str, at: datetime) -> Event:
    resource = CASES[kind][0]
    moved = {"update_time": stamp(at)} if "update_time" in resource else {}
    return read(event(kind, resource | moved, create_time=stamp(at), id=f"WH-{kind}"))


def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    row = TABLE[kind]
    landed = travel(tell, kind, row, CUSTOMER)
    assert (landed.record, landed.case) == (row.record, row.case)
    check(landed, row, CUSTOMER)
