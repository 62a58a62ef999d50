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
    """A billing site that reports how many objects there are to read, and how many calls were made."""

    @property
    def calls(self) -> int: ...
    def count(self, kind: str, since: datetime | None, /) -> int: ...


T = TypeVar("T")
StorePage = Callable[[Site, Page, FeedPosition], None]


@dataclass(frozen=True, slots=True)
class FeedImporter:
    """Reads the change feeds of a run. ``save`` stores the state in the given transaction; ``report_page`` is called
    with each page that was stored."""

    engine: Engine
    sources: Mapping[Site, CountingSource]
    options: BackfillOptions
    run_id: int
    state: Checkpoint
    save: Callable[[Connection], None]
    report_page: Callable[[Page], None]

    def total(self) -> int:
        """The number of objects that there are to read."""
        return sum(self._source(site).count(kind, self.options.since) for site, kind in self._feeds())

    def read(self) -> None:
        """Continue until every feed is read."""
        for site, kind in self._feeds():
            mark = self.state.mark(site, kind)
            if not mark.complete:
                self._read(site, kind, mark, mark.until or self.options.since, self._keep)

    def read_changes(self) -> None:
        """Read what changed since each feed was read. An account that was written before its change becomes due
        again."""
        for site, kind in self._feeds():
            mark = self.state.mark(site, kind)
            self._read(site, kind, mark, mark.until or self.options.since, self._keep_unseen)
        for site in self.options.sites:
            if self.state.is_complete(site):
                self._read_all_kinds(site, lambda mark: True)

    def read_site(self, site: Site) -> None:
        """Read all objects of a site, independently of the options, and store those of the accounts of this run. Facts
        of other accounts, which nobody decides, would hide from gap detection that their changes were missed."""
        self._read_all_kinds(site, lambda mark: not mark.complete)

    def _read_all_kinds(self, site: Site, is_to_read: Callable[[FeedPosition], bool]) -> None:
        for kind in change_feed.KINDS:
            mark = self.state.past(site, kind)
            if is_to_read(mark):
                self._read(site, kind, mark, mark.until, self._keep_ours)

    def _feeds(self) -> list[tuple[Site, str]]:
        return [(site, kind) for site in self.options.sites for kind in self.options.kinds]

    def _read(
        self, site: Site, kind: str, mark: FeedPosition, since: datetime | None, keep: StorePage
    ) -> None:
        for page in prefetch(change_feed.pages(self.engine, self._source(site), kind, since)):
            keep(site, page, mark)
            self.report_page(page)
        mark.complete = True
        with self.engine.begin() as connection:
            self.save(connection)

    def _keep(self, site: Site, page: Page, mark: FeedPosition) -> None:
        owners = change_feed.owners(site, page.objects)
        self._store_page(site, page, mark, page, lambda connection: self._record_owners(connection, owners))

    def _keep_unseen(self, site: Site, page: Page, mark: FeedPosition) -> None:
        unseen = replace(page, objects=tuple(change_feed.news(self.engine, site, page)))
        owners = change_feed.owners(site, unseen.objects)

        def also(connection: Connection) -> None:
            self._record_owners(connection, owners)
            self._make_due(connection, owners)

        self._store_page(site, page, mark, unseen, also)

    def _keep_ours(self, site: Site, page: Page, mark: FeedPosition) -> None:
        with self.engine.connect() as connection:
            keys = [one.key for one in change_feed.owners(site, page.objects)]
            ours = backfills.among(connection, self.run_id, keys)
        kept = replace(
            page, objects=tuple(one for one in page.objects if snapshots.subject_of(*site, one) in ours)
        )
        owners = change_feed.owners(site, change_feed.news(self.engine, site, kept))
        self._store_page(site, kept, mark, kept, lambda connection: self._make_due(connection, owners))

    def _make_due(self, connection: Connection, owners: Sequence[Due]) -> None:
        """Make the accounts due that were already written from older facts."""
        late = [replace(one, run_id=self.run_id) for one in owners if self.state.is_written(one.key)]
        subjects.mark_due(connection, late)

    def _store_page(
        self, site: Site, page: Page, mark: FeedPosition, counted: Page, also: Callable[[Connection], None]
    ) -> None:
        def in_transaction(connection: Connection) -> None:
            also(connection)
            keep_unreadable(connection, self.run_id, site, page.objects, page.failed)
            mark.until = page.until or mark.until
            mark.objects += sum(one.object == page.kind for one in counted.objects)
            self.save(connection)

        change_feed.keep(self.engine, site, page, in_transaction)

    def _record_owners(self, connection: Connection, owners: Sequence[Due]) -> None:
        backfills.note(connection, self.run_id, owners)

    def _source(self, site: Site) -> CountingSource:
        if site not in self.sources:
            raise SetupError(no_key(site))
        return self.sources[site]


def prefetch(items: Iterator[T]) -> Iterator[T]:
    """Yield the same items; a thread fetches the next one meanwhile. An error of the fetch is raised in its place."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
    try:
        pending = pool.submit(next, items, None)
        while (item := pending.result()) is not None:
            pending = pool.submit(next, items, None)
            yield item
    finally:
        # do not wait for the thread: it may wait minutes for its API request
        pool.shutdown(wait=False, cancel_futures=True)


def keep_unreadable(
    connection: Connection,
    run_id: int,
    site: Site,
    read: Sequence[BillingObject],
    failed: Sequence[FailedObject],
    subject: str | None = None,
) -> None:
    """Store which objects could not be read, and clear those that could. ``subject``: their owner; without it, the
    owner of the last version that could be read."""
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
