"""Each kind of Authorize.Net, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest

from connector.events import Event
from connector.webhooks.authorizenet.kinds import HANDLED
from journey import Customer, Row, Table, check
from webhooks.authorizenet_deliveries import FILTERED, ID, notification, read

CUSTOMER = Customer("authorize_net", ID, number="1042")

PAYLOADS = {
    "payment.fraud.held": {"responseCode": 4, "fraudList": FILTERED},
    "payment.fraud.declined": {"responseCode": 2},
    # A refund is a transaction of its own; of the payment it says no more than the invoice.
    "payment.refund.created": {"id": "60000000002", "invoiceNumber": "1042"},
}
TABLE: Table = {k: Row("?") for k in HANDLED}


def tell(kind: str, at: datetime) -> Event:
    short = kind.removeprefix("net.authorize.")
    return read(notification(short, f"n-{short}", at.isoformat(), **PAYLOADS.get(short, {})))



def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    check(tell, kind, TABLE[kind], CUSTOMER)
