"""What writing would come to, counted and not written: records, accounts, links, and the calls it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from connector.ledger import links, population
from connector.ledger.population import Which
from connector.ledger.subjects import Due
from connector.sync import costing
from connector.sync.apply import Applier
from connector.sync.backfill.pasts import Pasts
from connector.sync.backfill.state import State
from connector.sync.costing import Way
from connector.sync.resync import look


@dataclass(frozen=True, slots=True)
class Decider:
    """Counts go to ``state.would``: ``create OBJECT``, ``update OBJECT``, and words for accounts and calls."""

    applier: Applier
    run_id: int
    state: State
    pasts: Pasts
    save: Callable[[Connection], None]
    done: Callable[[], None]
    at_once: int

    @property
    def engine(self) -> Engine:
        return self.applier.engine

    def decide(self) -> None:
        """Go on behind the cursor until every account of the run is counted."""
        while some := self._next():
            would = self._counted(self.pasts.complete(some))
            self.state.would += would
            self.state.cursor = some[-1].key
            self.state.accounts += len(some)
            self.state.left += len(some) - would["accounts"]
            with self.engine.begin() as connection:
                self.save(connection)
            self.done()

    def _next(self) -> list[Due]:
        with self.engine.connect() as connection:
            return population.walk(connection, Which(backfill=self.run_id), self.state.cursor, self.at_once)

    def _counted(self, some: Sequence[Due]) -> Counter[str]:
        would: Counter[str] = Counter(accounts=len(some))
        rows: Counter[Way] = Counter()
        for one in look(self.applier, some, {}):
            fate = "failed" if one.trouble else "changed" if one.changes else "unchanged"
            would[fate] += 1
            for row in one.changes:
                would[f"{'update' if row.exists else 'create'} {row.change.object}"] += 1
                rows[row.change.object, row.id is not None] += 1
        would["calls"] += sum(costing.calls(rows, bulk=True).values())
        return would + self._linked([one.key for one in some])

    def _linked(self, keys: Sequence[str]) -> Counter[str]:
        with self.engine.connect() as connection:
            return Counter(str(link.state) for link in links.load(connection, keys).values())
