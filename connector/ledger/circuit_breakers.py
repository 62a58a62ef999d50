"""Circuit breakers: while the circuit of a destination is open its work waits, and no attempt is spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from connector.redaction import redact_text

SHORTEST_SECONDS = 2.0
LONGEST_SECONDS = 60.0
SALESFORCE = "salesforce"
"""Salesforce's name as a destination: of its circuit and of its API usage."""
NOT_SET_UP = "NOT_SET_UP"
"""The code of a circuit that only a person can close: settings, policy, schema or permissions."""


@dataclass(frozen=True, slots=True)
class OpenCircuit:
    """An open circuit, with its end and reason."""

    destination: str
    until: datetime
    since: datetime
    reason: str
    code: str


def open_circuit(
    connection: Connection, destination: str, reason: str, code: str, retry_after: float | None
) -> float:
    """Open the circuit. The time doubles with each failure in a row (2 to 60 s) unless the destination named one.

    Returns the seconds until it may be tried again.
    """
    return float(
        connection.execute(
            text(
                """
                INSERT INTO circuit (destination, reason, code, open_until)
                VALUES (:destination, :reason, :code, now() + make_interval(secs => COALESCE(:after, :shortest)))
                ON CONFLICT (destination) DO UPDATE SET
                    reason = :reason, code = :code,
                    failures = CASE WHEN circuit.open_until > now() THEN circuit.failures
                                    ELSE circuit.failures + 1 END,
                    open_until = GREATEST(circuit.open_until, now() + make_interval(secs => COALESCE(:after,
                        CASE WHEN circuit.open_until > now() THEN 0
                             ELSE LEAST(:longest, :shortest * power(2, LEAST(circuit.failures, 10))) END)))
                RETURNING EXTRACT(EPOCH FROM open_until - now())
                """
            ),
            {
                "destination": destination,
                "reason": redact_text(reason),
                "code": code,
                "after": retry_after,
                "shortest": SHORTEST_SECONDS,
                "longest": LONGEST_SECONDS,
            },
        ).scalar_one()
    )


def close_circuit(connection: Connection, destination: str) -> bool:
    """Close the circuit after a response. The next failure starts from the shortest wait again. Return whether there
    was one to close."""
    deleted = connection.execute(
        text("DELETE FROM circuit WHERE destination = :destination"), {"destination": destination}
    )
    return deleted.rowcount > 0


def open_circuits(connection: Connection) -> dict[str, OpenCircuit]:
    """The circuits that are open now: their destinations must not be called."""
    return {one.destination: one for one in _read(connection, "WHERE open_until > now()")}


def troubled(connection: Connection) -> list[OpenCircuit]:
    """All destinations whose last call failed, also those that may be tried again."""
    return _read(connection, "ORDER BY destination")


def _read(connection: Connection, which: str) -> list[OpenCircuit]:
    rows = connection.execute(
        text(f"SELECT destination, open_until, opened_at, reason, code FROM circuit {which}")
    )
    return [OpenCircuit(r.destination, r.open_until, r.opened_at, r.reason, r.code) for r in rows]
