"""Custom objects, fields, record types and queues, read from SFDX source.

The project's own ``salesforce/`` folder is the default, so that what is deployed to a real org and what the
sandbox knows cannot differ. A field type this module does not know is an error, not a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import parse

from sandbox.salesforce.ids import key_prefix
from sandbox.salesforce.schema import Field, ObjectType, Queue, RecordType, Schema, label_of
from sandbox.salesforce.standard import owner_field, standard_objects, system_fields

_NS: Final = "{http://soap.sforce.com/2006/04/metadata}"
_SOURCE: Final = Path("force-app/main/default")

_TYPES: Final[dict[str, tuple[str, int]]] = {
    "Text": ("string", 255),
    "EncryptedText": ("string", 175),
    "TextArea": ("textarea", 255),
    "LongTextArea": ("textarea", 32768),
    "Html": ("textarea", 32768),
    "Number": ("double", 0),
    "Currency": ("currency", 0),
    "Percent": ("percent", 0),
    "Checkbox": ("boolean", 0),
    "Date": ("date", 0),
    "DateTime": ("datetime", 0),
    "Url": ("url", 255),
    "Email": ("email", 80),
    "Phone": ("phone", 40),
    "Picklist": ("picklist", 255),
    "MultiselectPicklist": ("multipicklist", 4099),
    "Lookup": ("reference", 18),
    "MasterDetail": ("reference", 18),
    "AutoNumber": ("string", 30),
    "Summary": ("double", 0),
}


class MetadataError(ValueError):
    """The folder holds something the sandbox cannot be true to."""


@dataclass
class _Found:
    """All that the folders say about one object."""

    root: Element | None = None
    fields: list[Element] = field(default_factory=list)
    record_types: list[Element] = field(default_factory=list)


def default_metadata() -> Path | None:
    """The checkout's ``salesforce/``, or the copy a wheel carries; None where neither is."""
    package = Path(__file__).resolve().parents[1]
    candidates = (package.parent / "salesforce", package / "metadata")
    return next((path for path in candidates if (path / _SOURCE).is_dir()), None)


def load_schema(
    folders: Iterable[Path], *, person_accounts: bool = False, multi_currency: bool = False
) -> Schema:
    """The standard objects plus everything in these SFDX folders (a project, or its ``main/default``)."""
    found: dict[str, _Found] = {}
    queues: list[Queue] = []
    for folder in folders:
        source = folder / _SOURCE if (folder / _SOURCE).is_dir() else folder
        _read_objects(source, found)
        queues += [_queue(path) for path in sorted(source.glob("queues/*.queue-meta.xml"))]
    standard = {kind.name: kind for kind in standard_objects(person_accounts, multi_currency)}
    made = [_extend(kind, found.pop(name, _Found())) for name, kind in standard.items()]
    for number, name in enumerate(sorted(found)):
        made.append(_custom_object(name, found[name], key_prefix(number), multi_currency))
    _check_lookups(made)
    return Schema(made, queues)


def _read_objects(source: Path, found: dict[str, _Found]) -> None:
    for folder in sorted(path for path in source.glob("objects/*") if path.is_dir()):
        entry = found.setdefault(folder.name, _Found())
        own = folder / f"{folder.name}.object-meta.xml"
        if own.is_file():
            entry.root = _root(own)
        entry.fields += _roots(folder.glob("fields/*.field-meta.xml"))
        entry.record_types += _roots(folder.glob("recordTypes/*.recordType-meta.xml"))


def _roots(paths: Iterable[Path]) -> Iterator[Element]:
    for path in sorted(paths):
        yield _root(path)


def _root(path: Path) -> Element:
    root = parse(path).getroot()
    if root is None:
        raise MetadataError(f"{path.name} is empty")
    return root


def _extend(kind: ObjectType, found: _Found) -> ObjectType:
    added = {made.name: made for made in map(custom_field, found.fields)}
    record_types = tuple(map(_record_type, found.record_types))
    return replace(kind, fields={**kind.fields, **added}, record_types=record_types)


def _custom_object(name: str, found: _Found, prefix: str, multi_currency: bool) -> ObjectType:
    if found.root is None:
        raise MetadataError(f"object {name} has fields but is neither a known standard object nor described")
    custom = [custom_field(element) for element in found.fields]
    detail = any(text(element, "type") == "MasterDetail" for element in found.fields)
    fields = [*system_fields(multi_currency), _name_field(found.root), *custom]
    if not detail:
        fields.insert(1, owner_field())
    return ObjectType(
        name,
        text(found.root, "label") or label_of(name),
        text(found.root, "pluralLabel") or label_of(name),
        prefix,
        {made.name: made for made in fields},
        tuple(map(_record_type, found.record_types)),
    )


def _name_field(root: Element) -> Field:
    element = root.find(f"{_NS}nameField")
    label = (text(element, "label") if element is not None else None) or "Name"
    if element is not None and text(element, "type") == "AutoNumber":
        pattern = text(element, "displayFormat") or "{0000}"
        return Field(
            "Name",
            "string",
            label,
            80,
            createable=False,
            updateable=False,
            defaulted=True,
            auto_number=pattern,
            name_field=True,
        )
    return Field("Name", "string", label, 80, defaulted=True, name_field=True)


def custom_field(element: Element) -> Field:
    """A ``CustomField`` element as a field. Raises MetadataError for a type it does not know."""
    name, declared = text(element, "fullName") or "", text(element, "type") or ""
    if declared not in _TYPES:
        raise MetadataError(f"field {name}: type {declared or '(none)'} is not supported by the sandbox")
    kind, length = _TYPES[declared]
    computed = text(element, "formula") is not None or declared in ("AutoNumber", "Summary")
    scale = number(element, "scale")
    return Field(
        name=name,
        type=kind,
        label=text(element, "label") or label_of(name),
        length=_length(kind, length, element),
        precision=number(element, "precision") or (18 if kind in ("double", "currency", "percent") else 0),
        scale=scale,
        required=flag(element, "required") or declared == "MasterDetail",
        createable=not computed,
        updateable=not computed and (declared != "MasterDetail" or flag(element, "reparentableMasterDetail")),
        unique=flag(element, "unique"),
        external_id=flag(element, "externalId"),
        id_lookup=flag(element, "externalId"),
        case_sensitive=flag(element, "caseSensitive"),
        calculated=text(element, "formula") is not None or declared == "Summary",
        auto_number=(text(element, "displayFormat") or "{0}") if declared == "AutoNumber" else None,
        defaulted=kind == "boolean" or computed,
        help=text(element, "inlineHelpText"),
        **_picklist(element),
        **_lookup(element, declared, name),
    )


def _length(kind: str, usual: int, element: Element) -> int:
    return (number(element, "length") or usual) if kind in ("string", "textarea") else usual


def _picklist(element: Element) -> dict[str, Any]:
    default = _literal(text(element, "defaultValue"))
    value_set = element.find(f"{_NS}valueSet")
    if value_set is None:
        return {"default": default}
    values = [
        (text(value, "fullName") or "", text(value, "label") or text(value, "fullName") or "")
        for value in value_set.iter(f"{_NS}value")
    ]
    chosen = [
        text(value, "fullName") for value in value_set.iter(f"{_NS}value") if text(value, "default") == "true"
    ]
    return {
        "values": tuple(values),
        "restricted": flag(value_set, "restricted"),
        "default": chosen[0] if chosen else default,
    }


def _literal(formula: str | None) -> Any:
    """A default that is a plain literal; one that is a real formula is left to Salesforce."""
    if formula is None:
        return None
    stripped = formula.strip()
    if stripped in ("true", "false"):
        return stripped == "true"
    if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in "\"'":
        return stripped[1:-1]
    try:
        return float(stripped)
    except ValueError:
        return None


def _lookup(element: Element, declared: str, name: str) -> dict[str, Any]:
    if declared not in ("Lookup", "MasterDetail"):
        return {}
    target = text(element, "referenceTo")
    if not target:
        raise MetadataError(f"field {name}: a {declared} needs referenceTo")
    children = text(element, "relationshipName")
    return {
        "reference_to": (target,),
        "relationship": name.removesuffix("__c") + "__r",
        "children": f"{children}__r" if children else None,
        "cascade": declared == "MasterDetail" or text(element, "deleteConstraint") == "Cascade",
    }


def _record_type(element: Element) -> RecordType:
    name = text(element, "fullName") or ""
    label, process = text(element, "label") or name, text(element, "businessProcess")
    return RecordType(name, label, text(element, "active") != "false", process)


def _queue(path: Path) -> Queue:
    root = _root(path)
    name = path.name.removesuffix(".queue-meta.xml")
    objects = tuple(text(entry, "sobjectType") or "" for entry in root.findall(f"{_NS}queueSobject"))
    return Queue(text(root, "fullName") or name, text(root, "name") or name, objects)


def _check_lookups(kinds: Iterable[ObjectType]) -> None:
    known = {kind.name for kind in kinds}
    for kind in kinds:
        for made in kind.fields.values():
            for target in made.reference_to:
                if target not in known:
                    raise MetadataError(f"{kind.name}.{made.name} looks up {target}, which does not exist")


def text(element: Element, name: str) -> str | None:
    return element.findtext(f"{_NS}{name}")


def number(element: Element, name: str) -> int:
    return int(text(element, name) or 0)


def flag(element: Element, name: str) -> bool:
    return text(element, name) == "true"
