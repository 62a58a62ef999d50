"""People's work in the sandbox CRM by chance: fields typed over and emptied, lookups re-pointed, records deleted."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import requests
from sqlalchemy import text

from connector.cli.local_stack import Stack, Vendors
from connector.mappers import fields
from connector.mappers.fields import Account, Case, Contact

Record = tuple[str, str]
Field = tuple[str, str, str]
"""Object, key and name; of a whole record the name is empty."""
Row = dict[str, Any]

AGENTS: Final = {
    Account.OBJECT: ("Description", "Phone", "Website"),
    Contact.OBJECT: ("Title", "Description", "MobilePhone"),
    Case.OBJECT: (Case.SUBJECT, Case.PRIORITY, Case.STATUS, Case.OWNER, "Description"),
}
"""What agents may change as they like."""
_DELETED: Final = (
    (Account.OBJECT, 4),
    (Contact.OBJECT, 5),
    (Case.OBJECT, 5),
    ("Billing_Subscription__c", 5),
    ("Billing_Invoice__c", 5),
    ("Billing_Payment__c", 5),
    ("Billing_Event__c", 11),
)
_LOST_KEYS: Final = (Account.OBJECT, Contact.OBJECT, Case.OBJECT, "Billing_Invoice__c", "Billing_Event__c")
_TAKEN_KEYS: Final = (Contact.OBJECT, Case.OBJECT, "Billing_Invoice__c", "Billing_Event__c")


@dataclass(frozen=True)
class Written:
    """What was last written to a record, by the ledger."""

    id: str
    values: Mapping[str, Any]


def written(running: Stack) -> dict[Record, Written]:
    with running.engine.connect() as connection:
        rows = connection.execute(text("SELECT object, key, salesforce_id, fields FROM mirror"))
        return {(row.object, row.key): Written(row.salesforce_id, row.fields) for row in rows}


def crm(vendors: Vendors) -> dict[str, Row]:
    """Every record of ours, by its id."""
    return {row["Id"]: row for object_ in fields.ORDER for row in vendors.records(object_)}


def differences(
    was: Mapping[Record, Written], before: Mapping[str, Row], after: Mapping[str, Row]
) -> set[Field]:
    """What of ours is not what it was: by comparing all that is there, whatever was done."""
    found: set[Field] = set()
    for (object_, key), one in was.items():
        row = after.get(one.id)
        if row is None:
            found.add((object_, key, ""))
            continue
        names = {fields.KEY, *one.values}
        found |= {(object_, key, name) for name in names if row[name] != before[one.id][name]}
    return found


@dataclass
class Edits:
    """``agents``: what agents typed: (object, id, name) → value."""

    running: Stack
    chance: random.Random
    was: Mapping[Record, Written]
    rows: Mapping[str, Row]
    agents: dict[Field, Any] = field(default_factory=dict)
    deleted: set[Record] = field(default_factory=set)
    touched: set[tuple[str, str]] = field(default_factory=set)

    def make(self, count: int) -> None:
        """So many, each on a field of its own."""
        for object_, number in _DELETED:
            self._delete(object_, number)
        for object_ in _TAKEN_KEYS:
            self._take_key(object_)
        for object_ in _LOST_KEYS:
            for record in self._some(object_, 3):
                self._type(
                    record, fields.KEY, [None, f"typed:{self.chance.random()}"][self.chance.randrange(2) :]
                )
        self._of_the_deleted()
        done = len(self.deleted) + 3 * len(_LOST_KEYS) + len(_TAKEN_KEYS) + 1
        while done < count:
            record = self.chance.choice(sorted(self.was.keys() - self.deleted))
            agents = record[0] in AGENTS and self.chance.random() < 0.6
            done += self._by_agent(record) if agents else self._of_ours(record)

    def _take_key(self, object_: str) -> None:
        """One is deleted, and its key typed onto another."""
        before = set(self.deleted)
        self._delete(object_, 1)
        (gone,) = self.deleted - before
        (other,) = self._some(object_, 1)
        assert self._type(other, fields.KEY, [gone[1]])

    def _of_the_deleted(self) -> None:
        """An invoice whose account was deleted loses its key as well: nothing but its id tells which one it is."""
        gone = {key for object_, key in self.deleted if object_ == Account.OBJECT}
        record = next(
            one
            for one in sorted(self.was.keys() - self.deleted)
            if one[0] == "Billing_Invoice__c" and self.was[one].values["Account__c"] in gone
        )
        self._type(record, fields.KEY, [None])

    def _some(self, object_: str, number: int | None) -> Sequence[Record]:
        there = sorted(record for record in self.was.keys() - self.deleted if record[0] == object_)
        return self.chance.sample(there, len(there) if number is None else number)

    def _delete(self, object_: str, number: int) -> None:
        """So many; Salesforce may keep one that others hang on. No case that has another before or after it: without
        one, the other may be what is open."""
        for record in self._some(object_, None):
            if (object_, f"{record[1].rpartition(':')[0]}:2") in self.was:
                continue
            url = f"{self.running.vendors.salesforce}/__sandbox__/records/{object_}/{self.was[record].id}"
            if not number:
                return
            if requests.delete(url, timeout=60).status_code == 200:
                self.deleted.add(record)
                number -= 1

    def _of_ours(self, record: Record) -> bool:
        name = self.chance.choice(sorted(self.was[record].values))
        return self._type(record, name, self._others(record, name))

    def _others(self, record: Record, name: str) -> list[Any]:
        """Other values than it has, of which Salesforce may take but one."""
        now = self.rows[self.was[record].id][name]
        if isinstance(now, str) and now in self.rows:
            return [self.chance.choice([None, self._another(now)])]
        if isinstance(now, bool):
            return [not now]
        if now is None:
            return [1, "2026-01-02", "2026-01-02T03:04:05Z", "x"]
        return [None] if self.chance.random() < 0.2 else self._typed_over(now)

    def _typed_over(self, now: Any) -> list[Any]:
        if not isinstance(now, str):
            return [now + 1]
        if re.match(r"\d{4}-\d\d-\d\d", now):
            return [f"{int(now[:4]) - 1}-01-15{now[10:]}"]
        if "@" in now:
            return [f"typed.{self.chance.randrange(10**6)}@example.com"]
        return [now[1:] + "x" if now[:1] != "x" else "y" + now[1:]]

    def _another(self, id_: str) -> str:
        return self.chance.choice(sorted(one for one in self.rows if one[:3] == id_[:3] and one != id_))

    def _by_agent(self, record: Record) -> bool:
        name = self.chance.choice(AGENTS[record[0]])
        values = {
            Case.PRIORITY: ["High", "Low", "Medium"],
            Case.STATUS: ["Working"],
            Case.OWNER: [self._agent()],
        }
        typed = self.chance.choice(values.get(name, [f"agent {self.chance.randrange(10**6)}"]))
        row = self.rows[self.was[record].id]
        if name == Case.STATUS and row["IsClosed"]:
            return False
        if not self._type(record, name, [typed]):
            return False
        self.agents[record[0], row["Id"], name] = typed
        return True

    def _agent(self) -> str:
        return next(row["Id"] for row in self.running.vendors.records("User") if row["Name"] == "Agent One")

    def _type(self, record: Record, name: str, values: Sequence[Any]) -> bool:
        """Whether one of these values was taken, by a field that was not touched before."""
        place = (self.was[record].id, name)
        if place in self.touched:
            return False
        for value in values:
            url = f"{self.running.vendors.salesforce}/__sandbox__/records/{record[0]}/{place[0]}"
            answer = requests.patch(url, json={name: value}, timeout=60)
            if answer.status_code == 200:
                self.touched.add(place)
                return True
        return False
