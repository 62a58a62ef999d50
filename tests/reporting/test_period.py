"""The month of a report, to the second, on the clock of its site."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from connector.reporting import Period

from .conftest import LATER, at


def test_a_month_that_is_over_ends_where_the_next_begins() -> None:
    period = Period.of("2026-10", LATER)
    assert (period.start, period.end, period.as_of) == (at(1), at(1, month=11), at(1, month=11))
    assert not period.runs
    assert period.holds(at(1))
    assert not period.holds(at(1) - timedelta(microseconds=1))
    assert period.holds(at(31, 23))
    assert not period.holds(at(1, month=11))
    assert not period.holds(None)


def test_a_month_that_runs_is_counted_up_to_now() -> None:
    period = Period.of("2026-10", at(14, 9))
    assert period.runs
    assert period.as_of == at(14, 9)
    assert not period.holds(at(14, 10))


def test_december_ends_with_the_year() -> None:
    assert Period.of("2026-12", datetime(2027, 5, 1, tzinfo=UTC)).end == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_month_is_that_of_the_sites_clock() -> None:
    """Berlin's October begins in summer time and ends in winter time."""
    berlin = ZoneInfo("Europe/Berlin")
    period = Period.of("2026-10", LATER, berlin)
    assert period.start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert period.end == period.as_of == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert [week[0].astimezone(berlin).strftime("%a %H") for week in period.weeks] == ["Mon 00"] * 13
    assert Period.last(datetime(2026, 10, 31, 23, 30, tzinfo=UTC), berlin).month == "2026-10"
    with pytest.raises(ValueError, match=r"not begun yet \(America/New_York\)"):
        Period.of("2026-11", at(1, 3, month=11), ZoneInfo("America/New_York"))


def test_last_month_is_that_of_utc_whatever_the_zone_of_the_clock() -> None:
    still_october_there = datetime(2026, 10, 31, 20, tzinfo=timezone(timedelta(hours=-7)))
    assert Period.last(still_october_there).month == "2026-10"
    assert Period.last(datetime(2027, 1, 15, tzinfo=UTC)).month == "2026-12"


def test_the_trend_is_thirteen_weeks_from_monday_the_last_cut_at_the_end() -> None:
    weeks = Period.of("2026-10", LATER).weeks
    assert len(weeks) == 13
    assert weeks[-1] == (at(26), at(1, month=11))
    assert weeks[-2] == (at(19), at(26))
    assert weeks[0] == (at(3, month=8), at(10, month=8))
    assert {start.weekday() for start, _ in weeks} == {0}


def test_a_month_that_ends_with_a_week_has_no_empty_week_after_it() -> None:
    assert Period.of("2026-05", LATER).weeks[-1] == (at(25, month=5), at(1, month=6))


@pytest.mark.parametrize(
    "wrong", ["2026", "2026-13", "2026-1", "October", "0000-01", "0001-01", "2026-10-01", ""]
)
def test_what_is_no_month_is_refused_with_what_to_say(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"is not a month; say it as 2026-10\."):
        Period.of(wrong, LATER)


def test_a_month_that_has_not_begun_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-11 has not begun yet"):
        Period.of("2026-11", at(1, month=11))
