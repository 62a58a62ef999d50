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


class Tell(Protocol):
    """Is told how far it is: objects read, or accounts worked."""

    def __call__(self, phase: Phase, done: int, total: int) -> None: ...


class Unit(StrEnum):
    """What is counted when somebody is asked how much may be written."""

    CHANGES = "changes"
    """A look has counted them."""
    ACCOUNTS = "accounts"
    """Nobody has looked: it is known only how many there are."""


Agree = Callable[[int, Unit], None]
"""Returns if so many may be written; raises what ends it otherwise."""


@dataclass(slots=True)
class Backfill:
    """``spent``: the calls that this process made so far, by vendor. ``writes``: also where it was begun without, if
    that is agreed to (``agree``)."""

    engine: Engine
    sources: Mapping[Site, CountingSource]
    applier: Applier
    asked: BackfillOptions
    cause: Cause
    turn: BackfillLock
    turns: BulkWriteLock
    patience: RetryPolicy
    tell: Tell
    spent: Callable[[], Mapping[str, int]]
    writes: bool
    agree: Agree
    sleep: Wait = time.sleep
    clock: Callable[[], float] = time.monotonic
    at_once: int = batch_writer.AT_ONCE
    state: Checkpoint = field(default_factory=Checkpoint)
    _is_caught_up: bool = False
    _is_begun: bool = False
    _total: int = 0
    _noted: dict[str, int] = field(default_factory=dict)
    _noted_at: float = 0.0

    def run(self) -> Checkpoint:
        """To its end. Raises what is away for too long; Permanent where it cannot go on now."""
        self._noted_at = self.clock()
        try:
            for attempt in self.patience.attempts():
                with attempt:
                    if attempt.retry_state.attempt_number > 1:
                        self.turn.take()  # PostgreSQL may have been restarted, and its locks with it
                    self._go_on()
            return self.state
        finally:
            self._give_back()

    def _give_back(self) -> None:
        """What is held when it is interrupted is free at once."""
        with suppress(*AWAY), self.engine.begin() as connection:
            leases.release_all(connection, batch_writer.worker(self._run_id), spend=False)

    def _go_on(self) -> None:
        self._recall()
        if self.state.phase is Phase.OVER:
            return
        if self.state.phase is Phase.READING:
            self._read()
        if self.writes or self.state.writes:
            self._agree()
            self._catch_up()
            self._complete()
            self._write()
        elif self.state.phase is not Phase.DECIDED:
            self._complete()
            self._decide()

    def _recall(self) -> None:
        """How far the ledger knows it is: what this process thought may never have been kept. To write what was looked
        at is agreed to first."""
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
        self._told_read()
        reader.read()
        self._end(Phase.COMPLETING)

    def _reader(self) -> FeedImporter:
        return FeedImporter(
            self.engine,
            self.sources,
            self.asked,
            self._run_id,
            self.state,
            self._save,
            lambda _: self._read_on(),
        )

    def _agree(self) -> None:
        """Much is written only if somebody saw how much."""
        if not self.state.agreed:
            if self.state.phase is Phase.DECIDED:
                self.agree(self.state.changes(), Unit.CHANGES)
            else:
                self.agree(self._found(), Unit.ACCOUNTS)
        self.state.writes = self.state.agreed = True
        with self.engine.begin() as connection:
            self._save(connection)

    def _catch_up(self) -> None:
        """What was read may be from last week: what changed since is read before it is written, once a process."""
        if not self._is_caught_up:
            self._reader().again()
            self._is_caught_up = True

    def _complete(self) -> None:
        HistoryCompletion(
            self.sources,
            self._reader(),
            self._pasts(),
            self.state,
            self.patience.report,
            self._completed,
            self.at_once,
        ).complete()

    def _completed(self, done: int, total: int) -> None:
        self.patience.done()
        self.tell(Phase.COMPLETING, done, total)

    def _decide(self) -> None:
        if self.state.phase is not Phase.DECIDING:
            self.state.go_through(Phase.DECIDING)
        self._count()
        DryRun(self.applier, self._run_id, self.state, self._save, self._done, self.at_once).decide()
        self._end(Phase.DECIDED)

    def _write(self) -> None:
        if self.state.phase not in (Phase.WRITING, Phase.SETTLING):
            self.state.go_through(Phase.WRITING)
        writer = BatchWriter(
            replace(self.applier, worker=batch_writer.worker(self._run_id)),
            self.cause,
            self._run_id,
            self.state,
            self._pasts(),
            self.turns,
            self._save,
            self._done,
            self.sleep,
            self.at_once,
        )
        writer.take_back(from_killed=not self._is_begun)
        self._is_begun = True
        self._count()
        if self.state.phase is Phase.WRITING:
            writer.write()
            self._end(Phase.SETTLING)
        writer.settle()
        self.state.phase = Phase.OVER
        with self.engine.begin() as connection:
            self._save(connection)
            self._go_on_from_here(connection)

    def _go_on_from_here(self, connection: Connection) -> None:
        """Where all there is was read, whoever looks for what no delivery tells of begins behind it."""
        run = runs.named(connection, self._run_id)
        if self.asked.is_whole and run is not None:
            for site in self.asked.sites:
                marks = {kind: self.state.mark(site, kind).until for kind in self.asked.kinds}
                gap_detection.start_from(
                    connection, site, {kind: at or run.started_at for kind, at in marks.items()}
                )

    def _pasts(self) -> MissingHistories:
        return MissingHistories(self.engine, self.sources, self.asked, self._run_id, self.state)

    def _found(self) -> int:
        with self.engine.connect() as connection:
            return backfills.count(connection, self._run_id)

    def _count(self) -> None:
        self._total = self._found()
        self._told()

    def _end(self, phase: Phase) -> None:
        self.state.phase = phase
        with self.engine.begin() as connection:
            self._save(connection)

    def _save(self, connection: Connection) -> None:
        spent, now = dict(self.spent()), self.clock()
        for name, calls in spent.items():
            self.state.calls[name] += calls - self._noted.get(name, 0)
        self.state.seconds += now - self._noted_at
        self._noted, self._noted_at = spent, now
        runs.progress(connection, self._run_id, self.state.document())

    def _done(self) -> None:
        self.patience.done()
        self._told()

    def _told(self) -> None:
        if self.state.phase is not Phase.SETTLING:
            self.tell(self.state.phase, min(self.state.accounts, self._total), self._total)

    def _read_on(self) -> None:
        self.patience.done()
        self._told_read()

    def _told_read(self) -> None:
        done = self.state.read()
        self._total = max(self._total, done)
        self.tell(Phase.READING, done, self._total)

    @property
    def _run_id(self) -> int:
        if self.cause.run_id is None:
            raise Permanent("A backfill needs a run of its own.")
        return self.cause.run_id
