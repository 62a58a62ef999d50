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
    """Counts the writes of a run without writing. Counts are added to ``state.would``: ``create OBJECT``, ``update
    OBJECT``, accounts by result, and calls. No subject becomes due. The errors of accounts that cannot be decided are
    stored for the report."""

    applier: Applier
    run_id: int
    state: Checkpoint
    save: Callable[[Connection], None]
    report_progress: Callable[[], None]
    batch_size: int

    @property
    def engine(self) -> Engine:
        return self.applier.engine

    def decide(self) -> None:
        """Continue behind the cursor until every account of the run is counted. Raises Permanent if the remaining API
        calls are reserved for people."""
        while some := self._next():
            self._require_calls()
            undecided = self._count_changes(some)
            self._save_usage()
            self.state.cursor = some[-1].key
            self.state.accounts += len(some)
            with self.engine.begin() as connection:
                backfill_errors.forget(connection, self.run_id, [one.key for one in some], UNDECIDED)
                backfill_errors.keep(connection, self.run_id, undecided)
                self.save(connection)
            self.report_progress()

    def _require_calls(self) -> None:
        if self.applier.spending is not None:
            self.applier.spending.require()

    def _save_usage(self) -> None:
        if self.applier.spending is not None:
            self.applier.spending.note()

    def _next(self) -> list[Due]:
        with self.engine.connect() as connection:
            return subject_query.walk(
                connection, SubjectFilter(backfill=self.run_id), self.state.cursor, self.batch_size
            )

    def _not_fetched(self, some: Sequence[Due]) -> dict[str, str]:
        """The accounts whose history is incomplete, with the error text. Their errors are in the report already."""
        with self.engine.connect() as connection:
            lacking = backfill_errors.not_fetched(connection, self.run_id, [one.key for one in some])
        return dict.fromkeys(lacking, NOT_FETCHED)

    def _count_changes(self, some: Sequence[Due]) -> list[BackfillError]:
        """Count the changes of some accounts. Return the errors of those that cannot be decided."""
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
        self.state.would += would + self._count_links([one.key for one in some])
        return found

    def _count_links(self, keys: Sequence[str]) -> Counter[str]:
        with self.engine.connect() as connection:
            return Counter(str(link.state) for link in links.load(connection, keys).values())
