"""Where a reconcile starts, how far back the ledger knows each site, and until when each site is reconciled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from connector.ledger import discrepancies, missed_changes, runs, watermarks
from connector.mappers import phrases
from connector.policy import Compare
from connector.sync.monitoring.gap_detection import FIRST_READ
from connector.sync.reconcile.adapters import RECURLY
from connector.sync.reconcile.models import Transfer, Window
from connector.sync.refresh import change_feed

DAYS: Final = 35
"""How far back it is looked where nobody says; a bank debit may be returned, a dispute lost, weeks later."""
FARTHEST: Final = timedelta(days=180)
"""What differs is looked at again until it is cleared, for so long at the most."""


@dataclass(frozen=True, slots=True)
class WindowChoice:
    """``usual``: where one begins that is not told where; ``asked``: where this one was told to. ``known_from``: since
    when the ledger knows each site that it does not know from the beginning. ``failed``: sites that could not be asked
    what has changed, with why; ``others``: those that nobody wanted to be asked."""

    usual: datetime | None = None
    asked: datetime | None = None
    known_from: Mapping[str, datetime] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def begins(self) -> datetime | None:
        return self.asked or self.usual

    def window(self, until: datetime, sites: Sequence[str], processors: frozenset[str] | None) -> Window:
        """What can be compared of what was asked for: what the ledger does not know would be missing there."""
        left = tuple(site for site in sites if site not in self.failed)
        wanted = self.begins or until
        known = min((self.known_from.get(site, wanted) for site in left), default=wanted)
        return Window(min(max(wanted, known), until), until, left, processors, self.known_from)

    def lists(self, window: Window) -> Window:
        """From when on the lists of processors are looked through: a dispute of before the ledger is one to know of."""
        return replace(window, since=min(window.since, self.begins or window.since))

    def notes(self, sites: Sequence[str]) -> Iterator[str]:
        """Of the sites that cannot be looked at so far back, a sentence each."""
        wanted = self.begins
        for site in sites:
            known = self.known_from.get(site)
            if known and wanted and wanted < known:
                yield (
                    f"site {site}, what moved before {known:%Y-%m-%d %H:%M} UTC: the ledger does not reach back "
                    "farther; casewire backfill brings it in"
                )

    def doubt(self, one: Transfer) -> str:
        """Why Recurly may know what the ledger does not, if that may be: nobody can say whose it is."""
        if one.recurly is not None or one.account is not None:
            return ""
        for site in self.failed:
            return f"it may be of site {site}, which could not be asked"
        for site in self.others:
            return f"it may be of site {site}, which was not looked at"
        for site, known in self.known_from.items():
            if one.at < known:
                return f"it may be of site {site}, which the ledger knows since {phrases.day(known)}"
        return ""


def reach(
    connection: Connection,
    policy: Compare,
    days: int,
    sites: Sequence[str],
    now: datetime,
    until: datetime,
    *,
    failed: Mapping[str, str],
    since: datetime | None = None,
    others: Sequence[str] = (),
) -> WindowChoice:
    """How far these sites can be looked at now; ``since`` was asked for. ``others``: sites that are left out."""
    known = {site: _known_from(connection, site, now) for site in sites}
    return WindowChoice(
        since_last(connection, policy, [site for site in sites if site not in failed], now, until, days),
        since,
        {site: at for site, at in known.items() if at},
        failed,
        tuple(others),
    )


def since_last(
    connection: Connection,
    policy: Compare,
    sites: Sequence[str],
    now: datetime,
    until: datetime,
    days: int = DAYS,
) -> datetime:
    """Where to begin: so many ``days`` ago, and not after the oldest discrepancy of the last half year that is not
    cleared, nor later before the end of what was kept last than time may explain something; at most half a year ago,
    and at least a day before ``until``."""
    hours = max(policy.settlement_hours, policy.bank_debit_hours)
    back = timedelta(hours=hours, days=policy.date_tolerance_days + 1)
    marks = [watermarks.load(connection, _mark(site)) for site in sites]
    unsettled = discrepancies.unsettled_since(connection, sites, now - FARTHEST)
    begins = [
        now - timedelta(days=days),
        *(mark - back for mark in marks if mark),
        *([unsettled] if unsettled else []),
    ]
    return min(max(now - FARTHEST, min(begins)), until - timedelta(days=1))


def note(connection: Connection, window: Window, known: WindowChoice) -> None:
    """How far each site is reconciled without a gap. The first time that is for one to say which begins where one does
    that is not told where."""
    for site in window.sites:
        usual = (at for at in (known.usual, known.known_from.get(site)) if at)
        last = watermarks.load(connection, _mark(site))
        if window.since <= (last or max(usual, default=window.since)):
            watermarks.save(connection, _mark(site), window.until)


def _known_from(connection: Connection, site: str, now: datetime) -> datetime | None:
    """None: from the beginning, by a backfill of everything."""
    found = [missed_changes.known_from(connection, (RECURLY, site)) or now - FIRST_READ]
    for run in runs.done(connection, "backfill"):
        if site in run.options["sites"] and set(run.options["objects"]) >= set(change_feed.KINDS):
            since = run.options["since"]
            if since is None:
                return None
            found.append(datetime.fromisoformat(since))
    return min(found)


def _mark(site: str) -> str:
    return f"reconcile:{RECURLY}:{site}"
