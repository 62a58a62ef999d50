"""Writing one row as Salesforce would: refused with its codes, or stored with its side effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.errors import RowError, RowRefused
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.incoming import Incoming, Reader, missing
from sandbox.salesforce.persons import Persons
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.store import Row, Store, Table

Guard = Callable[[ObjectType, Incoming], RowError | None]
"""Looks at a row about to be written and may refuse it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What of an org's set-up decides how rows are stored. ``assignee``: of the active assignment rule."""

    closed_statuses: frozenset[str]
    queue_objects: frozenset[tuple[str, str]]
    assignee: str | None


@dataclass(slots=True)
class Writer:
    """Writes rows for one call. ``assign``: whether the active assignment rule takes the cases it touches."""

    reader: Reader
    rules: Rules
    user: str
    now: str
    assign: bool = True
    guard: Guard | None = None

    @property
    def store(self) -> Store:
        return self.reader.store

    @property
    def persons(self) -> Persons:
        return Persons(self.reader.schema, self.store)

    def insert(self, kind: ObjectType, data: Row) -> str:
        kind = self._whole(kind)
        self._writable(kind, creating=True)
        sent = self.reader.read(kind, data, creating=True)
        row = {**kind.defaults, **sent.values}
        comment = row.pop("Comments", None)
        self._derive(kind, row, None)
        self._require(kind, row)
        sent.after = row
        self._check(kind, sent, row)
        record_id = self._store(kind, row)
        self._comment(record_id, comment)
        self._hidden_contact(kind, record_id, row)
        return record_id

    def update(self, kind: ObjectType, record_id: str, data: Row) -> None:
        """``record_id`` may be of any form; raises RowRefused where no such live row is."""
        kind = self._whole(kind)
        self._writable(kind, creating=False)
        found = self.find(kind, record_id)
        sent = self.reader.read(kind, data, creating=False)
        changes, before = sent.values, self._table(kind).live[found]
        sent.record_id, sent.before = found, before
        self._not_emptied(kind, changes)
        comment = changes.pop("Comments", None)
        self._derive(kind, changes, before)
        sent.keys += [str(before[key.name]) for key in kind.upsert_keys if before.get(key.name)]
        sent.after = {**before, **changes}
        self._check(kind, sent, changes)
        twin = self.persons.twin(kind, before)
        self.store.update(kind, found, {**changes, **self._stamps()})
        if twin:
            self.store.update(*twin, {**self.persons.mirrored(kind, changes), **self._stamps()})
        self._comment(found, comment)

    def upsert(self, kind: ObjectType, key: Field, value: Any, data: Row) -> tuple[str, bool]:
        """(id, created). ``data`` is without the key. More than one match is DUPLICATE_EXTERNAL_ID."""
        found = self.reader.matches(kind, key, value)
        if len(found) > 1:
            message = f"{key.name}: more than one record found for external id field: {list(found)}"
            raise RowRefused(RowError("DUPLICATE_EXTERNAL_ID", message, (), 300))
        if found:
            self.update(kind, found[0], data)
            return found[0], False
        return self.insert(kind, {**data, key.name: value}), True

    def delete(self, kind: ObjectType, record_id: str) -> None:
        kind = self._whole(kind)
        self._writable(kind, creating=False)
        found = self.find(kind, record_id)
        if kind.name == "Contact" and self._table(kind).live[found].get("IsPersonAccount"):
            message = "The contact of a person account goes with its account and can't be deleted alone"
            raise RowRefused(RowError("DELETE_FAILED", message))
        self._remove(kind, found)

    def find(self, kind: ObjectType, record_id: Any) -> str:
        """The 18-character id of a live row; refused if malformed, of another object, deleted or unknown."""
        found = normal_id(record_id) if isinstance(record_id, str) else None
        if found is None or found[:3] != kind.prefix:
            message = f"{kind.label} ID: id value of incorrect type: {record_id}"
            raise RowRefused(RowError("MALFORMED_ID", message, ("Id",)))
        table = self._table(kind)
        if found in table.live:
            return found
        if found in table.deleted:
            raise RowRefused(RowError("ENTITY_IS_DELETED", "entity is deleted", (), 404))
        raise RowRefused(RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (), 404))

    def _table(self, kind: ObjectType) -> Table:
        return self.store.table(kind)

    def _whole(self, kind: ObjectType) -> ObjectType:
        """The object with all its fields, those too which the user does not see."""
        return self.reader.schema.objects[kind.name]

    def _writable(self, kind: ObjectType, creating: bool) -> None:
        if not kind.writable:
            message = f"entity type {kind.name} does not support changes by the API"
            raise RowRefused(RowError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message))
        seen = self.reader.seen.objects.get(kind.name)
        if seen is not None and seen.writable:
            return
        if creating:
            message = f"entity type cannot be inserted: {kind.label}"
            raise RowRefused(RowError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message))
        message = "insufficient access rights on object id"
        raise RowRefused(RowError("INSUFFICIENT_ACCESS_OR_READONLY", message))

    def _stamps(self) -> Row:
        return {"LastModifiedDate": self.now, "LastModifiedById": self.user, "SystemModstamp": self.now}

    # -- what Salesforce insists on

    def _require(self, kind: ObjectType, row: Row) -> None:
        absent = [known.name for known in kind.required if row.get(known.name) is None]
        if absent:
            raise RowRefused(missing(absent))

    def _not_emptied(self, kind: ObjectType, changes: Row) -> None:
        emptied = [known.name for known in kind.required if changes.get(known.name, "") is None]
        if emptied:
            raise RowRefused(missing(emptied))

    def _check(self, kind: ObjectType, sent: Incoming, changes: Row) -> None:
        sent.identity = _identity(kind, sent)
        error = self.guard(kind, sent) if self.guard else None
        if error:
            raise RowRefused(error)
        for known in kind.unique:
            if changes.get(known.name) is not None:
                self._check_unique(kind, known, sent.record_id, changes[known.name])

    def _check_unique(self, kind: ObjectType, known: Field, record_id: str | None, value: Any) -> None:
        other = next((at for at in self._table(kind).find(known, value) if at != record_id), None)
        other = other or self.persons.holder(kind, known, value, record_id)
        if other:
            message = f"duplicate value found: {known.name} duplicates value on record with id: {other}"
            raise RowRefused(RowError("DUPLICATE_VALUE", message))

    # -- what Salesforce adds

    def _derive(self, kind: ObjectType, changes: Row, before: Row | None) -> None:
        if kind.name == "Case":
            self._case(changes, {**(before or {}), **changes})
        elif kind.name == "Account":
            self.persons.account(changes, before)
        elif kind.name == "Contact":
            self.persons.contact(changes, before)

    def _case(self, changes: Row, after: Row) -> None:
        """Status decides IsClosed and ClosedDate; an active assignment rule takes the case."""
        if "Status" in changes:
            closed = after.get("Status") in self.rules.closed_statuses
            if closed != bool(after.get("IsClosed")):
                changes.update(IsClosed=closed, ClosedDate=self.now if closed else None)
        if self.assign and self.rules.assignee:
            changes["OwnerId"] = self.rules.assignee

    def _store(self, kind: ObjectType, row: Row) -> str:
        table = self._table(kind)
        row["Id"] = table.next_id()
        for known in kind.filled:
            if known.auto_number:
                row[known.name] = _numbered(known.auto_number, table.made)
            else:
                row.setdefault(known.name, False)
        if kind.custom and row.get("Name") is None:
            row["Name"] = row["Id"]
        if "OwnerId" in kind.fields and row.get("OwnerId") is None:
            row["OwnerId"] = self.user
        row.update(CreatedDate=self.now, CreatedById=self.user, LastModifiedDate=self.now)
        row.update(LastModifiedById=self.user, SystemModstamp=self.now)
        return self.store.insert(kind, row)

    def _comment(self, case_id: str, comment: str | None) -> None:
        """Each write of Case.Comments adds a comment: it cannot be repeated safely."""
        if comment:
            self.insert(
                self.reader.schema.objects["CaseComment"], {"ParentId": case_id, "CommentBody": comment}
            )

    def _hidden_contact(self, kind: ObjectType, account_id: str, row: Row) -> None:
        if kind.name != "Account" or not row.get("IsPersonAccount"):
            return
        mirrored = self.persons.mirrored(kind, row)
        contact = self._store(
            self.reader.schema.objects["Contact"],
            {**mirrored, "AccountId": account_id, "IsPersonAccount": True},
        )
        self.store.update(kind, account_id, {"PersonContactId": contact})

    def _remove(self, kind: ObjectType, record_id: str) -> None:
        for child, link in self.reader.schema.referrers(kind):
            self._unlink(child, link, record_id)
        gone = {"IsDeleted": True, "LastModifiedDate": self.now, "SystemModstamp": self.now}
        self.store.delete(kind, record_id, gone)

    def _unlink(self, child: ObjectType, link: Field, record_id: str) -> None:
        for found in tuple(self._table(child).find(link, record_id)):
            if link.restrict:
                message = (
                    "Your attempt to delete could not be completed because it is associated with the "
                    f"following {child.plural.lower()}.: {found}"
                )
                raise RowRefused(RowError("DELETE_FAILED", message))
            if link.cascade:
                self._remove(child, found)
            else:
                self.store.update(child, found, {link.name: None})


def _identity(kind: ObjectType, sent: Incoming) -> str:
    """What tells the row from all others, however it was named: its external id, or else its id."""
    keys = (key.name for key in kind.upsert_keys if key.external_id)
    own = next((str(sent.after[name]) for name in keys if sent.after.get(name)), None)
    return own or sent.record_id or str(sent.after.get("Name") or "")


def _numbered(pattern: str, number: int) -> str:
    start, _, rest = pattern.partition("{")
    zeros, _, end = rest.partition("}")
    return f"{start}{number:0{len(zeros)}d}{end}"
