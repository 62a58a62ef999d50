"""Each kind of PayPal, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest

from connector.events import Event
from connector.webhooks.paypal.kinds import HANDLED
from journey import Customer, Row, Table, check
from webhooks.paypal_deliveries import event, read, stamp
from webhooks.test_paypal_objects import CAPTURE, CASES, SALE

CUSTOMER = Customer(
    "paypal_complete",
    CAPTURE,
    (SALE, "6T496768GW863311H"),
    number="INV-1042",
    gateway_customers=("PAYER1", "CUSTOMER1"),
)
TABLE: Table = {k: Row("?") for k in HANDLED}


def tell(kind: str, at: datetime) -> Event:
    resource = CASES[kind][0]
    moved = {"update_time": stamp(at)} if "update_time" in resource else {}
    return read(event(kind, resource | moved, create_time=stamp(at), id=f"WH-{kind}"))



def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    check(tell, kind, TABLE[kind], CUSTOMER)
