"""The folder against an org: what is missing, what differs, what Casewire's user may not see or change.

What the org has beside it is not ours and is not mentioned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from connector.metadata import fields, permissions
from connector.metadata.fields import Described
from connector.metadata.permissions import INTEGRATION, LACKING
from connector.metadata.source_tree import Component, Source, text


class Kind(StrEnum):
    """Kind of a finding. A note needs no action."""

    MISSING = "missing"
    DIFFERENT = "different"
    NOT_GRANTED = "not granted"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the folder has it. ``text`` continues the name: ``length is 40, must be 255``."""

    kind: Kind
    type: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class OrgSchema:
    """The parts of an org that one user can read.

    ``listed``: type → names, for the types that could be listed. ``described``: object → its describe, None where
    this user sees no such object. ``read``: type → name → component, as far as it could be read. ``assigned``:
    the permission sets of this user, None if it may not know. ``unchecked``: sentences.
    """

    user: str
    listed: Mapping[str, frozenset[str]]
    described: Mapping[str, Described | None]
    read: Mapping[str, Mapping[str, Element]]
    assigned: frozenset[str] | None
    unchecked: tuple[str, ...] = ()

    def lists(self, type_: str, name: str) -> bool | None:
        """Whether the org has it; None if that could not be looked at."""
        names = self.listed.get(type_)
        return None if names is None else unquote(name) in names

    def field(self, name: str) -> Described | None:
        """A field as this user sees it: ``Case.Billing_Key__c``."""
        object_, _, own = name.partition(".")
        described = self.described.get(object_)
        found = (one for one in (described or {}).get("fields", ()) if one["name"] == own)
        return next(found, None)


def compare(source: Source, seen: OrgSchema) -> tuple[Finding, ...]:
    """Everything that is not as the folder has it, worst first, each once."""
    found = [*_missing(source, seen), *_different(source, seen), *_not_granted(source, seen)]
    order = list(Kind)
    return tuple(sorted(found, key=lambda one: (order.index(one.kind), one.type, one.name)))


_SEEN_BY_DESCRIBE: Final = frozenset({"CustomField", "CustomObject"})


def _missing(source: Source, seen: OrgSchema) -> Iterator[Finding]:
    for one in source.components:
        there = seen.lists(one.type, one.name)
        if there is False:
            yield Finding(Kind.MISSING, one.type, one.name, "is not in the org")
        elif there is None and one.type in _SEEN_BY_DESCRIBE and not _shown(one, seen):
            yield Finding(
                Kind.MISSING, one.type, one.name, "is not in the org, or hidden from Casewire's user"
            )


def _shown(one: Component, seen: OrgSchema) -> bool:
    if one.type == "CustomObject":
        return seen.described.get(one.name) is not None
    return seen.field(one.name) is not None


def _different(source: Source, seen: OrgSchema) -> Iterator[Finding]:
    for one in source.of("CustomField"):
        described = seen.field(one.name)
        if described is not None:
            yield from _field(one, described)
    for one in source.of("CustomObject"):
        described = seen.described.get(one.name)
        label = fields.relabelled(one.root, described) if described is not None else None
        if label:
            yield Finding(Kind.NOTE, one.type, one.name, label)
    for type_ in LACKING:
        for one in source.of(type_):
            theirs = seen.read.get(type_, {}).get(one.name)
            if theirs is not None:
                yield from _contents(one, theirs)


def _field(one: Component, described: Described) -> Iterator[Finding]:
    for told in fields.differences(one.root, described):
        yield Finding(Kind.DIFFERENT, one.type, one.name, told)
    label = fields.relabelled(one.root, described)
    if label:
        yield Finding(Kind.NOTE, one.type, one.name, label)


def _contents(one: Component, theirs: Element) -> Iterator[Finding]:
    for told in LACKING[one.type](one.root, theirs):
        yield Finding(Kind.DIFFERENT, one.type, one.name, told)
    if one.type == "PermissionSet":
        for told in permissions.beyond(one.root, theirs):
            yield Finding(Kind.NOTE, one.type, one.name, told)


def _not_granted(source: Source, seen: OrgSchema) -> Iterator[Finding]:
    """Held against what this user sees, however it was granted: by the permission set, a group of them, a profile."""
    ours = source.named("PermissionSet", INTEGRATION)
    if ours is None:
        return
    found = [*_objects_refused(ours, seen), *_fields_refused(ours, seen), *_record_types_refused(ours, seen)]
    yield from found
    if seen.assigned is not None and INTEGRATION not in seen.assigned:
        told = f"is not assigned to {seen.user}"
        yield Finding(Kind.NOT_GRANTED if found else Kind.NOTE, ours.type, ours.name, told)


_OBJECT_RIGHTS: Final = {"allowCreate": "createable", "allowEdit": "updateable", "allowDelete": "deletable"}
_DONE: Final = {"createable": "created", "updateable": "changed", "deletable": "deleted"}


def _objects_refused(ours: Component, seen: OrgSchema) -> Iterator[Finding]:
    for granted in ours.root.findall("{*}objectPermissions"):
        name = text(granted, "object")
        described = seen.described.get(name)
        if described is None:
            if seen.lists("CustomObject", name):
                yield Finding(Kind.NOT_GRANTED, "CustomObject", name, "cannot be seen")
            continue
        wanted = [shown for right, shown in _OBJECT_RIGHTS.items() if text(granted, right) == "true"]
        refused = [_DONE[shown] for shown in wanted if not described.get(shown)]
        if refused:
            told = f"records cannot be {' or '.join(refused)}"
            yield Finding(Kind.NOT_GRANTED, "CustomObject", name, told)


def _fields_refused(ours: Component, seen: OrgSchema) -> Iterator[Finding]:
    for granted in ours.root.findall("{*}fieldPermissions"):
        name = text(granted, "field")
        if seen.described.get(name.partition(".")[0]) is None:
            continue
        described = seen.field(name)
        if described is None and (seen.lists("CustomField", name) or not name.endswith("__c")):
            yield Finding(Kind.NOT_GRANTED, "CustomField", name, "cannot be read")
        elif described is not None and text(granted, "editable") == "true" and not _writable(described):
            yield Finding(Kind.NOT_GRANTED, "CustomField", name, "can be read, but not changed")


def _writable(described: Described) -> bool:
    """A parent that cannot move is written once; a formula is a difference of the field, not a right that lacks."""
    once = described.get("type") == "reference" and described.get("createable")
    return bool(described.get("updateable") or once or described.get("calculated"))


def _record_types_refused(ours: Component, seen: OrgSchema) -> Iterator[Finding]:
    for granted in ours.root.findall("{*}recordTypeVisibilities"):
        object_, _, own = text(granted, "recordType").partition(".")
        infos = (seen.described.get(object_) or {}).get("recordTypeInfos") or ()
        for info in infos:
            if info.get("developerName") == own and not info.get("available"):
                yield Finding(Kind.NOT_GRANTED, "RecordType", f"{object_}.{own}", "may not be used")
