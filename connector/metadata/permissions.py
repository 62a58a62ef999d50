"""Permission sets, queues and record types in the org, compared with ours: what a permission set grants, in words.

What the org added is its own affair; what it took away is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from connector.metadata.source_tree import local, text

INTEGRATION: Final = "Casewire_Integration"
"""The permission set of the user Casewire logs in as."""

_NAMES: Final = (
    "field",
    "object",
    "recordType",
    "tab",
    "application",
    "apexClass",
    "apexPage",
    "flow",
    "customPermission",
    "name",
)
"""Elements that name the subject of an entry; the first one present counts."""

_WORDS: Final = {
    "readable": "reading",
    "editable": "editing",
    "allowCreate": "creating",
    "allowRead": "reading",
    "allowEdit": "editing",
    "allowDelete": "deleting",
    "viewAllRecords": "viewing all records of",
    "viewAllFields": "viewing all fields of",
    "modifyAllRecords": "changing all records of",
    "enabled": "the permission",
}

Grants = Mapping[tuple[str, str, str], str]
"""(entry, about, right) → value: ``("fieldPermissions", "Case.Billing_Key__c", "editable") → "true"``."""


def grants(permission_set: Element) -> Grants:
    """Everything a permission set says, entry by entry."""
    found = {}
    for entry in permission_set:
        about = next((name for name in _NAMES if text(entry, name)), None)
        for right in entry if about else ():
            if local(right) != about:
                found[local(entry), text(entry, str(about)), local(right)] = (right.text or "").strip()
    return found


def lacking(ours: Element, theirs: Element) -> Iterator[str]:
    """A sentence for each right the org's permission set lacks."""
    has = grants(theirs)
    for (entry, about, right), value in grants(ours).items():
        if value != "false" and has.get((entry, about, right), "false") != value:
            yield f"does not grant {_right(entry, about, right, value)}"


def beyond(ours: Element, theirs: Element) -> Iterator[str]:
    """A sentence for each right that is false here and true in the org; what is not named here is not ours."""
    has = grants(theirs)
    for (entry, about, right), value in grants(ours).items():
        if value == "false" and has.get((entry, about, right)) == "true":
            yield f"also grants {_right(entry, about, right, 'true')}"


def _right(entry: str, about: str, right: str, value: str) -> str:
    if right in _WORDS:
        return f"{_WORDS[right]} {about}"
    kind = {"recordTypeVisibilities": "record type", "tabSettings": "tab"}.get(entry, entry)
    return f"{kind} {about}" if value == "true" else f"{kind} {about} as {value}"


def _queue(ours: Element, theirs: Element) -> Iterator[str]:
    has = {text(one, "sobjectType") for one in theirs.findall("{*}queueSobject")}
    for one in ours.findall("{*}queueSobject"):
        if text(one, "sobjectType") not in has:
            yield f"may not own records of {text(one, 'sobjectType')}"


def _record_type(ours: Element, theirs: Element) -> Iterator[str]:
    offered = _offered(theirs)
    for picklist, values in _offered(ours).items():
        lacking = [value for value in values if value not in offered.get(picklist, ())]
        if lacking:
            yield f"does not offer {', '.join(lacking)} in {picklist}"
    if text(theirs, "active") == "false" and text(ours, "active") == "true":
        yield "is not active"
    if text(ours, "businessProcess") != text(theirs, "businessProcess"):
        yield f"follows the process {text(theirs, 'businessProcess')}, must follow {text(ours, 'businessProcess')}"


def _offered(record_type: Element) -> dict[str, list[str]]:
    """Picklist → values. An org may write a value encoded as in an address."""
    return {
        text(one, "picklist"): [unquote(text(value, "fullName")) for value in one.findall("{*}values")]
        for one in record_type.findall("{*}picklistValues")
    }


LACKING: Final[Mapping[str, Callable[[Element, Element], Iterator[str]]]] = {
    "PermissionSet": lacking,
    "Queue": _queue,
    "RecordType": _record_type,
}
"""Type → the sentences for what the org's component lacks. Only these are read whole: one call each."""
