"""Whether the integration user sees, and may change, the accounts, contacts and cases of others.

The org tells what everybody may; what the user's profile and permission sets add is told only to who may View Setup and
Configuration, and what a role or a sharing rule shares with one user can't be asked for at all: so nothing here fails.
https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects/object-objectpermissions.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from connector.clients.salesforce import format_soql
from connector.doctor.result import CheckResult, NotAsked, failed, ok, skipped, warning
from connector.doctor.salesforce.org_context import OrgContext, Row
from connector.errors import CasewireError
from connector.mappers.fields import Account, Case, Contact

_OBJECTS: Final = (Account.OBJECT, Contact.OBJECT, Case.OBJECT)
_DEFAULTS: Final = "SELECT DefaultAccountAccess, DefaultContactAccess, DefaultCaseAccess FROM Organization"
_PRIVATE: Final = "None"
_READ_ONLY: Final = "Read"
_OPEN: Final = frozenset({"Edit", "ReadEditTransfer"})
_AS_ITS_ACCOUNT: Final = "ControlledByParent"

_UNSEEN: Final = {
    Account.OBJECT: "accounts that are not shared with it are not found, and are made a second time",
    Contact.OBJECT: "contacts that are not shared with it find no account, and are made a second time",
    Case.OBJECT: "cases that are not shared with it are neither seen nor changed once a queue or an agent owns them",
}
_UNCHANGED: Final = "records that are not shared with it are seen, but changes to them are refused"
_BOTH: Final = "View All and Modify All"


@dataclass(frozen=True, slots=True)
class Rights:
    """Objects of which the user may see all records, and change all."""

    see: frozenset[str]
    change: frozenset[str]


def sharing(look: OrgContext) -> Iterator[CheckResult]:
    defaults = _defaults(look)
    closed = {object_: access for object_, access in defaults.items() if access not in _OPEN}
    rights = _rights(look) if closed else None
    left = {
        object_: access for object_, access in closed.items() if not rights or object_ not in rights.change
    }
    for object_, access in left.items():
        yield _closed(object_, access, rights)
    if not left:
        why = "it has Modify All where the org does not share" if closed else "the org shares them"
        yield ok(f"the integration user may see and change the accounts, contacts and cases of others: {why}")


def _defaults(look: OrgContext) -> dict[str, str]:
    """Object → what everybody may do with records of others. Contacts may go by their accounts."""
    rows = look.rows(_DEFAULTS)
    if not rows:
        raise NotAsked(
            "the org does not tell the integration user; look at Setup > Sharing Settings yourself"
        )
    told = {object_: str(rows[0][f"Default{object_}Access"] or "") for object_ in _OBJECTS}
    return {object_: access for object_, access in told.items() if access != _AS_ITS_ACCOUNT}


def _rights(look: OrgContext) -> Rights | None:
    """None: it may not look. Its profile is among its permission sets, and so is what a group of them adds up to; who
    works with these objects has rights to them, so that no row is no answer."""
    user = look.client.identity().user_id
    held = format_soql("IN (SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = {})", user)
    rows = look.rows(
        "SELECT SobjectType, PermissionsViewAllRecords, PermissionsModifyAllRecords FROM ObjectPermissions "
        f"WHERE SobjectType IN {format_soql('{}', _OBJECTS)} AND ParentId {held}"
    )
    sets = look.rows(
        f"SELECT PermissionsViewAllData, PermissionsModifyAllData FROM PermissionSet WHERE Id {held}"
    )
    if not rows or sets is None:
        return None
    return Rights(_granted("ViewAll", rows, sets), _granted("ModifyAll", rows, sets))


def _granted(power: str, rows: Iterable[Row], sets: Iterable[Row]) -> frozenset[str]:
    """Objects on which it is granted, or all where it is granted on all data."""
    if any(row[f"Permissions{power}Data"] for row in sets):
        return frozenset(_OBJECTS)
    return frozenset(str(row["SobjectType"]) for row in rows if row[f"Permissions{power}Records"])


def _closed(object_: str, access: str, rights: Rights | None) -> CheckResult:
    if access not in (_PRIVATE, _READ_ONLY):
        told = f"the org's default is {access!r}" if access else "the org does not tell its default"
        return skipped(f"{told}; look at Setup > Sharing Settings yourself", about=object_)
    seen = access == _READ_ONLY or (rights is not None and object_ in rights.see)
    default = "private" if access == _PRIVATE else "read-only for whoever does not own them"
    lacking = "Modify All" if seen else _BOTH
    known = f"has no {lacking}" if rights else f"cannot see whether it has {lacking}"
    follows = _UNCHANGED if seen else _UNSEEN[object_]
    return warning(
        f"{default}, and the integration user {known}: {follows}", _mend(object_, lacking), object_
    )


def _mend(object_: str, lacking: str) -> str:
    return (
        "Nothing, if a role or sharing rules let it edit them all, which cannot be asked. Otherwise Setup > Permission "
        f"Sets > New, with {lacking} in Object Settings > {object_}s (it brings Delete; Casewire deletes nothing), and "
        f"Manage Assignments; or Setup > Sharing Settings: a rule that shares {_whose(object_)} with it, Read/Write."
    )


def _whose(object_: str) -> str:
    return "the cases of the policy's queues" if object_ == Case.OBJECT else f"all {object_.lower()}s"


_WHERE: Final = "Setup > Duplicate Rules"
_RULES: Final = (
    "SELECT DeveloperName, MasterLabel, SobjectType FROM DuplicateRule "
    "WHERE IsActive = true AND SobjectType IN ('Account', 'Contact')"
)
_ASSIGNMENT: Final = "SELECT Name FROM AssignmentRule WHERE SobjectType = 'Case' AND Active = true"


def duplicates(look: OrgContext) -> Iterator[CheckResult]:
    """Queries tell which rules are active, only the metadata whether they block; the integration user may well
    not read that."""
    found = look.rows(_RULES)
    if found is None:
        raise NotAsked(f"the integration user may not see duplicate rules; look at {_WHERE} yourself")
    if not found:
        yield ok("none is active on Account or Contact")
        return
    acts = _metadata(look, [f"{row['SobjectType']}.{row['DeveloperName']}" for row in found])
    for row in found:
        yield _rule(row, acts.get(f"{row['SobjectType']}.{row['DeveloperName']}"))


def _metadata(look: OrgContext, names: list[str]) -> Mapping[str, Element]:
    try:
        return look.client.read_metadata("DuplicateRule", names)
    except CasewireError:
        return {}


def _rule(row: Row, read: Element | None) -> CheckResult:
    name, object_ = str(row["MasterLabel"] or row["DeveloperName"]), str(row["SobjectType"])
    if read is None:
        told = f"{name!r} is active on {object_}; whether it blocks, the integration user may not see"
        mend = f"{_WHERE} > {name}: Action On Create and On Edit must be Allow for the integration user, not Block."
        return warning(told, mend, object_)
    blocked = [on for on in ("Insert", "Update") if read.findtext(f"{{*}}actionOn{on}") == "Block"]
    if not blocked:
        return ok(f"{name!r} lets records pass with an alert, which Casewire answers", object_)
    acts = " and ".join({"Insert": "new", "Update": "changed"}[on] for on in blocked)
    return failed(
        f"{name!r} blocks {acts} records of {object_} that look like others",
        f"{_WHERE} > {name}: set Action to Allow with alert, or add the condition Current User: Username not equal "
        "to the integration user.",
        object_,
    )


def assignment(look: OrgContext) -> Iterator[CheckResult]:
    found = look.rows(_ASSIGNMENT)
    if found is None:
        raise NotAsked("the integration user may not see them; Casewire switches them off for what it writes")
    named = ", ".join(repr(str(row["Name"])) for row in found)
    yield ok(f"{named} is active; Casewire switches it off for what it writes" if named else "none is active")
