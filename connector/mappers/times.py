"""Times as Salesforce writes them."""

from __future__ import annotations

from datetime import datetime


def parse_salesforce_time(text: str | None) -> datetime | None:
    """``2026-05-01T07:25:37.000+0000`` as an aware time; None stays None."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z") if text else None
