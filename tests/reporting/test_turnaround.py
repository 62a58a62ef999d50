"""How long cases took, whether they came back, whether anybody had to touch them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from connector.reporting import Case
from connector.reporting.cases import Owner

from .conftest import at, counted, key_figures, rows

Make = Callable[..., Case]


def refund(case: Make, hours: float, outcome: str = "Refunded") -> Case:
    return case(at(3), at(3) + timedelta(hours=hours), outcome, kind="refund")


def test_turnaround_is_the_median_and_what_nine_in_ten_did_not_exceed(case: Make) -> None:
    report = counted([refund(case, hours) for hours in (1, 2, 3, 4, 5, 6, 7, 8, 9, 100)])
    assert rows(report, "turnaround")["refund"] == {
        "problems_over": 10,
        "median_hours": 5.5,
        "p90_hours": 9.0,
    }
    keys = key_figures(report)
    assert (keys["refund_median_hours"], keys["refund_p90_hours"]) == (5.5, 9.0)


def test_one_case_is_its_own_median(case: Make) -> None:
    told = rows(counted([refund(case, 1.26)]), "turnaround")["refund"]
    assert told == {"problems_over": 1, "median_hours": 1.3, "p90_hours": 1.3}


def test_what_goes_on_in_another_case_took_no_time_of_its_own(case: Make) -> None:
    report = counted([refund(case, 5), refund(case, 500, "Continued")])
    assert rows(report, "turnaround")["refund"]["problems_over"] == 1


def test_a_refund_over_in_another_month_is_not_of_this(case: Make) -> None:
    assert key_figures(counted([refund(case, 24 * 40)]))["refund_median_hours"] is None


def test_reopened_twice_is_one_case_that_came_back(case: Make) -> None:
    """Four cases ended, one of which was reopened; another was and is open again."""
    report = counted(
        [
            *(case(at(2), at(9)) for _ in range(3)),
            case(at(2), at(20), reopened=(at(8), at(15))),
            case(at(2), reopened=(at(9),)),
        ]
    )
    told = rows(report, "handling")["all"]
    assert (told["ended"], told["reopened"], told["reopen_rate"]) == (4, 2, 0.4)


def test_a_reopening_of_another_month_is_no_reopening_of_this(case: Make) -> None:
    told = rows(counted([case(at(2, month=9), at(20), reopened=(at(8, month=9),))]), "handling")["all"]
    assert (told["reopened"], told["reopen_rate"], told["first_touch"]) == (0, 0.0, 0)


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ({}, 1),
        ({"owner": Owner.QUEUE}, 0),
        ({"owner": Owner.CASEWIRE}, 0),
        ({"reopened": (at(5),)}, 0),
        ({"escalated": True}, 0),
        ({"cycle": 2}, 0),
        ({"outcome": "Continued"}, 0),
        ({"by_hand": at(4)}, 0),
    ],
)
def test_first_touch_is_a_persons_first_case_never_reopened_nor_escalated(
    case: Make, more: dict[str, object], first: int
) -> None:
    told = rows(counted([case(at(2), at(9), **{"owner": Owner.PERSON, **more})]), "handling")["all"]
    assert (told["ended"], told["first_touch"]) == (1, first)


def test_the_first_touch_rate_is_of_what_people_had_to_do_with(case: Make) -> None:
    """Three retries that went well by themselves are nobody's merit."""
    report = counted(
        [
            *(case(at(2), at(9)) for _ in range(3)),
            case(at(2), at(9), owner=Owner.PERSON),
            case(at(2), by_hand=at(4)),
        ]
    )
    assert rows(report, "handling")["all"]["first_touch_rate"] == 0.5
    assert key_figures(report)["first_touch_rate"] == 0.5


def test_what_goes_on_with_a_problem_took_as_long_as_the_problem(case: Make) -> None:
    one = case(at(5), at(7), "Refunded", kind="refund", began_at=at(3))
    assert rows(counted([one]), "turnaround")["refund"]["median_hours"] == 96.0


@pytest.mark.parametrize(
    ("more", "by_itself"),
    [
        ({}, 1),
        ({"owner": Owner.CASEWIRE}, 1),
        ({"owner": Owner.PERSON}, 0),
        ({"by_hand": at(4)}, 0),
    ],
)
def test_what_no_person_took_or_closed_was_resolved_by_itself(
    case: Make, more: dict[str, object], by_itself: int
) -> None:
    told = rows(counted([case(at(2), at(9), **more)]), "handling")["all"]
    assert (told["by_itself"], told["by_people"]) == (by_itself, 1 - by_itself)
    assert told["by_itself_share"] == float(by_itself)
