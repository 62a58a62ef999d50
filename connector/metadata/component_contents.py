"""What is inside a component of ours in the org: permission sets, queues and record types, which Casewire leans on.

Whatever the org added is its own affair; what it took away is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from connector.metadata import permissions
from connector.metadata.source_tree import text


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
    "PermissionSet": permissions.lacking,
    "Queue": _queue,
    "RecordType": _record_type,
}
"""Type → the sentences for what the org's component lacks. Only these are read whole: one call each."""
