"""The status of subjects that a person has chosen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from connector.ledger.subject_query import SubjectFilter
from connector.models.events import Urgency


def among(connection: Connection, which: SubjectFilter, keys: Sequence[str]) -> set[str]:
    """The keys that match ``rule`` and ``state`` of ``which``, whether they were ever due or not."""
    where, values = SubjectFilter(rule=which.rule, state=which.state).where()
    rows = connection.execute(
        text(f"SELECT key FROM unnest(CAST(:among AS text[])) AS subject(key) WHERE {where}"),
        {**values, "among": list(keys)},
    )
    return {row.key for row in rows}


def whole(connection: Connection, keys: Sequence[str]) -> set[str]:
    """The subjects whose history has been fetched."""
    return _those(connection, keys, "history = 'done'")


def unsettled(connection: Connection, keys: Sequence[str]) -> set[str]:
    """The subjects that are due or dead."""
    return _those(connection, keys, "status <> 'idle'")


def urgent(connection: Connection, keys: Sequence[str]) -> set[str]:
    """The subjects that are due and more urgent than routine work."""
    return _those(connection, keys, f"status = 'due' AND urgency < {int(Urgency.ROUTINE)}")


def ready(connection: Connection, keys: Sequence[str]) -> set[str]:
    """The subjects that are due now and not leased."""
    return _those(connection, keys, "status = 'due' AND lease IS NULL AND ready_at <= now()")


def _those(connection: Connection, keys: Sequence[str], condition: str) -> set[str]:
    rows = connection.execute(
        text(f"SELECT key FROM subject WHERE key = ANY(:keys) AND {condition}"), {"keys": list(keys)}
    )
    return {row.key for row in rows}


def objects(connection: Connection, source: str, site: str) -> dict[str, int]:
    """Count the snapshots of a site by kind."""
    rows = connection.execute(
        text(
            "SELECT object, count(*) AS many FROM snapshot WHERE source = :source AND site = :site GROUP BY 1"
        ),
        {"source": source, "site": site},
    )
    return {row.object: row.many for row in rows}


def unapplied(connection: Connection, keys: Sequence[str]) -> set[str]:
    """The idle subjects with snapshots that are newer than their last applied plan: a dry run (``casewire plan``, a
    backfill without ``--apply``) fetched them and wrote nothing."""
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
    """The subjects that are neither due nor leased, with generation and time of the last applied plan. Both change
    when a subject is worked."""
    rows = connection.execute(
        text(
            "SELECT key, generation, applied_at FROM subject WHERE key = ANY(:keys) AND status <> 'due' "
            "AND lease IS NULL"
        ),
        {"keys": list(keys)},
    )
    return {row.key: (row.generation, row.applied_at) for row in rows}
