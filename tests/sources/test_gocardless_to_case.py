"""Each kind of GoCardless, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest

from connector.events import Event
from connector.webhooks.gocardless.kinds import HANDLED
from journey import Customer, Row, Table, check
from webhooks.gocardless_deliveries import batch, item, read

CUSTOMER = Customer("gocardless", "PM1")

LINKS = {
    "creditors.bounced_payout": {"creditor": "CR1", "payout": "PO1"},
    "mandates.replaced": {"mandate": "MD1", "new_mandate": "MD2"},
}
"""Where an event links to more than its own object."""

TABLE: Table = {k: Row("?") for k in HANDLED}


def tell(kind: str, at: datetime) -> Event:
    more = {"links": LINKS[kind]} if kind in LINKS else {}
    (found,) = read(batch(item(kind, f"EV-{kind}", created_at=at.isoformat(), **more)))
    return found



def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    check(tell, kind, TABLE[kind], CUSTOMER)
