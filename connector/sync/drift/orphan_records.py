"""Orphan records: they have a Casewire key, but the ledger does not know them. They are reported and never changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import Connection, Engine

from connector.ledger import mirror, subject_query, subject_status
from connector.ledger.subject_query import SubjectFilter
from connector.mappers import fields
from connector.mappers.fields import Account
from connector.sync.apply.outcomes import Decision
from connector.sync.apply.row_diff import Record, relationship
from connector.sync.drift.org_reader import AT_ONCE, OrgReader, SalesforceRecord
from connector.sync.drift.owned_fields import MADE_BY_PLANS, Owned

Place = tuple[str, str]
"""Object and Salesforce id."""


@dataclass(frozen=True, slots=True)
class OrphanRecord:
    """``key``: the one it carries, if any; ``account``: the subject on whose account it stands, as far as is known."""

    object: str
    id: str
    key: str
    account: str


def beside(
    engine: Engine, reader: OrgReader, objects: Collection[str], decisions: Sequence[Decision]
) -> list[OrphanRecord]:
    """Of these objects what stands on the accounts that were looked at, and what carries the key of their records."""
    decided = [one for one in decisions if not one.failure]
    carriers = _carriers(objects, decided)
    ours, planned = _ours(decided), _planned(decided)
    children = {
        place: one
        for place, one in _children(reader, objects, decided).items()
        if place not in ours and (one.object, one.key) not in planned
    }
    if not children and not carriers:
        return []
    with engine.connect() as connection:
        keys = mirror.ever_written(connection, {(one.object, one.key) for one in children.values()})
        left = {place: one for place, one in children.items() if (one.object, one.key) not in keys} | carriers
        written = mirror.under(connection, left.keys()) if left else {}
    return [one for place, one in sorted(left.items()) if place not in written]


def rest(engine: Engine, reader: OrgReader, owned: Owned, which: SubjectFilter) -> Iterator[OrphanRecord]:
    """What was read whole and is nobody's; but what stands on an account for which work waits, or is not meant."""
    strays = (_stray(owned, object_, held) for object_, held in reader.strays())
    while some := list(islice(strays, AT_ONCE)):
        with engine.connect() as connection:
            left_out = _left_out(connection, which, {one.account for one in some})
        yield from (one for one in some if one.account not in left_out)


def _children(
    reader: OrgReader, objects: Collection[str], decisions: Sequence[Decision]
) -> dict[Place, OrphanRecord]:
    accounts = {id_[:15]: one.subject.key for one in decisions if (id_ := _account_id(one))}
    ids = [id_ for one in decisions if (id_ := _account_id(one))]
    return {
        (object_, child.id): OrphanRecord(object_, child.id, child.key, accounts.get(child.account[:15], ""))
        for object_ in objects
        for child in reader.children(object_, ids)
        if child.key or object_ not in MADE_BY_PLANS
    }


def _account_id(decision: Decision) -> str | None:
    if decision.reading is None:
        return None
    link, written = decision.facts.link, decision.mirror.get((Account.OBJECT, decision.subject.key))
    return (link.account_id if link else None) or (written.salesforce_id if written else None)


def _carriers(objects: Collection[str], decisions: Sequence[Decision]) -> dict[Place, OrphanRecord]:
    return {
        (row.change.object, row.frees): OrphanRecord(
            row.change.object, row.frees, row.change.key, one.subject.key
        )
        for one in decisions
        for row in one.rows
        if row.frees is not None and row.change.object in objects
    }


def _ours(decisions: Sequence[Decision]) -> set[Place]:
    return {
        (object_, written.salesforce_id) for one in decisions for (object_, _), written in one.mirror.items()
    }


def _planned(decisions: Sequence[Decision]) -> set[Record]:
    """What is not written yet, or was forgotten, and has its key already."""
    return {(change.object, change.key) for one in decisions for change in one.plan.changes}


def _stray(owned: Owned, object_: str, held: SalesforceRecord) -> OrphanRecord:
    lookup = owned.account_of(object_)
    parent = held.data.get(relationship(lookup)) if lookup else None
    on = held.key if object_ == Account.OBJECT else (parent or {}).get(fields.KEY)
    return OrphanRecord(object_, held.id, held.key, on or "")


def _left_out(connection: Connection, which: SubjectFilter, subjects: set[str]) -> set[str]:
    told = SubjectFilter(keys=sorted(subjects - {""}))
    known = {one.key for one in subject_query.walk(connection, told, "", len(subjects))}
    waiting = known - subject_status.quiet(connection, sorted(known)).keys()
    if which == SubjectFilter():
        return waiting
    narrowed = replace(which, keys=sorted(known if which.keys is None else known & set(which.keys)))
    meant = {one.key for one in subject_query.walk(connection, narrowed, "", len(subjects))}
    return waiting | (set(subjects) - meant)
