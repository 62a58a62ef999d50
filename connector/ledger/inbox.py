"""Recording events: what arrives together is committed together.

A commit costs the same for one row as for fifty, so while one is under way the deliveries that arrive wait in
line and go into the next. Each caller returns only after the commit that holds its events.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from sqlalchemy import Engine, text
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection

from connector.errors import Unavailable
from connector.events import Event, Fate

MOST_AT_ONCE = 128
PATIENCE_SECONDS = 4.0
"""Recurly gives up on an answer after five."""

OUT = (OperationalError, InterfaceError, NoConnection)
"""PostgreSQL is gone, or has no time: no row is to blame."""

FIRST_STATUS = {
    Fate.HANDLED: "pending",
    Fate.IGNORED: "ignored",
    Fate.UNKNOWN: "unknown",
    Fate.UNREADABLE: "dead",
}

DIGEST = "sha256(convert_to({0}.source || chr(31) || {0}.site || chr(31) || {0}.event_id, 'UTF8'))"

# A delivery whose identity is only a digest of its body (Recurly XML) may truly have happened again: state A,
# then B, then A. It is worked anew, under the same row, so that the timeline does not show it twice.
_INSERT = text(
    f"""
    INSERT INTO event (source, site, event_id, kind, fate, status, urgency, occurred_at, strong_id, format,
                       pointers, body, note)
    SELECT source, site, event_id, kind, fate, status, urgency, occurred_at, strong_id, format,
           pointers::jsonb, body, note
    FROM unnest(CAST(:source AS text[]), CAST(:site AS text[]), CAST(:event_id AS text[]),
                CAST(:kind AS text[]), CAST(:fate AS text[]), CAST(:status AS text[]),
                CAST(:urgency AS smallint[]), CAST(:occurred_at AS timestamptz[]),
                CAST(:strong_id AS boolean[]), CAST(:format AS text[]), CAST(:pointers AS text[]),
                CAST(:body AS text[]), CAST(:note AS text[]))
         AS new(source, site, event_id, kind, fate, status, urgency, occurred_at, strong_id, format,
                pointers, body, note)
    WHERE NOT (strong_id AND EXISTS (SELECT 1 FROM tombstone WHERE digest = {DIGEST.format("new")}))
    ON CONFLICT (source, site, event_id) DO UPDATE SET
        deliveries = event.deliveries + 1,
        hinted_at = CASE WHEN event.strong_id THEN event.hinted_at ELSE now() END,
        ready_at = CASE WHEN event.strong_id THEN event.ready_at ELSE now() END,
        lease = CASE WHEN event.strong_id THEN event.lease END,
        status = CASE WHEN event.strong_id OR event.status NOT IN ('fetched', 'done')
                      THEN event.status ELSE 'pending' END
    RETURNING source, site, event_id, (xmax = 0) AS inserted
    """
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many events of a delivery were new, and how many the ledger already had."""

    accepted: int
    duplicates: int


@dataclass(slots=True)
class _Waiting:
    events: Sequence[Event]
    done: Future[Recorded] = field(default_factory=Future)


Identity = tuple[str, str, str]


class Inbox:
    """Commits events to the ledger. Thread-safe; one committing thread, started by the first delivery."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._line: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def record(self, events: Sequence[Event]) -> Recorded:
        """Commit these events. Unavailable when the ledger cannot be written within four seconds."""
        self._ensure_thread()
        waiting = _Waiting(events)
        self._line.put(waiting)
        try:
            return waiting.done.result(PATIENCE_SECONDS)
        except TimeoutError:
            waiting.done.cancel()
            raise Unavailable("ledger", "The ledger did not answer in time.", retry_after=5) from None

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            batch = [self._line.get()]
            while len(batch) < MOST_AT_ONCE:
                try:
                    batch.append(self._line.get_nowait())
                except queue.Empty:
                    break
            self._commit(batch)

    def _commit(self, batch: list[_Waiting]) -> None:
        batch = [waiting for waiting in batch if not waiting.done.cancelled()]
        if not batch:
            return
        try:
            inserted = insert(self._engine, [event for waiting in batch for event in waiting.events])
        except (SQLAlchemyError, UnicodeError) as error:
            self._refuse_or_split(batch, error)
            return
        seen: set[Identity] = set()
        for waiting in batch:
            _answer(waiting, inserted, seen)

    def _refuse_or_split(self, batch: list[_Waiting], error: Exception) -> None:
        """One delivery PostgreSQL cannot take must not hold back the others; without PostgreSQL all fail."""
        if len(batch) == 1 or isinstance(error, OUT):
            _fail(batch, error)
            return
        for waiting in batch:
            self._commit([waiting])


def insert(engine: Engine, events: Sequence[Event]) -> set[Identity]:
    """Insert or count again; the identities that were new. Rows go in by identity, so that two processes
    inserting the same deliveries cannot wait for each other in a circle."""
    rows = {(e.source, e.site, e.event_id): e for e in reversed(events)}
    ordered = [rows[identity] for identity in sorted(rows)]
    with engine.begin() as connection:
        found = connection.execute(_INSERT, _columns(ordered))
        return {(row.source, row.site, row.event_id) for row in found if row.inserted}


def _columns(events: Sequence[Event]) -> dict[str, list[object]]:
    return {
        "source": [e.source for e in events],
        "site": [e.site for e in events],
        "event_id": [e.event_id for e in events],
        "kind": [e.kind for e in events],
        "fate": [str(e.fate) for e in events],
        "status": [FIRST_STATUS[e.fate] for e in events],
        "urgency": [int(e.urgency) for e in events],
        "occurred_at": [e.occurred_at for e in events],
        "strong_id": [e.strong_id for e in events],
        "format": [e.format for e in events],
        "pointers": [json.dumps([[p.object, list(p.refs)] for p in e.pointers]) for e in events],
        "body": [e.body for e in events],
        "note": [e.note for e in events],
    }


def _answer(waiting: _Waiting, inserted: set[Identity], seen: set[Identity]) -> None:
    accepted = 0
    for event in waiting.events:
        identity = (event.source, event.site, event.event_id)
        if identity in inserted and identity not in seen:
            seen.add(identity)
            accepted += 1
    if waiting.done.set_running_or_notify_cancel():
        waiting.done.set_result(Recorded(accepted, len(waiting.events) - accepted))


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if waiting.done.set_running_or_notify_cancel():
            refusal = Unavailable("ledger", "The ledger cannot be written.", retry_after=5)
            refusal.__cause__ = error
            waiting.done.set_exception(refusal)
