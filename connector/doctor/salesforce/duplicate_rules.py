"""Rules of the org that act on what is written: duplicate rules that would block, assignment rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element

from connector.doctor.result import CheckResult, NotAsked, failed, ok, warning
from connector.doctor.salesforce.org_context import OrgContext, Row
from connector.errors import CasewireError

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
