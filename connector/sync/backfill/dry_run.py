"""Count what a backfill would write, without writing: records, accounts, links, and the calls that it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from connector.ledger import backfill_errors, links, subject_query
from connector.ledger.backfill_errors import ACCOUNT, NOT_FETCHED, UNDECIDED, BackfillError
from connector.ledger.subject_query import SubjectFilter
from connector.ledger.subjects import Due
from connector.sync.apply import call_estimate
from connector.sync.apply.applier import Applier
from connector.sync.apply.call_estimate import Way
from connector.sync.backfill.checkpoint import Checkpoint
from connector.sync.resync.resync import look


@dataclass(frozen=True, slots=True)
class DryRun:
    """Counts go to ``state.would``: ``create OBJECT``, ``update OBJECT``, and words for accounts and calls. Nothing
    becomes due, and nothing is written to Salesforce. Why an account cannot be decided is kept for the report."""

    applier: Applier
    run_id: int
    state: Checkpoint
    save: Callable[[Connection], None]
    done: Callable[[], None]
    at_once: int

    @property
    def engine(self) -> Engine:
        return self.applier.engine

    def decide(self) -> None:
        """Go on behind the cursor until every account of the run is counted. Permanent where the calls that are left
        are for people."""
        while some := self._next():
            self._require_calls()
            undecided = self._counted(some)
            self._note_calls()
            self.state.cursor = some[-1].key
            self.state.accounts += len(some)
            with self.engine.begin() as connection:
                backfill_errors.forget(connection, self.run_id, [one.key for one in some], UNDECIDED)
                backfill_errors.keep(connection, self.run_id, undecided)
                self.save(connection)
            self.done()

    def _require_calls(self) -> None:
        if self.applier.spending is not None:
            self.applier.spending.require()

    def _note_calls(self) -> None:
        if self.applier.spending is not None:
            self.applier.spending.note()

    def _next(self) -> list[Due]:
        with self.engine.connect() as connection:
            return subject_query.walk(
                connection, SubjectFilter(backfill=self.run_id), self.state.cursor, self.at_once
            )

    def _not_fetched(self, some: Sequence[Due]) -> dict[str, str]:
        """Those of which not all is known; why is told already."""
        with self.engine.connect() as connection:
            lacking = backfill_errors.not_fetched(connection, self.run_id, [one.key for one in some])
        return dict.fromkeys(lacking, NOT_FETCHED)

    def _counted(self, some: Sequence[Due]) -> list[BackfillError]:
        """Those that cannot be decided."""
        would: Counter[str] = Counter(accounts=len(some))
        rows: Counter[Way] = Counter()
        found: list[BackfillError] = []
        for one in look(self.applier, some, self._not_fetched(some)):
            fate = "failed" if one.trouble else "changed" if one.changes else "unchanged"
            would[fate] += 1
            for row in one.changes:
                would[f"{'update' if row.exists else 'create'} {row.change.object}"] += 1
                rows[row.change.object, row.id is not None] += 1
            if one.trouble and one.trouble != NOT_FETCHED:
                found.append(
                    BackfillError(ACCOUNT, one.subject.code, one.subject.key, UNDECIDED, one.trouble)
                )
        would["calls"] += sum(call_estimate.calls(rows, bulk=True).values())
        self.state.would += would + self._linked([one.key for one in some])
        return found

    def _linked(self, keys: Sequence[str]) -> Counter[str]:
        with self.engine.connect() as connection:
            return Counter(str(link.state) for link in links.load(connection, keys).values())
