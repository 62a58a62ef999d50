"""Phase 1: store the change feed of every site, kind by kind, as facts in the ledger.

The position is saved in one transaction with the page it belongs to: a run that is killed reads a page again, and skips
none. Objects of a page that are older than the ledger's change nothing (``sync/refresh/change_feed.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine

from connector.errors import SetupError
from connector.ledger import backfill_errors, backfills, snapshots, subjects
from connector.ledger.backfill_errors import UNREADABLE, BackfillError
from connector.ledger.subjects import Due
from connector.models.facts import BillingObject
from connector.sync.backfill.checkpoint import BackfillOptions, Checkpoint, FeedPosition
from connector.sync.refresh import change_feed
from connector.sync.refresh.change_feed import Page, Site
from connector.sync.refresh.object_fetcher import FailedObject, SourceApi
from connector.sync.resync.account_fetch import no_key


class CountingSource(SourceApi, Protocol):
    """A billing site that tells how much there is to read, and how often it was called."""

    @property
    def calls(self) -> int: ...
    def count(self, kind: str, since: datetime | None, /) -> int: ...


T = TypeVar("T")
Keep = Callable[[Site, Page, FeedPosition], None]


@dataclass(frozen=True, slots=True)
class FeedImporter:
    """``save`` keeps the state in the transaction it is given; ``done`` is told of each page that was kept."""

    engine: Engine
    sources: Mapping[Site, CountingSource]
    asked: BackfillOptions
    run_id: int
    state: Checkpoint
    save: Callable[[Connection], None]
    done: Callable[[Page], None]

    def total(self) -> int:
        """How many objects there are to read in all."""
        return sum(self._source(site).count(kind, self.asked.since) for site, kind in self._feeds())

    def read(self) -> None:
        """Go on until every feed is read."""
        for site, kind in self._feeds():
            mark = self.state.mark(site, kind)
            if not mark.whole:
                self._read(site, kind, mark, mark.until or self.asked.since, self._keep)

    def again(self) -> None:
        """Read what changed since each feed was read. An account that was written before that becomes due again."""
        for site, kind in self._feeds():
            mark = self.state.mark(site, kind)
            self._read(site, kind, mark, mark.until or self.asked.since, self._keep_news)
        for site in self.asked.sites:
            if self.state.is_whole(site):
                self._all_of(site, lambda mark: True)

    def whole(self, site: Site) -> None:
        """Read all of a site, whatever was asked for, and keep of it what belongs to the accounts of this run: facts of
        others, that nobody decides, would only hide that their news was missed."""
        self._all_of(site, lambda mark: not mark.whole)

    def _all_of(self, site: Site, is_to_read: Callable[[FeedPosition], bool]) -> None:
        for kind in change_feed.KINDS:
            mark = self.state.past(site, kind)
            if is_to_read(mark):
                self._read(site, kind, mark, mark.until, self._keep_ours)

    def _feeds(self) -> list[tuple[Site, str]]:
        return [(site, kind) for site in self.asked.sites for kind in self.asked.kinds]

    def _read(self, site: Site, kind: str, mark: FeedPosition, since: datetime | None, keep: Keep) -> None:
        for page in ahead(change_feed.pages(self.engine, self._source(site), kind, since)):
            keep(site, page, mark)
            self.done(page)
        mark.whole = True
        with self.engine.begin() as connection:
            self.save(connection)

    def _keep(self, site: Site, page: Page, mark: FeedPosition) -> None:
        owners = change_feed.owners(site, page.objects)
        self._kept(site, page, mark, page, lambda connection: self._note(connection, owners))

    def _keep_news(self, site: Site, page: Page, mark: FeedPosition) -> None:
        news = replace(page, objects=tuple(change_feed.news(self.engine, site, page)))
        owners = change_feed.owners(site, news.objects)

        def also(connection: Connection) -> None:
            self._note(connection, owners)
            self._make_due(connection, owners)

        self._kept(site, page, mark, news, also)

    def _keep_ours(self, site: Site, page: Page, mark: FeedPosition) -> None:
        with self.engine.connect() as connection:
            keys = [one.key for one in change_feed.owners(site, page.objects)]
            ours = backfills.among(connection, self.run_id, keys)
        kept = replace(
            page, objects=tuple(one for one in page.objects if snapshots.subject_of(*site, one) in ours)
        )
        owners = change_feed.owners(site, change_feed.news(self.engine, site, kept))
        self._kept(site, kept, mark, kept, lambda connection: self._make_due(connection, owners))

    def _make_due(self, connection: Connection, owners: Sequence[Due]) -> None:
        """Those that were written already, from what was known before."""
        late = [replace(one, run_id=self.run_id) for one in owners if self.state.is_through(one.key)]
        subjects.mark_due(connection, late)

    def _kept(
        self, site: Site, page: Page, mark: FeedPosition, counted: Page, also: Callable[[Connection], None]
    ) -> None:
        def with_it(connection: Connection) -> None:
            also(connection)
            keep_unreadable(connection, self.run_id, site, page.objects, page.failed)
            mark.until = page.until or mark.until
            mark.objects += sum(one.object == page.kind for one in counted.objects)
            self.save(connection)

        change_feed.keep(self.engine, site, page, with_it)

    def _note(self, connection: Connection, owners: Sequence[Due]) -> None:
        backfills.note(connection, self.run_id, owners)

    def _source(self, site: Site) -> CountingSource:
        if site not in self.sources:
            raise SetupError(no_key(site))
        return self.sources[site]


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each next one fetched in a thread meanwhile. What fetching raises is raised in its place."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
    try:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
    finally:
        # who is left to himself may be waiting for his turn for minutes
        pool.shutdown(wait=False, cancel_futures=True)


def keep_unreadable(
    connection: Connection,
    run_id: int,
    site: Site,
    read: Sequence[BillingObject],
    failed: Sequence[FailedObject],
    subject: str | None = None,
) -> None:
    """``subject``: whose they are; else who they belonged to when they could be read."""
    backfill_errors.forget_objects(connection, run_id, [(one.object, one.id) for one in read])
    if not failed:
        return
    known = snapshots.find(connection, *site, [(one.object, one.refs[0]) for one in failed])
    owners = {where: one.subject for where, one in known.items()}
    backfill_errors.keep(
        connection,
        run_id,
        [
            BackfillError(
                one.object,
                one.refs[0],
                subject or owners.get((one.object, one.refs[0])),
                UNREADABLE,
                str(one.error),
            )
            for one in failed
        ],
    )
