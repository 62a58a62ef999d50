"""Each kind of Stripe, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest

from connector.events import Event
from connector.webhooks.stripe.kinds import HANDLED
from journey import Customer, Row, Table, check
from webhooks.stripe_deliveries import event, read
from webhooks.test_stripe_objects import CASES

CUSTOMER = Customer("stripe", "ch_1", number="INV-1042")
OPENED = "charge.dispute.created"

TABLE: Table = {k: Row("?") for k in HANDLED}


def tell(kind: str, at: datetime) -> Event:
    stamp = int(at.timestamp())
    return read(event(kind, CASES[kind][0], created=stamp, id=f"evt_{kind}"))


def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    check(tell, kind, TABLE[kind], CUSTOMER)
