"""Detect and fill gaps: changes of a billing site that no delivery reported, found in the site's change feed.

The feed of each kind of object is read from where the last read ended. A read stops some minutes before now: a delivery
may still be on its way, and a very recent change may not be in the feed yet.
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
from connector.ledger import missed_changes, runs, snapshots, subjects, watermarks
from connector.ledger.missed_changes import MissedChange
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.models import facts
from connector.models.events import Urgency
from connector.models.facts import BillingObject
from connector.retry import RetryPolicy, attempts
from connector.sync.refresh import change_feed, object_fetcher
from connector.sync.refresh.change_feed import Page, Site
from connector.sync.refresh.object_fetcher import SourceApi

log = structlog.get_logger("connector.reconcile")

GRACE: Final = timedelta(minutes=10)
OVERLAP: Final = timedelta(minutes=5)
"""For clocks that differ, and for changes that appear late in the feed."""
FIRST_READ: Final = timedelta(days=1)
"""How far back the first read of a site goes if no event of the site was received yet."""
SAMPLES: Final = 50

COMMAND: Final = "missed"
"""The command name of the runs that the scheduler starts, and so the trigger of their attempts."""
WHO: Final = "scheduler"
REASON: Final = "no delivery reported these changes"


@dataclass(frozen=True, slots=True)
class GapReport:
    """The result of one read of a site's change feed, for changes from ``since`` to ``until``.

    ``scanned`` and ``missing``: number of changes by kind of object. ``samples``: the first missing changes.
    ``earlier``: missing changes from before the ledger knew the site, for which there was no delivery to miss.
    ``complete``: false if the read stopped before its end."""

    since: datetime
    until: datetime
    scanned: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    samples: tuple[MissedChange, ...] = ()
    complete: bool = True
    earlier: int = 0

    @property
    def count(self) -> int:
        return self.missing.total()

    def __str__(self) -> str:
        """``0 missing of 18,204``, ``500 missing of 18,204: 300 invoices, 200 payments``."""
        kinds = (f"{n:,} {kind.replace('_', ' ')}{'' if n == 1 else 's'}" for kind, n in self.missing.items())
        summary = f"{self.count:,} missing of {self.scanned.total():,}"
        return f"{summary}: {', '.join(kinds)}" if self.count else summary


def detect_gaps(
    engine: Engine,
    site: Site,
    api: SourceApi,
    now: datetime,
    *,
    since: datetime | None,
    fill: bool,
    run_id: int | None,
    grace: timedelta = GRACE,
    stop: Callable[[], bool] = lambda: False,
    patience: RetryPolicy | None = None,
) -> GapReport:
    """Compare the site's change feed with the ledger, from ``since`` or from where the last read ended.

    With ``fill``, missing objects are saved as facts and their accounts become due. The cause is the run ``run_id``;
    without one, a run is created for the first gap. A page is saved completely before the next is requested, and the
    next read continues behind it. Without ``fill``, nothing is saved. ``stop``: return true to leave the rest to the
    next read. Raises the API's errors, at once or when ``patience`` has ended.
    """
    scan = _FeedScan(engine, site, api, now - grace, since, fill, _Run(run_id), stop, patience)
    try:
        report = scan.run()
    except BaseException as error:
        scan.gap_run.end(engine, runs.FAILED, str(error))
        raise
    scan.gap_run.end(engine, runs.DONE)
    return report


def start_from(connection: Connection, site: Site, until: Mapping[str, datetime]) -> None:
    """Set where the first read of each kind starts, after a backfill has read the site up to these times. Changes
    between the backfill and the first delivery would otherwise never be read."""
    for kind, at in until.items():
        watermarks.begin_at(connection, _mark(site, kind), at - OVERLAP)


@dataclass(slots=True)
class _Run:
    """The run that is the cause of the due accounts. ``own``: it was created by this read and ends with it."""

    id: int | None
    own: bool = False

    def begin(self, connection: Connection, site: Site) -> None:
        if self.id is None:
            self.id = runs.begin(connection, COMMAND, WHO, REASON, {"site": ":".join(site)})
            self.own = True

    def report(self, connection: Connection, scanned: int, missing: int) -> None:
        if self.own and self.id is not None:
            runs.progress(connection, self.id, {"scanned": scanned, "missing": missing})

    def end(self, engine: Engine, state: str, error: str = "") -> None:
        if self.own and self.id is not None:
            with engine.begin() as connection:
                runs.end(connection, self.id, state, error)


@dataclass(slots=True)
class _FeedScan:
    """One read of one site's change feed. ``until``: the deliveries of later changes may still be on their way."""

    engine: Engine
    site: Site
    api: SourceApi
    until: datetime
    since: datetime | None
    fill: bool
    gap_run: _Run
    stop: Callable[[], bool]
    patience: RetryPolicy | None
    scanned: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    samples: list[MissedChange] = field(default_factory=list)
    starts: dict[str, datetime] = field(default_factory=dict)
    known_from: datetime | None = None
    earlier: int = 0

    def run(self) -> GapReport:
        begin = self._last_ends()
        self.starts = {kind: self.since or begin[kind] for kind in change_feed.KINDS}
        complete = True
        for kind in change_feed.KINDS:
            complete = complete and self._read_kind(kind, begin[kind])
        if complete and self.fill and all(self.starts[kind] <= begin[kind] for kind in change_feed.KINDS):
            with self.engine.begin() as connection:
                missed_changes.looked_through(connection, self.site, max(self.starts.values()), self.until)
        since = min(self.starts.values())
        return GapReport(
            since, self.until, self.scanned, self.missing, tuple(self.samples), complete, self.earlier
        )

    def _last_ends(self) -> dict[str, datetime]:
        """Where the last read of each kind ended; before the first read, when the site's first event was received."""
        with self.engine.connect() as connection:
            known = {kind: watermarks.load(connection, self._mark(kind)) for kind in change_feed.KINDS}
            first = None if all(known.values()) else missed_changes.first_told_of(connection, self.site)
            self.known_from = missed_changes.known_from(connection, self.site)
        fallback = first - OVERLAP if first else self.until - FIRST_READ
        return {kind: at or fallback for kind, at in known.items()}

    def _read_kind(self, kind: str, begin: datetime) -> bool:
        """Read the feed of one kind; return whether its end was reached. If the read starts after the end of the last
        one, that end is kept: the time between was never read."""
        start = self.starts[kind]
        moves = self.fill and start <= begin
        for page in self._pages(kind, start):
            settled = tuple(one for one in page.objects if not self._is_recent(one))
            self._compare_page(replace(page, objects=settled), moves)
            # a recent object inside another one has its own page; the objects after it need not be recent
            if any(one.object == kind and self._is_recent(one) for one in page.objects):
                break
            if self.stop() and page.until and page.until > start:
                return False
        if moves:
            with self.engine.begin() as connection:
                self._save(connection, kind, self.until)
        return True

    def _is_recent(self, one: BillingObject) -> bool:
        """Whether the delivery of this change may still be on its way."""
        return one.updated_at is not None and one.updated_at > self.until

    def _pages(self, kind: str, since: datetime) -> Iterator[Page]:
        """Yield the pages of the feed. After an error, continue at the same place, without what was already yielded."""
        before: frozenset[object] = frozenset()
        for attempt in attempts(self.patience, (Transient,)):
            with attempt:
                for page in change_feed.pages(self.engine, self.api, kind, since):
                    yield replace(
                        page, objects=tuple(one for one in page.objects if _version(one) not in before)
                    )
                    since, before = page.until or since, frozenset(map(_version, page.objects))
                    if self.patience:
                        self.patience.done()

    def _compare_page(self, page: Page, moves: bool) -> None:
        lacking = self._lacking(page)
        found = [self._missing(one) for one in lacking if self.fill or not self._has_own_page(one, page.kind)]
        self.scanned.update(one.object for one in page.objects if not self._has_own_page(one, page.kind))
        if found:
            deliverable = [one for one in found if not self._is_before_first_event(one)]
            self.earlier += len(found) - len(deliverable)
            self.missing.update(one.object for one in deliverable)
            self.samples += deliverable[: SAMPLES - len(self.samples)]
        if self.fill and found:
            change_feed.keep(
                self.engine,
                self.site,
                replace(page, objects=tuple(lacking)),
                lambda connection: self._fill(connection, lacking, found),
            )
        if self.fill and page.failed:
            with self.engine.begin() as connection:
                missed_changes.keep_unread(
                    connection, self.site, [(one.object, one.refs[0]) for one in page.failed]
                )
        if moves and page.until:
            with self.engine.begin() as connection:
                self._save(connection, page.kind, page.until)

    def _is_before_first_event(self, one: MissedChange) -> bool:
        """Whether it changed before the ledger knew the site: a new installation has not missed all earlier changes."""
        known = self.known_from
        return known is not None and one.version is not None and one.version < known - OVERLAP

    def _has_own_page(self, one: BillingObject, kind: str) -> bool:
        """Whether it is part of another object here and also has its own page: it would be counted twice."""
        return one.object != kind and one.updated_at is not None and one.updated_at >= self.starts[one.object]

    def _lacking(self, page: Page) -> list[BillingObject]:
        """The objects that the ledger does not know, or knows only from a preview that was not applied. Objects that a
        pending event points to are left out: they wait to be fetched."""
        with self.engine.connect() as connection:
            previewed = missed_changes.only_looked_at(
                connection, self.site, [(one.object, one.id) for one in page.objects]
            )
        unknown = {_version(one) for one in change_feed.news(self.engine, self.site, page)}
        news = [one for one in page.objects if _version(one) in unknown or (one.object, one.id) in previewed]
        if not news:
            return []
        with self.engine.connect() as connection:
            coming = missed_changes.on_their_way(
                connection, self.site, [(one.object, ref) for one in news for ref in _refs(one)]
            )
        return [one for one in news if not any((one.object, ref) in coming for ref in _refs(one))]

    def _fill(
        self, connection: Connection, lacking: Sequence[BillingObject], found: Sequence[MissedChange]
    ) -> None:
        """Save due accounts and missed changes in the objects' transaction, so that a crash leaves all or nothing."""
        self.gap_run.begin(connection, self.site)
        due = [self._due(one) for one in lacking]
        subjects.mark_due(connection, due)
        object_fetcher.decide_history(connection, self.site, sorted({one.key for one in due}))
        missed_changes.record(connection, self.site, found, self.gap_run.id)
        self.gap_run.report(connection, self.scanned.total(), self.missing.total())

    def _save(self, connection: Connection, kind: str, at: datetime) -> None:
        watermarks.save(connection, self._mark(kind), min(at, self.until - OVERLAP))

    def _mark(self, kind: str) -> str:
        return _mark(self.site, kind)

    def _missing(self, one: BillingObject) -> MissedChange:
        return MissedChange(one.object, one.id, one.updated_at, snapshots.subject_of(*self.site, one))

    def _due(self, one: BillingObject) -> Due:
        key = snapshots.subject_of(*self.site, one)
        code = key.removeprefix(external_ids.subject(*self.site, ""))
        return Due(key, *self.site, code, _urgency(one), self.gap_run.id)


def _mark(site: Site, kind: str) -> str:
    return ":".join(("feed", *site, kind))


def _version(one: BillingObject) -> tuple[str, str, datetime | None]:
    return one.object, one.id, one.updated_at


def _refs(one: BillingObject) -> tuple[str, str]:
    return one.id, snapshots.alias(one)


def _urgency(one: BillingObject) -> Urgency:
    """The urgency that the delivery would have had."""
    match one:
        case facts.Payment(status="chargeback"):
            return Urgency.DISPUTE
        case facts.Payment(status="declined" | "error") | facts.Invoice(state="past_due" | "failed"):
            return Urgency.FAILURE
        case _:
            return Urgency.ROUTINE


@dataclass(frozen=True, slots=True)
class SiteGapReport:
    """``missed``: the report of each site. ``failed``: the error of each site that could not be read."""

    missed: Mapping[str, GapReport]
    failed: Mapping[str, str]

    @property
    def count(self) -> int:
        return sum(one.count for one in self.missed.values())


def detect_at_each_site(
    apis: Mapping[Site, SourceApi], detect: Callable[[Site, SourceApi], GapReport], out: Mapping[str, str]
) -> SiteGapReport:
    """Detect the gaps of every site except those in ``out``. Raises the last error if no site could be read."""
    found: dict[str, GapReport] = {}
    failed = dict(out)
    for site, api in apis.items():
        if site[1] in out:
            continue
        try:
            found[site[1]] = detect(site, api)
        except (Transient, Permanent) as error:
            log.warning("feed_failed", source=site[0], site=site[1], error=str(error), outcome="left out")
            failed[site[1]] = str(error)
            if len(failed) == len(apis):
                raise
    return SiteGapReport(found, failed)
