"""Reconcile a window of time: compare Recurly, the processors and Salesforce, and save the differences.

``window.py`` says from when to when; ``window_scan.py`` reads both sides day by day (``adapters.py``) and matches them
(``matching.py``, ``models.py``); ``findings.py`` and ``differences.py`` classify what differs; ``recheck.py`` and
``in_flight.py`` remove what is only late. Gaps are filled before: ``monitoring/gap_detection.py`` for billing sites,
``processor_gaps.py`` for processors.

Nothing here writes to Salesforce: saved differences make the subjects of their classes due; the applier writes them.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection

from connector.ledger import discrepancies, locks, snapshots
from connector.ledger.discrepancies import ComparedWindow
from connector.ledger.locks import Lock
from connector.ledger.subjects import Due
from connector.mappers import phrases
from connector.mappers.money import format_money
from connector.models.facts import Difference, Discrepancy, DiscrepancyState, DisplayedRow, Money
from connector.models.local_time import on_clock
from connector.policy import Compare
from connector.sync.reconcile.adapters import ComparedSystems
from connector.sync.reconcile.models import Finding, Observation, Window
from connector.sync.reconcile.window import WindowChoice, note, reach, since_last
from connector.sync.reconcile.window_scan import Tell, WindowScan

__all__ = [
    "COMMAND",
    "ComparedSystems",
    "DiscrepancyClass",
    "Reconciliation",
    "Window",
    "WindowChoice",
    "reach",
    "since_last",
]

COMMAND: Final = "reconcile"
_BATCH: Final = 500
_TURN_SECONDS: Final = 1.0


@dataclass(slots=True)
class DiscrepancyClass:
    """What was found of one class. ``amounts``: what the open ones are about, by currency."""

    open: int = 0
    explained: int = 0
    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def totals(self) -> tuple[Money, ...]:
        return tuple(Money(amount, code) for code, amount in sorted(self.amounts.items()))


class Reconciliation:
    """One reconcile of a window. ``findings`` is gone through once; then the rest tells of it.

    With ``run_id`` what is found is kept as it comes, and at the end what is not found any more is cleared, and ``due``
    are the subjects to apply. Only one that keeps goes through a ledger at a time: until its turn comes ``tell`` hears
    that nothing is done. ``clock``: of the ledger, by which it is kept when something was seen. ``known``: what of the
    window could be looked at."""

    def __init__(
        self,
        sides: ComparedSystems,
        policy: Compare,
        window: Window,
        now: datetime,
        run_id: int | None = None,
        tell: Tell = lambda done, of: None,
        known: WindowChoice = WindowChoice(),
        clock: Callable[[Connection], datetime] = snapshots.clock,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.window = window
        self.classes: dict[Difference, DiscrepancyClass] = {one: DiscrepancyClass() for one in Difference}
        self.due: list[Due] = []
        self._sides, self._run_id, self._known = sides, run_id, known
        self._tell, self._clock, self._pause = tell, clock, pause
        self._walk = WindowScan(sides, policy, window, now, tell)

    def findings(self) -> Iterator[Discrepancy]:
        if self._run_id is None:
            yield from map(self._counted, self._walk)
            return
        with locks.turn(self._sides.engine, Lock.COMPARING, self._wait):
            yield from self._kept(self._run_id)

    def _kept(self, run_id: int) -> Iterator[Discrepancy]:
        """As they are counted, and then settled."""
        with self._sides.engine.connect() as connection:
            began = self._clock(connection)
        batch: list[Discrepancy] = []
        for one in map(self._counted, self._walk):
            batch.append(one)
            if len(batch) >= _BATCH:
                self._keep(batch, run_id)
                batch.clear()
            yield one
        self._keep(batch, run_id)
        self._settle(began, run_id)

    def _wait(self) -> None:
        """What is urgent goes on meanwhile."""
        self._tell(0, 1)
        self._pause(_TURN_SECONDS)

    @property
    def compared(self) -> Counter[str]:
        """How many payments, refunds and disputes."""
        return self._walk.compared

    @property
    def open(self) -> int:
        """How many discrepancies nothing explains."""
        return sum(one.open for one in self.classes.values())

    @property
    def failed(self) -> dict[str, str]:
        """Who is set up and could not be asked, or not to the end, with why."""
        wanted = self.window.processors
        asked = {
            source: why for source, why in self._sides.not_asked.items() if wanted is None or source in wanted
        }
        sites = {f"site {site}": why for site, why in self._known.failed.items()}
        return {**sites, **asked, **self._walk.failed}

    def progress(self, failed: Collection[str] = ()) -> dict[str, Any]:
        """For the run: what came of it. What was not compared, and who could not be asked (``failed``: while missed
        deliveries were looked for), only where there is something."""
        explained = sum(one.explained for one in self.classes.values())
        told: dict[str, Any] = {"compared": self.compared.total(), "open": self.open, "explained": explained}
        lists = {"not_compared": self.not_compared(), "failed": sorted({*self.failed, *failed})}
        return told | {name: found for name, found in lists.items() if found}

    def not_compared(self) -> list[str]:
        """What could not be compared, a sentence each: who could not be asked, how far back the ledger does not reach,
        and what goes through a processor that has no lists."""
        failed = self.failed
        sentences = [f"{who}: {why.rstrip('.')}" for who, why in sorted(failed.items())]
        sentences += self._known.notes(self.window.sites)
        sentences += [
            f"site {site}, what no delivery told of: it has no API key, so its changes were not looked through"
            for site in self.window.sites
            if self._sides.apis.get(site) is None
        ]
        for gateway, number in sorted(self._walk.apart.items()):
            if gateway not in failed:
                where = f"through {gateway}" if gateway else "through no gateway"
                what = phrases.count(number, "payment")
                sentences.append(f"{what} {where}: there is no list of a processor to compare with")
        for site, number in sorted(self._walk.unheard.items()):
            what = f"{number:,} missing in Recurly, site {site}"
            sentences.append(f"{what}: the past of some accounts waits to be fetched")
        return sentences

    def _doubted(self, finding: Finding) -> Discrepancy:
        """One that Recurly may know of is not open, unless one that could ask everybody found it so."""
        one = discrepancy(finding, self._sides.zone_of(finding.transfer.site))
        is_open = one.difference is Difference.MISSING_IN_RECURLY and one.state is DiscrepancyState.OPEN
        why = self._known.doubt(finding.transfer) if is_open else ""
        if not why or self._was_open(one):
            return one
        return replace(one, state=DiscrepancyState.EXPLAINED, why=why)

    def _was_open(self, one: Discrepancy) -> bool:
        with self._sides.engine.connect() as connection:
            return discrepancies.is_open(connection, one.key)

    def _counted(self, found: Finding) -> Discrepancy:
        one = self._doubted(found)
        known = self.classes[one.difference]
        if one.state is not DiscrepancyState.OPEN:
            known.explained += 1
            return one
        known.open += 1
        if one.stake:
            known.amounts[one.stake.currency] += one.stake.amount
        return one

    def _keep(self, batch: Sequence[Discrepancy], run_id: int) -> None:
        if batch:
            with self._sides.engine.begin() as connection:
                self.due += discrepancies.keep(connection, batch, run_id, self._clock(connection))

    def _settle(self, began: datetime, run_id: int) -> None:
        """The classes that are due by what is left are due with those that lost one."""
        window, asked = self.window, set(self._sides.books) - set(self._walk.failed)
        begins = {site: window.begins(site) for site in window.sites}
        looked = ComparedWindow(begins, window.until, began, asked, window.processors)
        with self._sides.engine.begin() as connection:
            due = discrepancies.settle(connection, looked, run_id, self._clock(connection))
            if window.processors is None and not self._walk.failed:
                note(connection, window, self._known)
        self.due = list({one.key: one for one in (*self.due, *due)}.values())


def discrepancy(found: Finding, zone: tzinfo = UTC) -> Discrepancy:
    """As it is kept and shown, with the days of this zone."""
    transfer = found.transfer
    return Discrepancy(
        key=f"{transfer.key}:{found.difference}",
        difference=found.difference,
        site=transfer.site,
        processor=transfer.processor,
        movement=transfer.kind,
        reference=transfer.reference,
        at=transfer.at,
        state=found.state,
        why=found.why,
        account=transfer.account,
        stake=found.stake,
        recurly=_shown(transfer.recurly, zone),
        at_processor=_shown(transfer.at_processor, zone),
        salesforce=_shown(transfer.salesforce, zone),
        link=next((seen.link for seen in transfer.sides.values() if seen.link), None),
    )


def _shown(seen: Observation | None, zone: tzinfo) -> DisplayedRow | None:
    if seen is None:
        return None
    known = seen.amount is not None and seen.currency is not None
    return DisplayedRow(
        amount=format_money(Money(abs(seen.amount), seen.currency)) if known else None,  # type: ignore[arg-type]
        status=phrases.plain(seen.status) or None,
        day=phrases.day(on_clock(seen.moments[0], zone)) if seen.moments else None,
    )
