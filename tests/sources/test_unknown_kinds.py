"""A kind that nobody has written a fate for yet is recorded and shown, whatever its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine
from webhooks import (
    adyen_deliveries,
    authorizenet_deliveries,
    braintree_deliveries,
    gocardless_deliveries,
    paypal_deliveries,
    stripe_deliveries,
)

from connector.ledger import queries
from connector.ledger.inbox import Inbox
from connector.models.events import Event, Fate

UNKNOWN: dict[str, tuple[str, Callable[[str], Event]]] = {
    "adyen": ("KIND_OF_TOMORROW", adyen_deliveries.event),
    "authorizenet": (
        "net.authorize.payment.kindOfTomorrow",
        lambda kind: authorizenet_deliveries.read(
            authorizenet_deliveries.notification(kind.removeprefix("net.authorize."))
        ),
    ),
    "braintree": (
        "kind_of_tomorrow",
        lambda kind: braintree_deliveries.event(braintree_deliveries.xml(kind, "<new><id>1</id></new>")),
    ),
    "gocardless": (
        "payments.kind_of_tomorrow",
        lambda kind: gocardless_deliveries.read(
            gocardless_deliveries.batch(gocardless_deliveries.item(kind))
        )[0],
    ),
    "paypal": (
        "PAYMENT.CAPTURE.TOMORROW",
        lambda kind: paypal_deliveries.read(paypal_deliveries.event(kind, paypal_deliveries.capture())),
    ),
    "stripe": (
        "charge.kind_of_tomorrow",
        lambda kind: stripe_deliveries.read(stripe_deliveries.event(kind, stripe_deliveries.charge())),
    ),
}


@pytest.fixture
def inbox(engine: Engine) -> Iterator[Inbox]:
    made = Inbox(engine)
    yield made
    made.close()


@pytest.mark.parametrize("source", UNKNOWN)
def test_an_unknown_kind_is_recorded_and_visible(source: str, inbox: Inbox, engine: Engine) -> None:
    kind, read = UNKNOWN[source]
    told = read(kind)
    assert (told.source, told.kind, told.fate, told.carried) == (source, kind, Fate.UNKNOWN, ())
    assert inbox.record([told]).result().accepted == 1
    with engine.connect() as connection:
        found = queries.unknown_kinds(connection)
    assert [(row["source"], row["kind"], row["events"]) for row in found] == [(source, kind, 1)]
