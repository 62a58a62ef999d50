"""Reading what Salesforce holds: some records by SOQL as they are needed, or whole objects before by a bulk query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from connector.ledger import held
from connector.ledger.held import HeldRow
from connector.mappers import fields
from connector.sync.drift.owned import Owned
from connector.sync.reading import Crm
from connector.sync.writing import Wait

AT_ONCE: Final = 2_000
"""Rows of a bulk query that are held in memory."""


@dataclass(frozen=True, slots=True)
class Held:
    """A record as it was read, by its columns."""

    id: str
    key: str
    data: Mapping[str, Any]


class Holding(Protocol):
    """What an org holds."""

    def read(self, object_: str, wanted: Mapping[str, str | None]) -> dict[str, Held]:
        """Key → the record. ``wanted``: key → its Salesforce id, where that is known: then it is found by that,
        whatever became of its key."""


@dataclass(frozen=True, slots=True)
class Asking:
    """By SOQL, in as few calls as addresses can be long."""

    crm: Crm
    owned: Owned

    def read(self, object_: str, wanted: Mapping[str, str | None]) -> dict[str, Held]:
        keys = {id_: key for key, id_ in wanted.items() if id_}
        found = {keys[one.id]: one for one in self._held(object_, "Id", list(keys)) if one.id in keys}
        left = [key for key in wanted if key not in found]
        return found | {one.key: one for one in self._held(object_, fields.KEY, left) if one.key in wanted}

    def _held(self, object_: str, field: str, values: Sequence[str]) -> Iterator[Held]:
        if values:
            rows = self.crm.query_keys(_select(self.owned, object_), field, values)
            yield from (Held(row["Id"], row[fields.KEY] or "", row) for row in rows)


@dataclass(frozen=True, slots=True)
class Loaded:
    """From what was read whole (``load``); what is not in that is asked for."""

    connection: Connection
    asking: Asking

    def read(self, object_: str, wanted: Mapping[str, str | None]) -> dict[str, Held]:
        keys = {id_: key for key, id_ in wanted.items() if id_}
        found: dict[str, Held] = {}
        for row in held.load(self.connection, object_, list(keys), list(wanted)):
            key = keys.get(row.id, row.key)
            if key in wanted and (row.id in keys or key not in found):
                found[key] = Held(row.id, row.key, row.data)
        left = {key: id_ for key, id_ in wanted.items() if key not in found}
        return found | self.asking.read(object_, left) if left else found


class BulkCrm(Protocol):
    """Reading very much (``clients/salesforce``)."""

    def bulk_query(self, soql: str, *, wait: Wait) -> Iterator[dict[str, Any]]: ...


def load(
    connection: Connection,
    crm: BulkCrm,
    owned: Owned,
    objects: Iterable[str],
    wait: Wait,
    tell: Callable[[str, int], None],
) -> None:
    """Every record with a key of ours of these objects, into a table of this connection. ``tell``: object, and how
    many records there were."""
    held.prepare(connection)
    for object_ in objects:
        soql = f"{_select(owned, object_)} WHERE {fields.KEY} != null"
        rows, count = crm.bulk_query(soql, wait=wait), 0
        while some := [HeldRow(row["Id"], row[fields.KEY], row) for row in islice(rows, AT_ONCE)]:
            held.store(connection, object_, some)
            count += len(some)
        tell(object_, count)
    held.index(connection)


def _select(owned: Owned, object_: str) -> str:
    return f"SELECT {', '.join(owned.columns(object_))} FROM {object_}"
