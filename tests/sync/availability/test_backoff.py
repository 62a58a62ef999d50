"""How long to wait before the next try."""

from __future__ import annotations

import random

import pytest

from connector.sync.availability.retry import LONGEST_SECONDS, backoff


@pytest.mark.parametrize(
    ("tries", "longest"), [(0, 2), (1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (500, 300)]
)
def test_the_wait_doubles_and_ends_and_is_up_to_half_shorter(tries: int, longest: float) -> None:
    waits = [backoff(tries, random.Random(seed)) for seed in range(200)]
    assert min(waits) >= longest / 2
    assert max(waits) <= longest <= LONGEST_SECONDS
    assert max(waits) > longest * 0.9


def test_work_that_failed_together_does_not_come_back_together() -> None:
    assert len({backoff(5) for _ in range(20)}) > 1
