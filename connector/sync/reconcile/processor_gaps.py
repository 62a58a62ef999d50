"""Detect and fill gaps of the processors: objects in their lists that no delivery reported.

A list shows the state of an object at the time of the request, not since when. So the observation is stored with that
time, by the ledger's clock. It is new if it would change the merged object; a listed state never moves an object back
(``models/observation_merge.py``). Charges have no case of their own and are left to the comparison.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, Engine

from connector.errors import Permanent, Transient
from connector.ledger import match_queue, observations, snapshots, subjects
from connector.ledger import missed_changes as missed
from connector.ledger.missed_changes import MissedChange
from connector.ledger.observations import ProcessorSnapshot
from connector.mappers import external_ids
from connector.models.events import Urgency
from connector.models.facts import Kind, ProcessorObject, Status
from connector.models.observation_merge import fold
from connector.sources.registry import PROCESSORS
from connector.sync.monitoring.gap_detection import SAMPLES, GapReport
from connector.sync.reconcile.adapters import ComparedSystems, ProcessorListing
from connector.sync.reconcile.models import Window
from connector.sync.refresh import account_matching
from connector.sync.refresh.enrichment import due_of

log = structlog.get_logger("connector.reconcile")

FARTHEST: Final[Mapping[Kind, timedelta]] = {
    Kind.DISPUTE: timedelta(days=180),
    Kind.REFUND: timedelta(days=35),
}
"""How far before a window an object may have begun whose end is still looked for."""
A_DAY: Final = timedelta(days=1)
"""Where an event says only on which day an object began."""
_FAILURES_ONLY: Final = frozenset(
    (name, kind) for name, info in PROCESSORS.items() for kind in info.reports_only_failures
)


@dataclass(frozen=True, slots=True)
class ProcessorGapReport:
    """What came of it. ``missed``: by processor; ``failed``: those that could not be asked to the end, with why."""

    missed: Mapping[str, GapReport]
    failed: Mapping[str, str]

    @property
    def count(self) -> int:
        return sum(one.count for one in self.missed.values())


def fill(
    sides: ComparedSystems,
    window: Window,
    now: datetime,
    *,
    grace: timedelta,
    run_id: int | None,
    meanwhile: Callable[[], object] = lambda: None,
) -> ProcessorGapReport:
    """Compare what the processors of a window list with what the ledger was told.

    With ``run_id`` what is missing is kept as the processor says it, joined, and its subjects are due for that run, a
    page at a time; without, nothing is changed. What is younger than ``grace`` may still be on its way. ``meanwhile``
    is done after each page.
    """
    found: dict[str, GapReport] = {}
    failed: dict[str, str] = {}
    for source, books in sorted(sides.books.items()):
        if window.processors is not None and source not in window.processors:
            continue
        look = _Look(sides.engine, source, books, now - grace, run_id, meanwhile)
        try:
            look.run(window)
        except (Transient, Permanent) as error:
            log.warning("books_not_read", source=source, error=str(error), outcome="not filled in")
            failed[source] = str(error)
        found[source] = look.found(window, complete=source not in failed)
    return ProcessorGapReport(found, failed)


@dataclass(slots=True)
class _Look:
    """One look at one processor. ``settled``: what is younger is on its way."""

    engine: Engine
    source: str
    books: ProcessorListing
    settled: datetime
    run_id: int | None
    meanwhile: Callable[[], object]
    scanned: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    samples: list[MissedChange] = field(default_factory=list)

    def run(self, window: Window) -> None:
        until = min(window.until, self.settled)
        for kind in sorted(self.books.lists - {Kind.CHARGE}):
            since = self._begins(kind, window)
            if since < until:
                self._kind(kind, since, until)

    def found(self, window: Window, *, complete: bool) -> GapReport:
        until = min(window.until, self.settled)
        return GapReport(window.since, until, self.scanned, self.missing, tuple(self.samples), complete)

    def _begins(self, kind: Kind, window: Window) -> datetime:
        """With the window, or before it with the oldest that the ledger holds as open: its end may have been lost."""
        farthest = window.until - FARTHEST.get(kind, A_DAY)
        with self.engine.connect() as connection:
            oldest = missed.open_since(connection, self.source, kind, farthest)
        return min(window.since, oldest - A_DAY) if oldest else window.since

    def _kind(self, kind: Kind, since: datetime, until: datetime) -> None:
        """What changes while it is listed may come twice; the later is looked at the next time."""
        seen: set[str] = set()
        for page in self._pages(kind, since, until):
            fresh = {one.id: one for one in page if one.id not in seen}
            seen |= fresh.keys()
            self._page(kind, list(fresh.values()))
            self.meanwhile()

    def _pages(self, kind: Kind, since: datetime, until: datetime) -> Iterator[list[ProcessorObject]]:
        """Each as it stood when it was asked for."""
        pages = self.books.listed(kind, since, until)
        while True:
            with self.engine.connect() as connection:
                asked_at = snapshots.clock(connection)
            page = next(pages, None)
            if page is None:
                return
            announced = (one for one in page if one.at <= self.settled and _is_announced(one))
            yield [replace(one, at=asked_at, listed=True) for one in announced]

    def _page(self, kind: Kind, items: Sequence[ProcessorObject]) -> None:
        self.scanned[kind] += len(items)
        with self.engine.begin() as connection:
            lacking = self._lacking(connection, items)
            stored = self._fill(connection, lacking) if self.run_id is not None and lacking else []
        if lacking:
            self.missing[kind] += len(lacking)
            self.samples += [_missing(one) for one in lacking[: SAMPLES - len(self.samples)]]
        if stored:
            account_matching.match_stored(self.engine, stored, self.run_id)

    def _lacking(self, connection: Connection, items: Sequence[ProcessorObject]) -> list[ProcessorObject]:
        """What would make another object of what the ledger was told, and what no received event is about."""
        heard = (
            observations.observations(connection, [observations.key_of(one) for one in items])
            if items
            else {}
        )
        news = [one for one in items if is_news(one, heard.get(observations.key_of(one), []))]
        if not news:
            return []
        refs = [(str(one.kind), one.id) for one in news]
        coming = missed.on_their_way(connection, (self.source, ""), refs)
        return [one for one in news if (str(one.kind), one.id) not in coming]

    def _fill(self, connection: Connection, lacking: Sequence[ProcessorObject]) -> list[ProcessorSnapshot]:
        """Kept in one transaction: a crash leaves them missing, or due. What is joined later takes the run along."""
        stored = observations.store(connection, [observations.by_answer(one) for one in lacking])
        due = (due_of(one, _urgency(one.item)) for one in stored)
        subjects.mark_due(connection, [replace(one, run_id=self.run_id) for one in due])
        missed.record(connection, (self.source, ""), [_missing(one) for one in lacking], self.run_id)
        match_queue.enqueue(connection, observations.changed_keys(stored))
        return stored


def _is_announced(one: ProcessorObject) -> bool:
    """Whether a delivery would have told of it."""
    return one.status is Status.FAILED or (one.source, one.kind) not in _FAILURES_ONLY


def is_news(listed: ProcessorObject, heard: Sequence[ProcessorObject]) -> bool:
    """Whether what a list says makes another object of what was heard before."""
    if not heard:
        return True
    before, after = fold(heard), fold([*heard, listed])
    return (before.status, before.stage) != (after.status, after.stage)


def _missing(one: ProcessorObject) -> MissedChange:
    return MissedChange(
        str(one.kind), one.id, one.at, external_ids.unjoined(one.source, str(one.kind), one.id)
    )


def _urgency(one: ProcessorObject) -> Urgency:
    """As urgent as the delivery would have been."""
    if one.kind is Kind.REFUND:
        return Urgency.FAILURE if one.status is Status.FAILED else Urgency.ROUTINE
    return account_matching.URGENCY.get(one.kind, Urgency.DISPUTE)
