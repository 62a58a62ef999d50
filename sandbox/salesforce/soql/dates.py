"""Date literals: ``TODAY``, ``LAST_N_DAYS:7``. Each is a stretch of days; the week starts on Sunday."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

Days = tuple[date, date]
"""First day, and the day after the last."""


def _day(today: date, offset: int) -> Days:
    return today + timedelta(offset), today + timedelta(offset + 1)


def _week(today: date, offset: int) -> Days:
    start = today - timedelta((today.weekday() + 1) % 7) + timedelta(7 * offset)
    return start, start + timedelta(7)


def _month(today: date, offset: int) -> Days:
    return _first(today, offset), _first(today, offset + 1)


def _first(today: date, months: int) -> date:
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _year(today: date, offset: int) -> Days:
    return date(today.year + offset, 1, 1), date(today.year + offset + 1, 1, 1)


_WORDS: Final[dict[str, tuple[Callable[[date, int], Days], int]]] = {
    "yesterday": (_day, -1),
    "today": (_day, 0),
    "tomorrow": (_day, 1),
    "last_week": (_week, -1),
    "this_week": (_week, 0),
    "next_week": (_week, 1),
    "last_month": (_month, -1),
    "this_month": (_month, 0),
    "next_month": (_month, 1),
    "last_year": (_year, -1),
    "this_year": (_year, 0),
    "next_year": (_year, 1),
}
_COUNTED: Final[dict[str, Callable[[date, int], Days]]] = {
    "last_n_days": lambda today, n: (today - timedelta(n), today + timedelta(1)),
    "next_n_days": lambda today, n: (today + timedelta(1), today + timedelta(n + 1)),
    "n_days_ago": lambda today, n: _day(today, -n),
    "last_n_weeks": lambda today, n: (_week(today, -n)[0], _week(today, 0)[0]),
    "next_n_weeks": lambda today, n: (_week(today, 1)[0], _week(today, n + 1)[0]),
    "last_n_months": lambda today, n: (_first(today, -n), _first(today, 0)),
    "next_n_months": lambda today, n: (_first(today, 1), _first(today, n + 1)),
}


def days_of(word: str, today: date) -> Days | None:
    """The days a literal means; None for a word that is none."""
    name, _, count = word.lower().partition(":")
    if count:
        return _COUNTED[name](today, int(count)) if name in _COUNTED else None
    if name in ("last_90_days", "next_90_days"):
        return _COUNTED[name.replace("90", "n")](today, 90)
    how = _WORDS.get(name)
    return how[0](today, how[1]) if how else None
