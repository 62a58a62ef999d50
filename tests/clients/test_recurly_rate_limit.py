"""The rate limit is kept before it bites."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from connector.clients.recurly.rate_limit import RateBudget, retry_after
from connector.errors import Unavailable


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def budget(clock: Clock, max_wait: float = 5.0) -> RateBudget:
    return RateBudget("recurly:acme", clock=clock, sleep=clock.sleep, max_wait=max_wait)


def headers(limit: int, remaining: int, reset: float, **more: str) -> Mapping[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(int(reset)),
        **more,
    }


def test_nothing_waits_before_the_first_answer_or_above_the_reserve() -> None:
    clock = Clock()
    spent = budget(clock)
    spent.spend()
    spent.observe(headers(1000, 500, clock.now + 60))
    for _ in range(390):
        spent.spend()
    assert clock.slept == []


def test_within_the_reserve_calls_are_spread_until_the_reset() -> None:
    clock = Clock()
    start = clock.now
    spent = budget(clock)
    spent.observe(headers(1000, 50, start + 60))
    for _ in range(50):
        spent.spend()
    assert clock.now == pytest.approx(start + 60, abs=5)


def test_a_wait_too_long_to_sit_out_is_unavailable_until_the_reset() -> None:
    clock = Clock()
    spent = budget(clock)
    spent.observe(headers(1000, 0, clock.now + 60))
    with pytest.raises(Unavailable) as told:
        spent.spend()
    assert told.value.retry_after == pytest.approx(60)
    assert clock.slept == []


def test_a_short_wait_for_the_reset_is_sat_out() -> None:
    clock = Clock()
    spent = budget(clock)
    spent.observe(headers(1000, 0, clock.now + 3))
    spent.spend()
    assert clock.slept == [pytest.approx(3)]


def test_after_the_reset_all_is_forgotten() -> None:
    clock = Clock()
    spent = budget(clock)
    spent.observe(headers(1000, 0, clock.now + 60))
    clock.now += 61
    spent.spend()
    assert clock.slept == []
    assert spent.snapshot().remaining is None


def test_a_clock_that_is_wrong_here_does_not_matter() -> None:
    clock = Clock(now=0.0)
    spent = budget(clock)
    spent.observe(headers(1000, 0, 784_111_777 + 30, Date="Sun, 06 Nov 1994 08:49:37 GMT"))
    with pytest.raises(Unavailable) as told:
        spent.spend()
    assert told.value.retry_after == pytest.approx(30)


def test_an_answer_that_was_overtaken_does_not_raise_the_budget() -> None:
    clock = Clock()
    spent = budget(clock)
    spent.observe(headers(1000, 200, clock.now + 60))
    spent.observe(headers(1000, 201, clock.now + 60))
    assert spent.snapshot().remaining == 200


def test_a_new_window_raises_it() -> None:
    clock = Clock()
    spent = budget(clock)
    spent.observe(headers(1000, 20, clock.now + 60))
    spent.observe(headers(1000, 999, clock.now + 120))
    assert spent.snapshot().remaining == 999


def test_answers_without_the_headers_say_nothing() -> None:
    spent = budget(Clock())
    spent.observe({"X-RateLimit-Limit": "many"})
    assert spent.snapshot().limit is None


def test_a_429_without_retry_after_waits_for_the_reset() -> None:
    clock = Clock()
    spent = budget(clock)
    spent.observe(headers(1000, 5, clock.now + 90))
    assert spent.refused(None).retry_after == pytest.approx(90)
    with pytest.raises(Unavailable):
        spent.spend()


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        (
            {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT", "Date": "Sun, 06 Nov 1994 08:49:07 GMT"},
            30.0,
        ),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_both_its_forms(told: Mapping[str, str], seconds: float | None) -> None:
    assert retry_after(told) == seconds
