"""An account with an invoice, a case and a timeline in a Salesforce in memory, whose fields can be typed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import SITE, SOURCE, due, event, record, rows, subject
from sqlalchemy import Engine

from connector.ledger import snapshots, subjects
from connector.ledger.attempts import Cause
from connector.ledger.subject_query import SubjectFilter
from connector.mappers import fields
from connector.mappers.fields import Account, Case, Event
from connector.mappers.fields import Invoice as F
from connector.mappers.org_schema import OrgField, OrgShape
from connector.models.facts import Facts, Invoice, Link
from connector.models.plan import Change, Parent, Plan, Transition, Value
from connector.sync.apply.applier import Applier
from connector.sync.apply.facts_loader import LoadedFacts
from connector.sync.drift.detector import DriftedRecord, DriftScan, scan_drift
from connector.sync.drift.org_baseline import DriftFilter, OrgBaseline
from connector.sync.drift.org_reader import SoqlReader
from connector.sync.drift.owned_fields import Owned
from sync import orgs
from sync.fake_crm import FakeCrm, Org
from sync.world import account, invoice

BOB = subject("bob")
BILL = f"{BOB}:1001"
CASE = f"{BILL}:past_due:1"
ROW = "event:n1"
Record = tuple[str, str]


def lookup(name: str, to: str) -> OrgField:
    return OrgField(name, "reference", createable=True, updateable=True, targets=frozenset({to}))


def typed(name: str, type_: str, **more: Any) -> OrgField:
    return OrgField(name, type_, createable=True, updateable=True, **more)


def shape() -> OrgShape:
    return orgs.shape(
        more={
            Account.OBJECT: [typed(Account.BALANCE, "double", scale=3), typed(Account.AS_OF, "datetime")],
            F.OBJECT: [lookup(F.ACCOUNT, "Account"), typed(F.TOTAL, "double", scale=3)],
            Case.OBJECT: [
                lookup(Case.ACCOUNT, "Account"),
                lookup(Case.INVOICE, F.OBJECT),
                typed(Case.ESCALATION, "double"),
                OrgField(Case.OWNER, "reference", True, True, targets=frozenset({"Group", "User"})),
            ],
            Event.OBJECT: [lookup(Event.ACCOUNT, "Account"), lookup(Event.CASE, "Case")],
        }
    )


def decide(facts: Facts) -> Plan:
    """The account, its invoices, a case for each that is past due or has one, a row for each new event."""
    if facts.account is None:
        return Plan(facts.subject)
    if facts.account.company == "broken":
        raise ZeroDivisionError("no such currency")
    own = {Account.STATE: facts.account.state, Account.EMAIL: facts.account.email, Account.BALANCE: None}
    changes = [Change("Account", facts.subject, "account", "it is", own, on_create={"Name": "Rivera"})]
    changes += [_invoice(bill, facts) for bill in facts.invoices]
    seen = {case.key: case for case in facts.cases}
    for bill in facts.invoices:
        key = f"{facts.subject}:{bill.number}:past_due:1"
        if bill.state == "past_due" or key in seen:
            changes.append(_case(key, bill, facts, seen[key].state if key in seen else None))
    changes += [_row(one.event_id, facts) for one in facts.events if not one.on_timeline]
    return Plan(facts.subject, tuple(changes))


def _parent(facts: Facts) -> Parent:
    return Parent("Account", facts.subject)


def _invoice(bill: Invoice, facts: Facts) -> Change:
    told = {F.STATE: bill.state, F.TOTAL: bill.total}
    return Change(
        F.OBJECT, f"{facts.subject}:{bill.number}", "invoices", "it is", told, {F.ACCOUNT: _parent(facts)}
    )


def _case(key: str, bill: Invoice, facts: Facts, was: str | None) -> Change:
    state = "open" if bill.state == "past_due" else "resolved"
    told: dict[str, Value] = {
        Case.ACCOUNT_KEY: facts.subject,
        Case.RULE: "payment_failed",
        Case.STATE: state,
        Case.SUMMARY: f"Invoice {bill.number}",
        Case.ESCALATION: 0,
    }
    change = Change(Case.OBJECT, key, "payment_failed", "it failed", told, {Case.ACCOUNT: _parent(facts)})
    if was is None:
        return replace(
            change, transition=Transition.OPEN, on_create={Case.STATUS: "New", Case.SUBJECT: "Help"}
        )
    closes = Transition.RESOLVE if was != state else None
    return replace(change, transition=closes, transition_fields={Case.STATUS: "Closed"} if closes else {})


def _row(event_id: str, facts: Facts) -> Change:
    parents = {Event.ACCOUNT: _parent(facts)}
    if any(bill.state == "past_due" for bill in facts.invoices):
        parents[Event.CASE] = Parent("Case", CASE)
    told: dict[str, Value] = {Event.NAME: "Past due", Event.WHAT: "Invoice 1001"}
    return Change(Event.OBJECT, f"event:{event_id}", "timeline", "it was said", told, parents)


class HeldCrm(FakeCrm):
    """Answers for lookups as Salesforce does: by the id, and by the key of the record they lead to."""

    def query_keys(
        self, select: str, field_: str, keys: Sequence[str], suffix: str = ""
    ) -> list[dict[str, Any]]:
        self.queries.append(select)
        object_ = select.split(" FROM ")[1]
        names = select.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
        found = [self._told(row) for (of, _), row in sorted(self.records.items()) if of == object_]
        return [_selected(row, names) for row in found if row.get(field_) in keys]

    def _told(self, row: Mapping[str, Any]) -> dict[str, Any]:
        told = dict(row)
        for name in [name for name in row if name in _LEADS]:
            parent = self.records.get((_LEADS[name][1], str(row[name])))
            told[name] = {fields.KEY: parent[fields.KEY]} if parent else None
            told[_LEADS[name][0]] = parent["Id"] if parent else None
        return told

    def type(self, record: Record, **values: Any) -> None:
        """Somebody types over these."""
        self.records[record] |= values

    def delete(self, record: Record) -> None:
        """What led to it leads nowhere."""
        del self.records[record]
        for row in self.records.values():
            for name, (_, to) in _LEADS.items():
                if name in row and (to, row[name]) == record:
                    row[name] = None


_LEADS = {
    "Account__r": ("Account__c", "Account"),
    "Account": ("AccountId", "Account"),
    "Case__r": ("Case__c", "Case"),
}


def _selected(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    wanted = {name.partition(".")[0] for name in names}
    return {name: row.get(name) for name in wanted}


@dataclass
class Rig:
    """One customer of billing, and the command's way to look and to mend."""

    engine: Engine
    crm: HeldCrm
    linker: Linked = field(default_factory=lambda: Linked())

    def applier(self) -> Applier:
        return Applier(self.engine, self.crm, Org, decide, lambda: datetime.now(UTC), "w", linker=self.linker)

    def learn(self, *objects: Any) -> None:
        with self.engine.begin() as connection:
            snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), objects)
            subjects.mark_due(connection, [due()])

    def work(self) -> None:
        """What the workers do."""
        self.applier().run()

    def against(self, only: DriftFilter = DriftFilter(), *, scanning: bool = True) -> Applier:
        owned = Owned.of(shape(), ())
        known = OrgBaseline(
            self.engine, self.crm, owned, SoqlReader(self.crm, owned), only, scanning=scanning
        )
        return replace(self.applier(), known=known)

    def look(self, only: DriftFilter = DriftFilter(), which: SubjectFilter = SubjectFilter()) -> DriftScan:
        found = list(scan_drift(self.against(only), which))
        return found[0] if found else DriftScan()

    def drift(self, only: DriftFilter = DriftFilter()) -> dict[Record, tuple[str, ...]]:
        return {one.row.record: one.fields for one in self.look(only).drifted}

    def only(self) -> DriftedRecord:
        (one,) = self.look().drifted
        return one


class Linked:
    """A linker that finds nothing, and remembers whom it was told of."""

    def __init__(self) -> None:
        self.told: list[set[str]] = []

    def find(self, readings: Sequence[LoadedFacts]) -> Mapping[str, Link]:
        return {}

    def duplicates(self, named: Mapping[str, Mapping[str, Sequence[str]]]) -> Set[str]:
        return set()

    def gone(self, subjects: Set[str]) -> None:
        self.told.append(set(subjects))


@pytest.fixture
def rig(engine: Engine) -> Rig:
    """Bob, whose invoice is past due, all written."""
    made = Rig(engine, HeldCrm())
    record(engine, event("n1"))
    rows(engine, "UPDATE event SET status = 'fetched', subject = :subject", subject=BOB)
    made.learn(account(), invoice())
    made.work()
    return made


CAUSE = Cause("drift", "somebody")
