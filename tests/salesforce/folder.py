"""Reads ``salesforce/`` so that its files can be held against each other: a deployment finds a name that
leads nowhere only after minutes, and only in an org."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from lxml import etree

PROJECT = Path(__file__).resolve().parents[2] / "salesforce"
SOURCE = Path("force-app/main/default")
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
IN_FOLDERS = ("reports", "dashboards")
_SUFFIX = re.compile(r"\.[A-Za-z]+-meta\.xml$")


@dataclass(frozen=True)
class Component:
    """One file. ``name`` as in a manifest: ``Billing_Triage``, ``Case.Billing_Key__c``, ``Billing/Failed_Refunds``."""

    type: str
    name: str
    path: Path
    root: etree._Element

    @property
    def object(self) -> str:
        """The object it belongs to: the first half of ``Case.Billing_Key__c``."""
        return self.name.split(".")[0]

    @property
    def listed_as(self) -> str:
        """The type a manifest lists it under: a folder of reports stands among the reports."""
        return self.type.removesuffix("Folder")

    @property
    def own_name(self) -> str:
        return self.name.split(".")[-1]

    def text(self, tag: str) -> str:
        """The text of a direct child, empty if there is none."""
        return text(self.root, tag)

    def all(self, tag: str) -> list[str]:
        """The texts of the direct children of this name."""
        return texts(self.root, tag)

    def each(self, tag: str) -> list[etree._Element]:
        return self.root.findall(NAMESPACE + tag)

    def deep(self, tag: str) -> list[str]:
        """The texts of all descendants of this name."""
        return [child.text or "" for child in self.root.iter(NAMESPACE + tag)]


@dataclass(frozen=True)
class Folder:
    """All components, by type and name."""

    components: tuple[Component, ...]

    def of(self, type_: str) -> list[Component]:
        return [c for c in self.components if c.type == type_]

    def names(self, type_: str) -> set[str]:
        return {c.name for c in self.of(type_)}

    def field(self, name: str) -> Component | None:
        return self._fields.get(name)

    @cached_property
    def _fields(self) -> dict[str, Component]:
        return {c.name: c for c in self.of("CustomField")}

    def named(self, type_: str, name: str) -> Component:
        return next(c for c in self.of(type_) if c.name == name)


def text(element: etree._Element, tag: str) -> str:
    return element.findtext(NAMESPACE + tag) or ""


def texts(element: etree._Element, tag: str) -> list[str]:
    return [child.text or "" for child in element.findall(NAMESPACE + tag)]


def files(project: Path = PROJECT) -> list[Path]:
    """Every metadata file and manifest."""
    return sorted([*(project / SOURCE).rglob("*-meta.xml"), *(project / "manifest").rglob("*.xml")])


def read(project: Path = PROJECT) -> Folder:
    return Folder(tuple(_components(project / SOURCE)))


def edited(folder: Folder, file: str, right: str, wrong: str) -> Folder:
    """The same folder, had somebody written ``wrong`` for the first ``right`` of this file."""
    path = PROJECT / SOURCE / file
    before = path.read_text()
    assert right in before
    root = etree.fromstring(before.replace(right, wrong, 1).encode())
    return Folder(tuple(replace(c, root=root) if c.path == path else c for c in folder.components))


def without(folder: Folder, type_: str) -> Folder:
    """The same folder without the files of one type."""
    return Folder(tuple(c for c in folder.components if c.type != type_))


def manifest(path: Path) -> dict[str, list[str]]:
    """What a ``package.xml`` or ``destructiveChanges.xml`` names: type → members."""
    root = etree.parse(str(path)).getroot()
    types = root.findall(NAMESPACE + "types")
    return {text(t, "name"): [m.text or "" for m in t.findall(NAMESPACE + "members")] for t in types}


def _components(source: Path) -> Iterator[Component]:
    for path in sorted(source.rglob("*-meta.xml")):
        root = etree.parse(str(path)).getroot()
        yield Component(etree.QName(root).localname, _name(path.relative_to(source)), path, root)


def _name(path: Path) -> str:
    own = _SUFFIX.sub("", path.name)
    if path.parts[0] == "objects" and len(path.parts) == 4:
        return f"{path.parts[1]}.{own}"
    return f"{path.parent.name}/{own}" if len(path.parts) == 3 and path.parts[0] in IN_FOLDERS else own
