"""Recurly's rate limit: a sliding window over the whole site, told in every answer's headers.

1,000 requests a minute over five minutes in production (OpenAPI, 2026), which is the default here.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the headers tell. ``wait``: seconds until one more call fits; 0 where this one did."""

    limit: int
    remaining: int
    reset: int
    wait: int


class RateLimit:
    """Safe to use from many threads. ``clock`` gives epoch seconds."""

    def __init__(
        self, limit: int = 5_000, seconds: float = 300.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._taken: deque[float] = deque()
        self.limit, self.seconds = limit, seconds

    def take(self) -> Allowance:
        """Count a call, unless the window is full: a refused call takes nothing."""
        with self._lock:
            now = self._clock()
            while self._taken and self._taken[0] <= now - self.seconds:
                self._taken.popleft()
            full = len(self._taken) >= self.limit
            if not full:
                self._taken.append(now)
            frees = (self._taken[0] if self._taken else now) + self.seconds
            remaining = max(0, self.limit - len(self._taken))
            wait = max(1, math.ceil(frees - now)) if full else 0
            return Allowance(self.limit, remaining, math.ceil(frees), wait)

    def set(self, limit: int, seconds: float) -> None:
        """A new limit, and an empty window."""
        with self._lock:
            self._taken.clear()
            self.limit, self.seconds = limit, seconds
