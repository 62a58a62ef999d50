"""How many cases came, went and are left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.reporting import Case

from .conftest import at, counted, rows

Make = Callable[..., Case]
SECOND = timedelta(seconds=1)


def flow(report_rows: dict[str, int]) -> tuple[int, ...]:
    names = ("open_at_start", "opened", "resolved", "closed_by_hand", "open_at_end")
    return tuple(report_rows[name] for name in names)


@pytest.mark.parametrize(
    ("opened", "over", "expected"),
    [
        (at(5), at(9), (0, 1, 1, 0, 0)),
        (at(5), None, (0, 1, 0, 0, 1)),
        (at(20, month=9), at(3), (1, 0, 1, 0, 0)),
        (at(20, month=9), None, (1, 0, 0, 0, 1)),
        (at(30), at(3, month=11), (0, 1, 0, 0, 1)),
        (at(20, month=9), at(3, month=11), (1, 0, 0, 0, 1)),
        (at(1), at(1), (0, 1, 1, 0, 0)),
        (at(1) - SECOND, at(1), (1, 0, 1, 0, 0)),
        (at(31), at(1, month=11) - SECOND, (0, 1, 1, 0, 0)),
        (at(31), at(1, month=11), (0, 1, 0, 0, 1)),
    ],
)
def test_a_case_counts_where_it_began_and_where_it_ended(
    case: Make, opened: datetime, over: datetime | None, expected: tuple[int, ...]
) -> None:
    told = rows(counted([case(opened, over)]), "cases")
    assert flow(told["payment_failed"]) == expected
    assert flow(told["all"]) == expected


@pytest.mark.parametrize(
    ("opened", "over"),
    [(at(1, month=11), None), (at(2, month=9), at(30, month=9)), (at(2, month=9), at(1) - SECOND)],
)
def test_what_began_after_the_month_or_ended_before_it_counts_nowhere(
    case: Make, opened: datetime, over: datetime | None
) -> None:
    report = counted([case(opened, over)])
    assert report.is_empty
    assert report.section("cases").rows == ()


def test_a_person_who_closes_it_first_ends_it(case: Make) -> None:
    """Its problem was over in November: the desk was done with it in October."""
    told = rows(counted([case(at(5), at(2, month=11), by_hand=at(6)), case(at(5), by_hand=at(7))]), "cases")
    assert flow(told["all"]) == (0, 2, 0, 2, 0)


def test_a_clock_that_differs_makes_no_closing_by_hand(case: Make) -> None:
    """Casewire closed it, and the processor's clock is a little ahead of Salesforce's."""
    one = case(at(5), at(6), by_hand=at(6) - SECOND, closed_by_us=True)
    assert flow(rows(counted([one]), "cases")["all"]) == (0, 1, 1, 0, 0)


def test_a_case_that_was_over_before_it_began_ends_when_it_begins(case: Make) -> None:
    assert flow(rows(counted([case(at(5), at(3))]), "cases")["all"]) == (0, 1, 1, 0, 0)


def test_kinds_are_counted_apart_and_the_line_of_all_comes_last(case: Make) -> None:
    report = counted([case(at(2), kind="refund"), case(at(3), kind="dispute"), case(at(4), kind="zebra")])
    assert [row[0] for row in report.section("cases").rows] == ["dispute", "refund", "zebra", "all"]
    assert rows(report, "cases")["all"]["opened"] == 3


@pytest.mark.parametrize(
    ("opened", "age"),
    [
        (at(1, month=11) - timedelta(seconds=1), "days_0_to_2"),
        (at(29) + SECOND, "days_0_to_2"),
        (at(29), "days_3_to_7"),
        (at(24) + SECOND, "days_3_to_7"),
        (at(24), "days_8_to_30"),
        (at(1) + SECOND, "days_8_to_30"),
        (at(1), "days_over_30"),
        (at(1, month=1), "days_over_30"),
    ],
)
def test_the_backlog_is_as_old_as_it_was_at_the_end_of_the_month(
    case: Make, opened: datetime, age: str
) -> None:
    told = rows(counted([case(opened)]), "backlog")["payment_failed"]
    assert {name for name, number in told.items() if number} == {age}


def test_a_month_that_runs_is_as_old_as_now(case: Make) -> None:
    report = counted([case(at(9)), case(at(12))], now=at(10, 1))
    assert rows(report, "backlog")["all"]["days_0_to_2"] == 1
    assert rows(report, "cases")["all"]["open_at_end"] == 1


def test_weeks_tell_the_trend(case: Make) -> None:
    report = counted(
        [case(at(6, month=8), at(12, month=8)), case(at(20), at(27)), case(at(20), by_hand=at(21))]
    )
    told = rows(report, "weeks")
    assert told["2026-08-03"] == {"opened": 1, "ended": 0, "open_at_end": 1}
    assert told["2026-08-10"] == {"opened": 0, "ended": 1, "open_at_end": 0}
    assert told["2026-10-19"] == {"opened": 2, "ended": 1, "open_at_end": 1}
    assert told["2026-10-26"] == {"opened": 0, "ended": 1, "open_at_end": 0}


_DAY = st.integers(min_value=0, max_value=150).map(lambda day: at(1, month=8) + timedelta(days=day / 2))


@given(st.lists(st.tuples(_DAY, st.none() | _DAY, st.none() | _DAY), max_size=12))
def test_what_was_there_and_came_is_what_went_and_is_left(
    found: list[tuple[datetime, datetime | None, datetime | None]],
) -> None:
    cases = [
        Case(key=str(n), kind="refund", opened_at=opened, resolved_at=over, closed_at=by_hand or over)
        for n, (opened, over, by_hand) in enumerate(found)
    ]
    for told in rows(counted(cases), "cases").values():
        was, came, resolved, by_hand, left = flow(told)
        assert was + came - resolved - by_hand == left
