"""What Salesforce held when it was read whole: a temporary table, of one connection and gone with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One record as it was read. ``data``: as JSON; numbers with decimals are texts."""

    id: str
    key: str
    data: dict[str, Any]


def prepare(connection: Connection) -> None:
    """Make the table, empty. Nothing of it is written ahead or outlives the connection."""
    connection.execute(text("DROP TABLE IF EXISTS pg_temp.held"))
    connection.execute(text("CREATE TEMPORARY TABLE held (object text, id text, key text, data jsonb)"))


def store(connection: Connection, object_: str, rows: Sequence[HeldRow]) -> None:
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


def index(connection: Connection) -> None:
    """When all is stored: so that it is found by ids and keys."""
    connection.execute(text("CREATE INDEX ON held (object, id)"))
    connection.execute(text("CREATE INDEX ON held (object, key)"))
    connection.execute(text("ANALYZE held"))


def load(
    connection: Connection, object_: str, ids: Collection[str] = (), keys: Collection[str] = ()
) -> list[HeldRow]:
    """The records of an object with these ids, or these keys."""
    rows = connection.execute(
        text(
            "SELECT id, key, data FROM held WHERE object = :object AND id = ANY(:ids) "
            "UNION SELECT id, key, data FROM held WHERE object = :object AND key = ANY(:keys)"
        ),
        {"object": object_, "ids": list(ids), "keys": list(keys)},
    )
    return [HeldRow(row.id, row.key, row.data) for row in rows]
