"""The payment processors' APIs, where a key is set: one look for a payment that does not exist, which any key may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from connector.clients.processors import CLIENTS
from connector.doctor.finding import Area, Check, Told, ok, warning
from connector.errors import Permanent
from connector.facts import Kind, ProcessorObject
from connector.settings import Processor
from connector.wiring import Wiring

_NOBODYS: Final[Mapping[str, str]] = {
    "stripe": "ch_casewiredoctor",
    "braintree": "casewiredoctor",
    "gocardless": "PM00000000CASE",
    "authorizenet": "1",
}
"""An id that no payment has, in the form each processor gives them."""

_SETTINGS: Final[Mapping[str, str]] = {
    "stripe": "STRIPE_API_KEY to a restricted key with read access to Charges and PaymentIntents",
    "braintree": "BRAINTREE_MERCHANT_ID, _PUBLIC_KEY, _PRIVATE_KEY and _ENVIRONMENT to what its Control Panel shows",
    "gocardless": "GOCARDLESS_ACCESS_TOKEN to a read-only token of this environment",
    "authorizenet": "AUTHORIZENET_API_LOGIN_ID and _TRANSACTION_KEY, with its Transaction Details API enabled",
}


def areas(wires: Wiring) -> Iterator[Area]:
    for source in CLIENTS:
        yield area(source, wires.settings.processors[source])


def area(source: str, given: Processor) -> Area:
    """One processor; nothing is told of one without a key."""
    mend = f"Set {_SETTINGS[source]}. Without a key Casewire works with what the webhooks carry."
    return Area(source, (Check("key", partial(_key, source, given), mend=mend),))


def _key(source: str, given: Processor) -> Iterator[Told]:
    api = CLIENTS[source](given)
    if api is None:
        return
    nobodys = ProcessorObject(kind=Kind.CHARGE, source=source, id=_NOBODYS[source], at=datetime.now(UTC))
    try:
        api.look_up(nobodys)
    except Permanent as error:
        yield warning(f"it answered, but not as expected: {error}", _SETTINGS[source])
        return
    yield ok("accepted")
