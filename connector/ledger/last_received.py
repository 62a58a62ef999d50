"""What the ledger knows of deliveries: when each source was last heard of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

DAYS: Final = 30
"""So far back is looked: a ledger holds millions of events."""


@dataclass(frozen=True, slots=True)
class LastReceived:
    """Of one source and site within ``DAYS``. ``unreadable``: authentic, and could not be read."""

    last_at: datetime
    events: int
    unreadable: int


def heard(connection: Connection) -> Mapping[tuple[str, str], LastReceived]:
    """By (source, site); one that was not heard of is not there."""
    rows = connection.execute(
        text(
            "SELECT source, site, max(received_at) AS last_at, count(*) AS events, "
            "count(*) FILTER (WHERE fate = 'unreadable') AS unreadable FROM event "
            "WHERE received_at > now() - make_interval(days => :days) GROUP BY source, site"
        ),
        {"days": DAYS},
    )
    return {(row.source, row.site): LastReceived(row.last_at, row.events, row.unreadable) for row in rows}
