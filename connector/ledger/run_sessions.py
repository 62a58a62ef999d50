"""Run sessions: each process that a person started for a run, with who, when, why, and whether it writes.

One person may preview a backfill and another may write it, with a reason of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from connector.redaction import redact_text


def begin(connection: Connection, run_id: int, who: str, reason: str, *, writes: bool) -> int:
    """Record a new session of the run. Return its id."""
    row = connection.execute(
        text(
            "INSERT INTO run_go (run_id, who, reason, writes) VALUES (:run, :who, :reason, :writes) RETURNING id"
        ),
        {"run": run_id, "who": who, "reason": redact_text(reason), "writes": writes},
    )
    return int(row.scalar_one())


def of_run(connection: Connection, run_id: int) -> list[Mapping[str, Any]]:
    """The sessions of a run in order: who, began_at, reason, writes."""
    rows = connection.execute(
        text("SELECT who, began_at, reason, writes FROM run_go WHERE run_id = :run ORDER BY id"),
        {"run": run_id},
    )
    return [dict(row._mapping) for row in rows]
