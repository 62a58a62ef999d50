"""The manifests name what the folder holds: all of it to install, and what an org lets go of to uninstall."""

from __future__ import annotations

from .folder import PROJECT, Folder, manifest, read
from .standard import OBJECTS

BY_HAND = {"RecordType", "BusinessProcess"}
"""Salesforce deletes a record type only in Setup, and its process only after it."""


def _listed(folder: Folder) -> dict[str, list[str]]:
    types = {c.listed_as for c in folder.components}
    return {t: sorted(c.name for c in folder.components if c.listed_as == t) for t in types}


def test_the_manifest_lists_everything_in_the_folder_and_nothing_else() -> None:
    assert manifest(PROJECT / "manifest/package.xml") == _listed(read())


def test_uninstalling_removes_everything_but_what_setup_must() -> None:
    """What belongs to a custom object goes with it."""
    folder = read()
    custom = folder.names("CustomObject")
    expected = {
        type_: [n for n in names if n in custom or n.split(".")[0].split("-")[0] not in custom]
        for type_, names in _listed(folder).items()
        if type_ not in BY_HAND
    }
    assert manifest(PROJECT / "manifest/uninstall/destructiveChanges.xml") == expected


def test_uninstalling_installs_nothing() -> None:
    assert manifest(PROJECT / "manifest/uninstall/package.xml") == {}


def test_the_folder_extends_standard_objects_without_replacing_them() -> None:
    assert not read().names("CustomObject") & OBJECTS
