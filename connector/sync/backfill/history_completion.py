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
    """Of a site that was read whole, only an account that came up meanwhile lacks anything."""

    engine: Engine
    sources: Mapping[Site, SourceApi]
    asked: BackfillOptions
    run_id: int
    state: Checkpoint

    def lacking(self, some: Sequence[Due]) -> list[Due]:
        """Those of which the ledger does not know everything."""
        told = [one.key for one in some if self._was_read((one.source, one.site))]
        others = [one.key for one in some if not self._was_read((one.source, one.site))]
        with self.engine.connect() as connection:
            lacking = backfills.without_account(connection, told)
            lacking |= set(others) - subject_status.whole(connection, others)
        return [one for one in some if one.key in lacking]

    def fetch(self, one: Due) -> None:
        """All of its past, or why that cannot be had, for the report. Nothing becomes due by it. Raises Unavailable."""
        site = (one.source, one.site)
        found: list[BackfillError] = []
        unreadable = []
        try:
            unreadable = list(fetch_history(self.engine, self.sources[site], one, due=False))
        except Unavailable:
            raise
        except (Transient, Permanent) as error:
            log.warning("history_failed", subject=one.key, error=str(error), outcome="told in the report")
            found.append(BackfillError(ACCOUNT, one.code, one.key, NOT_FETCHED, str(error)))
        with self.engine.begin() as connection:
            backfill_errors.forget(connection, self.run_id, [one.key], NOT_FETCHED)
            backfill_errors.keep(connection, self.run_id, found)
            feed_import.keep_unreadable(connection, self.run_id, site, (), unreadable, one.key)

    def _was_read(self, site: Site) -> bool:
        return self.asked.is_whole or self.state.is_whole(site)


@dataclass(frozen=True, slots=True)
class HistoryCompletion:
    """``say`` is told what it comes to before it is begun, ``done`` how many of how many accounts are through."""

    sources: Mapping[Site, CountingSource]
    reader: FeedImporter
    pasts: MissingHistories
    state: Checkpoint
    say: Callable[[str], None]
    done: Callable[[int, int], None]
    at_once: int

    def complete(self) -> None:
        """What could not be fetched is told in the report (``Pasts``)."""
        for site, many in self._count().items():
            if self.state.is_begun(site) or self._is_cheaper_whole(site, many):
                self.reader.whole(site)
        total = self._count().total()
        if not total:
            return
        self.say(
            f"The pasts of {total:,} accounts are not known: {total * account_fetch.HISTORY_CALLS:,} calls to Recurly."
        )
        for number, one in enumerate(self._lacking(), 1):
            self.pasts.fetch(one)
            self.done(number, total)

    def _count(self) -> Counter[Site]:
        return Counter((one.source, one.site) for one in self._lacking())

    def _lacking(self) -> Iterator[Due]:
        after = ""
        while some := self._next(after):
            yield from self.pasts.lacking(some)
            after = some[-1].key

    def _next(self, after: str) -> list[Due]:
        with self.pasts.engine.connect() as connection:
            return subject_query.walk(
                connection, SubjectFilter(backfill=self.pasts.run_id), after, self.at_once
            )

    def _is_cheaper_whole(self, site: Site, many: int) -> bool:
        """Of a site that was read whole there is nothing more to be read."""
        if many <= account_fetch.FEW or self.pasts.asked.is_whole or self.state.is_whole(site):
            return False
        there = {kind: self.sources[site].count(kind, None) for kind in change_feed.KINDS}
        if account_fetch.is_cheaper_one_by_one(many, there):
            return False
        self.say(
            f"The pasts of {many:,} accounts are not known. To read all of {site[1]} takes fewer calls: "
            f"{account_fetch.pages_of(there):,}, where one by one it would be {many * account_fetch.HISTORY_CALLS:,}."
        )
        return True
