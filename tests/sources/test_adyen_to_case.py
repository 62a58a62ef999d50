"""Each kind of Adyen, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest

from connector.events import Event
from connector.webhooks.adyen.kinds import HANDLED, NAMED
from journey import Customer, Row, Table, check
from webhooks.adyen_deliveries import PAYMENT, body_signature, event, notice, read

CUSTOMER = Customer("adyen", PAYMENT, ("r-uuid-1",), currency="EUR")

TYPES = {kind: type_ for type_, kind in NAMED.items()}
"""The kinds that come in the newer shape."""

TABLE: Table = {k: Row("?") for k in HANDLED}


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
    check(tell, kind, TABLE[kind], CUSTOMER)
