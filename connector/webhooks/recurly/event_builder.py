"""Shared by the JSON and XML parsers: content of an event, its fate, and references."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.models.events import Fate, Pointer, Urgency
from connector.redaction import redact_reference, redact_text
from connector.webhooks.recurly.kinds import HANDLED, IGNORED

NO_KIND: Final = "unreadable"
"""Kind of an event whose body has none."""

_KIND: Final = re.compile(r"[A-Za-z0-9_]{1,100}(?:\.[A-Za-z0-9_]{1,100}){0,5}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBER: Final = re.compile(r"[A-Za-z0-9_./-]{1,64}")
_LONGEST_CODE: Final = 255


@dataclass(frozen=True, slots=True)
class EventContent:
    """The part of an Event that comes from its body."""

    kind: str
    fate: Fate
    urgency: Urgency = Urgency.ROUTINE
    pointers: tuple[Pointer, ...] = ()
    occurred_at: datetime | None = None
    note: str = ""


def judge(
    kind: str, point: Callable[[str], tuple[Pointer, ...]], occurred_at: datetime | None = None
) -> EventContent:
    """Content and fate of an event. ``point`` returns the pointers to an object; none if the body does not name it."""
    if reason := IGNORED.get(kind):
        return EventContent(kind, Fate.IGNORED, occurred_at=occurred_at, note=reason)
    handled = HANDLED.get(kind)
    if handled is None:
        return EventContent(
            kind, Fate.UNKNOWN, occurred_at=occurred_at, note="Casewire does not know this kind."
        )
    pointers = point(handled.object)
    if not pointers:
        return unreadable(f"It does not say which {handled.object} it is about.", kind)
    return EventContent(kind, Fate.HANDLED, handled.urgency, pointers, occurred_at)


def unreadable(note: str, kind: str = NO_KIND) -> EventContent:
    """An authentic event that cannot be parsed, kept for a person. ``note`` never quotes the body."""
    return EventContent(kind, Fate.UNREADABLE, note=note)


def is_kind(text: object) -> bool:
    return isinstance(text, str) and _KIND.fullmatch(text) is not None and redact_text(text) == text


def refs(*found: str | None) -> tuple[str, ...]:
    return tuple(ref for ref in found if ref)


def plain_id(value: object) -> str | None:
    """An id or uuid; a comma or slash would break the list of ids in the request."""
    return value if isinstance(value, str) and _ID.fullmatch(value) and _may_be_stored(value) else None


def uuid_ref(value: object) -> str | None:
    found = plain_id(value)
    return f"uuid-{found}" if found else None


def code_ref(value: object) -> str | None:
    """Account codes are the merchant's own: any printable text."""
    usable = isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _LONGEST_CODE
    return f"code-{value}" if usable and _may_be_stored(value) else None


def number_ref(value: object) -> str | None:
    """An invoice number, with its prefix if it has one (``TEST-FR1001``)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return f"number-{value}" if 0 < value < 10**18 else None
    usable = isinstance(value, str) and _NUMBER.fullmatch(value)
    return f"number-{value}" if usable and _may_be_stored(value) else None


def _may_be_stored(ref: object) -> bool:
    """False for a card number or IBAN, which is no reference; masked it would name another object."""
    return isinstance(ref, str) and redact_reference(ref) == ref
