"""Reads of an org what the folder can be held against, in a handful of calls, and says what it may not read.

The Metadata API needs a right (Modify Metadata) that a user who only writes records should not have. Without it
objects and fields are seen by describe, queues, record types and permission sets by query; the rest is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from connector.errors import Permanent
from connector.metadata.fields import Described
from connector.metadata.org_diff import OrgSchema
from connector.metadata.permissions import INTEGRATION, LACKING
from connector.metadata.source_tree import Source, text

_ASK: Final = "SELECT Id, Name, OrganizationType, IsSandbox FROM Organization"
_FOR_TESTS: Final = "Developer Edition"


class OrgInfo(Protocol):
    """The user who is logged in."""

    @property
    def user_id(self) -> str:
        """The user's id."""

    @property
    def username(self) -> str:
        """The user's name, which looks like an e-mail address."""


class OrgReader(Protocol):
    """The queries that ``target`` needs."""

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All rows."""

    def identity(self) -> OrgInfo:
        """The user who is logged in."""


@dataclass(frozen=True, slots=True)
class Target:
    """One org and who is logged in to it. ``production``: people work in it."""

    id: str
    name: str
    kind: str
    production: bool
    user: str
    user_id: str

    def __str__(self) -> str:
        what = f"production, {self.kind}" if self.production else f"{self.kind}, not production"
        return f"{self.name} ({self.id}; {what}), logged in as {self.user}"


def target(api: OrgReader) -> Target:
    """Two calls. A scratch or developer org is no sandbox, and nobody's production either."""
    (row,) = api.query(_ASK)
    who = api.identity()
    sandbox, edition = bool(row["IsSandbox"]), str(row["OrganizationType"])
    return Target(
        id=str(row["Id"]),
        name=str(row["Name"]),
        kind="sandbox" if sandbox else edition,
        production=not sandbox and edition != _FOR_TESTS,
        user=who.username,
        user_id=who.user_id,
    )


class Api(Protocol):
    """The calls that ``read_org`` needs."""

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All rows."""

    def describe(self, object_: str) -> dict[str, Any]:
        """One object as this user sees it."""

    def list_metadata(self, wanted: Mapping[str, str | None]) -> Mapping[str, Sequence[str]]:
        """Type → the names the org has, for each type asked for and the folder to look in."""

    def read_metadata(self, type_: str, names: Sequence[str]) -> Mapping[str, Element]:
        """Name → the component."""


_NO_SUCH: Final = frozenset({"NOT_FOUND", "INVALID_TYPE"})
_BY_QUERY: Final = {
    "Queue": ("SELECT DeveloperName FROM Group WHERE Type = 'Queue'", "{DeveloperName}"),
    "RecordType": ("SELECT SobjectType, DeveloperName FROM RecordType", "{SobjectType}.{DeveloperName}"),
    "PermissionSet": ("SELECT Name FROM PermissionSet WHERE IsOwnedByProfile = false", "{Name}"),
}


def read_org(api: Api, source: Source, user: str, user_id: str) -> OrgSchema:
    """The org as this user sees it."""
    described = {name: _described(api, name) for name in _objects(source)}
    told: list[str] = []
    listed = _listed(api, source, told)
    read = dict(_read(api, source, listed, told))
    return OrgSchema(user, listed, described, read, _assigned(api, user_id, told), tuple(told))


def _objects(source: Source) -> list[str]:
    """Those we have parts of, and those the integration user works with."""
    sets = filter(None, [source.named("PermissionSet", INTEGRATION)])
    granted = {text(one, "object") for set_ in sets for one in set_.root.findall("{*}objectPermissions")}
    return sorted(granted | {one.part_of for one in source.components if one.part_of})


def _described(api: Api, name: str) -> Described | None:
    try:
        return api.describe(name)
    except Permanent as error:
        if error.code in _NO_SUCH:
            return None
        raise


def _listed(api: Api, source: Source, told: list[str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    try:
        for asked in _questions(source):
            for type_, names in api.list_metadata(asked).items():
                found[type_] = found.get(type_, frozenset()) | {unquote(name) for name in names}
    except Permanent as error:
        found = dict(_queried(api, source))
        left = [
            type_
            for type_ in source.types
            if type_ not in found and type_ not in ("CustomField", "CustomObject")
        ]
        told.append(f"{', '.join(left)}: this user may not use the Metadata API ({error.code or error}).")
    return found


def _questions(source: Source) -> Iterator[dict[str, str | None]]:
    """Queries of list_metadata: types in folders by folder, each type at most once in a query."""
    folders: dict[str, list[str | None]] = {}
    for type_ in source.types:
        inside = {one.name.rpartition("/")[0] for one in source.of(type_) if not one.is_folder}
        folders[type_] = [name or None for name in sorted(inside)] or [None]
    for turn in range(max(map(len, folders.values()), default=0)):
        yield {type_: names[turn] for type_, names in folders.items() if turn < len(names)}


def _queried(api: Api, source: Source) -> Iterator[tuple[str, frozenset[str]]]:
    for type_, (soql, name) in _BY_QUERY.items():
        if source.of(type_):
            try:
                yield type_, frozenset(name.format_map(row) for row in api.query(soql))
            except Permanent:
                continue


def _read(
    api: Api, source: Source, listed: Mapping[str, frozenset[str]], told: list[str]
) -> Iterator[tuple[str, Mapping[str, Element]]]:
    for type_ in LACKING:
        names = [one.name for one in source.of(type_) if one.name in listed.get(type_, ())]
        try:
            if names:
                yield type_, api.read_metadata(type_, names)
        except Permanent as error:
            told.append(f"what is in a {type_}: it may not be read ({error.code or error}).")


def _assigned(api: Api, user_id: str, told: list[str]) -> frozenset[str] | None:
    soql = f"SELECT PermissionSet.Name FROM PermissionSetAssignment WHERE AssigneeId = '{user_id}'"
    try:
        return frozenset(str(row["PermissionSet"]["Name"]) for row in api.query(soql))
    except Permanent as error:
        told.append(f"which permission sets the user has: it may not be read ({error.code or error}).")
        return None
