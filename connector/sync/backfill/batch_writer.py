"""Phase 3: decide and write the accounts of the run, some thousand records at a time.

The workers continue meanwhile. Between two batches they get their turn at bulk writing, and the org's API budget is
checked.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy import Connection, Engine

from connector.errors import Permanent, Transient
from connector.ledger import (
    backfill_errors,
    backfills,
    circuit_breakers,
    leases,
    subject_query,
    subject_status,
    subjects,
)
from connector.ledger.attempts import Cause
from connector.ledger.backfill_errors import UNDECIDED
from connector.ledger.subject_query import SubjectFilter
from connector.ledger.subjects import Due
from connector.retry import Pauses
from connector.sync.apply.applier import Applier, Outcome
from connector.sync.apply.record_writer import Wait
from connector.sync.availability.circuit_breaker import DESTINATION
from connector.sync.backfill.checkpoint import Checkpoint
from connector.sync.backfill.history_completion import MissingHistories
from connector.sync.backfill.locks import BulkWriteLock
from connector.sync.resync.resync import resync_now

AT_ONCE: Final = 700
"""Accounts of one batch: with three invoices each enough for bulk jobs, and few enough for memory to stay flat."""
SIDE_BY_SIDE: Final = 2
"""Batches under way: while Salesforce works on one, the other is decided."""
STRETCH: Final = 8
"""Batches before others get their turn."""
NARROWER: Final = 8
"""By how much fewer accounts are worked at once after some killed their process, and more again after each batch."""
ROUNDS: Final = (0.0, 5.0, 20.0)
"""Seconds before each new try of what was refused for a moment."""


DIED: Final = (
    "The process that worked this account alone was killed, as those were that worked it with others."
)


class Interrupted(Exception):
    """A person stopped it."""


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """``save`` keeps the state; ``done`` is told after each batch. Raises Transient where Salesforce goes away: what
    was written is written, and the batch is tried again."""

    applier: Applier
    cause: Cause
    run_id: int
    state: Checkpoint
    pasts: MissingHistories
    turns: BulkWriteLock
    save: Callable[[Connection], None]
    done: Callable[[], None]
    sleep: Wait
    at_once: int
    _baton: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def engine(self) -> Engine:
        return self.applier.engine

    def take_back(self, *, from_killed: bool) -> None:
        """What was held in this run's name is free. If a killed process held it, it may be what killed it: fewer are
        worked at once from there on, and one that was worked alone is given up on."""
        with self.engine.begin() as connection:
            held = leases.held(connection, self.applier.worker)
            if held and from_killed:
                self._suspect(connection, held)
            leases.release_all(connection, self.applier.worker, spend=False)
            self.save(connection)

    def _suspect(self, connection: Connection, held: Sequence[str]) -> None:
        if self.state.narrow != 1:
            self.state.narrow = max((self.state.narrow or self.at_once) // NARROWER, 1)
            return
        leases.bury_held(connection, self.applier.worker, "WORKER_DIED", DIED)
        if not self.state.is_through(held[-1]):
            self.state.cursor = held[-1]
            self.state.accounts += 1

    def write(self) -> None:
        """Go on behind the cursor until every account of the run is through."""
        while self._next(self.state.cursor):
            with self.turns.mine(), self._pool() as pool:
                self._stretch(pool)
            self.turns.offer()

    def settle(self) -> None:
        """What Salesforce refused for a moment is tried again, as what workers held and did not come to is. What they
        still hold is given some time, so that the report tells of it."""
        Pauses(ROUNDS, self._again).until_result(lambda: self._is_settled() or None)

    def _again(self, pause: float) -> None:
        self.sleep(pause)
        after = ""
        while some := self._unsettled(after):
            self._require_calls()
            for one in self.pasts.lacking(some):
                self.pasts.fetch(one)
            with self.turns.mine():
                self._written(some, urgent=True)
            after = some[-1].key
            self.done()

    def _stretch(self, pool: ThreadPoolExecutor) -> None:
        """Some batches. They are over in their order, so that what is behind the cursor is through."""
        under_way: deque[tuple[list[Due], Future[Outcome]]] = deque()
        after, left = self.state.cursor, STRETCH
        while True:
            while left and len(under_way) < self._side_by_side and (some := self._next(after)):
                self._require_calls()
                under_way.append((some, pool.submit(self._written, some)))
                after, left = some[-1].key, left - 1
            if not under_way:
                return
            some, coming = under_way.popleft()
            self.state.left += len(some) - coming.result().claimed
            self._through(some)

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        """Who waits for Salesforce when this is interrupted stops waiting."""
        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="backfill") as pool:
            try:
                yield pool
            except BaseException as error:
                pool.shutdown(wait=False, cancel_futures=True)
                if not isinstance(error, Exception):
                    self._over.set()
                raise

    @property
    def _side_by_side(self) -> int:
        return SIDE_BY_SIDE if self.state.narrow is None else 1

    def _next(self, after: str) -> list[Due]:
        limit = self.state.narrow or self.at_once
        with self.engine.connect() as connection:
            return subject_query.walk(connection, SubjectFilter(backfill=self.run_id), after, limit)

    def _is_settled(self) -> bool:
        with self.engine.connect() as connection:
            return backfills.is_settled(connection, self.run_id)

    def _unsettled(self, after: str) -> list[Due]:
        limit = self.state.narrow or self.at_once
        with self.engine.connect() as connection:
            return backfills.unsettled(connection, self.run_id, after, limit)

    def _written(self, some: Sequence[Due], *, urgent: bool = False) -> Outcome:
        with self._baton:
            ready = self._ready(some, urgent=urgent)
            if not ready:
                return Outcome()
            outcome = resync_now(self.applier, ready, self.cause, self._wait)
        if outcome.open:
            raise self._away()
        outcome.plans.clear()
        return outcome

    def _ready(self, some: Sequence[Due], *, urgent: bool) -> list[Due]:
        """Those that are for this process. What is urgent is left to the workers, who do not wait for thousands of
        rows; and so is an account whose past could not be fetched. They are due for this run. ``urgent``: the workers
        had their time."""
        keys = [one.key for one in some]
        with self.engine.begin() as connection:
            lacking = backfill_errors.not_fetched(connection, self.run_id, keys)
            left = lacking if urgent else lacking | subject_status.urgent(connection, keys)
            subjects.mark_due(
                connection, [replace(one, run_id=self.run_id) for one in some if one.key in left]
            )
            subjects.decide_history(connection, (), sorted(lacking))
        return [one for one in some if one.key not in left]

    def _wait(self, seconds: float) -> None:
        """The other batch goes on meanwhile: two that compute at once would only be in each other's way."""
        self._baton.release()
        try:
            self.sleep(seconds)
        finally:
            self._baton.acquire()
        if self._over.is_set():
            raise Interrupted

    def _through(self, some: Sequence[Due]) -> None:
        self.state.cursor = some[-1].key
        self.state.accounts += len(some)
        self._widen()
        with self.engine.begin() as connection:
            backfill_errors.forget(connection, self.run_id, [one.key for one in some], UNDECIDED)
            self.save(connection)
        self.done()

    def _widen(self) -> None:
        if self.state.narrow is not None:
            wider = self.state.narrow * NARROWER
            self.state.narrow = wider if wider < self.at_once else None

    def _require_calls(self) -> None:
        if self.applier.spending is not None:
            self.applier.spending.require()

    def _away(self) -> Transient | Permanent:
        """What only a person can mend is not waited for."""
        with self.engine.connect() as connection:
            why = circuit_breakers.open_circuits(connection).get(DESTINATION)
        if why is not None and why.code == circuit_breakers.NOT_SET_UP:
            return Permanent(why.reason)
        return Transient(f"Salesforce is not available. {why.reason if why else ''}".strip())


def worker(run_id: int) -> str:
    """In whose name the accounts of a run are held, so that who goes on with it finds them."""
    return f"backfill-{run_id}"
