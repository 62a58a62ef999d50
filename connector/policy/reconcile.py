"""What is looked for that nobody told of: when the change feed is read, and when a source's silence is unusual."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import Field

from connector.policy.base import Section
from connector.policy.discrepancies import Compare

Minutes = Annotated[int, Field(ge=0, le=100_000)]
TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Reconcile(Section):
    """``feed_minutes``: how often the billing sites are asked what has changed; 0: never. ``grace_minutes``: how long a
    delivery may take before it is missed. ``silence_minutes``: a source that is quiet for less is never silent; 0: no
    source ever is. ``nightly``: whether everything is reconciled once a day, ``at`` this time (UTC). ``days``: how far
    back money is compared at the least.
    """

    feed_minutes: Minutes = 60
    grace_minutes: Minutes = 10
    silence_minutes: Minutes = 30
    nightly: bool = False
    at: TimeOfDay = "02:30"
    days: Annotated[int, Field(ge=1, le=180)] = 35
    compare: Compare = Compare()

    @property
    def time_of_day(self) -> time:
        return time.fromisoformat(self.at)
