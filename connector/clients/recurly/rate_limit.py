"""A site's call budget, read from its answers and kept before it bites.

The limit is per site and shared with the merchant's own systems; Recurly's documents disagree about its size
(400, 1,000 or 1,400 a minute, 15,000 in five), so no number is written here: ``X-RateLimit-Limit``,
``-Remaining`` and ``-Reset`` of every answer say where we are. Above the reserve nothing waits; within it
calls are spread so that what is left lasts until the reset. Who yields leaves the reserve to others, and waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol

from connector.errors import Unavailable


class Headers(Protocol):
    """The access to response headers; names are case-insensitive."""

    def get(self, name: str, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class BudgetSnapshot:
    """Values of the last responses; all None before the first one and after a reset."""

    limit: int | None
    remaining: int | None
    resets_in: float | None


class RateBudget:
    """Call ``spend`` before every request and ``observe`` after it. Safe between threads. ``yields``: the reserve is
    not touched; who comes to it waits for the reset."""

    def __init__(
        self,
        destination: str,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        reserve: float = 0.1,
        max_wait: float = 5.0,
        yields: bool = False,
    ) -> None:
        self._destination = destination
        self._clock = clock
        self._sleep = sleep
        self._reserve = reserve
        self._max_wait = max_wait
        self._yields = yields
        self._lock = threading.Lock()
        self._limit: int | None = None
        self._remaining: int | None = None
        self._resets_at = 0.0
        self._blocked_until = 0.0
        self._next_turn = 0.0

    def spend(self) -> None:
        """Take one call: at once, after a short wait, or Unavailable until the reset."""
        with self._lock:
            wait = self._turn(self._clock())
        if wait > 0:
            self._sleep(wait)

    def observe(self, headers: Headers) -> None:
        """Learn from an answer. One without the three headers says nothing."""
        limit, remaining, reset = (
            _number(headers.get(f"X-RateLimit-{name}")) for name in ("Limit", "Remaining", "Reset")
        )
        if limit is None or remaining is None or reset is None:
            return
        with self._lock:
            now = self._clock()
            resets_at = now + reset - (_server_time(headers) or now)
            if self._remaining is not None and abs(resets_at - self._resets_at) < 2:
                remaining = min(remaining, self._remaining)  # answers overtake each other
            self._limit, self._remaining, self._resets_at = limit, remaining, resets_at

    def refused(self, retry_after: float | None) -> Unavailable:
        """After a 429: nobody calls before its time. Returns the error to raise."""
        with self._lock:
            now = self._clock()
            wait = retry_after if retry_after is not None else max(self._resets_at - now, 30.0)
            self._blocked_until = max(self._blocked_until, now + wait)
        return self._spent(wait)

    def snapshot(self) -> BudgetSnapshot:
        """For status and metrics."""
        with self._lock:
            left = self._resets_at - self._clock()
            if self._remaining is None or left <= 0:
                return BudgetSnapshot(self._limit, None, None)
            return BudgetSnapshot(self._limit, self._remaining, left)

    def _turn(self, now: float) -> float:
        if self._blocked_until > now:
            return self._bearable(self._blocked_until - now, self._blocked_until - now)
        if self._remaining is None or self._limit is None or self._resets_at <= now:
            self._remaining = None
            return 0.0
        if self._remaining <= self._limit * self._reserve:
            left = self._resets_at - now
            return self._bearable(left, left) if self._yields else self._spread(now, self._remaining)
        self._remaining -= 1
        return 0.0

    def _spread(self, now: float, remaining: int) -> float:
        """Within the reserve: what is left, evenly until the reset."""
        left = self._resets_at - now
        turn = max(now, self._next_turn) + left / max(remaining, 1)
        wait = self._bearable(turn - now if remaining > 0 else left, left)
        self._next_turn = turn
        self._remaining = max(remaining - 1, 0)
        return wait

    def _bearable(self, wait: float, until_reset: float) -> float:
        if wait > self._max_wait:
            raise self._spent(until_reset)
        return wait

    def _spent(self, retry_after: float) -> Unavailable:
        return Unavailable(
            self._destination,
            f"{self._destination} has no calls left; work goes on in {retry_after:.0f} s. If this is "
            "frequent, ask Recurly for a higher limit, or let your other systems call it less.",
            code="rate_limited",
            retry_after=retry_after,
        )


def retry_after(headers: Headers) -> float | None:
    """Seconds of a ``Retry-After`` header, in either of its forms."""
    value = headers.get("Retry-After")
    seconds = _number(value)
    if seconds is not None or value is None:
        return None if seconds is None else float(seconds)
    return _seconds_until(value, headers)


def _seconds_until(date: str, headers: Headers) -> float | None:
    """Both times are the server's, so a wrong clock here does not matter."""
    then, now = _epoch(date), _server_time(headers)
    return max(then - now, 0.0) if then is not None and now is not None else None


def _server_time(headers: Headers) -> float | None:
    return _epoch(headers.get("Date"))


def _epoch(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except ValueError:
        return None


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.strip().isdecimal() else None
