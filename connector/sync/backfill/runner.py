"""Run a backfill from its checkpoint to its end, through outages of vendors and of PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection, Engine

from connector.errors import Permanent
from connector.ledger import backfills, leases, runs
from connector.ledger.attempts import Cause
from connector.retry import AWAY, RetryPolicy
from connector.sync.apply.applier import Applier
from connector.sync.apply.record_writer import Wait
from connector.sync.backfill import batch_writer
from connector.sync.backfill.batch_writer import BatchWriter
from connector.sync.backfill.checkpoint import BackfillOptions, Checkpoint, Phase
from connector.sync.backfill.dry_run import DryRun
from connector.sync.backfill.feed_import import CountingSource, FeedImporter
from connector.sync.backfill.history_completion import HistoryCompletion, MissingHistories
from connector.sync.backfill.locks import BackfillLock, BulkWriteLock
from connector.sync.monitoring import gap_detection
from connector.sync.refresh.change_feed import Site


class ReportProgress(Protocol):
    """Called with the progress: objects read, or accounts worked."""

    def __call__(self, phase: Phase, done: int, total: int) -> None: ...


class Unit(StrEnum):
    """The unit of the number that a person confirms before much is written."""

    CHANGES = "changes"
    """The dry run has counted them."""
    ACCOUNTS = "accounts"
    """Without a dry run: only the number of accounts is known."""


Confirm = Callable[[int, Unit], None]
"""Return if the given number may be written; otherwise raise the error that ends the run."""


@dataclass(slots=True)
class Backfill:
    """One run. ``spent``: the calls that this process made so far, by vendor. ``writes``: write to Salesforce, also if
    the run was started as a dry run, provided that ``confirm`` returns."""

    engine: Engine
    sources: Mapping[Site, CountingSource]
    applier: Applier
    options: BackfillOptions
    cause: Cause
    lock: BackfillLock
    bulk_lock: BulkWriteLock
    retry_policy: RetryPolicy
    report_progress: ReportProgress
    spent: Callable[[], Mapping[str, int]]
    writes: bool
    confirm: Confirm
    sleep: Wait = time.sleep
    clock: Callable[[], float] = time.monotonic
    batch_size: int = batch_writer.BATCH_SIZE
    state: Checkpoint = field(default_factory=Checkpoint)
    _is_caught_up: bool = False
    _is_begun: bool = False
    _total: int = 0
    _saved_calls: dict[str, int] = field(default_factory=dict)
    _saved_at: float = 0.0

    def run(self) -> Checkpoint:
        """Run to the end. Raises the error of a vendor that is unavailable for too long; Permanent if the run cannot
        continue now."""
        self._saved_at = self.clock()
        try:
            for attempt in self.retry_policy.attempts():
                with attempt:
                    if attempt.retry_state.attempt_number > 1:
                        self.lock.acquire()  # PostgreSQL may have been restarted, and its locks with it
                    self._resume()
            return self.state
        finally:
            self._release()

    def _release(self) -> None:
        """Release the leases of this run, so that an interruption leaves none."""
        with suppress(*AWAY), self.engine.begin() as connection:
            leases.release_all(connection, batch_writer.worker(self._run_id), spend=False)

    def _resume(self) -> None:
        self._load_state()
        if self.state.phase is Phase.OVER:
            return
        if self.state.phase is Phase.READING:
            self._read()
        if self.writes or self.state.writes:
            self._confirm()
            self._catch_up()
            self._complete()
            self._write()
        elif self.state.phase is not Phase.DECIDED:
            self._complete()
            self._decide()

    def _load_state(self) -> None:
        """Load the state from the ledger: the state in memory may never have been saved. After a dry run, writing is
        confirmed first."""
        with self.engine.begin() as connection:
            run = runs.named(connection, self._run_id)
            assert run is not None
            self.state = Checkpoint.of(run.progress)
            if self.writes and self.state.phase is not Phase.DECIDED:
                self.state.writes = True
            runs.progress(connection, self._run_id, self.state.document())

    def _read(self) -> None:
        reader = self._reader()
        self._total = reader.total()
        self._report_read()
        reader.read()
        self._end(Phase.COMPLETING)

    def _reader(self) -> FeedImporter:
        return FeedImporter(
            self.engine,
            self.sources,
            self.options,
            self._run_id,
            self.state,
            self._save,
            lambda _: self._page_read(),
        )

    def _confirm(self) -> None:
        """Ask for confirmation unless a person has confirmed the number of writes."""
        if not self.state.agreed:
            if self.state.phase is Phase.DECIDED:
                self.confirm(self.state.changes(), Unit.CHANGES)
            else:
                self.confirm(self._found(), Unit.ACCOUNTS)
        self.state.writes = self.state.agreed = True
        with self.engine.begin() as connection:
            self._save(connection)

    def _catch_up(self) -> None:
        """Read what changed since the feeds were read, once per process: that may be a week ago."""
        if not self._is_caught_up:
            self._reader().read_changes()
            self._is_caught_up = True

    def _complete(self) -> None:
        HistoryCompletion(
            self.sources,
            self._reader(),
            self._histories(),
            self.state,
            self.retry_policy.report,
            self._report_completed,
            self.batch_size,
        ).complete()

    def _report_completed(self, done: int, total: int) -> None:
        self.retry_policy.done()
        self.report_progress(Phase.COMPLETING, done, total)

    def _decide(self) -> None:
        if self.state.phase is not Phase.DECIDING:
            self.state.start_phase(Phase.DECIDING)
        self._count()
        DryRun(self.applier, self._run_id, self.state, self._save, self._batch_done, self.batch_size).decide()
        self._end(Phase.DECIDED)

    def _write(self) -> None:
        if self.state.phase not in (Phase.WRITING, Phase.SETTLING):
            self.state.start_phase(Phase.WRITING)
        writer = BatchWriter(
            replace(self.applier, worker=batch_writer.worker(self._run_id)),
            self.cause,
            self._run_id,
            self.state,
            self._histories(),
            self.bulk_lock,
            self._save,
            self._batch_done,
            self.sleep,
            self.batch_size,
        )
        writer.reclaim(from_killed=not self._is_begun)
        self._is_begun = True
        self._count()
        if self.state.phase is Phase.WRITING:
            writer.write()
            self._end(Phase.SETTLING)
        writer.retry_unsettled()
        self.state.phase = Phase.OVER
        with self.engine.begin() as connection:
            self._save(connection)
            self._start_gap_detection(connection)

    def _start_gap_detection(self, connection: Connection) -> None:
        """After a complete read, let gap detection start where the feeds were read to."""
        run = runs.named(connection, self._run_id)
        if self.options.is_complete and run is not None:
            for site in self.options.sites:
                marks = {kind: self.state.mark(site, kind).until for kind in self.options.kinds}
                gap_detection.start_from(
                    connection, site, {kind: at or run.started_at for kind, at in marks.items()}
                )

    def _histories(self) -> MissingHistories:
        return MissingHistories(self.engine, self.sources, self.options, self._run_id, self.state)

    def _found(self) -> int:
        with self.engine.connect() as connection:
            return backfills.count(connection, self._run_id)

    def _count(self) -> None:
        self._total = self._found()
        self._report()

    def _end(self, phase: Phase) -> None:
        self.state.phase = phase
        with self.engine.begin() as connection:
            self._save(connection)

    def _save(self, connection: Connection) -> None:
        spent, now = dict(self.spent()), self.clock()
        for name, calls in spent.items():
            self.state.calls[name] += calls - self._saved_calls.get(name, 0)
        self.state.seconds += now - self._saved_at
        self._saved_calls, self._saved_at = spent, now
        runs.progress(connection, self._run_id, self.state.document())

    def _batch_done(self) -> None:
        self.retry_policy.done()
        self._report()

    def _report(self) -> None:
        if self.state.phase is not Phase.SETTLING:
            self.report_progress(self.state.phase, min(self.state.accounts, self._total), self._total)

    def _page_read(self) -> None:
        self.retry_policy.done()
        self._report_read()

    def _report_read(self) -> None:
        done = self.state.read()
        self._total = max(self._total, done)
        self.report_progress(Phase.READING, done, self._total)

    @property
    def _run_id(self) -> int:
        if self.cause.run_id is None:
            raise Permanent("A backfill needs a run of its own.")
        return self.cause.run_id
