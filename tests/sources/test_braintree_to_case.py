"""Each kind of Braintree, from a signed delivery to what Salesforce gets."""

from __future__ import annotations

from datetime import datetime

import pytest

from connector.events import Event
from connector.webhooks.braintree.kinds import HANDLED
from journey import Customer, Row, Table, check
from webhooks.braintree_deliveries import event, xml
from webhooks.test_braintree_objects import CASES, DISBURSEMENT, REFUND

CUSTOMER = Customer("braintree_blue", "txn1", number="1042", gateway_customers=("cus1",))

SUBJECTS = {kind: subject for kind, (subject, *_) in CASES.items()} | {
    "refund_failed": REFUND.format(status="processor_declined").replace("EUR", "USD"),
    "disbursement": DISBURSEMENT.format(success="true", sub="true", message="", action=""),
}
"""As the objects are tested with; but the refund is of the payment's currency, and the payout to the same payee."""

TABLE: Table = {k: Row("?") for k in HANDLED}


def tell(kind: str, at: datetime) -> Event:
    return event(xml(kind, SUBJECTS[kind], f"{at:%Y-%m-%dT%H:%M:%SZ}"))



def test_every_handled_kind_has_its_row() -> None:
    assert TABLE.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_from_payload_to_case(kind: str) -> None:
    check(tell, kind, TABLE[kind], CUSTOMER)
