"""Locks of a backfill: one backfill per ledger at a time, and one process at a time that writes in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from connector.errors import Permanent
from connector.ledger import locks, subjects
from connector.ledger.locks import Lock
from connector.models.events import Urgency
from connector.sync.apply.record_writer import Wait

POLL_SECONDS: Final = 1.0
WORKER_SECONDS: Final = 10.0
"""How long workers with a large backlog get before the next batches."""


@dataclass(slots=True)
class BackfillLock:
    """An advisory lock: it lasts as long as this process and its connection to PostgreSQL."""

    engine: Engine
    _stack: ExitStack = field(default_factory=ExitStack)

    def acquire(self) -> None:
        """Acquire the lock, also again after a lost connection. Raises Permanent if another process has it."""
        self.release()
        if not self._stack.enter_context(locks.alone(self.engine, Lock.BACKFILL)):
            self.release()
            raise Permanent("Another backfill is under way: let it end, or stop it. See: casewire runs list")

    def release(self) -> None:
        """Release the lock. If its connection broke, PostgreSQL has released it already."""
        with suppress(DBAPIError):
            self._stack.close()


@dataclass(frozen=True, slots=True)
class BulkWriteLock:
    """The lock for bulk writing, which one process has at a time. ``threshold``: the number of due accounts from which
    workers write in bulk. ``report`` is called once if another process has the lock."""

    engine: Engine
    threshold: int
    sleep: Wait
    report: Callable[[str], None]

    @contextmanager
    def acquired(self) -> Iterator[None]:
        """Acquire the lock; wait until no other process writes in bulk."""
        messages: list[str] = []

        def wait() -> None:
            if not messages:
                messages.append("Another process writes in bulk: waiting until it ends.")
                self.report(messages[0])
            self.sleep(POLL_SECONDS)

        with locks.turn(self.engine, Lock.BULK, wait):
            yield

    def yield_to_workers(self) -> None:
        """Pause if the backlog of urgent work is large, so that a worker gets the lock first."""
        with self.engine.connect() as connection:
            backlog = subjects.backlog(connection, self.threshold + 1, least=Urgency.FAILURE)
        if backlog.ready > self.threshold:
            self.sleep(WORKER_SECONDS)
