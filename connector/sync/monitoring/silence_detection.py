"""Detect silent sources, compared with their own last two weeks. Pure.

A source is silent if it always sent events at this time of such a day, or if it is quiet twice as long as ever before.
A source that is quiet every night, or every weekend, is not silent then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from connector.ledger.source_activity import KEPT, STEP, ReceivedCount

LEARNT: Final = timedelta(days=7)
"""Who is known for less has shown no rhythm yet."""
SATURDAY: Final = 5
USUALLY: Final = 10
"""Where so many events are usual, none is no accident: by chance it would take years."""
PAUSES: Final = 20
"""Of fewer the longest says little of the next."""
TIMES: Final = 2
LATER: Final = timedelta(hours=1)
"""So much later than ever it may begin its day, as it does when clocks are put back; a quarter of a short silence."""


def is_silent(heard: Sequence[ReceivedCount], last_at: datetime, now: datetime, least: timedelta) -> bool:
    """``heard``: when it spoke, the oldest first; ``last_at``: when it last did. Quiet for less than ``least`` is never
    silent."""
    quiet = now - last_at
    if quiet <= max(least, 2 * STEP) or not heard or now - heard[0].at < LEARNT:
        return False
    return quiet > TIMES * _longest_pause(heard) or _always_spoke(heard, last_at, now)


def _longest_pause(heard: Sequence[ReceivedCount]) -> timedelta:
    pauses = [after.at - before.at for before, after in pairwise(heard)]
    return max(pauses) if len(pauses) >= PAUSES else KEPT


def _always_spoke(heard: Sequence[ReceivedCount], last_at: datetime, now: datetime) -> bool:
    """Whether it spoke in the same stretch of a week ago, of two weeks ago, and of every other such day but one: of
    workdays on a workday, of weekends on a weekend."""
    until = now - min(LATER, (now - last_at) / 4)
    same, others = list[int](), list[int]()
    for day in range(1, KEPT.days + 1):
        ago = timedelta(days=day)
        if last_at - ago >= heard[0].at and _is_weekend(now - ago) == _is_weekend(now):
            (others if day % 7 else same).append(_spoken(heard, last_at - ago, until - ago))
    return bool(same) and min(same) >= USUALLY and sum(spoken < USUALLY for spoken in others) <= 1


def _is_weekend(at: datetime) -> bool:
    return at.weekday() >= SATURDAY


def _spoken(heard: Sequence[ReceivedCount], begin: datetime, end: datetime) -> int:
    return sum(one.events for one in heard if begin <= one.at <= end - STEP)
