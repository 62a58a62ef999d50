"""A plan becomes rows by what is known of Salesforce's records: usually what was last written to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from connector.ledger.attempts import Mirrored, MovedCase
from connector.mappers import fields
from connector.models.facts import ExistingCase, Facts
from connector.models.plan import Change
from connector.sync.apply import link_updates
from connector.sync.apply.facts_loader import LoadedFacts, SalesforceReader, read_cases, with_priorities
from connector.sync.apply.outcomes import Decision
from connector.sync.apply.row_diff import OrgIds, Record, Row, row_for

EXISTENCE_CHECKED = ("Account", "Contact")
"""Records whose ``on_create`` fields are the CRM users' afterwards: asked for where the mirror is silent."""

Fit = Callable[[Sequence[Change], Facts], Sequence[Change]]
"""Makes a plan's changes fit the shape of the org, and leaves out what the account's link does not allow yet."""


def unfitted(changes: Sequence[Change], facts: Facts) -> Sequence[Change]:
    """For an org in which everything is as Casewire made it."""
    return changes


class Baseline(Protocol):
    """What is known of the records of some subjects."""

    def cases(
        self, readings: Mapping[str, LoadedFacts], moved: Sequence[MovedCase]
    ) -> Mapping[str, tuple[ExistingCase, ...]]:
        """By subject the cases it has. ``moved``: the cases that Salesforce has under another subject."""

    def rows(self, decisions: Sequence[Decision], fit: Fit, org: OrgIds) -> Sequence[tuple[Row, ...]]:
        """For each decision the rows that make its plan true."""


@dataclass(frozen=True, slots=True)
class MirrorBaseline:
    """Nobody else writes the fields that are ours, so they are as they were last written."""

    crm: SalesforceReader

    def cases(
        self, readings: Mapping[str, LoadedFacts], moved: Sequence[MovedCase]
    ) -> Mapping[str, tuple[ExistingCase, ...]]:
        return with_priorities(self.crm, read_cases(self.crm, list(readings), moved))

    def rows(self, decisions: Sequence[Decision], fit: Fit, org: OrgIds) -> Sequence[tuple[Row, ...]]:
        existing = self._existing(decisions)
        return [_rows(decision, existing, fit, org) for decision in decisions]

    def _existing(self, decisions: Sequence[Decision]) -> set[Record]:
        """Which of the records that the mirror does not know does Salesforce have?"""
        found: set[Record] = set()
        for object_ in EXISTENCE_CHECKED:
            unknown = [
                change.key
                for decision in decisions
                for change in decision.plan.changes
                if change.object == object_ and _is_unknown(decision, change)
            ]
            if unknown:
                rows = self.crm.query_keys(f"SELECT {fields.KEY} FROM {object_}", fields.KEY, unknown)
                found |= {(object_, row[fields.KEY]) for row in rows}
        return found


def _is_unknown(decision: Decision, change: Change) -> bool:
    """Whether nothing tells yet if Salesforce has the record. An account's link tells of the account."""
    if change.object == fields.Account.OBJECT and decision.facts.link is not None:
        return False
    return (change.object, change.key) not in decision.mirror


def _rows(decision: Decision, existing: set[Record], fit: Fit, org: OrgIds) -> tuple[Row, ...]:
    if not decision.plan.changes:
        return ()
    known = {("Case", case.key) for case in decision.facts.cases} | existing
    ids = link_updates.ids(decision.facts)
    rows = []
    for change in fit(decision.plan.changes, decision.facts):
        record = (change.object, change.key)
        mirrored = _of_this(decision.mirror.get(record), ids.get(record))
        exists = record in known or record in ids or (mirrored is not None and change.object != "Case")
        rows.append(row_for(change, mirrored, exists=exists, org=org, id_=ids.get(record)))
    return tuple(row for row in rows if row is not None)


def _of_this(mirrored: Mirrored | None, id_: str | None) -> Mirrored | None:
    """What was last written, if it was to this record: its link may have been moved while it was written."""
    if mirrored is None or id_ is None or mirrored.salesforce_id[:15] == id_[:15]:
        return mirrored
    return Mirrored(id_, {})
