"""What Salesforce held when it was read whole: a temporary table, of one connection and gone with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class OrgRow:
    """One record as it was read. ``data``: as JSON; numbers with decimals are texts."""

    id: str
    key: str
    data: dict[str, Any]


def prepare(connection: Connection) -> None:
    """Make the table, empty. Nothing of it is written ahead or outlives the connection."""
    connection.execute(text("DROP TABLE IF EXISTS pg_temp.held"))
    connection.execute(
        text(
            "CREATE TEMPORARY TABLE held "
            "(object text, id text, key text, data jsonb, ours boolean NOT NULL DEFAULT false)"
        )
    )


def store(connection: Connection, object_: str, rows: Sequence[OrgRow]) -> None:
    """Add some records."""
    connection.execute(
        text(
            "INSERT INTO held (object, id, key, data) SELECT :object, id, key, data::jsonb FROM "
            "unnest(CAST(:ids AS text[]), CAST(:keys AS text[]), CAST(:data AS text[])) AS new(id, key, data)"
        ),
        {
            "object": object_,
            "ids": [row.id for row in rows],
            "keys": [row.key for row in rows],
            "data": [json.dumps(row.data, default=str) for row in rows],
        },
    )


def drop(connection: Connection, object_: str) -> None:
    """What was stored of this object is not there any more: it is read anew."""
    connection.execute(text("DELETE FROM held WHERE object = :object"), {"object": object_})


def index(connection: Connection) -> None:
    """When all is stored: so that it is found by ids and keys."""
    connection.execute(text("CREATE INDEX ON held (object, id)"))
    connection.execute(text("CREATE INDEX ON held (object, key)"))
    connection.execute(text("ANALYZE held"))


def load(
    connection: Connection, object_: str, ids: Collection[str] = (), keys: Collection[str] = ()
) -> list[OrgRow]:
    """The records of an object with these ids, or these keys."""
    rows = connection.execute(
        text(
            "SELECT id, key, data FROM held WHERE object = :object AND id = ANY(:ids) "
            "UNION SELECT id, key, data FROM held WHERE object = :object AND key = ANY(:keys)"
        ),
        {"object": object_, "ids": list(ids), "keys": list(keys)},
    )
    return [OrgRow(row.id, row.key, row.data) for row in rows]


def claim(connection: Connection, object_: str, ids: Collection[str]) -> None:
    """These are ours, though nothing was written to them yet."""
    connection.execute(
        text("UPDATE held SET ours = true WHERE object = :object AND id = ANY(:ids)"),
        {"object": object_, "ids": list(ids)},
    )


def keep_unknown(connection: Connection) -> None:
    """Only what the ledger knows nothing of, by its id or by its key, is left. What it has forgotten it once wrote."""
    same = "mirror.object = held.object"
    connection.execute(text("DELETE FROM held WHERE ours"))
    connection.execute(text(f"DELETE FROM held USING mirror WHERE {same} AND mirror.key = held.key"))
    connection.execute(text(f"DELETE FROM held USING mirror WHERE {same} AND salesforce_id = held.id"))
    connection.execute(text("ANALYZE held"))
    connection.execute(
        text(
            "DELETE FROM held USING change WHERE change.object = held.object AND change.key = held.key "
            "AND outcome = 'written'"
        )
    )


def page(connection: Connection, after: tuple[str, str], limit: int) -> list[tuple[str, OrgRow]]:
    """(Object, record), in the order of objects and ids, behind this one."""
    rows = connection.execute(
        text(
            "SELECT object, id, key, data FROM held WHERE (object, id) > (:object, :id) "
            "ORDER BY object, id LIMIT :limit"
        ),
        {"object": after[0], "id": after[1], "limit": limit},
    )
    return [(row.object, OrgRow(row.id, row.key, row.data)) for row in rows]
