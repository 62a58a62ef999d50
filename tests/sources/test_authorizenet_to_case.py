"""Each kind of Authorize.Net, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest
from journey import NO_RECORD, Customer, Row, Table, check, travel
from webhooks.authorizenet_deliveries import FILTERED, ID, notification, read

from connector.models.events import Event
from connector.webhooks.authorizenet.kinds import HANDLED

CUSTOMER = Customer("authorize_net", ID, number="1042")

PAYLOADS = {
    "payment.fraud.held": {"responseCode": 4, "fraudList": FILTERED},
    "payment.fraud.declined": {"responseCode": 2},
    # A refund is a transaction of its own; of the payment it says no more than the invoice.
    "payment.refund.created": {"id": "60000000002", "invoiceNumber": "1042"},
}
PAYMENT = "net.authorize.payment"
HELD = f"{PAYMENT}.fraud.held"

TABLE: Table = {
    # They say which payment and invoice the others are about.
    f"{PAYMENT}.authorization.created": Row(NO_RECORD),
    f"{PAYMENT}.authcapture.created": Row(NO_RECORD),
    f"{PAYMENT}.capture.created": Row(NO_RECORD),
    f"{PAYMENT}.priorAuthCapture.created": Row(NO_RECORD),
    f"{PAYMENT}.void.created": Row(NO_RECORD, "resolves fraud_warning: Refunded", after=(HELD,)),
    f"{PAYMENT}.refund.created": Row("Billing_Refund__c succeeded"),
    HELD: Row(NO_RECORD, "opens fraud_warning"),
    f"{PAYMENT}.fraud.approved": Row(NO_RECORD, "resolves fraud_warning: Reviewed", after=(HELD,)),
    f"{PAYMENT}.fraud.declined": Row(NO_RECORD, "resolves fraud_warning: Reviewed", after=(HELD,)),
}


def tell(kind: str, at: datetime) -> Event:
    short = kind.removeprefix("net.authorize.")
    return read(notification(short, f"n-{short}", at.isoformat(), **PAYLOADS.get(short, {})))


def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    row = TABLE[kind]
    landed = travel(tell, kind, row, CUSTOMER)
    assert (landed.record, landed.case) == (row.record, row.case)
    check(landed, row, CUSTOMER)
