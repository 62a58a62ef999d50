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

BATCH_SIZE: Final = 700
"""Accounts per batch: with three invoices each enough rows for bulk jobs, and few enough to keep memory flat."""
PARALLEL_BATCHES: Final = 2
"""Concurrent batches: while Salesforce works on one, the other is decided."""
BATCHES_PER_LOCK: Final = 8
"""Batches that are written before the bulk write lock is offered to workers."""
NARROWING_FACTOR: Final = 8
"""Divisor of the batch size after accounts killed their process; the size grows by the same factor after each batch."""
RETRY_PAUSES: Final = (0.0, 5.0, 20.0)
"""Seconds to wait before each retry of temporarily refused accounts."""


KILLED_TEXT: Final = (
    "The process that worked this account alone was killed, like the processes that worked it with others."
)


class Interrupted(Exception):
    """A person stopped the backfill."""


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """Writes the accounts of a run in batches. ``save`` stores the state; ``report_progress`` is called after each
    batch. Raises Transient if Salesforce becomes unavailable: rows that were written stay written, and the batch is
    tried again."""

    applier: Applier
    cause: Cause
    run_id: int
    state: Checkpoint
    histories: MissingHistories
    bulk_lock: BulkWriteLock
    save: Callable[[Connection], None]
    report_progress: Callable[[], None]
    sleep: Wait
    batch_size: int
    _compute_lock: threading.Lock = field(default_factory=threading.Lock)
    _interrupted: threading.Event = field(default_factory=threading.Event)

    @property
    def engine(self) -> Engine:
        return self.applier.engine

    def reclaim(self, *, from_killed: bool) -> None:
        """Release the leases that an earlier process of this run left. If that process was killed, one of its accounts
        may be the cause: the batch size shrinks, and an account that was worked alone becomes a dead letter."""
        with self.engine.begin() as connection:
            leased = leases.held(connection, self.applier.worker)
            if leased and from_killed:
                self._narrow_or_bury(connection, leased)
            leases.release_all(connection, self.applier.worker, spend=False)
            self.save(connection)

    def _narrow_or_bury(self, connection: Connection, leased: Sequence[str]) -> None:
        if self.state.narrow != 1:
            self.state.narrow = max((self.state.narrow or self.batch_size) // NARROWING_FACTOR, 1)
            return
        leases.bury_held(connection, self.applier.worker, "WORKER_DIED", KILLED_TEXT)
        if not self.state.is_written(leased[-1]):
            self.state.cursor = leased[-1]
            self.state.accounts += 1

    def write(self) -> None:
        """Continue behind the cursor until every account of the run is written."""
        while self._next(self.state.cursor):
            with self.bulk_lock.acquired(), self._pool() as pool:
                self._write_batches(pool)
            self.bulk_lock.yield_to_workers()

    def retry_unsettled(self) -> None:
        """Retry accounts that Salesforce refused temporarily, and accounts that were left to workers and not finished.
        Wait some time for those that workers still lease, so that the report includes them."""
        Pauses(RETRY_PAUSES, self._retry_round).until_result(lambda: self._is_settled() or None)

    def _retry_round(self, pause: float) -> None:
        self.sleep(pause)
        after = ""
        while some := self._unsettled(after):
            self._require_calls()
            for one in self.histories.incomplete(some):
                self.histories.fetch(one)
            with self.bulk_lock.acquired():
                self._write_batch(some, urgent=True)
            after = some[-1].key
            self.report_progress()

    def _write_batches(self, pool: ThreadPoolExecutor) -> None:
        """Write some batches. They end in their order, so that all accounts before the cursor are written."""
        under_way: deque[tuple[list[Due], Future[Outcome]]] = deque()
        after, left = self.state.cursor, BATCHES_PER_LOCK
        while True:
            while left and len(under_way) < self._parallel_batches and (some := self._next(after)):
                self._require_calls()
                under_way.append((some, pool.submit(self._write_batch, some)))
                after, left = some[-1].key, left - 1
            if not under_way:
                return
            some, pending = under_way.popleft()
            self.state.left += len(some) - pending.result().claimed
            self._advance(some)

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        """A pool for the batches. After an interruption, threads that wait for Salesforce stop waiting."""
        with ThreadPoolExecutor(PARALLEL_BATCHES, thread_name_prefix="backfill") as pool:
            try:
                yield pool
            except BaseException as error:
                pool.shutdown(wait=False, cancel_futures=True)
                if not isinstance(error, Exception):
                    self._interrupted.set()
                raise

    @property
    def _parallel_batches(self) -> int:
        return PARALLEL_BATCHES if self.state.narrow is None else 1

    def _next(self, after: str) -> list[Due]:
        limit = self.state.narrow or self.batch_size
        with self.engine.connect() as connection:
            return subject_query.walk(connection, SubjectFilter(backfill=self.run_id), after, limit)

    def _is_settled(self) -> bool:
        with self.engine.connect() as connection:
            return backfills.is_settled(connection, self.run_id)

    def _unsettled(self, after: str) -> list[Due]:
        limit = self.state.narrow or self.batch_size
        with self.engine.connect() as connection:
            return backfills.unsettled(connection, self.run_id, after, limit)

    def _write_batch(self, some: Sequence[Due], *, urgent: bool = False) -> Outcome:
        with self._compute_lock:
            ready = self._own_accounts(some, urgent=urgent)
            if not ready:
                return Outcome()
            outcome = resync_now(self.applier, ready, self.cause, self._wait)
        if outcome.open:
            raise self._outage_error()
        outcome.plans.clear()
        return outcome

    def _own_accounts(self, some: Sequence[Due], *, urgent: bool) -> list[Due]:
        """The accounts that this process writes. Urgent accounts are left to the workers, which do not wait for
        thousands of rows. Accounts whose history could not be fetched are left, too. Both become due for this run.
        ``urgent``: write urgent accounts as well, since the workers had their time."""
        keys = [one.key for one in some]
        with self.engine.begin() as connection:
            incomplete = backfill_errors.not_fetched(connection, self.run_id, keys)
            left = incomplete if urgent else incomplete | subject_status.urgent(connection, keys)
            subjects.mark_due(
                connection, [replace(one, run_id=self.run_id) for one in some if one.key in left]
            )
            subjects.decide_history(connection, (), sorted(incomplete))
        return [one for one in some if one.key not in left]

    def _wait(self, seconds: float) -> None:
        """Wait for Salesforce while the other batch is decided: two batches that compute at once would only slow each
        other."""
        self._compute_lock.release()
        try:
            self.sleep(seconds)
        finally:
            self._compute_lock.acquire()
        if self._interrupted.is_set():
            raise Interrupted

    def _advance(self, some: Sequence[Due]) -> None:
        self.state.cursor = some[-1].key
        self.state.accounts += len(some)
        self._widen()
        with self.engine.begin() as connection:
            backfill_errors.forget(connection, self.run_id, [one.key for one in some], UNDECIDED)
            self.save(connection)
        self.report_progress()

    def _widen(self) -> None:
        if self.state.narrow is not None:
            wider = self.state.narrow * NARROWING_FACTOR
            self.state.narrow = wider if wider < self.batch_size else None

    def _require_calls(self) -> None:
        if self.applier.spending is not None:
            self.applier.spending.require()

    def _outage_error(self) -> Transient | Permanent:
        """The error for an open circuit. Permanent if only a person can repair the cause: there is no use in
        waiting."""
        with self.engine.connect() as connection:
            why = circuit_breakers.open_circuits(connection).get(DESTINATION)
        if why is not None and why.code == circuit_breakers.NOT_SET_UP:
            return Permanent(why.reason)
        return Transient(f"Salesforce is not available. {why.reason if why else ''}".strip())


def worker(run_id: int) -> str:
    """The name under which the accounts of a run are leased. A process that resumes the run finds them by it."""
    return f"backfill-{run_id}"
