"""The wires of one client: each lent to one thread at a time, the one used last first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector.clients.recurly.transport import Transport


class TransportPool:
    """As many as threads ask at once. A forked child starts with none: a shared socket mixes answers."""

    def __init__(self, make: Callable[[], Transport]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._idle: list[Transport] = []
        self._pid = os.getpid()

    @contextmanager
    def one(self) -> Iterator[Transport]:
        """A wire for this thread alone. It mends itself, so it comes back after an error as well."""
        wire = self._take() or self._make()
        try:
            yield wire
        finally:
            with self._lock:
                self._idle.append(wire)

    def close(self) -> None:
        """Close the idle ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for wire in idle:
            wire.close()

    def _take(self) -> Transport | None:
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._idle = os.getpid(), []
            return self._idle.pop() if self._idle else None
