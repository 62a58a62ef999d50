"""The pasts that the change feed did not tell: fetched account by account, five calls each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import backfills, standing, troubles
from connector.ledger.subjects import Due
from connector.ledger.troubles import ACCOUNT, NOT_FETCHED, Trouble
from connector.sync.backfill import unread
from connector.sync.backfill.state import Asked, State
from connector.sync.feed import Site
from connector.sync.fetching import SourceApi
from connector.sync.history import fetch_history

log = structlog.get_logger("connector.backfill")


@dataclass(frozen=True, slots=True)
class Pasts:
    """Of a site that was read whole, only an account that came up meanwhile lacks anything."""

    engine: Engine
    sources: Mapping[Site, SourceApi]
    asked: Asked
    run_id: int
    state: State

    def lacking(self, some: Sequence[Due]) -> list[Due]:
        """Those of which the ledger does not know everything."""
        told = [one.key for one in some if self._was_read((one.source, one.site))]
        others = [one.key for one in some if not self._was_read((one.source, one.site))]
        with self.engine.connect() as connection:
            lacking = backfills.without_account(connection, told)
            lacking |= set(others) - standing.whole(connection, others)
        return [one for one in some if one.key in lacking]

    def fetch(self, one: Due) -> None:
        """All of its past, or why that cannot be had, for the report. Nothing becomes due by it. Raises Unavailable."""
        site = (one.source, one.site)
        found: list[Trouble] = []
        unreadable = []
        try:
            unreadable = list(fetch_history(self.engine, self.sources[site], one, due=False))
        except Unavailable:
            raise
        except (Transient, Permanent) as error:
            log.warning("history_failed", subject=one.key, error=str(error), outcome="told in the report")
            found.append(Trouble(ACCOUNT, one.code, one.key, NOT_FETCHED, str(error)))
        with self.engine.begin() as connection:
            troubles.forget(connection, self.run_id, [one.key], NOT_FETCHED)
            troubles.keep(connection, self.run_id, found)
            unread.keep(connection, self.run_id, site, (), unreadable, one.key)

    def _was_read(self, site: Site) -> bool:
        return self.asked.is_whole or self.state.is_whole(site)
