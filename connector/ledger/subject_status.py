"""How accounts that a person has chosen stand in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from connector.ledger.subject_query import SubjectFilter
from connector.models.events import Urgency


def among(connection: Connection, which: SubjectFilter, keys: Sequence[str]) -> set[str]:
    """Those of these keys for which it holds, whether they were ever due or not: only ``rule`` and ``state`` of
    ``which`` are asked."""
    where, values = SubjectFilter(rule=which.rule, state=which.state).where()
    rows = connection.execute(
        text(f"SELECT key FROM unnest(CAST(:among AS text[])) AS subject(key) WHERE {where}"),
        {**values, "among": list(keys)},
    )
    return {row.key for row in rows}


def whole(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of them whose past the ledger knows."""
    return _those(connection, keys, "history = 'done'")


def unsettled(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of them that are due already, or given up on."""
    return _those(connection, keys, "status <> 'idle'")


def urgent(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of them that are due, and more urgent than routine work."""
    return _those(connection, keys, f"status = 'due' AND urgency < {int(Urgency.ROUTINE)}")


def ready(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of them that are due at once, and that nobody holds."""
    return _those(connection, keys, "status = 'due' AND lease IS NULL AND ready_at <= now()")


def _those(connection: Connection, keys: Sequence[str], condition: str) -> set[str]:
    rows = connection.execute(
        text(f"SELECT key FROM subject WHERE key = ANY(:keys) AND {condition}"), {"keys": list(keys)}
    )
    return {row.key for row in rows}


def objects(connection: Connection, source: str, site: str) -> dict[str, int]:
    """How many objects of each kind the ledger knows of a site."""
    rows = connection.execute(
        text(
            "SELECT object, count(*) AS many FROM snapshot WHERE source = :source AND site = :site GROUP BY 1"
        ),
        {"source": source, "site": site},
    )
    return {row.object: row.many for row in rows}


def unapplied(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of them that are idle, and of which the ledger has learnt what no plan has been applied with since: a
    preview (``casewire plan``, a backfill without ``--apply``) has fetched it, and nothing more."""
    rows = connection.execute(
        text(
            "SELECT key FROM subject WHERE key = ANY(:keys) AND status = 'idle' AND lease IS NULL AND EXISTS ("
            "SELECT 1 FROM snapshot WHERE snapshot.subject = subject.key "
            "AND snapshot.learnt_at > COALESCE(subject.applied_at, '-infinity'))"
        ),
        {"keys": list(keys)},
    )
    return {row.key for row in rows}


def quiet(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[int, datetime | None]]:
    """Those of them for which nothing is to be done and nobody does anything. What it says of one is another after
    anything was done for it."""
    rows = connection.execute(
        text(
            "SELECT key, generation, applied_at FROM subject WHERE key = ANY(:keys) AND status <> 'due' "
            "AND lease IS NULL"
        ),
        {"keys": list(keys)},
    )
    return {row.key: (row.generation, row.applied_at) for row in rows}
