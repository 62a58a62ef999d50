"""A source that usually speaks and does not: by its own rhythm, without an alarm at night."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connector.ledger.source_activity import STEP, ReceivedCount
from connector.sync.monitoring.silence_detection import is_silent

LEAST = timedelta(minutes=30)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def always(at: datetime) -> int:
    return 3


def by_day(at: datetime) -> int:
    return 3 if 8 <= at.hour < 18 else 0


def on_workdays(at: datetime) -> int:
    return by_day(at) if at.weekday() < 5 else 0


def now_and_then(at: datetime) -> int:
    """One event in three hours."""
    return int(at.hour % 3 == 0 and at.minute == 0)


def once_a_night(at: datetime) -> int:
    return 40 if (at.hour, at.minute) == (3, 0) else 0


Rhythm = Callable[[datetime], int]


def past(rhythm: Rhythm, until: datetime, days: int = 14) -> list[ReceivedCount]:
    return list(_past(rhythm, until, days))


def _past(rhythm: Rhythm, until: datetime, days: int) -> Iterator[ReceivedCount]:
    at = until - timedelta(days=days)
    while at < until:
        if events := rhythm(at):
            yield ReceivedCount(at, events)
        at += STEP


def silent(
    rhythm: Rhythm, spoke_until: datetime, now: datetime, days: int = 14, least: timedelta = LEAST
) -> bool:
    """It spoke as ever until then. The last two weeks from now are known."""
    known = [one for one in past(rhythm, spoke_until, days) if one.at >= now - timedelta(days=14)]
    last = known[-1].at + timedelta(minutes=4) if known else spoke_until
    return is_silent(known, last, now, least)


def monday(hour: int, minute: int = 0, days: int = 0) -> datetime:
    return MONDAY + timedelta(days=days, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("rhythm", "spoke_until", "now", "expected"),
    [
        (always, monday(10), monday(10, 20), False),
        (always, monday(10), monday(10, 40), True),
        (always, monday(3), monday(3, 40), True),
        # it sleeps every night, and is missed in the morning
        (by_day, monday(18), monday(23), False),
        (by_day, monday(18), monday(31, 59), False),
        (by_day, monday(18), monday(32, 50), False),
        (by_day, monday(18), monday(34), True),
        (by_day, monday(14), monday(14, 50), True),
        # it sleeps every weekend, and is missed on Monday
        (on_workdays, monday(18, days=-3), monday(12, days=-2), False),
        (on_workdays, monday(18, days=-3), monday(7, 59), False),
        (on_workdays, monday(18, days=-3), monday(10), True),
        (on_workdays, monday(14), monday(14, 50), True),
        # who seldom speaks is missed after twice the usual pause
        (now_and_then, monday(9, 5), monday(14), False),
        (now_and_then, monday(9, 5), monday(15, 10), True),
        (once_a_night, monday(3, 5), monday(27), False),
        (once_a_night, monday(3, 5), monday(28, 40), True),
    ],
)
def test_silence_is_what_is_unusual(
    rhythm: Rhythm, spoke_until: datetime, now: datetime, expected: bool
) -> None:
    assert silent(rhythm, spoke_until, now) == expected


@pytest.mark.parametrize("rhythm", [by_day, on_workdays, now_and_then, once_a_night])
def test_whoever_keeps_his_rhythm_is_never_silent(rhythm: Rhythm) -> None:
    for quarter in range(0, 7 * 96, 5):
        now = MONDAY + timedelta(minutes=15 * quarter + 2)
        assert not silent(rhythm, now - timedelta(minutes=2), now), now


def test_in_the_first_week_nobody_is_silent() -> None:
    assert not silent(always, monday(10), monday(20), days=6)
    assert silent(always, monday(10), monday(20), days=8)


def test_the_first_free_weekend_is_no_silence() -> None:
    assert not silent(on_workdays, monday(18, days=4), monday(18, days=6), days=9)


def test_one_bad_day_in_the_past_is_forgiven() -> None:
    bad = monday(0, days=-4).date()
    assert silent(lambda at: 0 if at.date() == bad else 3, monday(10), monday(11))


def test_the_policy_says_how_quiet_is_quiet() -> None:
    assert not silent(always, monday(10), monday(11), least=timedelta(hours=2))


def test_who_never_spoke_is_not_silent() -> None:
    assert not is_silent([], monday(10), monday(20), LEAST)
