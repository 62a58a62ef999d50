"""What of an org's API calls Casewire may use, and from how much work on it loads in bulk."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from connector.policy.base import Section


class Budget(Section):
    """``reserve_percent`` of the day's calls are left to people and other integrations: below it only disputes are
    written. Above it ``urgent_percent`` more are kept for what is urgent: below those, profile edits wait.

    ``bulk_from``: above so many due accounts Bulk API 2.0 takes over, at most ``bulk_at_most`` accounts at a time.
    """

    reserve_percent: Annotated[int, Field(ge=0, le=90)] = 20
    urgent_percent: Annotated[int, Field(ge=0, le=50)] = 5
    bulk_from: Annotated[int, Field(ge=200, le=1_000_000)] = 2_000
    bulk_at_most: Annotated[int, Field(ge=200, le=10_000)] = 5_000
