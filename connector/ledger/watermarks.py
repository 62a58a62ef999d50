"""Watermarks: how far a feed or window has been read, and when something was last checked."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text


def load(connection: Connection, name: str) -> datetime | None:
    """The watermark, or None if there is none yet."""
    found: datetime | None = connection.execute(
        text("SELECT at FROM watermark WHERE name = :name"), {"name": name}
    ).scalar_one_or_none()
    return found


def save(connection: Connection, name: str, at: datetime) -> None:
    """Advance the watermark to ``at``; it never goes back."""
    connection.execute(
        text(
            "INSERT INTO watermark (name, at) VALUES (:name, :at) "
            "ON CONFLICT (name) DO UPDATE SET at = GREATEST(watermark.at, excluded.at)"
        ),
        {"name": name, "at": at},
    )


def reach_back(connection: Connection, name: str, at: datetime) -> None:
    """Move a lower watermark back to ``at``; it never goes forward."""
    connection.execute(
        text(
            "INSERT INTO watermark (name, at) VALUES (:name, :at) "
            "ON CONFLICT (name) DO UPDATE SET at = LEAST(watermark.at, excluded.at)"
        ),
        {"name": name, "at": at},
    )


def has_passed(connection: Connection, name: str, every: timedelta) -> bool:
    """Whether the last check is older than ``every``."""
    return not connection.execute(
        text("SELECT EXISTS (SELECT 1 FROM watermark WHERE name = :name AND at > now() - :every)"),
        {"name": name, "every": every},
    ).scalar_one()


def begin(connection: Connection, name: str) -> None:
    """Create the watermark at the current time, if there is none: the first check is due after the usual interval."""
    connection.execute(
        text("INSERT INTO watermark (name, at) VALUES (:name, now()) ON CONFLICT DO NOTHING"), {"name": name}
    )


def begin_at(connection: Connection, name: str, at: datetime) -> None:
    """Create the watermark at ``at``, if there is none."""
    connection.execute(
        text("INSERT INTO watermark (name, at) VALUES (:name, :at) ON CONFLICT DO NOTHING"),
        {"name": name, "at": at},
    )


def touch(connection: Connection, name: str) -> None:
    """Set the watermark to the current time."""
    due_in(connection, name, timedelta(0), timedelta(0))


def touched(connection: Connection, prefix: str, within: timedelta) -> list[str]:
    """Names with this prefix that were checked within this time, newest first."""
    rows = connection.execute(
        text(
            "SELECT name FROM watermark WHERE starts_with(name, :prefix) AND at > now() - :within "
            "ORDER BY at DESC, name"
        ),
        {"prefix": prefix, "within": within},
    )
    return [row.name for row in rows]


def due_in(connection: Connection, name: str, every: timedelta, wait: timedelta) -> None:
    """Make the next check due after ``wait``, whenever the last one was."""
    connection.execute(
        text(
            "INSERT INTO watermark (name, at) VALUES (:name, now() - :every + :wait) "
            "ON CONFLICT (name) DO UPDATE SET at = excluded.at"
        ),
        {"name": name, "every": every, "wait": wait},
    )


def is_before(connection: Connection, name: str, moment: datetime) -> bool:
    """Whether the watermark exists and is older than ``moment``."""
    found = load(connection, name)
    return found is not None and found < moment


def take_once(connection: Connection, name: str, moment: datetime) -> bool:
    """Claim the check of this moment: true for the first caller. False for all if there is no watermark."""
    return bool(
        connection.execute(
            text("UPDATE watermark SET at = GREATEST(now(), :moment) WHERE name = :name AND at < :moment"),
            {"name": name, "moment": moment},
        ).rowcount
    )


def take(connection: Connection, name: str, every: timedelta) -> bool:
    """Claim the check if it is due: true for one caller per interval."""
    return bool(
        connection.execute(
            text(
                "INSERT INTO watermark (name, at) VALUES (:name, now()) "
                "ON CONFLICT (name) DO UPDATE SET at = now() WHERE watermark.at <= now() - :every"
            ),
            {"name": name, "every": every},
        ).rowcount
    )
