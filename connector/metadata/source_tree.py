"""The folder ``salesforce/`` as components: found in a checkout or an installed wheel, read by its shape alone.

A file says what it is: its root element is the type, its place and file name are the name. Nothing here lists
what the folder holds today. https://developer.salesforce.com/docs/atlas.en-us.sfdx_dev.meta/sfdx_dev/sfdx_dev_source_file_format.htm
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connector.errors import SetupError
from connector.package_data import data_path

PROJECT_FILE: Final = "sfdx-project.json"
_SOURCE: Final = Path("main/default")
_OBJECTS: Final = "objects"
_META: Final = re.compile(r"(?P<name>.+?)\.(?P<suffix>[A-Za-z]+)-meta\.xml")
_FOLDER: Final = "Folder"
_LISTED_AS: Final = {"EmailFolder": "EmailTemplate"}
"""A manifest lists a folder among what it holds: ReportFolder under Report. Only e-mail's has another name."""


@dataclass(frozen=True, slots=True)
class Component:
    """One metadata file. ``name`` as a manifest has it: ``Case.Billing_Key__c``, ``Billing/Failed_Refunds``.

    ``path`` is relative to ``main/default``, with slashes. ``content``: the file's bytes, ``root`` the same, read.
    ``part_of``: the object whose file a deployment merges it into, empty for a file of its own.
    """

    type: str
    name: str
    path: str
    content: bytes
    root: Element
    part_of: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of reports, dashboards or the like."""
        return self.type.endswith(_FOLDER)

    @property
    def listed_as(self) -> str:
        """The type a manifest lists it under."""
        return _LISTED_AS.get(self.type, self.type.removesuffix(_FOLDER))

    @property
    def own_name(self) -> str:
        """The name without its object: ``Billing_Key__c``."""
        return self.name.removeprefix(f"{self.part_of}.") if self.part_of else self.name

    def text(self, tag: str) -> str:
        """The text of a direct child, empty if there is none."""
        return text(self.root, tag)


@dataclass(frozen=True)
class Source:
    """Everything one SFDX project holds, in the order of the paths."""

    place: Path
    api_version: str
    components: tuple[Component, ...]

    def of(self, type_: str) -> list[Component]:
        """The components of one type."""
        return self._by_type.get(type_, [])

    def named(self, type_: str, name: str) -> Component | None:
        """One component, None if the folder does not hold it."""
        return next((one for one in self.of(type_) if one.name == name), None)

    @property
    def types(self) -> list[str]:
        """The types there are, by the alphabet."""
        return sorted(self._by_type)

    @cached_property
    def _by_type(self) -> Mapping[str, list[Component]]:
        found: dict[str, list[Component]] = {}
        for one in self.components:
            found.setdefault(one.type, []).append(one)
        return found


def text(element: Element, tag: str) -> str:
    """The text of a direct child in any namespace; empty if there is none."""
    return (element.findtext(f"{{*}}{tag}") or "").strip()


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def default_place(package: Path | None = None) -> Path:
    """The checkout's ``salesforce/``, or the copy an installed wheel carries. ``package``: the folder ``connector``."""
    place = data_path("salesforce") if package is None else data_path("salesforce", package)
    if (place / PROJECT_FILE).is_file():
        return place
    raise SetupError("The folder salesforce/ was not installed with Casewire: name it with --folder.")


def read(place: Path) -> Source:
    """All of a project. SetupError names the file that cannot be deployed, and why."""
    packages, version = _project(place)
    found: dict[tuple[str, str], Component] = {}
    for package in packages:
        for one in _components(place / package / _SOURCE):
            twin = found.setdefault((one.type, one.name), one)
            if twin is not one:
                raise SetupError(f"{one.type} {one.name} is there twice: {twin.path} and {one.path}.")
    return Source(place, version, tuple(sorted(found.values(), key=lambda one: one.path)))


def _project(place: Path) -> tuple[list[str], str]:
    """The package directories and the API version."""
    file = place / PROJECT_FILE
    if not file.is_file():
        raise SetupError(f"{place} holds no {PROJECT_FILE}: name a folder like salesforce/.")
    try:
        project = json.loads(file.read_text(encoding="utf-8"))
        packages = [str(package["path"]) for package in project["packageDirectories"]]
        if packages and re.fullmatch(r"\d+\.0", project["sourceApiVersion"]):
            return packages, project["sourceApiVersion"]
    except (ValueError, KeyError, TypeError):
        pass
    raise SetupError(f"{file} must be JSON with packageDirectories and a sourceApiVersion like 66.0.")


def _components(source: Path) -> Iterator[Component]:
    if not source.is_dir():
        raise SetupError(f"{source} does not exist, though {PROJECT_FILE} names it.")
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        relative = path.relative_to(source)
        if not any(part.startswith(".") for part in relative.parts):
            yield _component(path, relative)


def _component(path: Path, relative: Path) -> Component:
    known = _META.fullmatch(path.name)
    if known is None or len(relative.parts) < 2:
        raise SetupError(
            f"{relative.as_posix()} is not declarative metadata (Name.suffix-meta.xml): take it away, "
            "or deploy the folder with Salesforce's own command, sf project deploy start."
        )
    content = path.read_bytes()
    root = _root(content, relative)
    own = known["name"]
    if relative.parts[0] == _OBJECTS:
        of = _object_of(relative)
        part = len(relative.parts) > 3
        return Component(local(root), f"{of}.{own}" if part else of, relative.as_posix(), content, root, of)
    name = "/".join((*relative.parts[1:-1], own))
    return Component(local(root), name, relative.as_posix(), content, root)


def _object_of(relative: Path) -> str:
    """``objects/Case/Case.object-meta.xml`` or ``objects/Case/<kind>/<name>.<suffix>-meta.xml``."""
    if len(relative.parts) not in (3, 4):
        raise SetupError(f"{relative.as_posix()} is neither an object's file nor in one of its folders.")
    return relative.parts[1]


def _root(content: bytes, relative: Path) -> Element:
    try:
        root: Element = fromstring(content)
    except (ParseError, DefusedXmlException) as error:
        raise SetupError(f"{relative.as_posix()} is not XML: {error}.") from None
    return root
