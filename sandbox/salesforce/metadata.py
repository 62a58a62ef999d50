"""Metadata of SFDX folders.

The project's own ``salesforce/`` folder is the default, so that what is deployed to a real org and what the
sandbox knows cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from sandbox.salesforce.custom import MetadataError, build_schema
from sandbox.salesforce.deploy.catalog import Catalog, Component
from sandbox.salesforce.deploy.types import BY_DIRECTORY, PARTS, TYPES, MetadataType
from sandbox.salesforce.markup import MarkupError, Node, parse
from sandbox.salesforce.schema import Schema
from sandbox.salesforce.shapes import PLAIN, Shape

__all__ = ["MetadataError", "default_metadata", "load_schema", "read_folders"]

_SOURCE: Final = Path("force-app/main/default")
_META: Final = "-meta.xml"


def default_metadata() -> Path | None:
    """The checkout's ``salesforce/``; None where it is missing."""
    folder = Path(__file__).resolve().parents[2] / "salesforce"
    return folder if (folder / _SOURCE).is_dir() else None


def load_schema(folders: Iterable[Path], shape: Shape = PLAIN) -> Schema:
    """The standard objects plus everything in these SFDX folders. Raises MetadataError."""
    catalog = Catalog()
    for component in read_folders(folders):
        catalog.put(component, "", "")
    return build_schema(catalog, shape)


def read_folders(folders: Iterable[Path]) -> Iterator[Component]:
    """The components of SFDX projects, or of their ``main/default``. Raises MetadataError."""
    for folder in folders:
        source = folder / _SOURCE if (folder / _SOURCE).is_dir() else folder
        for directory, kind in BY_DIRECTORY.items():
            for path in sorted((source / directory).rglob(f"*{_META}")):
                yield from _component(path, path.relative_to(source / directory), kind)


def _component(path: Path, place: Path, kind: MetadataType) -> Iterator[Component]:
    stem = path.name.removesuffix(_META)
    if kind.name == "CustomObject":
        yield from _of_object(path, place.parts[0], stem)
    elif kind.in_folder and stem.endswith(f".{kind.suffix}Folder"):
        full = place.with_name(stem.removesuffix(f".{kind.suffix}Folder")).as_posix()
        yield Component(f"{kind.name}Folder", full, _root(path), f"{kind.directory}/{full}{_META}")
    elif stem.endswith(f".{kind.suffix}"):
        full = place.with_name(stem.removesuffix(f".{kind.suffix}")).as_posix()
        yield Component(kind.name, full, _root(path), f"{kind.directory}/{full}.{kind.suffix}")


def _of_object(path: Path, name: str, stem: str) -> Iterator[Component]:
    file, root = f"objects/{name}.object", _root(path)
    part = PARTS.get(path.parent.name)
    if part is None:
        yield Component(TYPES["CustomObject"].name, name, root, file)
    elif stem.endswith(f".{part.suffix}"):
        yield Component(part.name, f"{name}.{root.value('fullName')}", root, file)


def _root(path: Path) -> Node:
    found = path.stat()
    return _parsed(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=4096)
def _parsed(path: Path, _changed: int, _size: int) -> Node:
    """An org is made anew for every test; its files are read once."""
    try:
        return parse(path.read_bytes())
    except MarkupError as error:
        raise MetadataError(f"{path.name}, line {error.line}: {error}") from None
