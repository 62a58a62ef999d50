"""Recording events: what arrives together is committed together.

A commit costs the same for one row as for fifty, so while one is under way the deliveries that arrive wait in
line and go into the next. Each recording is done only after the commit that holds its events.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from connector.errors import Rejected, Unavailable
from connector.ledger import observations
from connector.models.events import Event, Fate

MOST_AT_ONCE = 128
PATIENCE_SECONDS = 4.0
"""Recurly gives up on an answer after five."""

QUIET_SECONDS = 30.0
"""After so long without a delivery the connection is closed. Until then it is kept: the pool would look whether
it still lives before each commit, which costs more than the commit."""

REST_SECONDS = 0.010
"""After a commit of several deliveries the next waits for more: each commit costs PostgreSQL and this process about a
millisecond beside its rows. A delivery that comes alone never waits."""

BY_KEY = "SET enable_seqscan = off"
"""Every statement here looks rows up by a key. A plan that was made while the table was small is kept until PostgreSQL
has new statistics: with a sequential scan in it, the receiver becomes slower with every delivery."""

OUT = (OperationalError, InterfaceError)
"""PostgreSQL is gone or has no time: no row is to blame."""

FIRST_STATUS = {
    Fate.HANDLED: "pending",
    Fate.IGNORED: "ignored",
    Fate.UNKNOWN: "unknown",
    Fate.UNREADABLE: "dead",
}

# Of what a tombstone is: of the content alone where the id is not signed. What was recorded beside another content
# (``_beside``) counts under the id that it came with.
DIGEST = (
    "sha256(convert_to({0}.source || chr(31) || {0}.site || chr(31) || "
    "CASE WHEN {0}.signed_at IS NOT NULL THEN '' WHEN {0}.content = '' THEN {0}.event_id "
    "ELSE replace({0}.event_id, '~' || left(encode({0}.content, 'hex'), 16), '') END || "
    "CASE WHEN {0}.content = '' THEN '' ELSE chr(31) || encode({0}.content, 'hex') END, 'UTF8'))"
)

_NEW = """
    json_to_recordset(CAST(%s AS json))
         AS raw(source text, site text, event_id text, base_id text, hex text, signed_at timestamptz, kind text,
                fate text, status text, urgency smallint, occurred_at timestamptz, strong_id boolean, format text,
                pointers jsonb, body text, note text, carried jsonb)
    CROSS JOIN LATERAL (SELECT raw.*, decode(raw.hex, 'hex') AS content) AS new
    """

# Events of the same signed content. OFFSET 0 has PostgreSQL find them by the content, in event_signed_content, before
# it compares the rest: while it has no statistics it would as soon read every event of the site. Events of an id are
# found in the same way, in event_identity.
_SAME_CONTENT = """(SELECT id, source, site, signed_at FROM event
        WHERE event.content = {0}.content AND event.signed_at IS NOT NULL OFFSET 0) AS same
        WHERE same.source = {0}.source AND same.site = {0}.site"""

# One statement is one transaction: begin, insert and commit in one round trip. The rows come as one JSON text,
# which is made and read in C on both sides; thirteen arrays are not. An event conflicts by its id, or by its
# content and signed time; either way the row that is there stays. Content that was signed later than every copy
# before is no replay: only the source can have signed it.
_INSERT = f"""
    INSERT INTO event (source, site, event_id, content, signed_at, kind, fate, status, urgency, occurred_at,
                       strong_id, format, pointers, body, note, carried)
    SELECT new.source, new.site, new.event_id, new.content, new.signed_at, new.kind, new.fate, new.status,
           new.urgency, new.occurred_at, new.strong_id, new.format, new.pointers, new.body, new.note, new.carried
    FROM {_NEW}
    WHERE NOT (new.strong_id AND EXISTS (SELECT 1 FROM tombstone WHERE digest = {DIGEST.format("new")}))
      AND COALESCE((SELECT max(same.signed_at) FROM {_SAME_CONTENT.format("new")}) < new.signed_at, true)
    """
_ON_CONFLICT = " ON CONFLICT DO NOTHING RETURNING source, site, event_id, encode(content, 'hex') AS content"

# Counts what was delivered again, and answers which that was: the same content under the same id, or content under
# any id that was not signed later than what is there. Rows are locked in one order, so that two processes cannot
# wait for each other in a circle. A retry may be signed anew: its time is kept, so that a replay of it is known.
#
# A delivery whose identity is only a digest of its body (Recurly XML) may truly have happened again: state A,
# then B, then A. It is worked again, under the same row, so that the timeline does not show it twice.
_WORKED = "NOT event.strong_id"
_COUNT = f"""
    WITH again AS MATERIALIZED (SELECT new.* FROM {_NEW}),
    same AS MATERIALIZED (
        SELECT named.id, again.source, again.site, again.event_id, again.hex, again.signed_at
        FROM again CROSS JOIN LATERAL (
            SELECT id, source, site, content FROM event WHERE event.event_id = again.event_id OFFSET 0) AS named
        WHERE named.source = again.source AND named.site = again.site
            AND (named.content IN ('', again.content) OR again.content = '')
        UNION
        SELECT found.id, again.source, again.site, again.event_id, again.hex, again.signed_at
        FROM again CROSS JOIN LATERAL (
            SELECT same.id FROM {_SAME_CONTENT.format("again")} AND same.signed_at >= again.signed_at) AS found),
    locked AS MATERIALIZED (
        SELECT id FROM event WHERE id IN (SELECT id FROM same) ORDER BY id FOR UPDATE),
    counted AS (
        UPDATE event SET
            deliveries = event.deliveries + 1,
            signed_at = CASE WHEN EXISTS (
                SELECT 1 FROM {_SAME_CONTENT.format("event")} AND same.signed_at = told.signed_at)
                THEN event.signed_at ELSE GREATEST(event.signed_at, told.signed_at) END,
            hinted_at = CASE WHEN {_WORKED} THEN now() ELSE event.hinted_at END,
            ready_at = CASE WHEN {_WORKED} THEN now() ELSE event.ready_at END,
            lease = CASE WHEN {_WORKED} THEN NULL ELSE event.lease END,
            status = CASE WHEN {_WORKED} AND event.status IN ('fetched', 'done') THEN 'pending'
                          ELSE event.status END
        FROM (SELECT same.id, max(same.signed_at) AS signed_at
              FROM same JOIN locked USING (id) GROUP BY same.id) AS told
        WHERE event.id = told.id)
    SELECT DISTINCT source, site, event_id, hex AS content FROM same
    """

# What is left has a known id and other content: a new event, under an id of its own.
_INSERT_BESIDE = (
    f"""{_INSERT}
      AND EXISTS (SELECT 1 FROM event WHERE event.source = new.source AND event.site = new.site
                                        AND event.event_id = new.base_id)
    """
    + _ON_CONFLICT
)

_TRANSMISSIONS = """
    INSERT INTO transmission (source, site, id, content)
    SELECT source, site, id, decode(content, 'hex') FROM json_to_recordset(CAST(%s AS json))
         AS new(source text, site text, id text, content text)
    ORDER BY source, site, id ON CONFLICT DO NOTHING
    """
_OTHER_CONTENT = """
    SELECT new.source, new.site, new.id, new.content FROM json_to_recordset(CAST(%s AS json))
         AS new(source text, site text, id text, content text)
    JOIN transmission known USING (source, site, id) WHERE known.content <> decode(new.content, 'hex')
    """


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many events of a delivery were new, and how many the ledger already had."""

    accepted: int
    duplicates: int


class Recording:
    """Events on their way into the ledger."""

    __slots__ = ("_answer", "_answered", "_call", "_deadline", "events", "given_up")

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.given_up = False
        self._answer: Recorded | Unavailable | Rejected | None = None
        self._answered = threading.Lock()  # locked until there is an answer; cheaper than a Future
        self._answered.acquire()
        self._call: deque[Callable[[], None]] = deque()
        self._deadline = time.monotonic() + PATIENCE_SECONDS

    def when_done(self, call: Callable[[], None]) -> None:
        """Have ``call`` called once, when ``result`` will not wait. By any thread, perhaps by this one at once."""
        self._call.append(call)
        if self._answer is not None:
            self._tell()

    def result(self) -> Recorded:
        """Wait for the commit. Unavailable when the ledger was not written within four seconds; Rejected when a
        transmission brought other content before."""
        if self._answer is None and not self._answered.acquire(
            timeout=max(self._deadline - time.monotonic(), 0)
        ):
            self.given_up = True
            raise Unavailable("ledger", "The ledger did not answer in time.", retry_after=5)
        if isinstance(self._answer, Recorded):
            return self._answer
        assert self._answer is not None
        raise self._answer

    def settle(self, answer: Recorded | Unavailable | Rejected) -> None:
        self._answer = answer
        self._answered.release()
        self._tell()

    def _tell(self) -> None:
        try:
            call = self._call.popleft()
        except IndexError:  # nobody waits, or another thread has just taken it
            return
        call()


Identity = tuple[str, str, str, str]
"""Source, site, event id and content."""


class Inbox:
    """Commits events to the ledger. Thread-safe; one committing thread, started by the first delivery."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._line: queue.SimpleQueue[Recording | None] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None

    def record(self, events: Sequence[Event]) -> Recording:
        """Begin to commit these events."""
        self._ensure_thread()
        recording = Recording(events)
        self._line.put(recording)
        return recording

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

    def _next(self) -> Recording | None:
        """The next delivery in line, however long that takes."""
        try:
            return self._line.get(timeout=QUIET_SECONDS)
        except queue.Empty:
            self._let_go()
            return self._line.get()

    def _commit(self, batch: list[Recording]) -> None:
        try:
            batch = self._without_replays(batch)
            inserted = self._insert([event for waiting in batch for event in waiting.events])
        except DBAPIError as error:
            self._refuse_or_split(batch, error)
            return
        except SQLAlchemyError as error:
            _fail(batch, error)
            return
        for waiting in batch:
            waiting.settle(_recorded(waiting.events, inserted))

    def _refuse_or_split(self, batch: list[Recording], error: DBAPIError) -> None:
        """One delivery PostgreSQL cannot take must not hold back the others; without PostgreSQL all fail."""
        if isinstance(error, OUT) or len(batch) == 1:
            _fail(batch, error)
            return
        for waiting in batch:
            self._commit([waiting])

    def _insert(self, events: Sequence[Event]) -> set[Identity]:
        """Insert or count again; the identities that were new."""
        return self._on_connection(lambda connection: insert(connection, events))

    def _without_replays(self, batch: list[Recording]) -> list[Recording]:
        """The deliveries without those whose transmission brought other content before. These are refused."""
        sent = [event for waiting in batch for event in waiting.events if event.transmission]
        refused = self._on_connection(lambda connection: other_content(connection, sent)) if sent else set()
        if not refused:
            return batch
        kept: list[Recording] = []
        for waiting in batch:
            if refused.isdisjoint(_sending(event) for event in waiting.events):
                kept.append(waiting)
            else:
                waiting.settle(_replayed())
        return kept

    def _on_connection(self, do: Callable[[Connection], set[Identity]]) -> set[Identity]:
        """PostgreSQL may have been started again since the last commit: then once more, on a new connection. What the
        first try may have committed is no harm: it is the same row."""
        try:
            return do(self._connected())
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            self._let_go()
        return do(self._connected())

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            connection.exec_driver_sql(BY_KEY)
            self._connection = connection
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def insert(connection: Connection, events: Sequence[Event]) -> set[Identity]:
    """Insert, or count what is known already; the identities that were new. Rows go in by their content, so that two
    processes inserting the same deliveries cannot wait for each other in a circle."""
    rows = {_identity(event): event for event in reversed(events)}
    left = [_row(rows[identity]) for identity in sorted(rows, key=lambda one: (*one[:2], one[3], one[2]))]
    inserted = _identities(connection, _INSERT + _ON_CONFLICT, left)
    left = _without(left, inserted)
    if left:
        left = _without(left, _identities(connection, _COUNT, left))
    if left:
        beside = [_beside(row) for row in left]
        added = _identities(connection, _INSERT_BESIDE, beside)
        inserted |= {_key(row) for row, named in zip(left, beside, strict=True) if _key(named) in added}
        if again := _without(beside, added):
            _identities(connection, _COUNT, again)
    return inserted


def _identities(connection: Connection, statement: str, rows: Sequence[Mapping[str, Any]]) -> set[Identity]:
    found = connection.exec_driver_sql(statement, (json.dumps(rows),))
    return {tuple(row) for row in found}


def _key(row: Mapping[str, Any]) -> Identity:
    return row["source"], row["site"], row["event_id"], row["hex"]


def _without(rows: Sequence[dict[str, Any]], identities: set[Identity]) -> list[dict[str, Any]]:
    return [row for row in rows if _key(row) not in identities]


def _beside(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of another content under a known id. The id says so, and is the same however often it comes."""
    return {**row, "event_id": f"{row['event_id']}~{row['hex'][:16]}"}


def _identity(event: Event) -> Identity:
    return event.source, event.site, event.event_id, event.content


def _sending(event: Event) -> Identity:
    return event.source, event.site, event.transmission, event.content


def other_content(connection: Connection, events: Sequence[Event]) -> set[Identity]:
    """Keep what these transmissions brought, and answer those that brought something else before. Committed before
    the events are: a delivery that is sent again brings the same."""
    sent = sorted({_sending(event) for event in events})
    rows = json.dumps([dict(zip(("source", "site", "id", "content"), one, strict=True)) for one in sent])
    connection.exec_driver_sql(_TRANSMISSIONS, (rows,))
    return {
        (row.source, row.site, row.id, row.content)
        for row in connection.exec_driver_sql(_OTHER_CONTENT, (rows,))
    }


def _replayed() -> Rejected:
    return Rejected(
        401,
        "replayed_transmission",
        "This transmission id brought another body before. Only a checksum of the body is signed, so the second body "
        "proves nothing.",
    )


def _row(event: Event) -> dict[str, Any]:
    return {
        "source": event.source,
        "site": event.site,
        "event_id": event.event_id,
        "base_id": event.event_id,
        "hex": event.content,
        "signed_at": event.signed_at.isoformat() if event.signed_at else None,
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
        "carried": [observations.encode(one) for one in event.carried],
    }


def _recorded(events: Sequence[Event], inserted: set[Identity]) -> Recorded:
    """Takes what it counts as new out of ``inserted``: the same event in a later delivery is a duplicate."""
    accepted = 0
    for event in events:
        identity = _identity(event)
        if identity in inserted:
            inserted.remove(identity)
            accepted += 1
    return Recorded(accepted, len(events) - accepted)


def _fail(batch: list[Recording], error: Exception) -> None:
    for waiting in batch:
        refusal = Unavailable("ledger", "The ledger cannot be written.", retry_after=5)
        refusal.__cause__ = error
        waiting.settle(refusal)
