"""The month a report is about, and the weeks of its trend, on the clock of the site it is about; an end is never part
of its period."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

TREND_WEEKS: Final = 13
FIRST_YEAR: Final = 2000
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Period:
    """``[start, end)``. ``as_of`` is its end, or now while the month still runs: nothing is counted from there on."""

    start: datetime
    end: datetime
    as_of: datetime

    @classmethod
    def of(cls, month: str, now: datetime, zone: tzinfo = UTC) -> Period:
        """The month ``2026-10`` of this zone. ValueError says what is wrong with it."""
        found = _MONTH.fullmatch(month)
        if found is None or int(found[1]) < FIRST_YEAR:
            raise ValueError(f"{month!r} is not a month; say it as 2026-10.")
        start = datetime(int(found[1]), int(found[2]), 1, tzinfo=zone)
        if start >= now:
            raise ValueError(f"{month} has not begun yet ({zone}).")
        end = _next(start)
        return cls(start, end, min(end, now.astimezone(zone)))

    @classmethod
    def last(cls, now: datetime, zone: tzinfo = UTC) -> Period:
        """The month before the one that runs."""
        first = now.astimezone(zone).replace(day=1)
        return cls.of(f"{first - timedelta(days=1):%Y-%m}", now, zone)

    @property
    def month(self) -> str:
        return f"{self.start:%Y-%m}"

    @property
    def runs(self) -> bool:
        """Whether the month is not over."""
        return self.as_of < self.end

    @property
    def weeks(self) -> tuple[tuple[datetime, datetime], ...]:
        """The weeks from Monday to Monday up to ``as_of``, the oldest first; the last one may be cut short."""
        last = _monday(self.as_of - timedelta(microseconds=1))
        starts = [last - _WEEK * n for n in reversed(range(TREND_WEEKS))]
        return tuple((start, min(start + _WEEK, self.as_of)) for start in starts)

    @property
    def since(self) -> datetime:
        """Cases that ended before this do not count in the report."""
        return min(self.start, self.weeks[0][0])

    def holds(self, moment: datetime | None) -> bool:
        return moment is not None and self.start <= moment < self.as_of


def _next(start: datetime) -> datetime:
    return (start + timedelta(days=31)).replace(day=1)


def _monday(moment: datetime) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())
