"""What a destination last said of its API limit, shared by all workers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """Calls used and allowed in a day, and how many seconds ago that was said."""

    used: int
    allowed: int
    age: float


def note(connection: Connection, destination: str, used: int, allowed: int) -> None:
    """Keep what an answer said just now."""
    connection.execute(
        text(
            """
            INSERT INTO budget (destination, used, allowed, told_at) VALUES (:destination, :used, :allowed, now())
            ON CONFLICT (destination) DO UPDATE SET used = :used, allowed = :allowed, told_at = now()
            """
        ),
        {"destination": destination, "used": used, "allowed": allowed},
    )


def told(connection: Connection, destination: str) -> ApiUsage | None:
    """The newest that any worker was told."""
    row = connection.execute(
        text(
            "SELECT used, allowed, EXTRACT(EPOCH FROM now() - told_at) AS age FROM budget "
            "WHERE destination = :destination"
        ),
        {"destination": destination},
    ).one_or_none()
    return ApiUsage(row.used, row.allowed, float(row.age)) if row else None
