"""Phase 2: the accounts of the run are decided and written, some thousand records at a time.

Workers go on beside it. Between two batches they get their turn at writing in bulk, and the org's budget is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from connector.errors import Permanent, Transient
from connector.events import Urgency
from connector.ledger import backfills, circuits, leases, population, subjects
from connector.ledger.attempts import Cause
from connector.ledger.population import Which
from connector.ledger.subjects import Due
from connector.sync.apply import Applier, Outcome
from connector.sync.backfill.pasts import Pasts
from connector.sync.backfill.state import State
from connector.sync.destination import DESTINATION
from connector.sync.resync import resync_now
from connector.sync.writing import Wait

AT_ONCE: Final = 1_000
"""Accounts of one batch: enough for bulk jobs, and few enough for memory to stay flat."""
TURN_SECONDS: Final = 1.0
GIVEN_SECONDS: Final = 10.0
"""How long workers that have very much to write get before the next batch."""
ROUNDS: Final = (0.0, 5.0, 20.0)
"""Seconds before each new try of what was refused for a moment."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Writing in bulk is one process's at a time. ``lock``: the lock of the bulk runs; ``many``: from so many due
    accounts on workers write in bulk."""

    engine: Engine
    lock: int
    many: int
    sleep: Wait

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Waits until nobody else writes in bulk."""
        while True:
            with leases.alone(self.engine, self.lock) as is_ours:
                if is_ours:
                    yield
                    return
            self.sleep(TURN_SECONDS)

    def offer(self) -> None:
        """Where very much is due, a worker comes first."""
        with self.engine.connect() as connection:
            backlog = subjects.backlog(connection, self.many + 1, least=Urgency.FAILURE)
        if backlog.ready > self.many:
            self.sleep(GIVEN_SECONDS)


@dataclass(frozen=True, slots=True)
class Writer:
    """``save`` keeps the state; ``done`` is told after each batch. Raises Transient where Salesforce goes away: what
    was written is written, and the batch is tried again."""

    applier: Applier
    cause: Cause
    run_id: int
    state: State
    pasts: Pasts
    turns: Turns
    save: Callable[[Connection], None]
    done: Callable[[], None]
    sleep: Wait

    @property
    def engine(self) -> Engine:
        return self.applier.engine

    def write(self) -> None:
        """Go on behind the cursor until every account of the run is through."""
        while some := self._next():
            self._require_calls()
            whole = self.pasts.complete(some)
            outcome = self._written(whole)
            self.state.left += len(some) - outcome.claimed
            self._through(some)
            self.turns.offer()

    def settle(self) -> None:
        """What Salesforce refused for a moment is tried again, as what workers held and did not come to is."""
        for pause in ROUNDS:
            if not self._unsettled(""):
                return
            self.sleep(pause)
            self._again()

    def _again(self) -> None:
        after = ""
        while some := self._unsettled(after):
            self._require_calls()
            self._written(some)
            after = some[-1].key
            self.done()

    def _next(self) -> list[Due]:
        with self.engine.connect() as connection:
            return population.walk(connection, Which(backfill=self.run_id), self.state.cursor, AT_ONCE)

    def _unsettled(self, after: str) -> list[Due]:
        with self.engine.connect() as connection:
            return backfills.unsettled(connection, self.run_id, after, AT_ONCE)

    def _written(self, some: Sequence[Due]) -> Outcome:
        if not some:
            return Outcome()
        with self.turns.mine():
            outcome = resync_now(self.applier, some, self.cause, self.sleep)
        if outcome.open:
            raise self._away()
        return outcome

    def _through(self, some: Sequence[Due]) -> None:
        self.state.cursor = some[-1].key
        self.state.accounts += len(some)
        with self.engine.begin() as connection:
            self.save(connection)
        self.done()

    def _require_calls(self) -> None:
        """Deciding what an admin asked for is no more urgent than what people need the calls for."""
        spending = self.applier.spending
        if spending is not None and spending.level() < Urgency.ROUTINE:
            raise Permanent("The org's API calls are short: what is left is kept for people and urgent work.")

    def _away(self) -> Transient | Permanent:
        """What only a person can mend is not waited for."""
        with self.engine.connect() as connection:
            why = circuits.open_circuits(connection).get(DESTINATION)
        if why is not None and why.code == circuits.NOT_SET_UP:
            return Permanent(why.reason)
        return Transient(f"Salesforce is not available. {why.reason if why else ''}".strip())


def worker(run_id: int) -> str:
    """In whose name the accounts of a run are held, so that who goes on with it finds them."""
    return f"backfill-{run_id}"
