"""What people do at their desks: type records, edit, delete, merge and convert them.

It is done in the name of an agent, not of the integration user, and is held up by no rule, permission or fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.org import Org
from sandbox.salesforce.persons import Persons
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.store import Row
from sandbox.salesforce.writer import Writer


@dataclass(frozen=True, slots=True)
class Desk:
    """An agent's desk in an org. Unknown names and ids raise LookupError, refused rows RowRefused."""

    org: Org

    def write(self, name: str, rows: Sequence[Row]) -> list[str]:
        """New rows, all or none; their ids in order."""
        kind = self._kind(name)
        with self.org.store.transaction():
            writer = self._writer()
            return [writer.insert(kind, row) for row in rows]

    def edit(self, name: str, record_id: str, values: Row) -> None:
        kind = self._kind(name)
        with self.org.store.transaction():
            self._writer().update(kind, self._live(kind, record_id), values)

    def delete(self, name: str, record_id: str) -> None:
        kind = self._kind(name)
        with self.org.store.transaction():
            self._writer().delete(kind, self._live(kind, record_id))

    def merge(self, name: str, master: str, losers: Iterable[str]) -> None:
        """The losers' children go to the master, the losers to the recycle bin; no value of theirs survives.

        Raises ValueError for what can't be merged.
        """
        kind = self._kind(name)
        if "MasterRecordId" not in kind.fields:
            raise ValueError(f"records of {kind.name} can't be merged")
        with self.org.store.transaction():
            kept, gone = self._live(kind, master), [self._live(kind, loser) for loser in losers]
            if not gone or kept in gone or len(set(gone)) < len(gone):
                raise ValueError("losers are one record or more, each once, and none of them the master")
            for loser in gone:
                self._merge(kind, kept, loser)
            self.org.store.update(kind, kept, self._stamps())

    def convert(self, account_id: str) -> bool:
        """A business account with one contact becomes a person account, and back. Whether it is a person now.

        Raises ValueError for an account that can't.
        """
        if not self._persons.known:
            raise ValueError("this org has no person accounts")
        account = self._kind("Account")
        with self.org.store.transaction():
            row = self.org.store.table(account).live[self._live(account, account_id)]
            if row["IsPersonAccount"]:
                self._to_business(row)
            else:
                self._to_person(row)
            return bool(row["IsPersonAccount"])

    # -- merging

    def _merge(self, kind: ObjectType, master: str, loser: str) -> None:
        store = self.org.store
        rows = store.table(kind).live
        if kind.name == "Account" and self._persons.known:
            self._merge_contacts(rows[master], rows[loser])
        for child, link in self.org.schema.referrers(kind):
            if link.name != "PersonContactId":
                self._reparent(child, link, loser, master)
        store.delete(kind, loser, {"IsDeleted": True, "MasterRecordId": master, **self._stamps()})

    def _merge_contacts(self, master: Row, loser: Row) -> None:
        if master["IsPersonAccount"] != loser["IsPersonAccount"]:
            raise ValueError("a person account can't be merged with a business account")
        if master["IsPersonAccount"]:
            self._merge(self._kind("Contact"), master["PersonContactId"], loser["PersonContactId"])

    def _reparent(self, child: ObjectType, link: Field, loser: str, master: str) -> None:
        for found in tuple(self.org.store.table(child).find(link, loser)):
            parent = None if found == master else master
            self.org.store.update(child, found, {link.name: parent, **self._stamps()})

    # -- converting

    def _to_person(self, account: Row) -> None:
        kind = self._kind("Contact")
        table = self.org.store.table(kind)
        contacts = tuple(table.find(kind.fields["AccountId"], account["Id"]))
        if len(contacts) != 1:
            raise ValueError(f"an account becomes a person with exactly one contact; it has {len(contacts)}")
        contact, own = table.live[contacts[0]], self._persons.person_fields()
        pairs = self.org.schema.person_pairs.items()
        taken = {there: contact.get(here) for here, there in pairs if there in own}
        told = {"IsPersonAccount": True, "PersonContactId": contact["Id"], "Name": contact["Name"]}
        kept = {here: account.get(there) for here, there in pairs if there not in own}
        self._change("Account", account, {**taken, **told, "RecordTypeId": self._persons.record_type(True)})
        self._change("Contact", contact, {**kept, "IsPersonAccount": True})

    def _to_business(self, account: Row) -> None:
        contact = self.org.store.row(account["PersonContactId"])
        fields = self._kind("Account").fields
        emptied: dict[str, Any] = {
            name: False if fields[name].type == "boolean" else None for name in self._persons.person_fields()
        }
        told = {"IsPersonAccount": False, "PersonContactId": None}
        self._change(
            "Account", account, {**emptied, **told, "RecordTypeId": self._persons.record_type(False)}
        )
        if contact:
            self._change("Contact", contact, {"IsPersonAccount": False})

    # -- who, what, when

    @property
    def _persons(self) -> Persons:
        return Persons(self.org.schema, self.org.store)

    def _change(self, name: str, row: Row, changes: Row) -> None:
        self.org.store.update(self._kind(name), row["Id"], {**changes, **self._stamps()})

    def _writer(self) -> Writer:
        return self.org.writer(assign=False, user=self.org.agent_id)

    def _stamps(self) -> Row:
        now = self.org.now_text()
        return {"LastModifiedDate": now, "LastModifiedById": self.org.agent_id, "SystemModstamp": now}

    def _kind(self, name: str) -> ObjectType:
        kind = self.org.schema.get(name)
        if kind is None:
            raise LookupError(f"no object {name} in this org")
        return kind

    def _live(self, kind: ObjectType, record_id: str) -> str:
        found = normal_id(record_id)
        if found is None or found not in self.org.store.table(kind).live:
            raise LookupError(f"no {kind.name} {record_id}")
        return found
