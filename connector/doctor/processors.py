"""The APIs of the payment processors whose key is set: whether a payment can be read, and which lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from connector.clients.processors import CLIENTS, ProcessorClient
from connector.container import Container
from connector.doctor.result import Area, Check, CheckResult, failed, ok, warning
from connector.doctor.runner import advice
from connector.errors import CasewireError, Permanent
from connector.mappers import phrases
from connector.models.facts import Kind, ProcessorObject
from connector.settings import Processor
from connector.settings.processors import is_of_the_other_world

_NOBODYS: Final[Mapping[str, tuple[str, ...]]] = {
    "stripe": ("ch_casewiredoctor", "pi_casewiredoctor"),
    "braintree": ("casewiredoctor",),
    "gocardless": ("PM00000000CASE",),
    "authorizenet": ("1",),
}
"""Ids that no payment has, in the forms each processor gives them."""
_LISTED_SECONDS: Final = 60
"""The window of the list requests: the check needs the permission to read a list, not its content."""

_SETTINGS: Final[Mapping[str, str]] = {
    "stripe": "STRIPE_API_KEY to a restricted key with read access to Charges, PaymentIntents, Refunds and Disputes",
    "braintree": "BRAINTREE_MERCHANT_ID, _PUBLIC_KEY, _PRIVATE_KEY and _ENVIRONMENT to what its Control Panel shows",
    "gocardless": "GOCARDLESS_ACCESS_TOKEN to a read-only token of this environment",
    "authorizenet": "AUTHORIZENET_API_LOGIN_ID and _TRANSACTION_KEY, with its Transaction Details API enabled",
}


def areas(container: Container) -> Iterator[Area]:
    for source in CLIENTS:
        yield area(source, container.settings.processors[source])


def area(source: str, given: Processor) -> Area:
    """One processor; no checks without a key."""
    fix = f"Set {_SETTINGS[source]}. Without a key Casewire works with what the webhooks carry."
    return Area(
        source,
        (
            Check("key", partial(_key, source, given), gate=True, fix=fix),
            Check("lists", partial(_lists, source, given, fix), fix=fix),
        )
        if CLIENTS[source](given) is not None
        else (),
    )


def _key(source: str, given: Processor) -> Iterator[CheckResult]:
    if is_of_the_other_world(given):
        theirs, ours = ("test", "live") if given.live else ("live", "test")
        text = f"the key is for {theirs} payments, and {ours} events are worked: it knows none of them"
        mode = f"set CASEWIRE_MODE={theirs} if {theirs} events are meant"
        yield failed(text, f"Set {_SETTINGS[source]}, for {ours} payments; or {mode}.")
        return
    api = _client(source, given)
    for id_ in _NOBODYS[source]:
        nobodys = ProcessorObject(kind=Kind.CHARGE, source=source, id=id_, at=datetime.now(UTC))
        try:
            api.look_up(nobodys)
        except Permanent as error:
            yield warning(f"it answered, but not as expected: {error}", f"Set {_SETTINGS[source]}.")
            return
    yield ok("accepted")


def _lists(source: str, given: Processor, fix: str) -> Iterator[CheckResult]:
    """Checks the lists that ``casewire reconcile`` reads: a restricted key may read charges but not disputes."""
    api, now = _client(source, given), datetime.now(UTC)
    good = []
    for kind in sorted(api.lists):
        name = phrases.plain(f"{kind}s")
        try:
            next(api.listed(kind, now - timedelta(seconds=_LISTED_SECONDS), now), None)
        except CasewireError as error:
            yield failed(f"they cannot be listed: {error}", advice(error, fix), name)
        else:
            good.append(name)
    if good:
        yield ok(f"{', '.join(good)} can be listed")


def _client(source: str, given: Processor) -> ProcessorClient:
    api = CLIENTS[source](given)
    assert api is not None
    return api
