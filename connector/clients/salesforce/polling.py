"""Waiting for what Salesforce does in its own time: growing pauses, bounded in all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

HALF_AN_HOUR: Final = 1800.0
_FIRST, _GROWTH, _LONGEST = 2.0, 1.5, 30.0

Wait = Callable[[float], None]
"""Lets so many seconds pass, doing something else meanwhile; may raise to give up."""


class PollSchedule:
    """``pause()`` waits a little longer each time, and is False once ``within`` seconds are over."""

    def __init__(self, wait: Wait, clock: Callable[[], float], within: float) -> None:
        self._wait = wait
        self._clock = clock
        self._started = clock()
        self._within = within
        self._asked = 0.0
        self._next = _FIRST

    def pause(self) -> bool:
        """The time is what the clock says, or what was asked to be waited if that is more."""
        if max(self._clock() - self._started, self._asked) >= self._within:
            return False
        self._wait(self._next)
        self._asked += self._next
        self._next = min(self._next * _GROWTH, _LONGEST)
        return True

    def afresh(self) -> None:
        """Short pauses again, for the next job; the time in all goes on."""
        self._next = _FIRST
