"""Derive link updates from Salesforce's responses: created records, broken links, duplicates. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from connector.mappers.fields import PERSON_KEY, Account, Contact
from connector.mappers.records import contact
from connector.models.facts import Facts, Link, LinkState
from connector.sync.apply.outcomes import Decision, Results
from connector.sync.apply.record_writer import DUPLICATES
from connector.sync.apply.row_diff import Record, Row

MOST_TRIES: Final = 4
"""After so many tries, a record that Salesforce reports as gone or duplicate becomes a dead letter."""
GONE: Final = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"})
_NOT_THE_ONE: Final = GONE | {"DUPLICATE_VALUE"}
"""DUPLICATE_VALUE: a user has set our key on another record."""
_NOT_WRITABLE: Final = "INVALID_FIELD_FOR_INSERT_UPDATE"


def ids(facts: Facts) -> dict[Record, str]:
    """Record → Salesforce id, for the linked records: they may not have our key and are written by id."""
    link = facts.link
    if link is None or link.state is not LinkState.LINKED or link.account_id is None:
        return {}
    found = {(Account.OBJECT, facts.subject): link.account_id}
    if link.contact_id is not None:
        found[Contact.OBJECT, contact.key(facts)] = link.contact_id
    return found


def made(decisions: Iterable[Decision], results: Results) -> dict[str, Link]:
    """Subject → link to the Salesforce account that was just created for it."""
    found = {}
    for decision in decisions:
        subject = decision.subject.key
        written = results.written.get((Account.OBJECT, subject))
        if written is None or not written.id or written.row.id is not None or decision.reading is None:
            continue
        link = decision.facts.link or Link(LinkState.NEW)
        person = PERSON_KEY in written.row.change.fields
        found[subject] = replace(link, state=LinkState.LINKED, account_id=written.id, person=person)
    return found


def lost(decisions: Iterable[Decision], results: Results) -> set[str]:
    """Subjects whose linked account or contact was deleted or merged, or whose key is on another record."""
    return {
        decision.subject.key
        for decision in decisions
        if decision.subject.tries < MOST_TRIES
        for row in decision.rows
        if row.id is not None and _is_not_the_one(row, _code(row.record, results))
    }


def duplicates(decisions: Iterable[Decision], results: Results) -> dict[str, Mapping[str, Sequence[str]]]:
    """Subject → object → the records that a duplicate rule of the org named."""
    found: dict[str, Mapping[str, Sequence[str]]] = {}
    for decision in decisions:
        named = {
            row.change.object: results.refused[row.record].matches
            for row in decision.rows
            if _code(row.record, results) == DUPLICATES and results.refused[row.record].matches
        }
        if named and decision.subject.tries < MOST_TRIES:
            found[decision.subject.key] = named
    return found


def _is_not_the_one(row: Row, code: str) -> bool:
    """Whether the link points to the wrong record. A former person account refuses the fields of a person."""
    return code in _NOT_THE_ONE or (code == _NOT_WRITABLE and PERSON_KEY in row.change.fields)


def _code(record: Record, results: Results) -> str:
    refused = results.refused.get(record)
    return refused.code if refused else ""
