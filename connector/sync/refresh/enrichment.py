"""Enrichment: ask APIs once for what a webhook lacks. First the processor for the payment behind an object, then the
billing system for the invoice that it names.

Only for objects without a match or an amount; and, with several billing sites, for objects that were matched by an
invoice number alone, because another site may have an invoice of that number. An API that is unavailable is asked again
later; received events do not wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import circuit_breakers, match_queue, observations, pending_matches, snapshots, subjects
from connector.ledger.events import Claimed
from connector.ledger.observations import ProcessorSnapshot
from connector.ledger.subjects import Due
from connector.mappers import external_ids, match_keys
from connector.models.events import Pointer, Urgency
from connector.models.facts import Kind, ProcessorObject
from connector.retry import backoff
from connector.sync.availability.circuit_breaker import mark_available
from connector.sync.refresh import account_matching
from connector.sync.refresh.object_fetcher import Fetcher, SourceApi, uninterrupted

log = structlog.get_logger("connector.asking")

AT_ONCE: Final = 50
LEASE_SECONDS: Final = 120.0
MOST_ASKS: Final = 8
PAUSE_SECONDS: Final = 10.0
"""While a destination is out."""
ASK_SECONDS: Final = 60.0
"""Time limit of one job for asking processors, so that slow ones do not extend it."""


class EnrichmentApi(Protocol):
    """A processor's API (``clients/processors``)."""

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """Return the processor's objects of the payment behind this object; none if it does not know it."""
        ...


Lookups = Mapping[str, EnrichmentApi]
"""Source → API; a source without an API key has none."""
Apis = Mapping[tuple[str, str], SourceApi]


@dataclass(frozen=True, slots=True)
class RetryLater:
    """When to ask again. ``spend``: the API was called, so the try counts."""

    seconds: float
    spend: bool = True


_WAIT: Final = RetryLater(PAUSE_SECONDS, spend=False)
_NEXT_JOB: Final = RetryLater(0.0, spend=False)


def ask(
    engine: Engine,
    apis: Apis,
    lookups: Lookups,
    limit: int = AT_ONCE,
    *,
    only: Sequence[observations.Key] | None = None,
    checkpoint: Callable[[], None] = uninterrupted,
) -> set[str]:
    """Ask about the objects whose time has come. Return the subjects that became due. ``only``: restrict to these
    objects. ``checkpoint``: called before each call of a processor, and between two pieces of the other work."""
    with engine.begin() as connection:
        claimed = observations.claim_asks(connection, limit, LEASE_SECONDS, only)
        out = set(circuit_breakers.open_circuits(connection))
    if not claimed:
        return set()
    wanted = [one for one in claimed if _lacks(engine, one, apis)]
    again, stored = _ask_processors(engine, lookups, wanted, out, checkpoint)
    due = account_matching.match_stored(engine, [*_now(engine, claimed), *stored], checkpoint=checkpoint)
    unsure = [one for one in _now(engine, claimed) if _is_unsure(one, apis)]
    if unsure and (later := _ask_billing(engine, apis, unsure, out, checkpoint)) is not None:
        again |= {observations.key_of(one.item): later for one in unsure}
    due |= account_matching.match_stored(engine, _now(engine, unsure), checkpoint=checkpoint)
    return due | _settle(engine, claimed, again)


def _ask_processors(
    engine: Engine,
    lookups: Lookups,
    wanted: Sequence[ProcessorSnapshot],
    out: set[str],
    checkpoint: Callable[[], None],
) -> tuple[dict[observations.Key, RetryLater | None], list[ProcessorSnapshot]]:
    """Ask the processors. Return when to ask about each object again, and the stored snapshots. Objects beyond the time
    limit are left to the next job."""
    again: dict[observations.Key, RetryLater | None] = {}
    stored: list[ProcessorSnapshot] = []
    until = time.monotonic() + ASK_SECONDS
    for one in wanted:
        checkpoint()
        key = observations.key_of(one.item)
        again[key] = (
            _ask_processor(engine, lookups, one, out, stored) if time.monotonic() < until else _NEXT_JOB
        )
    return again, stored


def _is_unsure(one: ProcessorSnapshot, apis: Apis) -> bool:
    """Whether the invoices of the billing sites may give or refute the match."""
    by_invoice = match_keys.is_by_invoice(one.link)
    return one.waits or (by_invoice and len(apis) > 1)


def _lacks(engine: Engine, one: ProcessorSnapshot, apis: Apis) -> bool:
    """Whether something is missing that an API may know: its account, amount, currency, the customer behind it."""
    match one.item.kind:
        case Kind.CHARGE:
            return not one.waits and not _customer_is_known(engine, one)
        case Kind.MANDATE:
            return one.waits
        case _:
            unsure = one.item.kind is not Kind.PAYOUT and _is_unsure(one, apis)
            return one.item.amount is None or one.item.currency is None or unsure


def _customer_is_known(engine: Engine, one: ProcessorSnapshot) -> bool:
    with engine.connect() as connection:
        return pending_matches.knows_customer(connection, one.subject, one.item.source)


def _now(engine: Engine, claimed: Sequence[ProcessorSnapshot]) -> list[ProcessorSnapshot]:
    with engine.connect() as connection:
        return observations.load(connection, [observations.key_of(one.item) for one in claimed])


def _ask_processor(
    engine: Engine, lookups: Lookups, one: ProcessorSnapshot, out: set[str], stored: list[ProcessorSnapshot]
) -> RetryLater | None:
    """Ask about one object. Return when to ask again, None for never. After a transient error the processor is not
    asked about other objects either: each call could take as long."""
    lookup = lookups.get(one.item.source)
    if lookup is None:
        return None
    if one.item.source in out:
        return _WAIT
    try:
        answers = lookup.look_up(one.item)
    except (Transient, Permanent) as error:
        if isinstance(error, Transient):
            out.add(one.item.source)
        return _later(engine, error, one.asks, one.item.source)
    with engine.begin() as connection:
        mark_available(connection, one.item.source)
        found = observations.store(connection, [observations.by_answer(answer) for answer in answers])
        match_queue.enqueue(connection, observations.changed_keys(found))
    stored += found
    return None


def _ask_billing(
    engine: Engine,
    apis: Apis,
    waiting: Sequence[ProcessorSnapshot],
    out: set[str],
    checkpoint: Callable[[], None],
) -> RetryLater | None:
    """Fetch the invoices that pending objects name, from every billing site. Return when to ask again."""
    numbers = _numbers(engine, waiting)
    again: RetryLater | None = None
    for (source, site), api in apis.items():
        if not numbers:
            break
        if f"{source}:{site}" in out:
            again = _WAIT
            continue
        try:
            _fetch(engine, api, (source, site), numbers, checkpoint)
        except (Transient, Permanent) as error:
            again = _later(engine, error, max(one.asks for one in waiting), f"{source}:{site}")
    return again


def _numbers(engine: Engine, waiting: Sequence[ProcessorSnapshot]) -> list[str]:
    """The complete invoice numbers that these objects or their charges name."""
    own = [ref for one in waiting for ref in match_keys.of_processor(one.item)]
    with engine.connect() as connection:
        charges = pending_matches.charges(connection, own)
    named = (one for one in (*(w.item for w in waiting), *charges) if not one.truncated)
    return sorted({one.invoice_number for one in named if one.invoice_number})


def _fetch(
    engine: Engine,
    api: SourceApi,
    at: tuple[str, str],
    numbers: Sequence[str],
    checkpoint: Callable[[], None],
) -> None:
    """Fetch the invoices with their accounts. A missing invoice is no error."""
    with engine.connect() as connection:
        now = snapshots.clock(connection)
    pointers = tuple(Pointer("invoice", (f"number-{number}",)) for number in numbers)
    asked = Claimed(0, *at, "", Urgency.DISPUTE, pointers, now, now, 0)
    fetcher = Fetcher(engine, *at, api, checkpoint=checkpoint)
    try:
        failures = fetcher.fetch([asked])
    finally:
        account_matching.match_again(engine, fetcher.changed_keys, checkpoint)
    transient = next((error for error in failures.values() if isinstance(error, Transient)), None)
    if transient is not None:
        raise transient


def _later(engine: Engine, error: Transient | Permanent, asks: int, destination: str) -> RetryLater | None:
    later = _next(engine, error, asks, destination)
    outcome = "given up" if later is None else "retry" if later.spend else "waiting"
    log.warning("ask_failed", destination=destination, error=str(error), outcome=outcome)
    return later


def _next(engine: Engine, error: Transient | Permanent, asks: int, destination: str) -> RetryLater | None:
    if isinstance(error, Unavailable):
        with engine.begin() as connection:
            seconds = circuit_breakers.open_circuit(
                connection, destination, str(error), error.code, error.retry_after
            )
        return RetryLater(seconds, spend=False)
    if isinstance(error, Permanent) or asks >= MOST_ASKS:
        return None
    return RetryLater(error.retry_after or backoff(asks))


def _settle(
    engine: Engine, claimed: Sequence[ProcessorSnapshot], again: Mapping[observations.Key, RetryLater | None]
) -> set[str]:
    """Record when to ask again, and make subjects due whose object has changed."""
    now = {observations.key_of(one.item): one for one in _now(engine, claimed)}
    learnt = [one for one in now.values() if _changed(one, claimed)]
    with engine.begin() as connection:
        for later in set(again.values()) | {None}:
            keys_ = [key for key in now if again.get(key) == later]
            spend = later is None or later.spend
            observations.asked(connection, keys_, later.seconds if later else None, spend=spend)
        dues = [due for one in learnt if (due := subjects.named(connection, one.subject))]
        subjects.mark_due(connection, dues)
    return {due.key for due in dues}


def _changed(one: ProcessorSnapshot, before: Sequence[ProcessorSnapshot]) -> bool:
    known = next(b for b in before if observations.key_of(b.item) == observations.key_of(one.item))
    return (one.item, one.subject) != (known.item, known.subject)


def due_of(one: ProcessorSnapshot, urgency: Urgency) -> Due:
    """The current subject of an object: an account, a payee, or the object itself."""
    if one.waits or one.link == observations.PAYEE:
        own = one.subject.removeprefix(f"{one.item.source}:")
        return Due(one.subject, one.item.source, "", own, urgency)
    return Due(one.subject, *external_ids.account_of(one.subject), urgency)
