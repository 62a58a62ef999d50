"""Read Salesforce's present values: some records by SOQL when they are needed, or whole objects in advance by a bulk
query.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from connector.errors import Transient
from connector.ledger import org_snapshot, snapshots
from connector.ledger.org_snapshot import OrgRow
from connector.mappers import fields
from connector.mappers.fields import Contact
from connector.retry import RetryPolicy, attempts
from connector.sync.apply.facts_loader import SalesforceReader
from connector.sync.apply.record_writer import Wait
from connector.sync.drift.owned_fields import MADE_BY_PLANS, Owned

AT_ONCE: Final = 2_000
"""Rows of a bulk query that are held in memory."""


@dataclass(frozen=True, slots=True)
class SalesforceRecord:
    """A record as it was read, by its columns."""

    id: str
    key: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChildRecord:
    """A record of an account. ``account``: the account's Salesforce id."""

    id: str
    key: str
    account: str


class OrgReader(Protocol):
    """What an org holds."""

    def read(self, object_: str, wanted: Mapping[str, str | None]) -> dict[str, SalesforceRecord]:
        """Key → the record. ``wanted``: key → its Salesforce id, where that is known: then it is found by that,
        whatever became of its key."""

    def children(self, object_: str, accounts: Collection[str]) -> Iterator[ChildRecord]:
        """Those of an object that stand on these accounts (Salesforce ids), as far as they are not ``strays``."""

    def strays(self) -> Iterator[tuple[str, SalesforceRecord]]:
        """(Object, record): all that was read and that the ledger knows nothing of. Nothing can be read afterwards."""


@dataclass(frozen=True, slots=True)
class SoqlReader:
    """By SOQL, in as few calls as addresses can be long."""

    crm: SalesforceReader
    owned: Owned

    def read(self, object_: str, wanted: Mapping[str, str | None]) -> dict[str, SalesforceRecord]:
        keys = {id_: key for key, id_ in wanted.items() if id_}
        found = {keys[one.id]: one for one in self._held(object_, "Id", list(keys)) if one.id in keys}
        left = [key for key in wanted if key not in found]
        return found | {one.key: one for one in self._held(object_, fields.KEY, left) if one.key in wanted}

    def children(self, object_: str, accounts: Collection[str]) -> Iterator[ChildRecord]:
        lookup = self.owned.account_of(object_)
        if lookup is not None and accounts:
            select = f"SELECT Id, {fields.KEY}, {lookup} FROM {object_}"
            told = " AND ".join(_ours(self.owned, object_))
            rows = self.crm.query_keys(select, lookup, list(accounts), f"AND {told}" if told else "")
            yield from (ChildRecord(row["Id"], row[fields.KEY] or "", row[lookup]) for row in rows)

    def strays(self) -> Iterator[tuple[str, SalesforceRecord]]:
        return iter(())

    def _held(self, object_: str, field: str, values: Sequence[str]) -> Iterator[SalesforceRecord]:
        if values:
            rows = self.crm.query_keys(_select(self.owned, object_), field, values)
            yield from (SalesforceRecord(row["Id"], row[fields.KEY] or "", row) for row in rows)


@dataclass(frozen=True, slots=True)
class BulkReader:
    """From what was read whole (``load``), what is not in that is asked for. ``began``: by the ledger's clock."""

    connection: Connection
    asking: SoqlReader
    began: datetime

    def read(self, object_: str, wanted: Mapping[str, str | None]) -> dict[str, SalesforceRecord]:
        keys = {id_: key for key, id_ in wanted.items() if id_}
        found: dict[str, SalesforceRecord] = {}
        for row in org_snapshot.load(self.connection, object_, list(keys), list(wanted)):
            key = keys.get(row.id, row.key)
            if key in wanted and (row.id in keys or key not in found):
                found[key] = SalesforceRecord(row.id, row.key, row.data)
        if unwritten := [one.id for one in found.values() if one.id not in keys]:
            org_snapshot.claim(self.connection, object_, unwritten)
        left = {key: id_ for key, id_ in wanted.items() if key not in found}
        return found | self.asking.read(object_, left) if left else found

    def children(self, object_: str, accounts: Collection[str]) -> Iterator[ChildRecord]:
        return iter(())

    def strays(self) -> Iterator[tuple[str, SalesforceRecord]]:
        org_snapshot.keep_unknown(self.connection)
        after = ("", "")
        while some := org_snapshot.page(self.connection, after, AT_ONCE):
            yield from ((object_, SalesforceRecord(row.id, row.key, row.data)) for object_, row in some)
            after = some[-1][0], some[-1][1].id


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
    patience: RetryPolicy | None = None,
) -> datetime:
    """Every record that may be ours of these objects, into a table of this connection. ``tell``: object, and how many
    records there were. ``patience``: for Salesforce; what was read of an object is read anew. When it began."""
    org_snapshot.prepare(connection)
    began = snapshots.clock(connection)
    for object_ in objects:
        for attempt in attempts(patience, (Transient,)):
            with attempt:
                if attempt.retry_state.attempt_number > 1:
                    org_snapshot.drop(connection, object_)
                count = _load(connection, crm, owned, object_, wait)
        if patience is not None:
            patience.done()
        tell(object_, count)
    org_snapshot.index(connection)
    return began


def _load(connection: Connection, crm: BulkCrm, owned: Owned, object_: str, wait: Wait) -> int:
    told = " AND ".join(_ours(owned, object_))
    soql = f"{_select(owned, object_)} WHERE {told}" if told else _select(owned, object_)
    rows, count = crm.bulk_query(soql, wait=wait), 0
    while some := [OrgRow(row["Id"], row[fields.KEY] or "", row) for row in islice(rows, AT_ONCE)]:
        org_snapshot.store(connection, object_, some)
        count += len(some)
    return count


def _ours(owned: Owned, object_: str) -> Iterator[str]:
    """Which of an object may be ours: of people's objects what has a key; a person's contact is its account."""
    if object_ in MADE_BY_PLANS:
        yield f"{fields.KEY} != null"
    if object_ == Contact.OBJECT and owned.shape.person_accounts:
        yield "IsPersonAccount = false"


def _select(owned: Owned, object_: str) -> str:
    return f"SELECT {', '.join(owned.columns(object_))} FROM {object_}"
