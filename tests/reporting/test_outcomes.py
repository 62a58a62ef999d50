"""Money recovered, disputes decided, answers missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from connector.reporting import Case

from .conftest import at, counted, key_figures, rows

Make = Callable[..., Case]
NOVEMBER = at(2, month=11)


def test_recovered_and_lost_are_told_for_each_currency_by_itself(case: Make) -> None:
    report = counted(
        [
            case(at(2), at(5), amount="30.00"),
            case(at(2), at(6), amount="50.00"),
            case(at(2), at(7), "Lost", amount="20.00"),
            case(at(2), at(7), "Voided", amount="999.00"),
            case(at(2), at(5), amount="500", currency="JPY"),
            case(at(2), NOVEMBER, amount="1000.00"),
            case(at(2), amount="1000.00"),
        ]
    )
    told = rows(report, "recovery")
    assert set(told) == {("payment_failed", "USD"), ("payment_failed", "JPY")}
    assert told["payment_failed", "USD"] == {
        "recovered": 2,
        "lost": 1,
        "recovery_rate": 0.6667,
        "recovered_amount": Decimal("80.00"),
        "lost_amount": Decimal("20.00"),
        "amount_recovery_rate": 0.8,
    }
    assert told["payment_failed", "JPY"]["recovered_amount"] == Decimal(500)
    keys = key_figures(report)
    assert keys["recovery_rate"] == 0.75
    assert keys["recovered_amount", "USD"] == Decimal("80.00")
    assert keys["amount_recovery_rate", "JPY"] == 1.0


def test_it_counts_in_the_month_in_which_the_money_came_whoever_closed_the_case(case: Make) -> None:
    """Opened and closed by an agent in September, paid in October."""
    paid = case(at(2, month=9), at(5), by_hand=at(9, month=9))
    assert rows(counted([paid]), "recovery")["payment_failed", "USD"]["recovered"] == 1
    assert rows(counted([paid], month="2026-09"), "recovery") == {}


def test_by_dunning_step_decline_and_reason(case: Make) -> None:
    report = counted(
        [
            case(at(2), at(5), dunning_step=1, decline="insufficient_funds", reason="Not enough money."),
            case(at(2), at(5), dunning_step=1, decline="expired_card", reason="The card expired."),
            case(at(2), at(5), "Lost", dunning_step=3, decline="expired_card", reason="The card expired."),
            case(at(2), at(5), dunning_step=10, currency="EUR"),
        ]
    )
    steps = rows(report, "recovery_by_step")
    assert list(steps) == [("EUR", 10), ("USD", 1), ("USD", 3)]
    assert (steps["USD", 1]["recovered"], steps["USD", 3]["lost"]) == (2, 1)
    declines = rows(report, "recovery_by_decline")
    assert declines["USD", "expired_card"]["recovery_rate"] == 0.5
    assert declines["EUR", "not told"]["recovered_amount"] == Decimal("100.00")
    assert rows(report, "recovery_by_reason")["The card expired.", "expired_card", "USD"]["lost"] == 1


def test_a_returned_debit_is_told_beside_the_failed_payment_never_added_to_it(case: Make) -> None:
    """One invoice may have had both."""
    report = counted([case(at(2), at(5)), case(at(2), at(5), kind="bank_debit")])
    assert set(rows(report, "recovery")) == {("bank_debit", "USD"), ("payment_failed", "USD")}
    assert rows(report, "recovery_by_step")["USD", 0]["recovered_amount"] == Decimal("100.00")
    assert key_figures(report)["recovered_amount", "USD"] == Decimal("100.00")


def test_with_nothing_to_divide_by_there_is_no_rate(case: Make) -> None:
    report = counted([case(at(2), at(5), amount="0")])
    assert rows(report, "recovery")["payment_failed", "USD"]["amount_recovery_rate"] is None
    keys = key_figures(counted([]))
    assert keys["recovery_rate"] is None
    assert keys["dispute_win_rate"] is None
    assert keys["reopen_rate"] is None
    assert keys["refund_median_hours"] is None


def dispute(case: Make, outcome: str, over: datetime | None = at(20), **more: object) -> Case:
    return case(at(3), over, outcome, kind="dispute", dispute_reason="fraud", **more)


def test_the_win_rate_is_won_of_all_that_were_decided(case: Make) -> None:
    report = counted(
        [
            dispute(case, "Won", amount="10.00"),
            dispute(case, "Lost", amount="1.00"),
            dispute(case, "Accepted", amount="2.00"),
            dispute(case, "Expired", amount="4.00"),
            dispute(case, "Withdrawn", amount="100.00"),
            dispute(case, "Won", NOVEMBER),
            dispute(case, "", None),
        ]
    )
    told = rows(report, "disputes")["USD", "fraud"]
    assert told == {
        "won": 1,
        "lost": 1,
        "accepted": 1,
        "expired": 1,
        "withdrawn": 1,
        "win_rate": 0.25,
        "won_amount": Decimal("10.00"),
        "lost_amount": Decimal("7.00"),
    }
    assert rows(report, "disputes")["USD", "all"] == told
    assert key_figures(report)["dispute_win_rate"] == 0.25


def test_disputes_are_told_by_reason(case: Make) -> None:
    other = case(at(3), at(9), "Lost", kind="dispute", dispute_reason="duplicate", currency="EUR")
    report = counted([dispute(case, "Won"), other])
    assert [row[:2] for row in report.section("disputes").rows] == [
        ("EUR", "duplicate"),
        ("EUR", "all"),
        ("USD", "fraud"),
        ("USD", "all"),
    ]
    assert key_figures(report)["dispute_win_rate"] == 0.5


@pytest.mark.parametrize(
    ("outcome", "over", "due", "status", "expected"),
    [
        ("Expired", at(20), at(19), "expired", (1, 1)),
        ("Expired", NOVEMBER, at(31), "expired", (1, 1)),
        ("Expired", at(20), None, "expired", (1, 1)),
        ("Lost", at(20), at(10), "lost", (1, 0)),
        ("Won", NOVEMBER, at(10), "won", (1, 0)),
        ("", None, at(10), "needs_response", (1, 1)),
        ("", None, at(10), "under_review", (1, 0)),
        ("", None, at(10, month=11), "needs_response", None),
        ("Lost", at(20), at(30, month=9), "lost", None),
        ("Lost", at(20), None, "lost", None),
    ],
)
def test_an_answer_is_missed_if_it_was_due_and_none_was_given(
    case: Make,
    outcome: str,
    over: datetime | None,
    due: datetime | None,
    status: str,
    expected: tuple[int, int] | None,
) -> None:
    one = dispute(case, outcome, over, due_at=due, dispute_status=status, gateway="stripe", amount="7.00")
    told = rows(counted([one]), "deadlines").get(("stripe", "USD"))
    assert (told and (told["due"], told["missed"])) == expected
    if expected:
        assert told is not None
        assert told["missed_amount"] == Decimal("7.00") * expected[1]


def test_an_answer_that_is_due_later_in_the_month_that_runs_is_not_missed_yet(case: Make) -> None:
    one = dispute(case, "", None, due_at=at(20), dispute_status="needs_response")
    assert rows(counted([one], now=at(19)), "deadlines") == {}
    assert key_figures(counted([one], now=at(21)))["deadlines_missed"] == 1


def cycles(case: Make, *cycles: Case) -> list[Case]:
    """The same dispute, in one case after the other."""
    return [replace(one, key=f"stripe:dispute:dp_1:dispute:{n}", cycle=n) for n, one in enumerate(cycles, 1)]


@pytest.mark.parametrize(
    ("first", "second", "missed"),
    [
        (("Won", at(12, month=9)), ("Expired", at(20)), 1),
        (("Expired", at(20)), ("", None), 1),
        (("Continued", at(12)), ("Lost", at(20)), 0),
        (("Continued", at(12)), ("", None), 0),
    ],
)
def test_one_dispute_with_two_cases_is_one_answer(
    case: Make, first: tuple[str, datetime | None], second: tuple[str, datetime | None], missed: int
) -> None:
    told = {"due_at": at(19), "gateway": "stripe", "amount": "7.00", "dispute_status": "under_review"}
    both = cycles(case, *(dispute(case, outcome, over, **told) for outcome, over in (first, second)))
    for order in (both, both[::-1]):
        assert rows(counted(order), "deadlines")["stripe", "USD"] == {
            "due": 1,
            "missed": missed,
            "miss_rate": float(missed),
            "missed_amount": Decimal("7.00") * missed,
        }
        assert key_figures(counted(order))["deadlines_missed"] == missed
