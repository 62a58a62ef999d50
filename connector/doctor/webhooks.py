"""Each source of webhooks: whether it has a secret, and when it last delivered.

Refused deliveries leave no trace in the ledger; each web process counts its own at ``/metrics``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from connector.container import Container
from connector.doctor.result import Area, Check, CheckResult, failed, ok, skipped, warning
from connector.errors import CasewireError
from connector.ledger.source_activity import LAST_RECEIVED_DAYS, LastReceived, last_received
from connector.settings import RecurlySite
from connector.sources.registry import SOURCES as DECLARED
from connector.webhooks.registry import SOURCES

Key = tuple[str, str]
LoadReceived = Callable[[], Mapping[Key, LastReceived]]

_QUIET: Final = timedelta(days=3)
"""Longer than Recurly retries a delivery; it pauses endpoints that keep failing."""


def areas(container: Container) -> Iterator[Area]:
    received = cache(lambda: _load_received(container))
    checks = [
        Check(
            _name(key),
            partial(_source, container, key, given, received),
            fix=f"Correct {DECLARED[key[0]].verified_by} in .env.",
        )
        for key, given in container.sources.items()
    ]
    yield Area("webhooks", tuple(checks))


def _name(key: Key) -> str:
    return " ".join(filter(None, key))


def _source(container: Container, key: Key, given: object, received: LoadReceived) -> Iterator[CheckResult]:
    made = SOURCES[key[0]](given)
    if made is None:
        yield _closed(key, given, asked=key[0] in container.lookups)
        return
    yield ok("a secret is set")
    try:
        found = received().get(key)
    except (SQLAlchemyError, CasewireError):
        yield skipped(
            "PostgreSQL, which has the time of the last delivery, does not answer", about="deliveries"
        )
        return
    yield from _deliveries(key, found, container.clock())


def _closed(key: Key, given: object, *, asked: bool) -> CheckResult:
    """A processor that is not configured is no failure, unless its API key is set."""
    source = key[0]
    text, shown = f"no secret is set: /webhooks/{source} answers 404", DECLARED[source].secret_place
    fix = f"Put it into {_setting(source, given)} in .env and start again. It is shown in {shown}."
    return failed(text, fix) if source == "recurly" or asked else skipped(text)


def _setting(source: str, given: object) -> str:
    name = DECLARED[source].verified_by
    return f"{name} (of site {given.name})" if isinstance(given, RecurlySite) else name


def _deliveries(key: Key, found: LastReceived | None, now: datetime) -> Iterator[CheckResult]:
    at = f"https://your.host/webhooks/{'/'.join(filter(None, key))}"
    if found is None:
        text = f"nothing was delivered within {LAST_RECEIVED_DAYS} days, or all of it was refused"
        yield warning(text, f"Let {key[0]} post to {at}, and send a test from there.", "deliveries")
        return
    events = f"{found.events:,} events within {LAST_RECEIVED_DAYS} days"
    last = f"last delivery {found.last_at:%Y-%m-%d %H:%M:%S} UTC, {events}"
    if now - found.last_at > _QUIET:
        fix = f"Check the endpoint there: is it paused, is its address {at}? Refusals: /metrics."
        yield warning(last, fix, "deliveries")
    else:
        yield ok(last, "deliveries")
    if found.unreadable:
        fix = f"See them: casewire events list --source {key[0]} --status dead"
        yield warning(f"{found.unreadable:,} events could not be read", fix, "content")


def _load_received(container: Container) -> Mapping[Key, LastReceived]:
    with container.engine.connect() as connection:
        return last_received(connection)
