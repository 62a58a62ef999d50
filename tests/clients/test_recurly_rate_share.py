"""A backfill beside live work: what it leaves of the site's rate limit, minute by minute, without waiting for real."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import formatdate
from random import Random

import pytest

from connector.clients.recurly.rate_limit import RateBudget
from connector.errors import Unavailable

MINUTE = 60.0
MINUTES = 10
LATENCY = 0.1


class Site:
    """Answers ``limit`` calls in each minute, whoever they come from."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used: Counter[int] = Counter()

    def takes(self, now: float) -> bool:
        self.used[int(now // MINUTE)] += 1
        return self.used[int(now // MINUTE)] <= self.limit

    def headers(self, now: float) -> Mapping[str, str]:
        left = max(self.limit - self.used[int(now // MINUTE)], 0)
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(int((now // MINUTE + 1) * MINUTE)),
            "Date": formatdate(now, usegmt=True),
        }


class Time:
    """Passes only from one thing to the next: who sleeps goes on at that moment."""

    def __init__(self) -> None:
        self.now = 6_000_000.0
        self.begun = self.now
        self._numbers = itertools.count()
        self._coming: list[tuple[float, int, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def at(self, moment: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._coming, (moment, next(self._numbers), do))

    def run(self) -> None:
        while self._coming and self._coming[0][0] < self.begun + MINUTES * MINUTE:
            self.now, _, do = heapq.heappop(self._coming)
            do()


class Caller:
    """Of one process: how many calls were answered in each minute, and how many were not to be."""

    def __init__(self, site: Site, time: Time, *, reserve: float, max_wait: float, yields: bool) -> None:
        self.site, self.time = site, time
        self.answered: Counter[int] = Counter()
        self.without = 0
        self._slept = 0.0
        self._budget = RateBudget(
            "recurly:acme",
            clock=time,
            sleep=self._sleep,
            reserve=reserve,
            max_wait=max_wait,
            yields=yields,
        )

    def call(self, then: Callable[[], None] = lambda: None) -> None:
        self._slept = 0.0
        try:
            self._budget.spend()
        except Unavailable as error:
            self.without += 1
            self.time.at(self.time.now + (error.retry_after or 1.0), then)
        else:
            self.time.at(self.time.now + self._slept, lambda: self._sent(then))

    def _sent(self, then: Callable[[], None]) -> None:
        now = self.time.now
        if self.site.takes(now):
            self.answered[int((now - self.time.begun) // MINUTE)] += 1
            self._budget.observe(self.site.headers(now))
        else:
            self.without += 1
            self._budget.refused(None)
        self.time.at(now + LATENCY, then)

    def _sleep(self, seconds: float) -> None:
        self._slept += seconds


def backfill(site: Site, time: Time) -> Caller:
    """Calls, one after the other, as fast as it may."""
    caller = Caller(site, time, reserve=0.5, max_wait=900.0, yields=True)

    def go_on() -> None:
        caller.call(go_on)

    time.at(time.begun, go_on)
    return caller


def live(site: Site, time: Time, a_minute: int) -> Caller:
    """Calls whenever news come."""
    caller = Caller(site, time, reserve=0.1, max_wait=5.0, yields=False)
    random = Random(1)
    for _ in range(a_minute * MINUTES):
        time.at(time.begun + random.random() * MINUTES * MINUTE, caller.call)
    return caller


@pytest.mark.parametrize("limit", [400, 1000])
def test_alone_it_takes_half_of_every_minute_and_waits_for_the_next(limit: int) -> None:
    time = Time()
    alone = backfill(Site(limit), time)
    time.run()
    assert max(alone.answered.values()) <= limit / 2
    assert min(alone.answered[minute] for minute in range(MINUTES)) >= limit / 2 - 10, "it takes its half"
    assert alone.without == 0


@pytest.mark.parametrize("a_minute", [60, 150])
def test_live_calls_beside_it_are_never_refused_nor_put_off(a_minute: int) -> None:
    time, site = Time(), Site(400)
    beside, news = backfill(site, time), live(site, time, a_minute)
    time.run()
    assert news.without == 0
    assert news.answered.total() >= a_minute * MINUTES - 10
    assert beside.answered.total() > 100 * MINUTES
