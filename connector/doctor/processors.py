"""The APIs of the payment processors whose key is set: whether a payment can be read, and which lists."""

from __future__ import annotations

from collections.abc import Iterator
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
from connector.sources.info import ApiInfo, ProcessorSettings
from connector.sources.registry import PROCESSORS

_LISTED_SECONDS: Final = 60
"""The window of the list requests: the check needs the permission to read a list, not its content."""


def areas(container: Container) -> Iterator[Area]:
    for source in CLIENTS:
        yield area(source, container.settings.processors[source])


def area(source: str, given: ProcessorSettings) -> Area:
    """One processor; no checks without a key."""
    fix = f"Set {_api(source).advice}. Without a key Casewire works with what the webhooks carry."
    return Area(
        source,
        (
            Check("key", partial(_key, source, given), gate=True, fix=fix),
            Check("lists", partial(_lists, source, given, fix), fix=fix),
        )
        if CLIENTS[source](given) is not None
        else (),
    )


def _key(source: str, given: ProcessorSettings) -> Iterator[CheckResult]:
    if given.is_for_other_mode:
        theirs, ours = ("test", "live") if given.live else ("live", "test")
        text = f"the key is for {theirs} payments, and {ours} events are worked: it knows none of them"
        mode = f"set CASEWIRE_MODE={theirs} if {theirs} events are meant"
        yield failed(text, f"Set {_api(source).advice}, for {ours} payments; or {mode}.")
        return
    api = _client(source, given)
    for id_ in _api(source).unknown_ids:
        nobodys = ProcessorObject(kind=Kind.CHARGE, source=source, id=id_, at=datetime.now(UTC))
        try:
            api.look_up(nobodys)
        except Permanent as error:
            yield warning(f"it answered, but not as expected: {error}", f"Set {_api(source).advice}.")
            return
    yield ok("accepted")


def _lists(source: str, given: ProcessorSettings, fix: str) -> Iterator[CheckResult]:
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


def _api(source: str) -> ApiInfo:
    api = PROCESSORS[source].api
    assert api is not None
    return api


def _client(source: str, given: ProcessorSettings) -> ProcessorClient:
    api = CLIENTS[source](given)
    assert api is not None
    return api
