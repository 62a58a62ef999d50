"""A backfill from where it is to its end, over outages of vendors and of PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy import Connection, Engine

from connector.errors import Permanent
from connector.ledger import backfills, leases, runs
from connector.ledger.attempts import Cause
from connector.sync.apply import Applier
from connector.sync.backfill import writing
from connector.sync.backfill.deciding import Decider
from connector.sync.backfill.pasts import Pasts
from connector.sync.backfill.reading import Reader, Source
from connector.sync.backfill.state import Asked, Phase, State
from connector.sync.backfill.turn import Turn
from connector.sync.backfill.writing import Turns, Writer
from connector.sync.feed import Site
from connector.sync.patience import AWAY, Patience
from connector.sync.writing import Wait


class Tell(Protocol):
    """Is told how far it is: objects read, or accounts worked."""

    def __call__(self, phase: Phase, done: int, total: int) -> None: ...


@dataclass(slots=True)
class Backfill:
    """``spent``: the calls that this process made so far, by vendor. ``writes``: also where it was begun without."""

    engine: Engine
    sources: Mapping[Site, Source]
    applier: Applier
    asked: Asked
    cause: Cause
    turn: Turn
    turns: Turns
    patience: Patience
    tell: Tell
    spent: Callable[[], Mapping[str, int]]
    writes: bool
    sleep: Wait = time.sleep
    clock: Callable[[], float] = time.monotonic
    at_once: int = writing.AT_ONCE
    state: State = field(default_factory=State)
    _total: int = 0
    _noted: dict[str, int] = field(default_factory=dict)
    _noted_at: float = 0.0

    def run(self) -> State:
        """To its end. Raises what is away for too long; Permanent where it cannot go on now."""
        self._noted_at = self.clock()
        try:
            while True:
                try:
                    self._go_on()
                    return self.state
                except AWAY as error:
                    self.patience.bear(error)
                self._retake()
        finally:
            self._give_back()

    def _retake(self) -> None:
        """PostgreSQL may have been restarted, and forgotten whose turn it is."""
        while True:
            try:
                self.turn.take()
                return
            except AWAY as error:
                self.patience.bear(error)

    def _give_back(self) -> None:
        """What is held when it is interrupted is free at once."""
        with suppress(*AWAY), self.engine.begin() as connection:
            leases.release_all(connection, writing.worker(self._run_id), spend=False)

    def _go_on(self) -> None:
        self._recall()
        if self.state.phase is Phase.READING:
            self._read()
        if self.state.writes:
            self._write()
        elif self.state.phase is not Phase.DECIDED:
            self._decide()

    def _recall(self) -> None:
        """How far the ledger knows it is: what this process thought may never have been kept."""
        with self.engine.begin() as connection:
            run = runs.named(connection, self._run_id)
            assert run is not None
            self.state = State.of(run.progress)
            self.state.writes = self.state.writes or self.writes
            runs.progress(connection, self._run_id, self.state.document())

    def _read(self) -> None:
        reader = Reader(
            self.engine,
            self.sources,
            self.asked,
            self._run_id,
            self.state,
            self._save,
            lambda _: self._done(),
        )
        self._total = reader.total()
        self._told()
        reader.read()

    def _decide(self) -> None:
        if self.state.phase is not Phase.DECIDING:
            self.state.go_through(Phase.DECIDING)
        self._count()
        Decider(
            self.applier, self._run_id, self.state, self._pasts(), self._save, self._done, self.at_once
        ).decide()
        self._end(Phase.DECIDED)

    def _write(self) -> None:
        if self.state.phase not in (Phase.WRITING, Phase.SETTLING):
            self.state.go_through(Phase.WRITING)
        with self.engine.begin() as connection:
            # what a killed process of this run held
            leases.release_all(connection, writing.worker(self._run_id), spend=False)
            self._save(connection)
        self._count()
        writer = Writer(
            replace(self.applier, worker=writing.worker(self._run_id)),
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
        if self.state.phase is Phase.WRITING:
            writer.write()
            self._end(Phase.SETTLING)
        writer.settle()
        self._end(Phase.OVER)

    def _pasts(self) -> Pasts:
        return Pasts(self.engine, self.sources, self.asked.is_whole)

    def _count(self) -> None:
        with self.engine.connect() as connection:
            self._total = backfills.count(connection, self._run_id)
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
        if self.state.phase is Phase.SETTLING:
            return
        reading = self.state.phase is Phase.READING
        done = sum(self.state.objects().values()) if reading else self.state.accounts
        self.tell(self.state.phase, min(done, self._total), self._total)

    @property
    def _run_id(self) -> int:
        if self.cause.run_id is None:
            raise Permanent("A backfill needs a run of its own.")
        return self.cause.run_id
