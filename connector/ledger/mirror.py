"""The mirror by record: its subject, the reason of the last write, and deleting entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

Record = tuple[str, str]
"""Object and key."""

_THESE = "unnest(CAST(:objects AS text[]), CAST(:keys AS text[])) AS these(object, key)"


def owners(connection: Connection, records: Collection[Record]) -> dict[Record, str]:
    """Record → the subject it was last written for."""
    rows = connection.execute(
        text(f"SELECT object, key, subject FROM mirror JOIN {_THESE} USING (object, key)"), _values(records)
    )
    return {(row.object, row.key): row.subject for row in rows}


def ids(connection: Connection, records: Collection[Record]) -> dict[Record, str]:
    """Record → the Salesforce id of what was last written."""
    rows = connection.execute(
        text(f"SELECT object, key, salesforce_id FROM mirror JOIN {_THESE} USING (object, key)"),
        _values(records),
    )
    return {(row.object, row.key): row.salesforce_id for row in rows}


def under(connection: Connection, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], set[str]]:
    """(Object, Salesforce id) → the keys of the records that were last written to it."""
    rows = connection.execute(
        text(
            f"SELECT object, mirror.key, salesforce_id FROM mirror JOIN {_THESE} USING (object) "
            "WHERE salesforce_id = these.key"
        ),
        _values(places),
    )
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        found[row.object, row.salesforce_id].add(row.key)
    return found


def written_since(connection: Connection, records: Collection[Record], since: datetime) -> set[Record]:
    """The records that were written at or after ``since``, by the ledger's clock."""
    rows = connection.execute(
        text(f"SELECT object, key FROM mirror JOIN {_THESE} USING (object, key) WHERE written_at >= :since"),
        {**_values(records), "since": since},
    )
    return {(row.object, row.key) for row in rows}


def ever_written(connection: Connection, records: Collection[Record]) -> set[Record]:
    """The records that Casewire has ever written, also those whose mirror was cleared."""
    return owners(connection, records).keys() | told(connection, records).keys()


def told(connection: Connection, records: Collection[Record]) -> dict[Record, tuple[str, str]]:
    """Record → rule and reason of its last write; retention may have removed them."""
    rows = connection.execute(
        text(
            f"SELECT DISTINCT ON (object, key) object, key, rule, reason FROM change JOIN {_THESE} "
            "USING (object, key) WHERE outcome = 'written' ORDER BY object, key, id DESC"
        ),
        _values(records),
    )
    return {(row.object, row.key): (row.rule, row.reason) for row in rows}


def drop(connection: Connection, records: Collection[Record]) -> None:
    """Delete the mirror of these records."""
    connection.execute(
        text(
            f"DELETE FROM mirror USING {_THESE} WHERE mirror.object = these.object AND mirror.key = these.key"
        ),
        _values(records),
    )


def of(connection: Connection, subjects: Collection[str]) -> Sequence[Row[Any]]:
    """The mirror rows of these subjects, for ``restore``."""
    return connection.execute(
        text(
            "SELECT object, key, subject, salesforce_id, fields::text AS fields, written_at FROM mirror "
            "WHERE subject = ANY(:subjects)"
        ),
        {"subjects": sorted(subjects)},
    ).all()


def restore(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    """Insert mirror rows that are missing."""
    if rows:
        connection.execute(
            text(
                "INSERT INTO mirror (object, key, subject, salesforce_id, fields, written_at) VALUES "
                "(:object, :key, :subject, :salesforce_id, CAST(:fields AS jsonb), :written_at) "
                "ON CONFLICT DO NOTHING"
            ),
            [dict(row._mapping) for row in rows],
        )


def _values(records: Collection[Record]) -> dict[str, Any]:
    ordered = sorted(records)
    return {"objects": [object_ for object_, _ in ordered], "keys": [key for _, key in ordered]}
