"""Settings of operation: API budget, confirmation of large changes, reconciliation."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import Field

from connector.policy.base import Section
from connector.policy.discrepancies import Compare


class Budget(Section):
    """``reserve_percent`` of the day's calls are left to people and other integrations: below it only disputes are
    written. Above it ``urgent_percent`` more are kept for what is urgent: below those, profile edits wait.

    ``bulk_from``: above so many due accounts Bulk API 2.0 takes over, at most ``bulk_at_most`` accounts at a time.
    """

    reserve_percent: Annotated[int, Field(ge=0, le=90)] = 20
    urgent_percent: Annotated[int, Field(ge=0, le=50)] = 5
    bulk_from: Annotated[int, Field(ge=200, le=1_000_000)] = 2_000
    bulk_at_most: Annotated[int, Field(ge=200, le=10_000)] = 5_000


class Admin(Section):
    """``confirm_above``: a command that would make more changes than this asks for their number to be typed."""

    confirm_above: Annotated[int, Field(ge=0)] = 200


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
