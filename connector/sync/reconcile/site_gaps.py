"""The changes of every site looked through, so that one that is out does not hold up the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from connector.errors import Permanent, Transient
from connector.sync.monitoring.gap_detection import GapReport
from connector.sync.refresh.object_fetcher import SourceApi

log = structlog.get_logger("connector.reconcile")

Site = tuple[str, str]
Look = Callable[[Site, SourceApi], GapReport]


@dataclass(frozen=True, slots=True)
class SiteGapReport:
    """What came of it. ``missed``: by site; ``failed``: those that could not be asked, with why."""

    missed: Mapping[str, GapReport]
    failed: Mapping[str, str]

    @property
    def count(self) -> int:
        return sum(one.count for one in self.missed.values())


def look_at_each(apis: Mapping[Site, SourceApi], look: Look, out: Mapping[str, str]) -> SiteGapReport:
    """Every site but those that are ``out`` already. Raises what the last ran into where nobody could be asked."""
    found: dict[str, GapReport] = {}
    failed = dict(out)
    for site, api in apis.items():
        if site[1] in out:
            continue
        try:
            found[site[1]] = look(site, api)
        except (Transient, Permanent) as error:
            log.warning("feed_failed", source=site[0], site=site[1], error=str(error), outcome="left out")
            failed[site[1]] = str(error)
            if len(failed) == len(apis):
                raise
    return SiteGapReport(found, failed)
