"""Each kind of Braintree, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest
from journey import NO_RECORD, Customer, Row, Table, check, travel
from webhooks.braintree_deliveries import event, xml
from webhooks.test_braintree_objects import CASES, DISBURSEMENT, REFUND

from connector.models.events import Event
from connector.webhooks.braintree.kinds import HANDLED

CUSTOMER = Customer("braintree_blue", "txn1", number="1042", gateway_customers=("cus1",))

SUBJECTS = {kind: subject for kind, (subject, *_) in CASES.items()} | {
    "refund_failed": REFUND.format(status="processor_declined").replace("EUR", "USD"),
    "disbursement": DISBURSEMENT.format(success="true", sub="true", message="", action=""),
}
"""As the objects are tested with; but the refund is of the payment's currency, and the payout to the same payee."""

OPENED = "dispute_opened"
SENT = (OPENED, "dispute_disputed")

TABLE: Table = {
    OPENED: Row("Billing_Dispute__c needs_response", "opens dispute"),
    "dispute_under_review": Row("Billing_Dispute__c under_review", "keeps dispute", after=(OPENED,)),
    "dispute_disputed": Row("Billing_Dispute__c under_review", "keeps dispute", after=(OPENED,)),
    "dispute_won": Row("Billing_Dispute__c won", "resolves dispute: Won", after=SENT),
    "dispute_lost": Row("Billing_Dispute__c lost", "resolves dispute: Lost", after=SENT),
    "dispute_accepted": Row("Billing_Dispute__c accepted", "resolves dispute: Accepted", after=(OPENED,)),
    # Nobody was asked, so nothing was ever open.
    "dispute_auto_accepted": Row("Billing_Dispute__c accepted", "records dispute: Accepted"),
    "dispute_expired": Row("Billing_Dispute__c expired", "resolves dispute: Expired", after=(OPENED,)),
    "refund_failed": Row("Billing_Refund__c failed", "opens refund_failed"),
    "transaction_settled": Row(NO_RECORD),
    "transaction_settlement_declined": Row(NO_RECORD, "opens bank_debit", after=("transaction_settled",)),
    "transaction_disbursed": Row(NO_RECORD),
    # The debit is tried again: the case has nothing to do until that ends.
    "transaction_retried": Row(
        NO_RECORD, "resolves bank_debit: Tried again", after=("transaction_settlement_declined",)
    ),
    "transaction_reviewed": Row(NO_RECORD),
    "local_payment_completed": Row(NO_RECORD),
    "local_payment_funded": Row(NO_RECORD),
    # It names its payment only by what the customer agreed to: that said which transaction it is.
    "local_payment_reversed": Row(NO_RECORD, "opens bank_debit", after=("local_payment_completed",)),
    "disbursement": Row(
        "Billing_Payout__c paid", "resolves payout_failed: Paid", after=("disbursement_exception",)
    ),
    "disbursement_exception": Row("Billing_Payout__c failed", "opens payout_failed"),
    "payment_method_revoked_by_customer": Row(NO_RECORD, "opens mandate_lost"),
}


def tell(kind: str, at: datetime) -> Event:
    return event(xml(kind, SUBJECTS[kind], f"{at:%Y-%m-%dT%H:%M:%SZ}"))


def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    row = TABLE[kind]
    landed = travel(tell, kind, row, CUSTOMER)
    assert (landed.record, landed.case) == (row.record, row.case)
    check(landed, row, CUSTOMER)
