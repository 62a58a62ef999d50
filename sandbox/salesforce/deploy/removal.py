"""Deleting components: what goes with them, what lets go of them, and what holds on to them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from sandbox.salesforce.deploy.catalog import Catalog, Component, Name
from sandbox.salesforce.deploy.problems import Problem
from sandbox.salesforce.deploy.types import TYPES
from sandbox.salesforce.markup import Node

_LETS_GO: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "CompactLayout": (("fields", ""),),
    "CustomObject": (
        ("customTabListAdditionalFields", ""),
        ("lookupDialogsAdditionalFields", ""),
        ("searchResultsAdditionalFields", ""),
    ),
    "Layout": (("layoutItems", "field"), ("fields", ""), ("relatedLists", "relatedList")),
    "ListView": (("columns", ""),),
    "PermissionSet": (
        ("applicationVisibilities", "application"),
        ("fieldPermissions", "field"),
        ("objectPermissions", "object"),
        ("tabSettings", "tab"),
    ),
    "RecordType": (("picklistValues", "picklist"),),
    "ReportType": (("columns", "field"),),
    "CustomApplication": (("tabs", ""),),
}
"""By type: elements that are taken out when what they name is deleted; the name is in a child, or is their text."""


def refused(name: Name) -> str | None:
    """Why a component of this type is never deleted by a deployment."""
    return "Cannot delete record type through API" if name.type == "RecordType" else None


def remove(catalog: Catalog, names: Iterable[Name]) -> Catalog:
    """Without these, and without what goes with them."""
    after = catalog.copy()
    gone = [found for found in (_found(name, catalog) for name in names) if found in after]
    gone += [other.name for name in gone for other in _goes_along(catalog, name)]
    for name in gone:
        after.remove(name)
    lost = _Lost(gone)
    for component in list(after):
        _let_go(after, component, lost)
    return after


def _found(name: Name, catalog: Catalog) -> Name:
    """A folder is listed among what lies in it."""
    folder = Name(f"{name.type}Folder", name.full)
    return folder if name not in catalog and folder in catalog else name


def _goes_along(catalog: Catalog, name: Name) -> list[Component]:
    if name.type == "CustomObject":
        parts = [*catalog.parts(name.full), *_layouts(catalog, name.full)]
        tab = catalog.get("CustomTab", name.full)
        types = [c for c in catalog if c.type == "ReportType" and c.node.value("baseObject") == name.full]
        along = [*parts, *([tab] if tab else []), *types]
        return along + [c for made in types for c in _goes_along(catalog, made.name)]
    if name.type == "ReportType":
        reports = (c for c in catalog if c.type == "Report")
        return [c for c in reports if c.node.value("reportType") == f"{name.full}__c"]
    if TYPES[name.type].folder_of:
        return [
            c for c in catalog if c.type == TYPES[name.type].folder_of and c.full.startswith(f"{name.full}/")
        ]
    return []


def _layouts(catalog: Catalog, object_: str) -> list[Component]:
    return [c for c in catalog if c.type == "Layout" and c.full.startswith(f"{object_}-")]


class _Lost:
    """Names that lead nowhere any more."""

    def __init__(self, gone: Collection[Name]) -> None:
        self._full = {name.full for name in gone}
        self._objects = {name.full for name in gone if name.type == "CustomObject"}

    def names(self, object_: str, text: str) -> bool:
        whole = text in self._full or text.partition(".")[0] in self._objects
        return whole or f"{object_}.{text}" in self._full


def _let_go(catalog: Catalog, component: Component, lost: _Lost) -> None:
    rules = _LETS_GO.get(component.type)
    if not rules:
        return
    home = component.full.partition("-")[0] if component.type == "Layout" else component.object
    pruned = _pruned(component.node, home, rules, lost)
    kept = catalog.kept(component.type, component.full)
    if kept and pruned != component.node:
        made = Component(component.type, component.full, pruned, component.file)
        catalog.put(made, kept.modified, kept.modified_by)


def _pruned(node: Node, home: str, rules: tuple[tuple[str, str], ...], lost: _Lost) -> Node:
    """``home``: the object whose fields are named here without saying so."""
    if not node.children:
        return node
    home = (node.value("relatedList") or home).partition(".")[0]
    kept = (child for child in node.children if not _is_lost(child, home, rules, lost))
    return node.but(tuple(_pruned(child, home, rules, lost) for child in kept))


def _is_lost(node: Node, home: str, rules: tuple[tuple[str, str], ...], lost: _Lost) -> bool:
    for tag, child in rules:
        text = node.value(child) if child else node.text
        if node.tag == tag and text and lost.names(node.value("table") or home, text):
            return True
    return False


def blamed(
    broken: Iterable[Problem], going: Collection[Name], already: Collection[tuple[str, str, str]]
) -> dict[Name, str]:
    """Which of those to delete a component that stays cannot do without."""
    found: dict[Name, str] = {}
    for made in broken:
        if (made.type, made.full, made.message) in already:
            continue
        text = f"{made.message} {made.full}"
        for name in going:
            if _named(name, text):
                reference = f"{made.type} - {made.full}"
                found.setdefault(name, _REFERENCED.format(_called(name.type), reference))
    return found


_REFERENCED: Final = (
    "This {} is referenced elsewhere in salesforce.com.  Remove the usage and try again. : {}."
)


def _named(name: Name, text: str) -> bool:
    own = re.escape(name.full.rpartition(".")[2].removesuffix("__c"))
    return re.search(rf"(?<!\w){own}(?:__[cr])?(?!\w)", text) is not None


def _called(type_: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type_).lower()
