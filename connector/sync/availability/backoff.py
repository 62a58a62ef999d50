"""Back-off: the wait before the next try."""

from __future__ import annotations

import random

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 300.0


def backoff(tries: int, jitter: random.Random | None = None) -> float:
    """Seconds before try ``tries + 1``: doubling from 2 s to 5 min, reduced by up to half at random, so that
    work that failed together is not retried together."""
    longest = min(FIRST_SECONDS * 2.0 ** max(tries - 1, 0), LONGEST_SECONDS)
    return longest * (0.5 + 0.5 * (jitter or random.Random()).random())
