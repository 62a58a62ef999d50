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

TURN_SECONDS: Final = 1.0
GIVEN_SECONDS: Final = 10.0
"""How long workers that have very much to write get before the next batch."""


@dataclass(slots=True)
class BackfillLock:
    """Held in PostgreSQL as long as this process lives and PostgreSQL is not restarted."""

    engine: Engine
    _held: ExitStack = field(default_factory=ExitStack)

    def take(self) -> None:
        """Take it, or take it again. Permanent where another process has it."""
        self.leave()
        if not self._held.enter_context(locks.alone(self.engine, Lock.BACKFILL)):
            self.leave()
            raise Permanent("Another backfill is under way: let it end, or stop it. See: casewire runs list")

    def leave(self) -> None:
        """A lock whose connection broke is gone already."""
        with suppress(DBAPIError):
            self._held.close()


@dataclass(frozen=True, slots=True)
class BulkWriteLock:
    """Writing in bulk is one process's at a time. ``many``: from so many due accounts on workers write in bulk.
    ``say`` is told, once, that somebody else is at it."""

    engine: Engine
    many: int
    sleep: Wait
    say: Callable[[str], None]

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Waits until nobody else writes in bulk."""
        said: list[str] = []

        def wait() -> None:
            if not said:
                said.append("Somebody else writes in bulk: waiting for that to end.")
                self.say(said[0])
            self.sleep(TURN_SECONDS)

        with locks.turn(self.engine, Lock.BULK, wait):
            yield

    def offer(self) -> None:
        """Where very much is due, a worker comes first."""
        with self.engine.connect() as connection:
            backlog = subjects.backlog(connection, self.many + 1, least=Urgency.FAILURE)
        if backlog.ready > self.many:
            self.sleep(GIVEN_SECONDS)
