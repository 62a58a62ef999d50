"""The API usage that a destination last reported, shared by all workers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """Calls used and allowed in a day, and the age of the report in seconds."""

    used: int
    allowed: int
    age: float


def note(connection: Connection, destination: str, used: int, allowed: int) -> None:
    """Store the usage that a response just reported."""
    connection.execute(
        text(
            """
            INSERT INTO budget (destination, used, allowed, told_at) VALUES (:destination, :used, :allowed, now())
            ON CONFLICT (destination) DO UPDATE SET used = :used, allowed = :allowed, told_at = now()
            """
        ),
        {"destination": destination, "used": used, "allowed": allowed},
    )


def load(connection: Connection, destination: str) -> ApiUsage | None:
    """The newest usage that any worker received."""
    row = connection.execute(
        text(
            "SELECT used, allowed, EXTRACT(EPOCH FROM now() - told_at) AS age FROM budget "
            "WHERE destination = :destination"
        ),
        {"destination": destination},
    ).one_or_none()
    return ApiUsage(row.used, row.allowed, float(row.age)) if row else None
