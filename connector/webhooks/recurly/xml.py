"""Parses an XML body to the same content as JSON. Fat and unsigned: it contains the objects, but no time, no site and
no event id. Only references are read; the objects themselves are fetched.

Bombs, external entities and document types are refused by defusedxml before anything is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connector.models.events import Fate, Pointer
from connector.webhooks.recurly.event_builder import (
    NO_KIND,
    EventContent,
    code_ref,
    is_kind,
    judge,
    number_ref,
    refs,
    unreadable,
    uuid_ref,
)
from connector.webhooks.recurly.kinds import IGNORED, XML_ROOTS
from connector.webhooks.source import Delivery

_SPACE_AND_MARKS: Final = b" \t\r\n\xef\xbb\xbf\xff\xfe\x00"
_PRERENEWAL: Final = "prerenewal_notification"
"""Root element of a dozen kinds, which ``<notification_type>`` distinguishes."""

_ROOT: Final = re.compile(rb"(?:<\?[^>]{0,200}\?>)?\s{0,200}<([a-z_]{1,100})[\s/>]")


def looks_like_xml(delivery: Delivery) -> bool:
    """By its first character or content type. Both formats are authenticated, so a false type gains nothing."""
    if delivery.body[:64].lstrip(_SPACE_AND_MARKS).startswith(b"<"):
        return True
    return "xml" in delivery.headers.get("content-type", "").lower()


def read(body: bytes) -> EventContent:
    """Content of an XML body. Never raises."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except ParseError as error:
        return _malformed(body, "line {}, column {}".format(*error.position))
    except DefusedXmlException as error:
        return unreadable(f"It is XML that is never expanded ({type(error).__name__}).")
    except (ValueError, LookupError) as error:  # an encoding that does not exist
        return _malformed(body, type(error).__name__)
    kind = _kind(root)
    return judge(kind, lambda object_: _point(object_, root)) if is_kind(kind) else unreadable(_NAMELESS)


_NAMELESS: Final = "Its root element is not the name of a notification."


def _malformed(body: bytes, place: str) -> EventContent:
    """Note for a malformed body. Recurly's samples for external subscriptions are malformed, and are ignored."""
    match = _ROOT.match(body.lstrip(_SPACE_AND_MARKS))
    kind = XML_ROOTS.get(match[1].decode(), NO_KIND) if match else NO_KIND
    if reason := IGNORED.get(kind):
        return EventContent(kind, Fate.IGNORED, note=reason)
    return unreadable(f"It is not well-formed XML ({place}).", kind)


def _kind(root: Element) -> str:
    name = str(root.tag)
    subtype = _text(root, "notification_type") if name == _PRERENEWAL else ""
    name = f"{name}.{subtype}" if subtype else name
    return XML_ROOTS.get(name, name)


def _point(object_: str, root: Element) -> tuple[Pointer, ...]:
    """Pointers: the main object of the kind, then the other objects in the body, which may have changed too."""
    found = {name: named for name, read_refs in _REFS.items() if (named := read_refs(root))}
    if object_ not in found:
        return ()
    others = [name for name in found if name != object_]
    return tuple(Pointer(name, found[name]) for name in (object_, *others))


def _payment(root: Element) -> tuple[str, ...]:
    return refs(uuid_ref(_text(root, "transaction/uuid") or _text(root, "transaction/id")))


def _invoice(root: Element) -> tuple[str, ...]:
    # The invoice's uuid is of the old API: the current one finds an invoice by id or number only.
    number = _text(root, "invoice/invoice_number")
    return refs(number_ref(f"{_text(root, 'invoice/invoice_number_prefix')}{number}")) if number else ()


_REFS: Final[Mapping[str, Callable[[Element], tuple[str, ...]]]] = {
    "payment": _payment,
    "invoice": _invoice,
    "subscription": lambda root: refs(uuid_ref(_text(root, "subscription/uuid"))),
    "credit_payment": lambda root: refs(uuid_ref(_text(root, "credit_payment/uuid"))),
    "account": lambda root: refs(code_ref(_text(root, "account/account_code"))),
}


def _text(root: Element, path: str) -> str:
    """Text of an element, even with ``nil="true"``: Recurly sends both together."""
    return (root.findtext(path) or "").strip()
