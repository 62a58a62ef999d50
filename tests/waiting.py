"""Waiting for what another thread or process does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(what: Callable[[], object], seconds: float = 30) -> None:
    """Until it is so. It is expected at once; the limit is for a machine that is busy."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def polled(ask: Callable[[], T], done: Callable[[T], bool], most: int = 1_000) -> T:
    """The first answer that is ``done``, of a server that makes progress with each question."""
    for _ in range(most):
        if done(answer := ask()):
            return answer
    raise AssertionError(f"not done after {most} questions")
