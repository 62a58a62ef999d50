"""Lists the manual steps after a deployment, from the folder; queries the org for those that it can check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connector.errors import Permanent
from connector.metadata.org_reader import Api
from connector.metadata.permissions import INTEGRATION
from connector.metadata.source_tree import Component, Source, text


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``checked``: the org shows that it is not done; otherwise only a person can know."""

    title: str
    how: str
    checked: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """Assignments in the org; None if they may not be read.

    ``assigned``: permission set → the user names that have it. ``members``: queue → how many members.
    """

    user: str
    assigned: Mapping[str, frozenset[str]] | None
    members: Mapping[str, int] | None


def people(api: Api, source: Source, user: str) -> People:
    """Looks up permission sets and queues, two calls."""
    users: dict[str, set[str]] = {}
    names = ", ".join(f"'{one.name}'" for one in source.of("PermissionSet"))
    assigned = _rows(
        api,
        "SELECT PermissionSet.Name, Assignee.Username FROM PermissionSetAssignment "
        f"WHERE PermissionSet.Name IN ({names})",
    )
    for row in assigned or ():
        users.setdefault(str(row["PermissionSet"]["Name"]), set()).add(str(row["Assignee"]["Username"]))
    members = _rows(api, "SELECT Group.DeveloperName FROM GroupMember WHERE Group.Type = 'Queue'")
    return People(
        user,
        None if assigned is None else {name: frozenset(found) for name, found in users.items()},
        None if members is None else Counter(str(row["Group"]["DeveloperName"]) for row in members),
    )


def _rows(api: Api, soql: str) -> list[dict[str, Any]] | None:
    try:
        return api.query(soql)
    except Permanent:
        return None


def steps(source: Source, who: People) -> list[Step]:
    """The open steps, checked ones first."""
    found = [step for part in _PARTS for step in part(source, who)]
    return sorted(found, key=lambda step: not step.checked)


def _permission_sets(source: Source, who: People) -> Iterator[Step]:
    for one in sorted(source.of("PermissionSet"), key=lambda one: one.name != INTEGRATION):
        users = None if who.assigned is None else who.assigned.get(one.name, frozenset())
        if one.name == INTEGRATION and (users is None or who.user not in users):
            yield _integration(who, users)
        elif one.name != INTEGRATION and not users:
            title = f"Give the permission set {one.name} to the people it is for"
            yield Step(title, _assign(one.name, "USERNAME"), checked=users is not None)


def _integration(who: People, users: frozenset[str] | None) -> Step:
    if users:
        title = f"{INTEGRATION} is assigned to {', '.join(sorted(users))}, not to {who.user}"
        how = f"Right if Casewire logs in as one of them. If it logs in as {who.user}: "
        return Step(title, how + _assign(INTEGRATION, who.user), checked=True)
    title = f"Give the permission set {INTEGRATION} to the user Casewire logs in as ({who.user})"
    return Step(title, _assign(INTEGRATION, who.user), checked=users is not None)


def _assign(name: str, user: str) -> str:
    return (
        f"sf org assign permset --name {name} --on-behalf-of {user} --target-org YOUR_ORG, or "
        f"Setup › Permission Sets › {name.replace('_', ' ')} › Manage Assignments"
    )


def _queues(source: Source, who: People) -> Iterator[Step]:
    names = [one.name for one in source.of("Queue")]
    empty = names if who.members is None else [name for name in names if not who.members.get(name)]
    if empty:
        title = f"Put people into the queues {', '.join(empty)}"
        how = "Setup › Queues › Edit › Queue Members; a case in a queue without members is seen by nobody"
        yield Step(title, how, checked=who.members is not None)


def _record_types(source: Source, who: People) -> Iterator[Step]:
    for one in source.of("RecordType"):
        layouts = [
            found.name.partition("-")[2] for found in source.of("Layout") if _is_of(found, one.part_of)
        ]
        label = one.text("label") or one.own_name
        if layouts:
            title = f"Give the record type {label} of {one.part_of} its page layout {' or '.join(layouts)}"
            where = f"Setup › Object Manager › {one.part_of} › Page Layouts › Page Layout Assignment"
            yield Step(title, f"{where}, for the agents' profiles")
        yield Step(
            f"Check the values the record type {label} of {one.part_of} offers",
            f"Setup › Object Manager › {one.part_of} › Record Types › {label}: those of your own picklists, "
            "and the origin policy.toml names",
        )


def _is_of(layout: Component, object_: str) -> bool:
    return layout.name.partition("-")[0] == object_


def _pages(source: Source, who: People) -> Iterator[Step]:
    """A page an object or an app names is shown without being activated."""
    named = {
        element.text
        for one in (*source.of("CustomObject"), *source.of("CustomApplication"))
        for element in one.root.iter()
        if str(element.tag).endswith("}content")
    }
    for one in source.of("FlexiPage"):
        if one.name not in named and one.text("type") == "RecordPage":
            label = one.text("masterLabel") or one.own_name
            title = f"Show the page {label} on {one.text('sobjectType') or 'its records'}"
            yield Step(
                title,
                f"Setup › Lightning App Builder › {label} › Activation: org default, app or record type",
            )


def _bare_objects(source: Source, who: People) -> Iterator[Step]:
    """Fields on a standard object that no layout or page of ours shows."""
    shown = {one.name.partition("-")[0] for one in source.of("Layout")}
    shown |= {one.text("sobjectType") for one in source.of("FlexiPage")}
    with_fields = Counter(one.part_of for one in source.of("CustomField"))
    for object_, count in sorted(with_fields.items()):
        if count > 1 and not object_.endswith("__c") and object_ not in shown:
            title = f"Show the {count} billing fields and the related lists on {object_}"
            yield Step(
                title, f"Setup › Object Manager › {object_} › Page Layouts: your own layouts are not touched"
            )


def _applications(source: Source, who: People) -> Iterator[Step]:
    visible = {
        text(granted, "application")
        for one in source.of("PermissionSet")
        for granted in one.root.findall("{*}applicationVisibilities")
    }
    for one in source.of("CustomApplication"):
        if one.name not in visible:
            label = one.text("label") or one.name
            yield Step(f"Show the app {label}", f"Setup › App Manager › {label} › Edit › User Profiles")


_PLACES: Final = {"ReportFolder": "Reports", "DashboardFolder": "Dashboards"}


def _folders(source: Source, who: People) -> Iterator[Step]:
    for type_, place in _PLACES.items():
        for one in source.of(type_):
            label = one.text("name") or one.name
            title = f"Share the folder {label} of {place.lower()} with the people who need it"
            yield Step(
                title, f"{place} › All Folders › {label} › Share; until then only who deployed it sees it"
            )


def _dashboards(source: Source, who: People) -> Iterator[Step]:
    for one in source.of("Dashboard"):
        if one.text("dashboardType") == "SpecifiedUser" and not one.text("runningUser"):
            label = one.text("title") or one.own_name
            title = f"Choose whose records the dashboard {label} shows: now those of whoever deployed it"
            yield Step(title, f"Dashboards › {label} › Edit › Properties › View Dashboard As")


def _records(source: Source, who: People) -> Iterator[Step]:
    yield Step(
        "Let Casewire's user see the records it keeps true",
        "Setup › Sharing Settings: where accounts, contacts or cases are Private or Read Only, a role above the "
        "agents, sharing rules, or a permission set of your own with View All and Modify All on them; casewire doctor "
        "tells which are",
    )


_PARTS: Final[tuple[Callable[[Source, People], Iterator[Step]], ...]] = (
    _permission_sets,
    _queues,
    _record_types,
    _pages,
    _bare_objects,
    _applications,
    _folders,
    _dashboards,
    _records,
)
