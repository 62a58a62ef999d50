"""Components → the zip the Metadata API deploys: an object's parts merged into one file, a manifest made of the
files. The same components give the same bytes.

https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/file_based_zip_file.htm
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from connector.metadata.source_tree import Component, Source, local

NAMESPACE: Final = "http://soap.sforce.com/2006/04/metadata"
_META: Final = "-meta.xml"
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold."""


def archive(source: Source) -> bytes:
    """The zip, its files at the root, as ``singlePackage`` wants it."""
    files = {"package.xml": manifest(source), **members(source)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type, entry.create_system, entry.external_attr = (
                zipfile.ZIP_DEFLATED,
                3,
                0o644 << 16,
            )
            out.writestr(entry, files[name])
    return packed.getvalue()


def members(source: Source) -> dict[str, bytes]:
    """File name → content in the metadata format; the manifest is not among them."""
    parts: dict[str, list[Component]] = {}
    files: dict[str, bytes] = {}
    for one in source.components:
        if one.part_of:
            parts.setdefault(one.part_of, []).append(one)
        else:
            files[_renamed(one)] = one.content
    return files | {f"objects/{name}.object": _object(found) for name, found in parts.items()}


def manifest(source: Source) -> bytes:
    """``package.xml``: every component under its type, both by the alphabet."""
    listed: dict[str, set[str]] = {}
    for one in source.components:
        listed.setdefault(one.listed_as, set()).add(one.name)
    package = Element(f"{{{NAMESPACE}}}Package")
    for type_ in sorted(listed):
        types = SubElement(package, f"{{{NAMESPACE}}}types")
        for name in sorted(listed[type_]):
            SubElement(types, f"{{{NAMESPACE}}}members").text = name
        SubElement(types, f"{{{NAMESPACE}}}name").text = type_
    SubElement(package, f"{{{NAMESPACE}}}version").text = source.api_version
    return _written(package)


def _renamed(one: Component) -> str:
    """``queues/Q.queue-meta.xml`` → ``queues/Q.queue``; a folder ``reports/F.reportFolder-meta.xml`` →
    ``reports/F-meta.xml``."""
    if one.is_folder:
        path = PurePosixPath(one.path.removesuffix(_META))
        return f"{path.with_suffix('')}{_META}"
    return one.path.removesuffix(_META)


def _object(parts: Iterable[Component]) -> bytes:
    """One ``CustomObject`` of the object's own elements and its parts, each under its folder's name."""
    merged = Element(f"{{{NAMESPACE}}}CustomObject")
    merged.extend(deepcopy(sorted(_elements(parts), key=local)))
    return _written(merged)


def _elements(parts: Iterable[Component]) -> Iterator[Element]:
    for one in parts:
        folders = one.path.split("/")[2:-1]
        if not folders:
            yield from one.root
        else:
            yield _part(one, folders[0])


def _part(one: Component, tag: str) -> Element:
    part = Element(f"{{{NAMESPACE}}}{tag}")
    if not one.text("fullName"):
        SubElement(part, f"{{{NAMESPACE}}}fullName").text = one.own_name
    part.extend(one.root)
    return part


def _written(root: Element) -> bytes:
    indent(root, "    ")
    body: str = tostring(root, "unicode", default_namespace=NAMESPACE)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()
