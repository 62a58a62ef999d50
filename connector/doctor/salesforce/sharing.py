"""Whether the integration user sees, and may change, the accounts, contacts and cases of others.

Every user can read the org-wide defaults. Reading what the profile and the permission sets of the user add needs the
right View Setup and Configuration. What a role or a sharing rule shares cannot be queried: these checks only warn.
https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects/object-objectpermissions.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from connector.clients.salesforce import format_soql
from connector.doctor.result import CheckResult, CheckSkipped, failed, ok, skipped, warning
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
    """Objects of which the user may see, or change, all records."""

    see: frozenset[str]
    change: frozenset[str]


def sharing(context: OrgContext) -> Iterator[CheckResult]:
    defaults = _defaults(context)
    closed = {object_: access for object_, access in defaults.items() if access not in _OPEN}
    rights = _rights(context) if closed else None
    left = {
        object_: access for object_, access in closed.items() if not rights or object_ not in rights.change
    }
    for object_, access in left.items():
        yield _closed(object_, access, rights)
    if not left:
        why = "it has Modify All where the org does not share" if closed else "the org shares them"
        yield ok(f"the integration user may see and change the accounts, contacts and cases of others: {why}")


def _defaults(context: OrgContext) -> dict[str, str]:
    """Object → org-wide default for records of other owners. Contacts can inherit it from their account."""
    rows = context.rows(_DEFAULTS)
    if not rows:
        raise CheckSkipped("the org does not show it to the integration user; see Setup > Sharing Settings")
    access = {object_: str(rows[0][f"Default{object_}Access"] or "") for object_ in _OBJECTS}
    return {object_: default for object_, default in access.items() if default != _AS_ITS_ACCOUNT}


def _rights(context: OrgContext) -> Rights | None:
    """None: the user may not read them. Its permission sets include its profile and permission set groups. A user
    who works with these objects has rights to them, so an empty result means that the rows are hidden."""
    user = context.client.identity().user_id
    assigned_sets = format_soql(
        "IN (SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = {})", user
    )
    rows = context.rows(
        "SELECT SobjectType, PermissionsViewAllRecords, PermissionsModifyAllRecords FROM ObjectPermissions "
        f"WHERE SobjectType IN {format_soql('{}', _OBJECTS)} AND ParentId {assigned_sets}"
    )
    sets = context.rows(
        f"SELECT PermissionsViewAllData, PermissionsModifyAllData FROM PermissionSet WHERE Id {assigned_sets}"
    )
    if not rows or sets is None:
        return None
    return Rights(_granted("ViewAll", rows, sets), _granted("ModifyAll", rows, sets))


def _granted(power: str, rows: Iterable[Row], sets: Iterable[Row]) -> frozenset[str]:
    """Objects on which the right is granted; all objects if it is granted on all data."""
    if any(row[f"Permissions{power}Data"] for row in sets):
        return frozenset(_OBJECTS)
    return frozenset(str(row["SobjectType"]) for row in rows if row[f"Permissions{power}Records"])


def _closed(object_: str, access: str, rights: Rights | None) -> CheckResult:
    if access not in (_PRIVATE, _READ_ONLY):
        text = f"the org's default is {access!r}" if access else "the org does not show its default"
        return skipped(f"{text}; see Setup > Sharing Settings", about=object_)
    seen = access == _READ_ONLY or (rights is not None and object_ in rights.see)
    default = "private" if access == _PRIVATE else "read-only for users who do not own them"
    lacking = "Modify All" if seen else _BOTH
    has = f"has no {lacking}" if rights else f"cannot see whether it has {lacking}"
    follows = _UNCHANGED if seen else _UNSEEN[object_]
    return warning(f"{default}, and the integration user {has}: {follows}", _fix(object_, lacking), object_)


def _fix(object_: str, lacking: str) -> str:
    return (
        "Nothing, if a role or sharing rules let it edit them all, which cannot be queried. Otherwise Setup > "
        f"Permission Sets > New, with {lacking} in Object Settings > {object_}s (includes Delete; Casewire deletes "
        f"nothing), and Manage Assignments; or Setup > Sharing Settings: a rule that shares {_records_of(object_)} "
        "with it, Read/Write."
    )


def _records_of(object_: str) -> str:
    return "the cases of the policy's queues" if object_ == Case.OBJECT else f"all {object_.lower()}s"


_WHERE: Final = "Setup > Duplicate Rules"
_RULES: Final = (
    "SELECT DeveloperName, MasterLabel, SobjectType FROM DuplicateRule "
    "WHERE IsActive = true AND SobjectType IN ('Account', 'Contact')"
)
_ASSIGNMENT: Final = "SELECT Name FROM AssignmentRule WHERE SobjectType = 'Case' AND Active = true"


def duplicates(context: OrgContext) -> Iterator[CheckResult]:
    """A query shows which rules are active. Only the metadata shows whether they block, and the integration user often
    may not read it."""
    found = context.rows(_RULES)
    if found is None:
        raise CheckSkipped(f"the integration user may not see duplicate rules; see {_WHERE}")
    if not found:
        yield ok("none is active on Account or Contact")
        return
    acts = _metadata(context, [f"{row['SobjectType']}.{row['DeveloperName']}" for row in found])
    for row in found:
        yield _rule(row, acts.get(f"{row['SobjectType']}.{row['DeveloperName']}"))


def _metadata(context: OrgContext, names: list[str]) -> Mapping[str, Element]:
    try:
        return context.client.read_metadata("DuplicateRule", names)
    except CasewireError:
        return {}


def _rule(row: Row, read: Element | None) -> CheckResult:
    name, object_ = str(row["MasterLabel"] or row["DeveloperName"]), str(row["SobjectType"])
    if read is None:
        text = f"{name!r} is active on {object_}; whether it blocks, the integration user may not see"
        fix = f"{_WHERE} > {name}: Action On Create and On Edit must be Allow for the integration user, not Block."
        return warning(text, fix, object_)
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


def assignment(context: OrgContext) -> Iterator[CheckResult]:
    found = context.rows(_ASSIGNMENT)
    if found is None:
        raise CheckSkipped(
            "the integration user may not see them; Casewire switches them off for what it writes"
        )
    named = ", ".join(repr(str(row["Name"])) for row in found)
    yield ok(f"{named} is active; Casewire switches it off for what it writes" if named else "none is active")
