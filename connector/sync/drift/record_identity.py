"""Which record of Salesforce is which: a record is what was last written to it, whatever key it carries by now.

A key that somebody typed onto another record does not make that the one: written by that key, one customer's amounts
would stand on another customer's record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from connector.ledger import mirror
from connector.sync.apply.row_diff import Record
from connector.sync.drift.org_reader import OrgReader, SalesforceRecord


@dataclass(frozen=True, slots=True)
class IdentifiedRecords:
    """``held``: the records that are there. ``carriers``: record → the id of another one that carries its key."""

    held: Mapping[Record, SalesforceRecord]
    carriers: Mapping[Record, str]


def find(engine: Engine, holding: OrgReader, wanted: Mapping[Record, str | None]) -> IdentifiedRecords:
    """``wanted``: record → its Salesforce id, where that is known."""
    read = _read(holding, wanted)
    odd = {record: one for record, one in read.items() if not _is_as_written(record, one, wanted)}
    theirs = set(_others(engine, odd)) if odd else set()
    held = {record: one for record, one in read.items() if record not in theirs}
    keyless = {record for record, one in held.items() if one.key != record[1]}
    carrying = _read(holding, dict.fromkeys(keyless)) if keyless else {}
    carriers = {record: one.id for record, one in carrying.items() if one.id != held[record].id}
    taken = {record: one.id for record, one in read.items() if record in theirs and one.key == record[1]}
    return IdentifiedRecords(held, carriers | taken)


def _read(holding: OrgReader, wanted: Mapping[Record, str | None]) -> dict[Record, SalesforceRecord]:
    by_object: dict[str, dict[str, str | None]] = defaultdict(dict)
    for (object_, key), id_ in wanted.items():
        by_object[object_][key] = id_
    return {
        (object_, key): held
        for object_, keys in by_object.items()
        for key, held in holding.read(object_, keys).items()
    }


def _is_as_written(record: Record, held: SalesforceRecord, wanted: Mapping[Record, str | None]) -> bool:
    return held.key == record[1] and (wanted[record] or "")[:15] == held.id[:15]


def _others(engine: Engine, odd: Mapping[Record, SalesforceRecord]) -> Iterator[Record]:
    """Those for which a record was found that is another one. Where two were written to the same, it is the one whose
    key it carries."""
    with engine.connect() as connection:
        known = mirror.under(connection, {(object_, held.id) for (object_, _), held in odd.items()})
    for (object_, key), held in odd.items():
        keys = known.get((object_, held.id), set())
        if (held.key in keys) if held.key != key else (keys and key not in keys):
            yield object_, key
