"""A package: a zip with ``package.xml``, the files it lists, and what it wants deleted.

Nothing of it is ever written to a disk; what could harm whoever unpacks it is refused all the same.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sandbox.salesforce.deploy.catalog import Component, Name, split
from sandbox.salesforce.deploy.problems import Problem, problem
from sandbox.salesforce.deploy.types import BY_DIRECTORY, TYPES, MetadataType, listed_as
from sandbox.salesforce.markup import MarkupError, Node, parse

LARGEST: Final = 39 * 1024 * 1024
MOST_FILES: Final = 10_000
MOST_BYTES: Final = 64 * 1024 * 1024
"""Unpacked. Salesforce itself takes 400 MB; no package of set-up comes near either."""

_MANIFEST: Final = "package.xml"
_DESTRUCTIVE: Final = {
    "destructiveChangesPre.xml": "before",
    "destructiveChanges.xml": "before",
    "destructiveChangesPost.xml": "after",
}
_META: Final = "-meta.xml"


class PackageRefused(Exception):
    """It is not looked into. ``code`` is one of Salesforce's status codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Package:
    """``components``: what is listed and there. ``before`` and ``after`` what is to be deleted, and in which file."""

    components: list[Component] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    before: dict[Name, str] = field(default_factory=dict)
    after: dict[Name, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Components it is about."""
        return len(self.components) + len(self.before) + len(self.after)


def read_package(data: bytes, *, missing_allowed: bool = False) -> Package:
    """``missing_allowed``: files that the manifest lists need not be there. Raises PackageRefused."""
    files = _files(data)
    root = _root(files)
    inner = {name[len(root) :]: content for name, content in files.items() if name.startswith(root)}
    package = Package()
    listed = _listed(package, inner.get(_MANIFEST), f"{root}{_MANIFEST}")
    if listed is None:
        return package
    found = list(_components(package, inner, root))
    package.components = _wanted(package, found, listed)
    if not missing_allowed:
        package.problems += _absent(found, listed, package, f"{root}{_MANIFEST}")
    for name, when in _DESTRUCTIVE.items():
        if name in inner:
            doomed = _listed(package, inner[name], f"{root}{name}") or {}
            names = {Name(type_, full): f"{root}{name}" for type_, fulls in doomed.items() for full in fulls}
            (package.before if when == "before" else package.after).update(names)
    return package


# -- the zip


def _files(data: bytes) -> dict[str, bytes]:
    if len(data) > LARGEST:
        raise PackageRefused("LIMIT_EXCEEDED", f"Maximum size of a package exceeded: {LARGEST} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check(entries)
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise PackageRefused("UNKNOWN_EXCEPTION", f"The package is not a zip file: {error}") from None


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_FILES:
        raise PackageRefused("LIMIT_EXCEEDED", f"Maximum number of files exceeded: {MOST_FILES}")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise PackageRefused("LIMIT_EXCEEDED", f"Maximum size of the unpacked files exceeded: {MOST_BYTES}")
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise PackageRefused("UNKNOWN_EXCEPTION", "A file is in the package twice")
    for name in names:
        if not _safe(name):
            raise PackageRefused("UNKNOWN_EXCEPTION", f"Invalid file path: {name!r}")


def _safe(name: str) -> bool:
    plain = name.isprintable() and "\\" not in name and ":" not in name.partition("/")[0]
    return plain and all(part not in ("", ".", "..") for part in name.split("/"))


def _root(files: dict[str, bytes]) -> str:
    """The folder the package lies in: none, or the only one at the top."""
    tops = {name.partition("/")[0] for name in files}
    if _MANIFEST in files or len(tops) != 1:
        return ""
    return f"{tops.pop()}/"


# -- the manifest


def _listed(package: Package, data: bytes | None, file: str) -> dict[str, list[str]] | None:
    """Type → members. None, with a problem noted, where there is no manifest to go by."""
    if data is None:
        package.problems.append(Problem("", _MANIFEST, file, f"No {_MANIFEST} found"))
        return None
    try:
        root = parse(data)
    except MarkupError as error:
        package.problems.append(_unreadable("", file.rpartition("/")[2], file, error))
        return None
    listed: dict[str, list[str]] = {}
    for types in root.all("types"):
        name = types.value("name") or ""
        if name in TYPES:
            listed.setdefault(name, []).extend(_member(node.text) for node in types.all("members"))
        else:
            message = f"Unknown type name '{name}' specified in {file.rpartition('/')[2]}"
            package.problems.append(
                Problem("", file.rpartition("/")[2], file, message, types.line, types.column)
            )
    return listed


def _member(text: str) -> str:
    """A folder may be listed with a slash behind it."""
    return text.strip().removesuffix("/")


def _wanted(package: Package, found: list[Component], listed: dict[str, list[str]]) -> list[Component]:
    """What the manifest lists; the rest is a problem, but for an object that only frames its parts."""
    wanted = []
    for component in found:
        if _in(component, listed):
            wanted.append(component)
        elif component.type != "CustomObject":
            package.problems.append(problem(component, f"Not in {_MANIFEST}"))
    return wanted


def _in(component: Component, listed: dict[str, list[str]]) -> bool:
    members = listed.get(listed_as(component.type), [])
    if component.full in members or "*" in members:
        return True
    return TYPES[component.type].parent is not None and component.object in listed.get("CustomObject", [])


def _absent(
    found: list[Component], listed: dict[str, list[str]], package: Package, file: str
) -> Iterator[Problem]:
    names = {(listed_as(component.type), component.full) for component in found}
    names |= {(listed_as(made.type), made.full) for made in package.problems if made.type in TYPES}
    for type_, members in listed.items():
        for full in members:
            if full != "*" and (type_, full) not in names:
                message = (
                    f"An object '{full}' of type {type_} was named in {_MANIFEST}, "
                    "but was not found in zipped directory"
                )
                yield Problem(type_, full, file, message)


# -- the files


def _components(package: Package, files: dict[str, bytes], root: str) -> Iterator[Component]:
    for path, data in files.items():
        directory, _, rest = path.partition("/")
        kind = BY_DIRECTORY.get(directory)
        if kind is None:
            if rest:
                package.problems.append(Problem("", path, root + path, f"Unknown directory: {directory}"))
            continue
        type_, full = _named(kind, rest)
        try:
            node = parse(data)
        except MarkupError as error:
            package.problems.append(_unreadable(type_, full, root + path, error))
            continue
        yield from _read(package, Component(type_, full, node, root + path))


def _named(kind: MetadataType, rest: str) -> tuple[str, str]:
    if kind.in_folder and rest.endswith(_META) and not rest.endswith(f".{kind.suffix}{_META}"):
        return f"{kind.name}Folder", rest.removesuffix(_META)
    return kind.name, rest.removesuffix(_META).removesuffix(f".{kind.suffix}")


def _read(package: Package, component: Component) -> Iterator[Component]:
    if component.node.tag != _tag(component.type, component.node):
        message = f"Error parsing file: Entity type: '{component.node.tag}' is unknown"
        package.problems.append(problem(component, message))
    elif component.type == "CustomObject":
        yield from split(component.full, component.node, component.file)
    else:
        yield component


def _tag(type_: str, node: Node) -> str:
    """Folders are written with more than one root."""
    return node.tag if TYPES[type_].folder_of and node.tag.endswith("Folder") else type_


def _unreadable(type_: str, full: str, file: str, error: MarkupError) -> Problem:
    return Problem(type_, full, file, f"Error parsing file: {error}", error.line, error.column)
