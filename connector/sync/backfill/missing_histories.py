"""The pasts that the change feed did not tell: fetched account by account, five calls each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import backfill_errors, backfills, subject_status
from connector.ledger.backfill_errors import ACCOUNT, NOT_FETCHED, BackfillError
from connector.ledger.subjects import Due
from connector.sync.backfill import unreadable_objects
from connector.sync.backfill.checkpoint import BackfillOptions, Checkpoint
from connector.sync.refresh.change_feed import Site
from connector.sync.refresh.history_fetch import fetch_history
from connector.sync.refresh.object_fetcher import SourceApi

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
            unreadable_objects.keep(connection, self.run_id, site, (), unreadable, one.key)

    def _was_read(self, site: Site) -> bool:
        return self.asked.is_whole or self.state.is_whole(site)
