"""One Recurly site: its objects, its webhooks, its rate limit, and the processors its payments go through."""

from __future__ import annotations

import threading
from typing import Final

from sandbox.processors import Processors
from sandbox.recurly.ids import Ids, draw
from sandbox.recurly.limits import RateLimit
from sandbox.recurly.store import Store
from sandbox.recurly.webhooks import Webhooks

API_KEY: Final = "sandbox"


class Site:
    """``seed`` is where the seeds of stories start that are played without one of their own. ``processors`` are
    closed with the site."""

    def __init__(
        self,
        name: str = "sandbox",
        seed: int = 1,
        limit: RateLimit | None = None,
        processors: Processors | None = None,
    ) -> None:
        self.name = name
        self.id = Ids(draw("site", name), 0).id()
        self.store = Store()
        self.processors = processors or Processors()
        self.webhooks = Webhooks(self.id, self.processors.sender)
        self.limit = limit or RateLimit()
        self.cues = threading.Semaphore(0)
        """Each ends the pause of a story before its time."""
        self._first_seed = self._next_seed = seed
        self._lock = threading.Lock()

    def next_seed(self) -> int:
        with self._lock:
            self._next_seed += 1
            return self._next_seed - 1

    def reset(self) -> None:
        """No objects, no notifications, a fresh rate-limit window; the webhook endpoints stay. What the stories
        did at the processors goes too, so that they can be told again."""
        self.webhooks.clear()
        self.processors.reset()
        self.store.clear()
        self.limit.set(self.limit.limit, self.limit.seconds)
        self.cues = threading.Semaphore(0)
        with self._lock:
            self._next_seed = self._first_seed

    def close(self) -> None:
        self.processors.close()
