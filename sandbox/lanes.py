"""Work in lanes: the items of one lane are taken one after the other, different lanes side by side.

What is said about one account leaves in the order in which it was said, however many workers there are.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lanes: dict[str, deque[T]] = {}
        self._free: deque[str] = deque()
        self._busy: set[str] = set()
        self._later: list[tuple[float, int, str, T]] = []
        self._count = itertools.count()
        self._closed = False

    def put(self, lane: str, item: T) -> None:
        with self._changed:
            self._append(lane, item)

    def put_later(self, lane: str, item: T, seconds: float) -> None:
        """Back in its lane after a while; the lane does not wait for it."""
        with self._changed:
            heapq.heappush(self._later, (time.monotonic() + seconds, next(self._count), lane, item))
            self._changed.notify()

    def take(self) -> tuple[str, T] | None:
        """Waits for an item; None once closed. The lane rests until ``done``."""
        with self._changed:
            while not self._closed:
                wait = self._bring_back()
                if self._free:
                    lane = self._free.popleft()
                    self._busy.add(lane)
                    return lane, self._lanes[lane].popleft()
                self._changed.wait(wait)
            return None

    def done(self, lane: str) -> None:
        with self._changed:
            self._busy.discard(lane)
            if self._lanes.get(lane):
                self._free.append(lane)
                self._changed.notify()
            else:
                self._lanes.pop(lane, None)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _append(self, lane: str, item: T) -> None:
        waiting = self._lanes.setdefault(lane, deque())
        waiting.append(item)
        if len(waiting) == 1 and lane not in self._busy:
            self._free.append(lane)
            self._changed.notify()

    def _bring_back(self) -> float | None:
        """What is due goes back into its lane; seconds until the next is, or None."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            _, _, lane, item = heapq.heappop(self._later)
            self._append(lane, item)
        return self._later[0][0] - now if self._later else None
