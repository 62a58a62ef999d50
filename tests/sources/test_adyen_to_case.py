"""Each kind of Adyen, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest
from journey import NO_RECORD, Customer, Row, Table, check, travel
from webhooks.adyen_deliveries import PAYMENT, body_signature, event, notice, read

from connector.models.events import Event
from connector.webhooks.adyen.kinds import HANDLED, NAMED

CUSTOMER = Customer("adyen", PAYMENT, ("r-uuid-1",), currency="EUR")

TYPES = {kind: type_ for type_, kind in NAMED.items()}
"""The kinds that come in the newer shape."""

FIRST = "NOTIFICATION_OF_CHARGEBACK"
DEFENDED = (FIRST, "INFORMATION_SUPPLIED")
WON = (*DEFENDED, "CHARGEBACK_REVERSED")
AGAIN = (*WON, "PREARBITRATION_OPEN")
TO_THE_SCHEME = (*AGAIN, "PREARBITRATION_DECLINED", "SCHEME_ARBITRATION")

TABLE: Table = {
    "REQUEST_FOR_INFORMATION": Row("Billing_Dispute__c needs_response", "opens dispute"),
    FIRST: Row("Billing_Dispute__c needs_response", "opens dispute"),
    "CHARGEBACK": Row("Billing_Dispute__c needs_response", "keeps dispute", after=(FIRST,)),
    "INFORMATION_SUPPLIED": Row("Billing_Dispute__c under_review", "keeps dispute", after=(FIRST,)),
    "CHARGEBACK_REVERSED": Row("Billing_Dispute__c won", "resolves dispute: Won", after=DEFENDED),
    "SECOND_CHARGEBACK": Row("Billing_Dispute__c lost", "keeps dispute: Lost", after=WON),
    "DISPUTE_DEFENSE_PERIOD_ENDED": Row(
        "Billing_Dispute__c expired", "resolves dispute: Expired", after=(FIRST,)
    ),
    "ISSUER_COMMENTS": Row("Billing_Dispute__c under_review", "keeps dispute", after=DEFENDED),
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": Row(
        "Billing_Dispute__c won", "resolves dispute: Won", after=DEFENDED
    ),
    "PREARBITRATION_OPEN": Row("Billing_Dispute__c needs_response", "reopens dispute", after=WON),
    "PREARBITRATION_ACCEPTED": Row("Billing_Dispute__c accepted", "resolves dispute: Accepted", after=AGAIN),
    "PREARBITRATION_DECLINED": Row("Billing_Dispute__c under_review", "keeps dispute", after=AGAIN),
    "PREARBITRATION_ISSUER_WITHDRAWN": Row(
        "Billing_Dispute__c withdrawn", "resolves dispute: Withdrawn", after=AGAIN
    ),
    "PREARBITRATION_WON": Row("Billing_Dispute__c won", "resolves dispute: Won", after=AGAIN),
    "PREARBITRATION_LOST": Row("Billing_Dispute__c lost", "resolves dispute: Lost", after=AGAIN),
    "SCHEME_ARBITRATION": Row("Billing_Dispute__c under_review", "keeps dispute", after=AGAIN),
    "SCHEME_ARBITRATION_WON": Row("Billing_Dispute__c won", "resolves dispute: Won", after=TO_THE_SCHEME),
    "SCHEME_ARBITRATION_LOST": Row("Billing_Dispute__c lost", "resolves dispute: Lost", after=TO_THE_SCHEME),
    "NOTIFICATION_OF_FRAUD": Row(NO_RECORD, "opens fraud_warning"),
    # Adyen tells of a review only when it is over: a record of it, and nothing to do.
    "MANUAL_REVIEW_ACCEPT": Row(NO_RECORD, "no case"),
    "MANUAL_REVIEW_REJECT": Row(NO_RECORD, "no case"),
    "REFUND": Row("Billing_Refund__c succeeded"),
    "REFUND_FAILED": Row("Billing_Refund__c failed", "opens refund_failed", after=("REFUND",)),
    "REFUNDED_REVERSED": Row("Billing_Refund__c failed", "opens refund_failed", after=("REFUND",)),
    "REFUND_WITH_DATA": Row("Billing_Refund__c succeeded"),
    "POSTPONED_REFUND": Row("Billing_Refund__c pending"),
    "VOID_PENDING_REFUND": Row("Billing_Refund__c canceled", after=("POSTPONED_REFUND",)),
    "CANCEL_OR_REFUND": Row("Billing_Refund__c succeeded"),
    "PAYOUT_THIRDPARTY": Row("Billing_Payout__c paid"),
    "PAYOUT_DECLINE": Row("Billing_Payout__c canceled"),
    "PAYOUT_EXPIRE": Row("Billing_Payout__c failed", "opens payout_failed"),
    "PAIDOUT_REVERSED": Row("Billing_Payout__c failed", "opens payout_failed", after=("PAYOUT_THIRDPARTY",)),
    # They say which payment and invoice the others are about; failures Recurly tells of.
    "AUTHORISATION": Row(NO_RECORD),
    "CAPTURE": Row(NO_RECORD),
    "CANCELLATION": Row(NO_RECORD),
    "TECHNICAL_CANCEL": Row(NO_RECORD),
    "EXPIRE": Row(NO_RECORD),
    "CAPTURE_FAILED": Row(NO_RECORD, "opens bank_debit", after=("AUTHORISATION", "CAPTURE")),
    # The bank corrected the account: the mandate stands.
    "ACH_NOTIFICATION_OF_CHANGE": Row(NO_RECORD),
    "DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION": Row(NO_RECORD),
}


def tell(kind: str, at: datetime) -> Event:
    if kind not in TYPES:
        return event(kind, eventDate=at.isoformat())
    body = notice(TYPES[kind])
    (found,) = read(body, body_signature(body))
    return found


def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    row = TABLE[kind]
    landed = travel(tell, kind, row, CUSTOMER)
    assert (landed.record, landed.case) == (row.record, row.case)
    check(landed, row, CUSTOMER)
