"""Renew leases, and release those of a dead worker. A lease token begins with the name of its worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from connector.ledger.subjects import LEASE_SECONDS
from connector.models.events import Urgency
from connector.redaction import redact_text


@dataclass(frozen=True, slots=True)
class Renewed:
    """The state of a subject whose lease was renewed."""

    urgency: Urgency
    generation: int


def renew(connection: Connection, token: str, keys: Sequence[str]) -> dict[str, Renewed]:
    """Renew the lease of these subjects. Subjects whose lease expired or was revoked are missing from the result. Rows
    are locked in the order in which subjects are made due, to avoid deadlocks."""
    rows = connection.execute(
        text(
            """
            WITH held AS MATERIALIZED (
                SELECT key FROM subject WHERE key = ANY(:keys) AND lease = :token ORDER BY key FOR UPDATE)
            UPDATE subject SET ready_at = now() + make_interval(secs => :lease)
            FROM held WHERE subject.key = held.key
            RETURNING subject.key, urgency, generation
            """
        ),
        {"keys": list(keys), "token": token, "lease": LEASE_SECONDS},
    )
    return {row.key: Renewed(Urgency(row.urgency), row.generation) for row in rows}


def held(connection: Connection, worker: str) -> list[str]:
    """The subjects leased to this worker."""
    rows = connection.execute(
        text("SELECT key FROM subject WHERE status = 'due' AND starts_with(lease, :prefix) ORDER BY key"),
        {"prefix": f"{worker}:"},
    )
    return [row.key for row in rows]


def bury_held(connection: Connection, worker: str, code: str, error: str) -> None:
    """Make dead letters of all subjects leased to this worker."""
    connection.execute(
        text(
            "UPDATE subject SET status = 'dead', lease = NULL, error_code = :code, error = :error "
            "WHERE status = 'due' AND starts_with(lease, :prefix)"
        ),
        {"prefix": f"{worker}:", "code": code, "error": redact_text(error)},
    )


def release_all(connection: Connection, worker: str, *, seconds: float = 0.0, spend: bool = True) -> int:
    """Free everything leased to ``worker``, to be claimed again after ``seconds``. Return the count.

    Called when a worker of that name starts, as its predecessor is dead, and when a worker's job failed. ``spend``
    says whether the try counts.
    """
    freed = 0
    for table, status in (("event", "pending"), ("subject", "due")):
        freed += connection.execute(
            text(
                f"UPDATE {table} SET lease = NULL, ready_at = now() + make_interval(secs => :seconds), "
                "tries = tries - :refund WHERE status = :status AND starts_with(lease, :prefix)"
            ),
            {"status": status, "prefix": f"{worker}:", "seconds": seconds, "refund": 0 if spend else 1},
        ).rowcount
    _release_histories(connection, seconds)
    return freed


def _release_histories(connection: Connection, seconds: float) -> None:
    """Release claimed histories. They have no worker name: one in progress may be fetched twice, without harm."""
    connection.execute(
        text(
            "UPDATE subject SET history_ready_at = now() + make_interval(secs => :seconds) "
            "WHERE history = 'wanted' AND history_ready_at > now()"
        ),
        {"seconds": seconds},
    )
