"""The cases of subjects as they were written, even if people have changed the fields by which they are found.

What an agent may change on a case (status, owner, account) is read from Salesforce. What only Casewire writes is read
from the mirror: drift in these fields must not influence the plan that corrects it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine

from connector.ledger import mirror
from connector.ledger.attempts import Encoded, MovedCase
from connector.mappers import fields
from connector.mappers.fields import Case
from connector.models.facts import ExistingCase
from connector.sync.apply.facts_loader import (
    CASE_SELECT,
    CaseOwners,
    LoadedFacts,
    SalesforceReader,
    case_seen,
)


@dataclass(frozen=True, slots=True)
class WrittenCase:
    """What is known of one case: its key, whose it is, and what was last written."""

    key: str
    subject: str
    id: str
    fields: Encoded


def as_written(
    engine: Engine, crm: SalesforceReader, readings: Mapping[str, LoadedFacts], moved: Sequence[MovedCase]
) -> dict[str, tuple[ExistingCase, ...]]:
    """By subject the cases it has. ``moved``: those that Salesforce has under another subject."""
    owner = CaseOwners(moved)
    written = {one.id: one for one in _written(readings)}
    rows = {
        row["Id"]: row for row in crm.query_keys(CASE_SELECT, Case.ACCOUNT_KEY, owner.read_under(readings))
    }
    unseen = [id_ for id_ in written if id_ not in rows]
    if unseen:
        rows |= {row["Id"]: row for row in crm.query_keys(CASE_SELECT, "Id", unseen)}
    by_key = {one.key: one for id_, one in written.items() if id_ not in rows}
    theirs = _theirs(
        engine, [row for id_, row in rows.items() if id_ not in written and row[fields.KEY] in by_key]
    )
    ours = {
        id_: one
        for id_, row in rows.items()
        if id_ not in theirs and (one := written.get(id_) or by_key.get(row[fields.KEY]))
    }
    others = _others(engine, [row for id_, row in rows.items() if id_ not in ours])
    found: dict[str, list[ExistingCase]] = defaultdict(list)
    for id_, row in rows.items():
        if one := ours.get(id_):
            found[one.subject].append(_as(case_seen(row), one))
        elif row[fields.KEY] not in others:
            found[owner.of(row)].append(case_seen(row))
    return {subject: tuple(sorted(cases, key=lambda case: case.key)) for subject, cases in found.items()}


def _written(readings: Mapping[str, LoadedFacts]) -> list[WrittenCase]:
    return [
        WrittenCase(key, subject, mirrored.salesforce_id, mirrored.fields)
        for subject, reading in readings.items()
        for (object_, key), mirrored in reading.mirror.items()
        if object_ == Case.OBJECT
    ]


def _theirs(engine: Engine, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """The ids of those that carry a key of ours, and are another case."""
    if not rows:
        return set()
    with engine.connect() as connection:
        known = mirror.under(connection, {(Case.OBJECT, row["Id"]) for row in rows})
    return {id_ for (_, id_) in known}


def _others(engine: Engine, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """The keys of those that are another subject's, though they say otherwise."""
    unknown = {(Case.OBJECT, row[fields.KEY]) for row in rows if row[fields.KEY]}
    if not unknown:
        return set()
    with engine.connect() as connection:
        return {key for _, key in mirror.owners(connection, unknown)}


def _as(case: ExistingCase, written: WrittenCase) -> ExistingCase:
    kept = written.fields
    return replace(
        case,
        key=written.key,
        rule=kept.get(Case.RULE, case.rule) or "",
        state=kept.get(Case.STATE, case.state) or "",
        escalation=int(kept.get(Case.ESCALATION, case.escalation) or 0),
        subject=kept.get(Case.ACCOUNT_KEY, case.subject) or "",
    )
