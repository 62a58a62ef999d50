"""The components an org has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sandbox.salesforce.deploy.types import PARTS, TYPES
from sandbox.salesforce.ids import key_prefix, make_id
from sandbox.salesforce.markup import Node

_FIRST_ID: Final = 62**5
"""Rows are numbered from one, components from here: a queue's id is then never given to a row as well."""


class Name(NamedTuple):
    """``full``: ``Case.Billing_Key__c`` for a part of an object, ``Billing/Failed_Refunds`` for one in a folder."""

    type: str
    full: str


@dataclass(frozen=True, slots=True)
class Component:
    """``node`` is without the parts that are components of their own; ``file`` is its place in a package."""

    type: str
    full: str
    node: Node
    file: str

    @property
    def name(self) -> Name:
        return Name(self.type, self.full)

    @property
    def object(self) -> str:
        """The object it is part of: the first half of ``Case.Billing_Key__c``."""
        return self.full.partition(".")[0]

    @property
    def own(self) -> str:
        """Its name among its like."""
        return self.full.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Kept:
    """A component in an org; ids and times as a record's."""

    component: Component
    id: str
    created: str
    created_by: str
    modified: str
    modified_by: str


class Catalog:
    """Components by name. ``prefixes``: of the ids of custom objects; never given twice."""

    def __init__(self) -> None:
        self._kept: dict[Name, Kept] = {}
        self._made = 0
        self.prefixes: dict[str, str] = {}

    def __iter__(self) -> Iterator[Component]:
        return (kept.component for kept in self._kept.values())

    def __contains__(self, name: object) -> bool:
        return name in self._kept

    def get(self, type_: str, full: str) -> Component | None:
        kept = self._kept.get(Name(type_, full))
        return kept.component if kept else None

    def kept(self, type_: str, full: str) -> Kept | None:
        return self._kept.get(Name(type_, full))

    def of(self, type_: str) -> list[Kept]:
        """In order of name."""
        return sorted(
            (kept for name, kept in self._kept.items() if name.type == type_),
            key=lambda kept: kept.component.full,
        )

    def parts(self, object_: str) -> list[Component]:
        """All that an object's file holds beside the object."""
        return [found for found in self if TYPES[found.type].parent and found.object == object_]

    def copy(self) -> Catalog:
        other = Catalog()
        other._kept, other._made, other.prefixes = dict(self._kept), self._made, dict(self.prefixes)
        return other

    def put(self, component: Component, now: str, user: str) -> None:
        """As it is, in place of the one of that name; the same again changes nothing."""
        before = self._kept.get(component.name)
        if before is None:
            self._made += 1
            made = make_id(TYPES[component.type].prefix, _FIRST_ID + self._made)
            self._kept[component.name] = Kept(component, made, now, user, now, user)
        elif not same(before.component, component):
            self._kept[component.name] = replace(before, component=component, modified=now, modified_by=user)

    def remove(self, name: Name) -> None:
        self._kept.pop(name, None)

    def number_objects(self, names: Iterable[str]) -> None:
        """Give each custom object its prefix, in order of name."""
        for name in sorted(names):
            self.prefixes.setdefault(name, key_prefix(len(self.prefixes)))


def same(one: Component, other: Component) -> bool:
    """An object with nothing to say of its own leaves the one there is as it is."""
    return one.node == other.node or (other.type == "CustomObject" and not other.node.children)


def split(full: str, root: Node, file: str) -> Iterator[Component]:
    """An object's file as the object and its parts."""
    yield Component(
        "CustomObject", full, root.but(tuple(n for n in root.children if n.tag not in PARTS)), file
    )
    for node in root.children:
        if node.tag in PARTS:
            part, own = PARTS[node.tag].name, node.value("fullName") or ""
            alone = Node(part, "", node.children, node.line, node.column)
            yield Component(part, f"{full}.{own}", alone, file)
