"""Recording events: what arrives together is committed together.

A commit costs the same for one row as for fifty, so while one is under way the deliveries that arrive wait in
line and go into the next. Each caller returns only after the commit that holds its events.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from connector.errors import Unavailable
from connector.events import Event, Fate
from connector.ledger import told

MOST_AT_ONCE = 128
PATIENCE_SECONDS = 4.0
"""Recurly gives up on an answer after five."""

QUIET_SECONDS = 30.0
"""After so long without a delivery the connection is closed. Until then it is kept: the pool would look whether
it still lives before each commit, which costs more than the commit."""

REST_SECONDS = 0.004
"""After a commit of several deliveries the next waits a moment for more company: a tenth more deliveries a second.
A delivery that comes alone never waits."""

OUT = (OperationalError, InterfaceError)
"""PostgreSQL is gone or has no time: no row is to blame."""

FIRST_STATUS = {
    Fate.HANDLED: "pending",
    Fate.IGNORED: "ignored",
    Fate.UNKNOWN: "unknown",
    Fate.UNREADABLE: "dead",
}

DIGEST = "sha256(convert_to({0}.source || chr(31) || {0}.site || chr(31) || {0}.event_id, 'UTF8'))"

# One statement is one transaction: begin, insert and commit in one round trip. The rows come as one JSON text,
# which is made and read in C on both sides; thirteen arrays are not.
#
# A delivery whose identity is only a digest of its body (Recurly XML) may truly have happened again: state A,
# then B, then A. It is worked anew, under the same row, so that the timeline does not show it twice.
_INSERT = f"""
    INSERT INTO event (source, site, event_id, kind, fate, status, urgency, occurred_at, strong_id, format,
                       pointers, body, note, carried)
    SELECT source, site, event_id, kind, fate, status, urgency, occurred_at, strong_id, format,
           pointers, body, note, carried
    FROM json_to_recordset(CAST(%s AS json))
         AS new(source text, site text, event_id text, kind text, fate text, status text, urgency smallint,
                occurred_at timestamptz, strong_id boolean, format text, pointers jsonb, body text, note text,
                carried jsonb)
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many events of a delivery were new, and how many the ledger already had."""

    accepted: int
    duplicates: int


@dataclass(slots=True)
class _Waiting:
    """A delivery in line. ``answered`` is locked until there is an answer; cheaper than a Future."""

    events: Sequence[Event]
    answered: threading.Lock = field(default_factory=threading.Lock)
    answer: Recorded | Unavailable | None = None
    given_up: bool = False

    def __post_init__(self) -> None:
        self.answered.acquire()

    def settle(self, answer: Recorded | Unavailable) -> None:
        self.answer = answer
        self.answered.release()


Identity = tuple[str, str, str]


class Inbox:
    """Commits events to the ledger. Thread-safe; one committing thread, started by the first delivery."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._line: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None

    def record(self, events: Sequence[Event]) -> Recorded:
        """Commit these events. Unavailable when the ledger cannot be written within four seconds."""
        self._ensure_thread()
        waiting = _Waiting(events)
        self._line.put(waiting)
        if not waiting.answered.acquire(timeout=PATIENCE_SECONDS):
            waiting.given_up = True
            raise Unavailable("ledger", "The ledger did not answer in time.", retry_after=5)
        if isinstance(waiting.answer, Recorded):
            return waiting.answer
        assert waiting.answer is not None
        raise waiting.answer

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the committing thread and its connection, once what is in line is committed."""
        if self._thread is not None and self._thread.is_alive():
            self._line.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (first := self._next()) is not None:
            batch = [first]
            while len(batch) < MOST_AT_ONCE:
                try:
                    following = self._line.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._line.put(None)
                    break
                batch.append(following)
            self._commit([waiting for waiting in batch if not waiting.given_up])
            if len(batch) > 1:
                time.sleep(REST_SECONDS)
        self._let_go()

    def _next(self) -> _Waiting | None:
        """The next delivery in line, however long that takes."""
        try:
            return self._line.get(timeout=QUIET_SECONDS)
        except queue.Empty:
            self._let_go()
            return self._line.get()

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            inserted = self._insert([event for waiting in batch for event in waiting.events])
        except DBAPIError as error:
            self._refuse_or_split(batch, error)
            return
        except SQLAlchemyError as error:
            _fail(batch, error)
            return
        for waiting in batch:
            waiting.settle(_recorded(waiting.events, inserted))

    def _refuse_or_split(self, batch: list[_Waiting], error: DBAPIError) -> None:
        """One delivery PostgreSQL cannot take must not hold back the others; without PostgreSQL all fail."""
        if isinstance(error, OUT) or len(batch) == 1:
            _fail(batch, error)
            return
        for waiting in batch:
            self._commit([waiting])

    def _insert(self, events: Sequence[Event]) -> set[Identity]:
        """Insert or count again; the identities that were new.

        PostgreSQL may have been started again since the last commit: then once more, on a new connection. What
        the first try may have committed is no harm: it is the same row.
        """
        try:
            return insert(self._connected(), events)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            self._let_go()
        return insert(self._connected(), events)

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            self._connection = connection
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def insert(connection: Connection, events: Sequence[Event]) -> set[Identity]:
    """One statement: insert or count again; the identities that were new. Rows go in by identity, so that two
    processes inserting the same deliveries cannot wait for each other in a circle."""
    rows = {(e.source, e.site, e.event_id): e for e in reversed(events)}
    ordered = [_row(rows[identity]) for identity in sorted(rows)]
    found = connection.exec_driver_sql(_INSERT, (json.dumps(ordered),))
    return {(source, site, event_id) for source, site, event_id, inserted in found if inserted}


def _row(event: Event) -> dict[str, object]:
    return {
        "source": event.source,
        "site": event.site,
        "event_id": event.event_id,
        "kind": event.kind,
        "fate": event.fate,
        "status": FIRST_STATUS[event.fate],
        "urgency": event.urgency,
        "occurred_at": event.occurred_at.isoformat() if event.occurred_at else None,
        "strong_id": event.strong_id,
        "format": event.format,
        "pointers": [(pointer.object, pointer.refs) for pointer in event.pointers],
        "body": event.body,
        "note": event.note,
        "carried": [told.encode(one) for one in event.carried],
    }


def _recorded(events: Sequence[Event], inserted: set[Identity]) -> Recorded:
    """Takes what it counts as new out of ``inserted``: the same event in a later delivery is a duplicate."""
    accepted = 0
    for event in events:
        identity = (event.source, event.site, event.event_id)
        if identity in inserted:
            inserted.remove(identity)
            accepted += 1
    return Recorded(accepted, len(events) - accepted)


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for waiting in batch:
        refusal = Unavailable("ledger", "The ledger cannot be written.", retry_after=5)
        refusal.__cause__ = error
        waiting.settle(refusal)
