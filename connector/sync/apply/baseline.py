"""The baseline: the record values that a plan is compared with to make rows. Usually the mirror."""

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
"""Objects whose ``on_create`` fields belong to the CRM users afterwards: records without a mirror are queried."""

Fit = Callable[[Sequence[Change], Facts], Sequence[Change]]
"""Adapts a plan's changes to the org, and leaves out changes that the account's link does not allow yet."""


def unfitted(changes: Sequence[Change], facts: Facts) -> Sequence[Change]:
    """Return the changes as they are, for an org that needs no adaptation."""
    return changes


class Baseline(Protocol):
    """The values of the Salesforce records of some subjects."""

    def cases(
        self, readings: Mapping[str, LoadedFacts], moved: Sequence[MovedCase]
    ) -> Mapping[str, tuple[ExistingCase, ...]]:
        """Subject → its cases. ``moved``: cases that Salesforce still has under another subject."""

    def rows(self, decisions: Sequence[Decision], fit: Fit, org: OrgIds) -> Sequence[tuple[Row, ...]]:
        """For each decision, the rows that bring Salesforce to its plan."""


@dataclass(frozen=True, slots=True)
class MirrorBaseline:
    """Compares with the mirror: only Casewire writes its own fields, so Salesforce contains what was last written."""

    crm: SalesforceReader

    def cases(
        self, readings: Mapping[str, LoadedFacts], moved: Sequence[MovedCase]
    ) -> Mapping[str, tuple[ExistingCase, ...]]:
        return with_priorities(self.crm, read_cases(self.crm, list(readings), moved))

    def rows(self, decisions: Sequence[Decision], fit: Fit, org: OrgIds) -> Sequence[tuple[Row, ...]]:
        existing = self._existing(decisions)
        return [_rows(decision, existing, fit, org) for decision in decisions]

    def _existing(self, decisions: Sequence[Decision]) -> set[Record]:
        """Query which of the records without a mirror exist in Salesforce."""
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
    """Whether the ledger does not know if the record exists. For an account its link decides."""
    if change.object == fields.Account.OBJECT and decision.facts.link is not None:
        return False
    return (change.object, change.key) not in decision.mirror


def _rows(decision: Decision, existing: set[Record], fit: Fit, org: OrgIds) -> tuple[Row, ...]:
    if not decision.plan.changes:
        return ()
    in_org = {("Case", case.key) for case in decision.facts.cases} | existing
    ids = link_updates.ids(decision.facts)
    rows = []
    for change in fit(decision.plan.changes, decision.facts):
        record = (change.object, change.key)
        mirrored = _of_this(decision.mirror.get(record), ids.get(record))
        exists = record in in_org or record in ids or (mirrored is not None and change.object != "Case")
        rows.append(row_for(change, mirrored, exists=exists, org=org, id_=ids.get(record)))
    return tuple(row for row in rows if row is not None)


def _of_this(mirrored: Mirrored | None, id_: str | None) -> Mirrored | None:
    """The mirror, if it is of this record: the link may have moved during the write. Otherwise an empty mirror."""
    if mirrored is None or id_ is None or mirrored.salesforce_id[:15] == id_[:15]:
        return mirrored
    return Mirrored(id_, {})
