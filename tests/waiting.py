"""Waiting for what another thread or process does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(what: Callable[[], object], seconds: float = 30) -> None:
    """Until it is so. It is expected at once; the limit is for a machine that is busy."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
