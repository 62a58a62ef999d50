"""Person accounts: an account and its hidden contact are one person, and what one says the other says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sandbox.salesforce.errors import RowError, RowRefused
from sandbox.salesforce.incoming import missing, not_writable
from sandbox.salesforce.schema import Field, ObjectType, Schema
from sandbox.salesforce.store import Row, Store

_PARTS: Final = ("LastName", "FirstName", "Salutation")


@dataclass(frozen=True, slots=True)
class Persons:
    """The person accounts of an org; in one without them everything passes unchanged."""

    schema: Schema
    store: Store

    @property
    def known(self) -> bool:
        return bool(self.schema.person_pairs)

    def account(self, changes: Row, before: Row | None) -> None:
        """Make a new or changed account whole: its kind, record type and name. Raises RowRefused."""
        if not self.known:
            return
        person = self._is_person(changes, before)
        if person:
            _named(changes, before or {})
        else:
            self._no_person_fields(changes)
        if before is None:
            changes["IsPersonAccount"] = person
            changes["RecordTypeId"] = changes.get("RecordTypeId") or self.record_type(person)

    def contact(self, changes: Row, before: Row | None) -> None:
        """Make a new or changed contact whole: its full name. A person's contact stays with its account."""
        after = {**(before or {}), **changes}
        if after.get("LastName"):
            changes["Name"] = full_name(after)
        account = changes.get("AccountId")
        if before and before.get("IsPersonAccount"):
            if "AccountId" in changes and account != before["AccountId"]:
                raise RowRefused(not_writable(["AccountId"], creating=False))
        elif account and (self.store.row(account) or {}).get("IsPersonAccount"):
            message = "Account ID: a person account can't be the account of another contact"
            raise RowRefused(RowError("FIELD_INTEGRITY_EXCEPTION", message, ("AccountId",)))

    def twin(self, kind: ObjectType, row: Row) -> tuple[ObjectType, str] | None:
        """The other half of a person: the contact of its account, the account of its contact."""
        if not row.get("IsPersonAccount"):
            return None
        if kind.name == "Account":
            return self.schema.objects["Contact"], str(row["PersonContactId"])
        return self.schema.objects["Account"], str(row["AccountId"])

    def mirrored(self, kind: ObjectType, changes: Row) -> Row:
        """What a change of one half means for the other."""
        pairs = (*self.schema.person_pairs.items(), ("Name", "Name"))
        if kind.name == "Account":
            return {contact: changes[account] for contact, account in pairs if account in changes}
        return {account: changes[contact] for contact, account in pairs if contact in changes}

    def holder(self, kind: ObjectType, key: Field, value: object, record_id: str | None) -> str | None:
        """Another contact that has the value of a unique field which the account shares with its contact."""
        if kind.name != "Account" or not key.name.endswith("__pc"):
            return None
        contact = self.schema.objects["Contact"]
        shared = contact.fields[key.name.removesuffix("pc") + "c"]
        own = (self.store.row(record_id) or {}).get("PersonContactId") if record_id else None
        found = self.store.table(contact).find(shared, value)
        return next((other for other in found if other != own), None)

    def record_type(self, person: bool) -> str | None:
        """The first active record type of accounts for persons, or for businesses."""
        rows = self.store.tables["RecordType"].live.values()
        return next((str(row["Id"]) for row in rows if _fits(row, person)), None)

    def person_fields(self) -> list[str]:
        """The fields that only an account which is a person may have."""
        shared = set(self.schema.person_pairs) - set(_PARTS)
        return [name for name in self.schema.person_pairs.values() if name not in shared]

    def _is_person(self, changes: Row, before: Row | None) -> bool:
        chosen = changes.get("RecordTypeId")
        wanted = bool((self.store.row(chosen) or {}).get("IsPersonType")) if chosen else None
        if before is None:
            return bool(changes.get("LastName")) if wanted is None else wanted
        if wanted is not None and wanted != bool(before["IsPersonAccount"]):
            message = f"Record Type ID: this ID value isn't valid for the user: {chosen}"
            raise RowRefused(RowError("INVALID_CROSS_REFERENCE_KEY", message, ("RecordTypeId",)))
        return bool(before["IsPersonAccount"])

    def _no_person_fields(self, changes: Row) -> None:
        fields = self.schema.objects["Account"].fields
        names = self.person_fields()
        sent = [name for name in names if changes.get(name) not in (None, False, fields[name].default)]
        if sent:
            raise RowRefused(not_writable(sent, creating=False))
        for name in names:
            changes.pop(name, None)


def full_name(row: Row) -> str:
    return " ".join(filter(None, (row.get("FirstName"), row["LastName"])))


def _named(changes: Row, before: Row) -> None:
    """The name of a person is made of its parts and can't be written."""
    if changes.get("Name") is not None:
        raise RowRefused(not_writable(["Name"], creating=False))
    after = {**before, **changes}
    if not after.get("LastName"):
        raise RowRefused(missing(["LastName"]))
    changes["Name"] = full_name(after)


def _fits(row: Row, person: bool) -> bool:
    return row["SobjectType"] == "Account" and bool(row["IsActive"]) and bool(row["IsPersonType"]) == person
