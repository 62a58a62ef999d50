"""When each source last delivered an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

DAYS: Final = 30
"""Days to search back: a ledger may contain millions of events."""


@dataclass(frozen=True, slots=True)
class LastReceived:
    """Deliveries of one source and site within ``DAYS``. ``unreadable``: authentic events that could not be parsed."""

    last_at: datetime
    events: int
    unreadable: int


def heard(connection: Connection) -> Mapping[tuple[str, str], LastReceived]:
    """(Source, site) → its deliveries; one without deliveries is missing."""
    rows = connection.execute(
        text(
            "SELECT source, site, max(received_at) AS last_at, count(*) AS events, "
            "count(*) FILTER (WHERE fate = 'unreadable') AS unreadable FROM event "
            "WHERE received_at > now() - make_interval(days => :days) GROUP BY source, site"
        ),
        {"days": DAYS},
    )
    return {(row.source, row.site): LastReceived(row.last_at, row.events, row.unreadable) for row in rows}
