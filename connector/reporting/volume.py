"""How many cases came, went and are left: by kind, by week, and by age."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from connector.reporting.cases import Case, Ending
from connector.reporting.period import Period
from connector.reporting.table_models import ALL, Section, Sums

_CASES: Final = ("open_at_start", "opened", "resolved", "closed_by_hand", "open_at_end")
_WEEKS: Final = ("opened", "ended", "open_at_end")
AGES: Final = {"days_0_to_2": 3, "days_3_to_7": 8, "days_8_to_30": 31}
"""Ages in whole days, and the first day that is too old for them."""
OLDEST: Final = "days_over_30"


class Flow:
    """Open at the start + opened − resolved − closed by hand = open at the end, for each kind and for all."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._weeks = period.weeks
        self.cases = Sums()
        self._ages = Sums()
        self._by_week: list[dict[str, int]] = [dict.fromkeys(_WEEKS, 0) for _ in self._weeks]

    def add(self, case: Case) -> None:
        for label in (case.kind, ALL):
            self._month(case, label)
        for (start, end), counts in zip(self._weeks, self._by_week, strict=True):
            counts["opened"] += start <= case.opened_at < end
            counts["ended"] += case.ended_at is not None and start <= case.ended_at < end
            counts["open_at_end"] += case.is_open_at(end)

    def _month(self, case: Case, kind: str) -> None:
        period = self._period
        if case.is_open_at(period.start):
            self.cases.add((kind,), "open_at_start")
        if period.holds(case.opened_at):
            self.cases.add((kind,), "opened")
        if period.holds(case.ended_at):
            self.cases.add((kind,), "resolved" if case.ending is Ending.RESOLVED else "closed_by_hand")
        if case.is_open_at(period.as_of):
            self.cases.add((kind,), "open_at_end")
            self._ages.add((kind,), _age(case.opened_at, period.as_of))

    def sections(self) -> list[Section]:
        return [
            Section(
                "cases",
                "Cases by kind",
                ("kind",),
                _CASES,
                self.cases.rows(lambda sums: tuple(sums[name] for name in _CASES)),
            ),
            Section(
                "weeks",
                "Cases by week",
                ("week_from",),
                _WEEKS,
                tuple(
                    (f"{start:%Y-%m-%d}", *(counts[name] for name in _WEEKS))
                    for (start, _), counts in zip(self._weeks, self._by_week, strict=True)
                ),
            ),
            Section(
                "backlog",
                "Backlog by age",
                ("kind",),
                (*AGES, OLDEST),
                self._ages.rows(lambda sums: tuple(sums[name] for name in (*AGES, OLDEST))),
            ),
        ]


def _age(opened_at: datetime, at: datetime) -> str:
    days = (at - opened_at) // timedelta(days=1)
    return next((name for name, too_old in AGES.items() if days < too_old), OLDEST)
