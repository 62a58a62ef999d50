"""A declared field against the same field as an org describes it: what would make Casewire's writes fail or differ.

https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/customfield.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element

from connector.metadata.source_tree import text

Described = Mapping[str, Any]

_TYPES: Final = {
    "AutoNumber": "string",
    "Checkbox": "boolean",
    "Currency": "currency",
    "Date": "date",
    "DateTime": "datetime",
    "Email": "email",
    "EncryptedText": "encryptedstring",
    "Hierarchy": "reference",
    "Html": "textarea",
    "LongTextArea": "textarea",
    "Lookup": "reference",
    "MasterDetail": "reference",
    "MultiselectPicklist": "multipicklist",
    "Number": "double",
    "Percent": "percent",
    "Phone": "phone",
    "Picklist": "picklist",
    "Text": "string",
    "TextArea": "textarea",
    "Time": "time",
    "Url": "url",
}
"""The type of the Metadata API → the type of a describe. One that is not here is not compared."""

_OPPOSITES: Final = {
    "externalId": ("is not an external id", "is an external id"),
    "unique": ("is not unique", "is unique"),
    "caseSensitive": ("takes Acme and ACME for the same", "takes Acme and ACME for different"),
}
_SIZES: Final = ("length", "precision", "scale")


def differences(declared: Element, described: Described) -> Iterator[str]:
    """A sentence for each difference that matters, ``length is 40, must be 255``. Labels are notes, not here."""
    yield from _type(declared, described)
    if described["type"] != _TYPES.get(text(declared, "type"), described["type"]):
        return
    yield from _formula(declared, described)
    if not text(declared, "formula"):
        yield from _sizes(declared, described)
        yield from _switches(declared, described)
        yield from _required(declared, described)
    yield from _target(declared, described)
    yield from _picklist(declared, described)


def relabelled(declared: Element, described: Described) -> str | None:
    """The sentence for a changed label."""
    label, own = described.get("label"), text(declared, "label")
    return None if not own or label == own else f"is called {label!r} in the org, {own!r} here"


def _type(declared: Element, described: Described) -> Iterator[str]:
    wanted = _TYPES.get(text(declared, "type"))
    if wanted is not None and described["type"] != wanted:
        yield f"is of type {described['type']}, must be {text(declared, 'type')} ({wanted})"


def _formula(declared: Element, described: Described) -> Iterator[str]:
    formula = text(declared, "formula")
    if bool(formula) != bool(described.get("calculated")) and text(declared, "type") != "Summary":
        yield "is not calculated, must be a formula" if formula else "is a formula, must be a field to write"
    told = described.get("calculatedFormula")
    if formula and told and "".join(formula.split()) != "".join(str(told).split()):
        yield "has another formula"


def _sizes(declared: Element, described: Described) -> Iterator[str]:
    for name in _SIZES:
        wanted = text(declared, name)
        if wanted and int(described.get(name) or 0) != int(wanted):
            yield f"{name} is {described.get(name) or 0}, must be {wanted}"


def _switches(declared: Element, described: Described) -> Iterator[str]:
    """Case sensitivity means something only where the field is unique."""
    for name, (off, on) in _OPPOSITES.items():
        wanted, has = text(declared, name) == "true", bool(described.get(name))
        if wanted != has and (name != "caseSensitive" or text(declared, "unique") == "true"):
            yield on + ", must not" if has else off + ", must"


def _required(declared: Element, described: Described) -> Iterator[str]:
    """Somebody made it required: every write that leaves it out would be refused."""
    may_be_empty = text(declared, "type") not in ("AutoNumber", "Checkbox", "MasterDetail", "Summary")
    if may_be_empty and text(declared, "required") != "true" and described.get("nillable") is False:
        yield "is required, must not be"


def _target(declared: Element, described: Described) -> Iterator[str]:
    """A target the user may not see is left out of the describe: that is a right, not a difference."""
    wanted, found = text(declared, "referenceTo"), described.get("referenceTo") or ()
    if wanted and found and wanted not in found:
        yield f"looks up {', '.join(found)}, must look up {wanted}"


def _picklist(declared: Element, described: Described) -> Iterator[str]:
    """Values the org has beside ours are its own affair."""
    value_set = declared.find("{*}valueSet")
    if value_set is None:
        return
    active = {str(one["value"]) for one in described.get("picklistValues") or () if one.get("active")}
    lacking = [text(one, "fullName") for one in value_set.iter() if _is_value(one)]
    lacking = [value for value in lacking if value not in active]
    if lacking:
        yield f"lacks the value{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}"
    if described.get("restrictedPicklist") and text(value_set, "restricted") != "true":
        yield "takes only the values of its list, must take any"


def _is_value(element: Element) -> bool:
    inactive = text(element, "isActive") == "false"
    return str(element.tag).endswith("}value") and bool(text(element, "fullName")) and not inactive
