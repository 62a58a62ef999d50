"""Retry while a vendor or PostgreSQL is unavailable: growing pauses, limited in total while nothing succeeds."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import InterfaceError, OperationalError

from connector.errors import Transient

AWAY: Final = (Transient, OperationalError, InterfaceError)
"""Errors that may be temporary."""
LONGEST: Final = 60.0
GROWTH: Final = 2.0
FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 300.0


@dataclass(slots=True)
class RetryPolicy:
    """Waits between tries. ``within``: maximum of seconds to wait without a success in between. An error before the
    first success is raised at once, as the destination may be misconfigured; ``from_the_start``: wait there, too."""

    sleep: Callable[[float], None]
    say: Callable[[str], None]
    within: float = 600.0
    from_the_start: bool = False
    _waited: float = 0.0
    _next: float = 1.0
    _worked: bool = False

    def done(self) -> None:
        """Record a success: reset the waits."""
        self._waited, self._next, self._worked = 0.0, 1.0, True

    def bear(self, error: Exception) -> None:
        """Wait, or raise the error."""
        asked = getattr(error, "retry_after", None) or 0.0
        pause = max(self._next, asked)
        if not (self._worked or self.from_the_start) or self._waited + pause > self.within:
            raise error
        self.say(f"{said(error)} Trying again in {pause:.0f} s.")
        self.sleep(pause)
        self._waited += pause
        self._next = min(self._next * GROWTH, LONGEST)


def said(error: Exception) -> str:
    """Describe the error for an operator."""
    if isinstance(error, Transient):
        return str(error)
    return f"PostgreSQL does not answer: {str(error.__cause__ or error).strip().partition(chr(10))[0]}."


def backoff(tries: int, jitter: random.Random | None = None) -> float:
    """Seconds before try ``tries + 1``: doubling from 2 s to 5 min, by up to half shorter at random, so that
    work that failed together does not come back together."""
    longest = min(FIRST_SECONDS * 2.0 ** max(tries - 1, 0), LONGEST_SECONDS)
    return longest * (0.5 + 0.5 * (jitter or random.Random()).random())
