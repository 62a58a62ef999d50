"""Phase 2: complete the history of every account before anything is decided. Missing histories are fetched one by one,
or a site's feed is read completely where that takes fewer calls. No lock for bulk writing is held meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import backfill_errors, backfills, subject_query, subject_status
from connector.ledger.backfill_errors import ACCOUNT, NOT_FETCHED, BackfillError
from connector.ledger.subject_query import SubjectFilter
from connector.ledger.subjects import Due
from connector.sync.backfill import feed_import
from connector.sync.backfill.checkpoint import BackfillOptions, Checkpoint
from connector.sync.backfill.feed_import import CountingSource, FeedImporter
from connector.sync.refresh import change_feed
from connector.sync.refresh.change_feed import Site
from connector.sync.refresh.history_fetch import fetch_history
from connector.sync.refresh.object_fetcher import SourceApi
from connector.sync.resync import account_fetch

log = structlog.get_logger("connector.backfill")


@dataclass(frozen=True, slots=True)
class MissingHistories:
    """Fetches the histories of accounts. At a site that was read completely, only accounts that were found later lack
    anything."""

    engine: Engine
    sources: Mapping[Site, SourceApi]
    options: BackfillOptions
    run_id: int
    state: Checkpoint

    def incomplete(self, some: Sequence[Due]) -> list[Due]:
        """The accounts whose facts in the ledger are incomplete."""
        read_accounts = [one.key for one in some if self._was_read((one.source, one.site))]
        others = [one.key for one in some if not self._was_read((one.source, one.site))]
        with self.engine.connect() as connection:
            incomplete = backfills.without_account(connection, read_accounts)
            incomplete |= set(others) - subject_status.whole(connection, others)
        return [one for one in some if one.key in incomplete]

    def fetch(self, one: Due) -> None:
        """Fetch the complete history of an account, or store the error for the report. Nothing becomes due. Raises
        Unavailable."""
        site = (one.source, one.site)
        found: list[BackfillError] = []
        unreadable = []
        try:
            unreadable = list(fetch_history(self.engine, self.sources[site], one, due=False))
        except Unavailable:
            raise
        except (Transient, Permanent) as error:
            log.warning("history_failed", subject=one.key, error=str(error), outcome="listed in the report")
            found.append(BackfillError(ACCOUNT, one.code, one.key, NOT_FETCHED, str(error)))
        with self.engine.begin() as connection:
            backfill_errors.forget(connection, self.run_id, [one.key], NOT_FETCHED)
            backfill_errors.keep(connection, self.run_id, found)
            feed_import.keep_unreadable(connection, self.run_id, site, (), unreadable, one.key)

    def _was_read(self, site: Site) -> bool:
        return self.options.is_complete or self.state.is_complete(site)


@dataclass(frozen=True, slots=True)
class HistoryCompletion:
    """Completes the histories of all accounts of a run. ``report`` is called with the expected number of calls before
    the work begins, ``report_progress`` with the number of finished accounts and their total."""

    sources: Mapping[Site, CountingSource]
    reader: FeedImporter
    histories: MissingHistories
    state: Checkpoint
    report: Callable[[str], None]
    report_progress: Callable[[int, int], None]
    batch_size: int

    def complete(self) -> None:
        """Fetch all missing histories. The report lists those that could not be fetched (``MissingHistories``)."""
        for site, many in self._count().items():
            if self.state.is_begun(site) or self._is_cheaper_as_feed(site, many):
                self.reader.read_site(site)
        total = self._count().total()
        if not total:
            return
        self.report(
            f"The histories of {total:,} accounts are not known: "
            f"{total * account_fetch.HISTORY_CALLS:,} calls to Recurly."
        )
        for number, one in enumerate(self._incomplete(), 1):
            self.histories.fetch(one)
            self.report_progress(number, total)

    def _count(self) -> Counter[Site]:
        return Counter((one.source, one.site) for one in self._incomplete())

    def _incomplete(self) -> Iterator[Due]:
        after = ""
        while some := self._next(after):
            yield from self.histories.incomplete(some)
            after = some[-1].key

    def _next(self, after: str) -> list[Due]:
        with self.histories.engine.connect() as connection:
            return subject_query.walk(
                connection, SubjectFilter(backfill=self.histories.run_id), after, self.batch_size
            )

    def _is_cheaper_as_feed(self, site: Site, many: int) -> bool:
        """Whether a complete read of the site takes fewer calls. A site that was read completely has nothing more to be
        read."""
        if many <= account_fetch.FEW or self.histories.options.is_complete or self.state.is_complete(site):
            return False
        counts = {kind: self.sources[site].count(kind, None) for kind in change_feed.KINDS}
        if account_fetch.is_cheaper_one_by_one(many, counts):
            return False
        self.report(
            f"The histories of {many:,} accounts are not known. To read all of {site[1]} takes fewer calls: "
            f"{account_fetch.pages_of(counts):,}, where one by one it would be {many * account_fetch.HISTORY_CALLS:,}."
        )
        return True
