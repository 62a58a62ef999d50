"""Phase 2: the accounts of the run are decided and written, some thousand records at a time.

Workers go on beside it. Between two batches they get their turn at writing in bulk, and the org's budget is looked at.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Engine

from connector.errors import Permanent, Transient
from connector.events import Urgency
from connector.ledger import backfills, circuits, locks, population, subjects
from connector.ledger.attempts import Cause
from connector.ledger.locks import Lock
from connector.ledger.population import Which
from connector.ledger.subjects import Due
from connector.sync.apply import Applier, Outcome
from connector.sync.backfill.pasts import Pasts
from connector.sync.backfill.state import State
from connector.sync.destination import DESTINATION
from connector.sync.resync import resync_now
from connector.sync.writing import Wait

AT_ONCE: Final = 700
"""Accounts of one batch: with three invoices each enough for bulk jobs, and few enough for memory to stay flat."""
SIDE_BY_SIDE: Final = 2
"""Batches under way: while Salesforce works on one, the other is decided."""
STRETCH: Final = 8
"""Batches before others get their turn."""
TURN_SECONDS: Final = 1.0
GIVEN_SECONDS: Final = 10.0
"""How long workers that have very much to write get before the next batch."""
ROUNDS: Final = (0.0, 5.0, 20.0)
"""Seconds before each new try of what was refused for a moment."""


class Interrupted(Exception):
    """A person stopped it."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Writing in bulk is one process's at a time. ``many``: from so many due accounts on workers write in bulk."""

    engine: Engine
    many: int
    sleep: Wait

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Waits until nobody else writes in bulk."""
        with locks.turn(self.engine, Lock.BULK, lambda: self.sleep(TURN_SECONDS)):
            yield

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
    at_once: int
    _baton: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def engine(self) -> Engine:
        return self.applier.engine

    def write(self) -> None:
        """Go on behind the cursor until every account of the run is through."""
        while self._next(self.state.cursor):
            with self.turns.mine(), self._pool() as pool:
                self._stretch(pool)
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
            with self.turns.mine():
                self._written(self.pasts.complete(some))
            after = some[-1].key
            self.done()

    def _stretch(self, pool: ThreadPoolExecutor) -> None:
        """Some batches. They are over in their order, so that what is behind the cursor is through."""
        under_way: deque[tuple[list[Due], Future[Outcome]]] = deque()
        after, left = self.state.cursor, STRETCH
        while True:
            while left and len(under_way) < SIDE_BY_SIDE and (some := self._next(after)):
                self._require_calls()
                under_way.append((some, pool.submit(self._written, self.pasts.complete(some))))
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

    def _next(self, after: str) -> list[Due]:
        with self.engine.connect() as connection:
            return population.walk(connection, Which(backfill=self.run_id), after, self.at_once)

    def _unsettled(self, after: str) -> list[Due]:
        with self.engine.connect() as connection:
            return backfills.unsettled(connection, self.run_id, after, self.at_once)

    def _written(self, some: Sequence[Due]) -> Outcome:
        if not some:
            return Outcome()
        with self._baton:
            outcome = resync_now(self.applier, some, self.cause, self._wait)
        if outcome.open:
            raise self._away()
        outcome.plans.clear()
        return outcome

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
