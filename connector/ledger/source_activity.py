"""When sources spoke, in steps of five minutes, and the times in which one was unusually quiet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

STEP: Final = timedelta(minutes=5)
KEPT: Final = timedelta(days=14)

Site = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ReceivedCount:
    """So many events were received in the five minutes from ``at`` on."""

    at: datetime
    events: int


@dataclass(frozen=True, slots=True)
class SilentSource:
    """A source that usually speaks has not since ``since``."""

    source: str
    site: str
    since: datetime
    noticed_at: datetime


def listen(connection: Connection) -> None:
    """Count what was received since the last time. What is older than two weeks is forgotten: who has not spoken for so
    long does not usually speak."""
    connection.execute(
        text(
            """
            INSERT INTO heard (source, site, at, events, last_at)
            SELECT source, site, date_bin(:step, received_at, TIMESTAMPTZ '2000-01-01Z'), count(*), max(received_at)
            FROM event WHERE received_at >= COALESCE((SELECT max(at) FROM heard), now() - :kept)
            GROUP BY 1, 2, 3
            ON CONFLICT (source, site, at) DO UPDATE SET events = excluded.events, last_at = excluded.last_at
            """
        ),
        {"step": STEP, "kept": KEPT},
    )
    connection.execute(text("DELETE FROM heard WHERE at < now() - :kept"), {"kept": KEPT})
    connection.execute(
        text("UPDATE silence SET ended_at = now() WHERE ended_at IS NULL AND since < now() - :kept"),
        {"kept": KEPT},
    )


def last_heard(connection: Connection) -> dict[Site, datetime]:
    """When each source last spoke, of those that did in two weeks."""
    rows = connection.execute(
        text("SELECT source, site, max(last_at) AS at FROM heard GROUP BY source, site")
    )
    return {(row.source, row.site): row.at for row in rows}


def heard(connection: Connection, site: Site) -> list[ReceivedCount]:
    """When a source spoke in the last two weeks, the oldest first."""
    rows = connection.execute(
        text("SELECT at, events FROM heard WHERE source = :source AND site = :site ORDER BY at"),
        {"source": site[0], "site": site[1]},
    )
    return [ReceivedCount(row.at, row.events) for row in rows]


def begin(connection: Connection, site: Site, since: datetime) -> bool:
    """Keep that a source is silent. False where that is known."""
    return bool(
        connection.execute(
            text(
                "INSERT INTO silence (source, site, since) VALUES (:source, :site, :since) ON CONFLICT DO NOTHING"
            ),
            {"source": site[0], "site": site[1], "since": since},
        ).rowcount
    )


def end(connection: Connection, site: Site) -> bool:
    """Keep that it is heard again. False where that is known."""
    return bool(
        connection.execute(
            text(
                "UPDATE silence SET ended_at = now() "
                "WHERE source = :source AND site = :site AND ended_at IS NULL"
            ),
            {"source": site[0], "site": site[1]},
        ).rowcount
    )


def lasting(connection: Connection, of: Iterable[Site]) -> list[SilentSource]:
    """The sources of these that are silent now."""
    rows = connection.execute(
        text(
            "SELECT source, site, since, noticed_at FROM silence "
            "WHERE ended_at IS NULL ORDER BY since, source, site"
        )
    )
    known = set(of)
    return [
        SilentSource(row.source, row.site, row.since, row.noticed_at)
        for row in rows
        if (row.source, row.site) in known
    ]


LAST_RECEIVED_DAYS: Final = 30
"""So far back is looked: a ledger holds millions of events."""


@dataclass(frozen=True, slots=True)
class LastReceived:
    """Of one source and site within ``DAYS``. ``unreadable``: authentic, and could not be read."""

    last_at: datetime
    events: int
    unreadable: int


def last_received(connection: Connection) -> Mapping[tuple[str, str], LastReceived]:
    """By (source, site); one that was not heard of is not there."""
    rows = connection.execute(
        text(
            "SELECT source, site, max(received_at) AS last_at, count(*) AS events, "
            "count(*) FILTER (WHERE fate = 'unreadable') AS unreadable FROM event "
            "WHERE received_at > now() - make_interval(days => :days) GROUP BY source, site"
        ),
        {"days": LAST_RECEIVED_DAYS},
    )
    return {(row.source, row.site): LastReceived(row.last_at, row.events, row.unreadable) for row in rows}
