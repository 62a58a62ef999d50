"""How cases were handled: how long they took, whether they came back, and whether anybody had to touch them."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import timedelta
from statistics import median
from typing import Final

from connector.reporting.cases import Case, Ending, Owner
from connector.reporting.period import Period
from connector.reporting.table_models import ALL, Counts, Section, Sums, Value, share

CONTINUED: Final = frozenset({"Continued", "Disputed", "Part of an incident"})
"""Outcomes of cases whose problem is not over: another case has it."""

_TURNAROUND: Final = ("problems_over", "median_hours", "p90_hours")
_HANDLING: Final = (
    *("ended", "reopened", "reopen_rate", "first_touch", "first_touch_rate"),
    *("by_itself", "by_people", "by_itself_share"),
)


class Turnaround:
    """From the beginning of a problem to its end."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._hours: dict[str, list[float]] = defaultdict(list)

    def add(self, case: Case) -> None:
        if case.resolved_at is None or case.outcome in CONTINUED or not self._period.holds(case.resolved_at):
            return
        took = max(case.resolved_at - (case.began_at or case.opened_at), timedelta(0))
        self._hours[case.kind].append(took / timedelta(hours=1))

    def of(self, kind: str) -> tuple[int, float | None, float | None]:
        """How many, the median and the 90th percentile in hours."""
        hours = sorted(self._hours.get(kind, ()))
        if not hours:
            return 0, None, None
        ninetieth = hours[math.ceil(0.9 * len(hours)) - 1]
        return len(hours), round(median(hours), 1), round(ninetieth, 1)

    def sections(self) -> list[Section]:
        rows = tuple((kind, *self.of(kind)) for kind in sorted(self._hours))
        return [Section("turnaround", "Hours from beginning to end", ("kind",), _TURNAROUND, rows)]


class Handling:
    """Cases that ended at the first touch, were reopened, or ended without work of a person."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self.kinds = Sums()

    def add(self, case: Case) -> None:
        ended = self._period.holds(case.ended_at)
        reopened = any(map(self._period.holds, case.reopened))
        for kind in (case.kind, ALL):
            if ended or reopened:
                self.kinds.add((kind,), "ended_or_reopened")
                self.kinds.add((kind,), "reopened", int(reopened))
            if ended:
                self.kinds.add((kind,), "ended")
                self.kinds.add((kind,), "first_touch", int(_at_first_touch(case)))
                self.kinds.add((kind,), "by_itself" if _by_itself(case) else "by_people")

    def sections(self) -> list[Section]:
        return [
            Section("handling", "How cases were handled", ("kind",), _HANDLING, self.kinds.rows(_handling))
        ]


def _at_first_touch(case: Case) -> bool:
    """Whether a person resolved it at the first touch."""
    again = case.reopened or case.escalated or case.cycle > 1 or case.outcome in CONTINUED
    return case.owner is Owner.PERSON and case.ending is Ending.RESOLVED and not again


def _by_itself(case: Case) -> bool:
    return case.ending is Ending.RESOLVED and case.owner is not Owner.PERSON


def _handling(sums: Counts) -> tuple[Value, ...]:
    ended = sums["ended"]
    return (
        ended,
        sums["reopened"],
        share(sums["reopened"], sums["ended_or_reopened"]),
        sums["first_touch"],
        share(sums["first_touch"], sums["by_people"]),
        sums["by_itself"],
        sums["by_people"],
        share(sums["by_itself"], ended),
    )
