"""One backfill at a time for a ledger, on whatever machine."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from connector.errors import Permanent
from connector.ledger import locks
from connector.ledger.locks import Lock


@dataclass(slots=True)
class Turn:
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
