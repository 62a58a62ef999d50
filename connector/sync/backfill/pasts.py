"""The pasts that the change feed did not tell: fetched account by account, five calls each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import backfills, standing, subjects
from connector.ledger.subjects import Due
from connector.sync.feed import Site
from connector.sync.fetching import SourceApi
from connector.sync.history import fetch_history

log = structlog.get_logger("connector.backfill")


@dataclass(frozen=True, slots=True)
class Pasts:
    """``feed_was_whole``: all there is was read, so only an account that came up meanwhile lacks anything."""

    engine: Engine
    sources: Mapping[Site, SourceApi]
    feed_was_whole: bool

    def complete(self, some: Sequence[Due]) -> list[Due]:
        """Those of which the ledger knows everything now. The past of the others is left to the workers, with a word in
        the log. Raises Unavailable."""
        lacking = self._lacking([one.key for one in some])
        failed = {one.key for one in some if one.key in lacking and not self._fetched(one)}
        if failed:
            with self.engine.begin() as connection:
                subjects.decide_history(connection, (), sorted(failed))
                subjects.mark_due(connection, [one for one in some if one.key in failed])
        return [one for one in some if one.key not in failed]

    def _lacking(self, keys: Sequence[str]) -> set[str]:
        with self.engine.connect() as connection:
            if self.feed_was_whole:
                return backfills.without_account(connection, keys)
            return set(keys) - standing.whole(connection, keys)

    def _fetched(self, one: Due) -> bool:
        try:
            fetch_history(self.engine, self.sources[one.source, one.site], one, due=False)
        except Unavailable:
            raise
        except (Transient, Permanent) as error:
            log.warning("history_failed", subject=one.key, error=str(error), outcome="left to workers")
            return False
        return True
