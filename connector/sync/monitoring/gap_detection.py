"""What a billing site changed and no delivery told of: found in its change feed, filled in, and counted.

Each kind of object is walked from where the last walk ended. Where a walk ends it keeps a distance from now: a delivery
may still be on its way, and what has just changed may not be in the feed yet.
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
from connector.sync.availability.retry import RetryPolicy
from connector.sync.refresh import change_feed, object_fetcher
from connector.sync.refresh.change_feed import Page, Site
from connector.sync.refresh.object_fetcher import SourceApi

log = structlog.get_logger("connector.reconcile")

GRACE: Final = timedelta(minutes=10)
OVERLAP: Final = timedelta(minutes=5)
"""For clocks that differ, and for changes that come into the feed late."""
NEVER_HEARD: Final = timedelta(days=1)
"""How far back a site is looked through that no event has come from yet."""
SAMPLES: Final = 50

COMMAND: Final = "missed"
"""The name of the runs that nobody asked for, and so the trigger of their attempts."""
WHO: Final = "scheduler"
REASON: Final = "no delivery told of these changes"


@dataclass(frozen=True, slots=True)
class GapReport:
    """What one look found. ``looked`` and ``missing``: by kind of object; ``samples``: the first of the missing.
    ``earlier``: what the ledger lacks because it changed before the ledger knew the site, so that there was no
    delivery to miss. Changes from ``since`` to ``until`` were looked at; with ``whole`` false it stopped on the way."""

    since: datetime
    until: datetime
    scanned: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    samples: tuple[MissedChange, ...] = ()
    whole: bool = True
    earlier: int = 0

    @property
    def count(self) -> int:
        return self.missing.total()

    def __str__(self) -> str:
        """``0 missing of 18,204``, ``500 missing of 18,204: 300 invoices, 200 payments``."""
        kinds = (f"{n:,} {kind.replace('_', ' ')}{'' if n == 1 else 's'}" for kind, n in self.missing.items())
        told = f"{self.count:,} missing of {self.scanned.total():,}"
        return f"{told}: {', '.join(kinds)}" if self.count else told


def look(
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
    """Compare what changed with what the ledger knows: ``since`` then, or since the last look.

    With ``fill`` what is missing becomes facts and its accounts are due, for the run ``run_id``, or else for a run of
    its own, made once something is missing; each page is whole when the next is asked for, and the next look goes on
    behind it. Without, nothing is changed. Raises what the API raises, at once or when ``patience`` is over.
    ``stop``: whether to leave the rest to the next look.
    """
    walk = _Walk(engine, site, api, now - grace, since, fill, _Run(run_id), stop, patience)
    try:
        found = walk.run()
    except BaseException as error:
        walk.mine.end(engine, runs.FAILED, str(error))
        raise
    walk.mine.end(engine, runs.DONE)
    return found


def was_read(connection: Connection, site: Site, until: Mapping[str, datetime]) -> None:
    """A site was read whole by other means, each kind up to these changes: the first look goes on from there, or what
    changed between that and the first delivery would never be read."""
    for kind, at in until.items():
        watermarks.begin_at(connection, _mark(site, kind), at - OVERLAP)


@dataclass(slots=True)
class _Run:
    """The run that accounts are due for. ``own``: it was made here, and ends here."""

    id: int | None
    own: bool = False

    def begin(self, connection: Connection, site: Site) -> None:
        if self.id is None:
            self.id = runs.begin(connection, COMMAND, WHO, REASON, {"site": ":".join(site)})
            self.own = True

    def tell(self, connection: Connection, scanned: int, missing: int) -> None:
        if self.own and self.id is not None:
            runs.progress(connection, self.id, {"scanned": scanned, "missing": missing})

    def end(self, engine: Engine, state: str, error: str = "") -> None:
        if self.own and self.id is not None:
            with engine.begin() as connection:
                runs.end(connection, self.id, state, error)


@dataclass(slots=True)
class _Walk:
    """One look at one site. ``until``: younger changes are on their way."""

    engine: Engine
    site: Site
    api: SourceApi
    until: datetime
    since: datetime | None
    fill: bool
    mine: _Run
    stop: Callable[[], bool]
    patience: RetryPolicy | None
    scanned: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    samples: list[MissedChange] = field(default_factory=list)
    starts: dict[str, datetime] = field(default_factory=dict)
    known_from: datetime | None = None
    earlier: int = 0

    def run(self) -> GapReport:
        begin = self._beginnings()
        self.starts = {kind: self.since or begin[kind] for kind in change_feed.KINDS}
        whole = True
        for kind in change_feed.KINDS:
            whole = whole and self._kind(kind, begin[kind])
        if whole and self.fill and all(self.starts[kind] <= begin[kind] for kind in change_feed.KINDS):
            with self.engine.begin() as connection:
                missed_changes.looked_through(connection, self.site, max(self.starts.values()), self.until)
        since = min(self.starts.values())
        return GapReport(
            since, self.until, self.scanned, self.missing, tuple(self.samples), whole, self.earlier
        )

    def _beginnings(self) -> dict[str, datetime]:
        """Where the last look at each kind ended; before the first, where the site was first heard of."""
        with self.engine.connect() as connection:
            known = {kind: watermarks.load(connection, self._mark(kind)) for kind in change_feed.KINDS}
            first = None if all(known.values()) else missed_changes.first_told_of(connection, self.site)
            self.known_from = missed_changes.known_from(connection, self.site)
        fallback = first - OVERLAP if first else self.until - NEVER_HEARD
        return {kind: at or fallback for kind, at in known.items()}

    def _kind(self, kind: str, begin: datetime) -> bool:
        """Whether it came to the end. A look from later than where the last one ended leaves that where it is: between
        them nobody looked."""
        start = self.starts[kind]
        moves = self.fill and start <= begin
        for page in self._pages(kind, start):
            settled = tuple(one for one in page.objects if not self._is_young(one))
            self._page(replace(page, objects=settled), moves)
            # what is young inside another object has a page of its own, and says nothing of what comes after it
            if any(one.object == kind and self._is_young(one) for one in page.objects):
                break
            if self.stop() and page.until and page.until > start:
                return False
        if moves:
            with self.engine.begin() as connection:
                self._save(connection, kind, self.until)
        return True

    def _is_young(self, one: BillingObject) -> bool:
        """Whether its delivery may still be on its way."""
        return one.updated_at is not None and one.updated_at > self.until

    def _pages(self, kind: str, since: datetime) -> Iterator[Page]:
        """Where billing goes away on the way, it goes on where it was. What is listed again then was counted."""
        before: frozenset[object] = frozenset()
        while True:
            try:
                for page in change_feed.pages(self.engine, self.api, kind, since):
                    yield replace(
                        page, objects=tuple(one for one in page.objects if _version(one) not in before)
                    )
                    since, before = page.until or since, frozenset(map(_version, page.objects))
                    if self.patience:
                        self.patience.done()
                return
            except Transient as error:
                if self.patience is None:
                    raise
                self.patience.bear(error)

    def _page(self, page: Page, moves: bool) -> None:
        lacking = self._lacking(page)
        found = [self._missing(one) for one in lacking if self.fill or not self._comes_later(one, page.kind)]
        self.scanned.update(one.object for one in page.objects if not self._comes_later(one, page.kind))
        if found:
            deliverable = [one for one in found if not self._is_earlier(one)]
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

    def _is_earlier(self, one: MissedChange) -> bool:
        """Whether it changed before the ledger knew the site: a new installation has not missed its whole past."""
        known = self.known_from
        return known is not None and one.version is not None and one.version < known - OVERLAP

    def _comes_later(self, one: BillingObject, kind: str) -> bool:
        """Whether it stands in another object here, and has a page of its own: it would be counted twice."""
        return one.object != kind and one.updated_at is not None and one.updated_at >= self.starts[one.object]

    def _lacking(self, page: Page) -> list[BillingObject]:
        """What the ledger does not know, or only from a look that nobody followed; but what an event points to only
        waits to be fetched."""
        with self.engine.connect() as connection:
            scanned = missed_changes.only_looked_at(
                connection, self.site, [(one.object, one.id) for one in page.objects]
            )
        unknown = {_version(one) for one in change_feed.news(self.engine, self.site, page)}
        news = [one for one in page.objects if _version(one) in unknown or (one.object, one.id) in scanned]
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
        """Kept in one transaction with the objects: a crash leaves them missing, or all of this done."""
        self.mine.begin(connection, self.site)
        due = [self._due(one) for one in lacking]
        subjects.mark_due(connection, due)
        object_fetcher.decide_history(connection, self.site, sorted({one.key for one in due}))
        missed_changes.record(connection, self.site, found, self.mine.id)
        self.mine.tell(connection, self.scanned.total(), self.missing.total())

    def _save(self, connection: Connection, kind: str, at: datetime) -> None:
        watermarks.save(connection, self._mark(kind), min(at, self.until - OVERLAP))

    def _mark(self, kind: str) -> str:
        return _mark(self.site, kind)

    def _missing(self, one: BillingObject) -> MissedChange:
        return MissedChange(one.object, one.id, one.updated_at, snapshots.subject_of(*self.site, one))

    def _due(self, one: BillingObject) -> Due:
        key = snapshots.subject_of(*self.site, one)
        code = key.removeprefix(external_ids.subject(*self.site, ""))
        return Due(key, *self.site, code, _urgency(one), self.mine.id)


def _mark(site: Site, kind: str) -> str:
    return ":".join(("feed", *site, kind))


def _version(one: BillingObject) -> tuple[str, str, datetime | None]:
    return one.object, one.id, one.updated_at


def _refs(one: BillingObject) -> tuple[str, str]:
    return one.id, snapshots.alias(one)


def _urgency(one: BillingObject) -> Urgency:
    """As urgent as the delivery would have been."""
    match one:
        case facts.Payment(status="chargeback"):
            return Urgency.DISPUTE
        case facts.Payment(status="declined" | "error") | facts.Invoice(state="past_due" | "failed"):
            return Urgency.FAILURE
        case _:
            return Urgency.ROUTINE


@dataclass(frozen=True, slots=True)
class SiteGapReport:
    """What came of it. ``missed``: by site; ``failed``: those that could not be asked, with why."""

    missed: Mapping[str, GapReport]
    failed: Mapping[str, str]

    @property
    def count(self) -> int:
        return sum(one.count for one in self.missed.values())


def look_at_each(
    apis: Mapping[Site, SourceApi], look: Callable[[Site, SourceApi], GapReport], out: Mapping[str, str]
) -> SiteGapReport:
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
