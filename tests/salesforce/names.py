"""Whether a name leads anywhere: to an object, a field, a column or a value the org or this folder has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from . import standard
from .folder import NAMESPACE, Component, Folder, text

Complaints = Iterator[str]


def objects(folder: Folder) -> set[str]:
    return folder.names("CustomObject") | standard.OBJECTS


def picklist_values(field: Component) -> set[str]:
    """The values of a picklist field, empty for any other."""
    return {text(value, "fullName") for value in field.root.iter(NAMESPACE + "value")}


def unknown_columns(folder: Folder, of: Component, names: Iterable[str], object_: str) -> Complaints:
    """Columns of a list view or related list that lead nowhere."""
    known = standard.COLUMNS.get(object_, standard.CUSTOM_OBJECT_COLUMNS)
    for name in sorted({name for name in names if name not in known}):
        if folder.field(f"{object_}.{name}") is None:
            yield f"{of.name}: column {object_}.{name} does not exist"


def unknown_fields(folder: Folder, of: Component, names: Iterable[str], object_: str) -> Complaints:
    known = standard.FIELDS.get(object_, frozenset({"Name"})) | standard.ANY_OBJECT
    for name in names:
        if name not in known and folder.field(f"{object_}.{name}") is None:
            yield f"{of.name}: field {object_}.{name} does not exist"


def absent(of: Component, names: Iterable[str], known: Set[str], what: str) -> Complaints:
    for name in sorted(set(names) - known):
        yield f"{of.name}: {what} {name} does not exist"


def not_a_value(folder: Folder, of: Component, field_name: str, values: Set[str]) -> Complaints:
    """``field_name``: ``Case.Billing_Rule__c``. Silent where the field is no picklist."""
    field = folder.field(field_name)
    if field is not None and field.text("type") == "Picklist":
        yield from absent(of, values, picklist_values(field), f"{field.own_name} value")
