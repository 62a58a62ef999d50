"""Holding on to what was claimed, and taking back what a dead worker held: a lease begins with its worker's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from connector.ledger.subjects import LEASE_SECONDS
from connector.models.events import Urgency
from connector.redaction import redact_text


@dataclass(frozen=True, slots=True)
class Renewed:
    """How an account stands that is held for another while."""

    urgency: Urgency
    generation: int


def renew(connection: Connection, token: str, keys: Sequence[str]) -> dict[str, Renewed]:
    """Hold these accounts for another while, those that are still held under this lease. The others are not among the
    answer: it ran out and somebody else has them, or had them; or it was taken back. Locked in the order in which they
    are made due, so that neither waits for the other."""
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
    """The accounts that are held in this name."""
    rows = connection.execute(
        text("SELECT key FROM subject WHERE status = 'due' AND starts_with(lease, :prefix) ORDER BY key"),
        {"prefix": f"{worker}:"},
    )
    return [row.key for row in rows]


def bury_held(connection: Connection, worker: str, code: str, error: str) -> None:
    """What is held in this name is given up on: a dead letter."""
    connection.execute(
        text(
            "UPDATE subject SET status = 'dead', lease = NULL, error_code = :code, error = :error "
            "WHERE status = 'due' AND starts_with(lease, :prefix)"
        ),
        {"prefix": f"{worker}:", "code": code, "error": redact_text(error)},
    )


def release_all(connection: Connection, worker: str, *, seconds: float = 0.0, spend: bool = True) -> int:
    """Free everything leased to ``worker``, to be claimed again after ``seconds``; how much it was.

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
    """Histories are held without a name. One that another worker is fetching is fetched twice, which is harmless."""
    connection.execute(
        text(
            "UPDATE subject SET history_ready_at = now() + make_interval(secs => :seconds) "
            "WHERE history = 'wanted' AND history_ready_at > now()"
        ),
        {"seconds": seconds},
    )
