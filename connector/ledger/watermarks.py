"""How far something was looked through, and when it was last looked at."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text


def load(connection: Connection, name: str) -> datetime | None:
    """How far; None where it was never looked through."""
    found: datetime | None = connection.execute(
        text("SELECT at FROM watermark WHERE name = :name"), {"name": name}
    ).scalar_one_or_none()
    return found


def save(connection: Connection, name: str, at: datetime) -> None:
    """It was looked through up to here. It never goes back."""
    connection.execute(
        text(
            "INSERT INTO watermark (name, at) VALUES (:name, :at) "
            "ON CONFLICT (name) DO UPDATE SET at = GREATEST(watermark.at, excluded.at)"
        ),
        {"name": name, "at": at},
    )


def reach_back(connection: Connection, name: str, at: datetime) -> None:
    """It is known from here on. What was known from before stays known."""
    connection.execute(
        text(
            "INSERT INTO watermark (name, at) VALUES (:name, :at) "
            "ON CONFLICT (name) DO UPDATE SET at = LEAST(watermark.at, excluded.at)"
        ),
        {"name": name, "at": at},
    )


def has_passed(connection: Connection, name: str, every: timedelta) -> bool:
    """Whether it is time to look again."""
    return not connection.execute(
        text("SELECT EXISTS (SELECT 1 FROM watermark WHERE name = :name AND at > now() - :every)"),
        {"name": name, "every": every},
    ).scalar_one()


def begin(connection: Connection, name: str) -> None:
    """From now on, if not longer, it is looked at: the first time after the usual while."""
    connection.execute(
        text("INSERT INTO watermark (name, at) VALUES (:name, now()) ON CONFLICT DO NOTHING"), {"name": name}
    )


def begin_at(connection: Connection, name: str, at: datetime) -> None:
    """It was looked through up to here by other means, where nobody has looked yet."""
    connection.execute(
        text("INSERT INTO watermark (name, at) VALUES (:name, :at) ON CONFLICT DO NOTHING"),
        {"name": name, "at": at},
    )


def touch(connection: Connection, name: str) -> None:
    """It is looked at now."""
    due_in(connection, name, timedelta(0), timedelta(0))


def touched(connection: Connection, prefix: str, within: timedelta) -> list[str]:
    """The names that begin so and were looked at of late, the last first."""
    rows = connection.execute(
        text(
            "SELECT name FROM watermark WHERE starts_with(name, :prefix) AND at > now() - :within "
            "ORDER BY at DESC, name"
        ),
        {"prefix": prefix, "within": within},
    )
    return [row.name for row in rows]


def due_in(connection: Connection, name: str, every: timedelta, wait: timedelta) -> None:
    """It is time to look again after ``wait``, whenever that was last done."""
    connection.execute(
        text(
            "INSERT INTO watermark (name, at) VALUES (:name, now() - :every + :wait) "
            "ON CONFLICT (name) DO UPDATE SET at = excluded.at"
        ),
        {"name": name, "every": every, "wait": wait},
    )


def is_before(connection: Connection, name: str, moment: datetime) -> bool:
    """Whether it was looked at before, and not since that moment."""
    found = load(connection, name)
    return found is not None and found < moment


def take_once(connection: Connection, name: str, moment: datetime) -> bool:
    """Whether this caller is the first since that moment; where nothing was looked at before, nobody is."""
    return bool(
        connection.execute(
            text("UPDATE watermark SET at = GREATEST(now(), :moment) WHERE name = :name AND at < :moment"),
            {"name": name, "moment": moment},
        ).rowcount
    )


def take(connection: Connection, name: str, every: timedelta) -> bool:
    """Whether it is time to look again, and this caller's turn: nobody else's until then."""
    return bool(
        connection.execute(
            text(
                "INSERT INTO watermark (name, at) VALUES (:name, now()) "
                "ON CONFLICT (name) DO UPDATE SET at = now() WHERE watermark.at <= now() - :every"
            ),
            {"name": name, "every": every},
        ).rowcount
    )
