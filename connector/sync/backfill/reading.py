"""Phase 1: the change feed of every site, kind by kind, becomes facts of the ledger.

How far it is is kept with the page it tells of, in one transaction: a run that is killed reads a page again, and skips
none. What a page holds older than the ledger changes nothing (``sync/feed``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Engine

from connector.errors import SetupError
from connector.ledger import backfills
from connector.sync import feed
from connector.sync.anew import no_key
from connector.sync.backfill.apart import ahead
from connector.sync.backfill.state import Asked, Mark, State
from connector.sync.feed import Page, Site
from connector.sync.fetching import SourceApi


class Source(SourceApi, Protocol):
    """A billing site that tells how much there is to read, and how often it was called."""

    @property
    def calls(self) -> int: ...
    def count(self, kind: str, since: datetime | None, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """``save`` keeps the state in the transaction it is given; ``done`` is told of each page that was kept."""

    engine: Engine
    sources: Mapping[Site, Source]
    asked: Asked
    run_id: int
    state: State
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
                self._read(site, kind, mark)

    def _feeds(self) -> list[tuple[Site, str]]:
        return [(site, kind) for site in self.asked.sites for kind in self.asked.kinds]

    def _read(self, site: Site, kind: str, mark: Mark) -> None:
        since = mark.until or self.asked.since
        for page in ahead(feed.pages(self.engine, self._source(site), kind, since)):
            self._keep(site, page, mark)
            self.done(page)
        mark.whole = True
        with self.engine.begin() as connection:
            self.save(connection)

    def _keep(self, site: Site, page: Page, mark: Mark) -> None:
        owners = feed.owners(site, page.objects)

        def also(connection: Connection) -> None:
            backfills.note(connection, self.run_id, owners)
            mark.until = page.until or mark.until
            mark.objects += sum(one.object == page.kind for one in page.objects)
            self.save(connection)

        feed.keep(self.engine, site, page, also)

    def _source(self, site: Site) -> Source:
        if site not in self.sources:
            raise SetupError(no_key(site))
        return self.sources[site]
