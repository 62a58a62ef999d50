"""Events of payment processors, which contain their objects, and are marked as live or test.

Each source parses its own format (its ``parse.py``); the fate is decided here, the same for all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from connector.mappers.safe_parse import currency, end_of_day, epoch, items, major, minor, moment, part, word
from connector.models.events import Event, Fate, Pointer, Urgency
from connector.models.facts import Kind, ProcessorObject
from connector.redaction import redact_body, redact_reference, redact_text
from connector.webhooks.source import Delivery

__all__ = [
    "Handled",
    "Kinds",
    "ParsedEvent",
    "Unreadable",
    "content_digest",
    "currency",
    "end_of_day",
    "epoch",
    "event",
    "items",
    "json_object",
    "major",
    "minor",
    "moment",
    "need",
    "part",
    "unreadable",
    "word",
]

NO_KIND: Final = "unreadable"
"""Kind of an event whose body has none."""

Carry = Callable[[], tuple[ProcessorObject, ...]]


class Handled(NamedTuple):
    """``object``: the main object of an event of this kind; it can contain others."""

    object: Kind
    urgency: Urgency = Urgency.ROUTINE


class Kinds(NamedTuple):
    """The two tables of a source: handled kind → main object; ignored kind → reason. All others are unknown."""

    handled: Mapping[str, Handled]
    ignored: Mapping[str, str]


class Unreadable(Exception):
    """The event is authentic but lacks required data. ``str(error)`` never quotes the body."""


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """One event in a delivery. ``content``: as in ``Event``. ``live``: None if the source does not
    report it. ``carry`` reads the objects; called only for a handled kind, and may raise Unreadable."""

    event_id: str
    kind: str
    occurred_at: datetime | None
    live: bool | None
    carry: Carry
    strong_id: bool = True
    content: str = ""


def event(
    delivery: Delivery, parsed: ParsedEvent, kinds: Kinds, text: bytes, format_: str, *, live: bool
) -> Event:
    """The event with its fate. ``text``: the part to store, which is redacted. ``live``: the mode of this
    installation."""
    fate, note, carried = _judged(parsed, kinds, live)
    handled = kinds.handled.get(parsed.kind) if fate is Fate.HANDLED else None
    return Event(
        source=delivery.source,
        site=delivery.site,
        event_id=redact_reference(parsed.event_id),
        kind=redact_text(parsed.kind),
        fate=fate,
        urgency=handled.urgency if handled else Urgency.ROUTINE,
        occurred_at=parsed.occurred_at,
        pointers=_pointers(carried),
        body=redact_body(text, format_),
        format=format_,
        strong_id=parsed.strong_id,
        note=note,
        carried=carried,
        content=parsed.content,
    )


def unreadable(delivery: Delivery, event_id: str, note: str, format_: str, kind: str = NO_KIND) -> Event:
    """An authentic event that cannot be parsed, kept for a person. ``note`` never quotes the body."""
    return Event(
        source=delivery.source,
        site=delivery.site,
        event_id=event_id,
        kind=kind,
        fate=Fate.UNREADABLE,
        urgency=Urgency.ROUTINE,
        occurred_at=None,
        pointers=(),
        body=redact_body(delivery.body, format_),
        format=format_,
        note=note,
    )


def _judged(parsed: ParsedEvent, kinds: Kinds, live: bool) -> tuple[Fate, str, tuple[ProcessorObject, ...]]:
    if parsed.live is not None and parsed.live != live:
        mine, other = ("live", "test") if live else ("test", "live")
        return (
            Fate.IGNORED,
            f"A {other} event: this installation works only {mine} events (CASEWIRE_MODE).",
            (),
        )
    if reason := kinds.ignored.get(parsed.kind):
        return Fate.IGNORED, reason, ()
    handled = kinds.handled.get(parsed.kind)
    if handled is None:
        return Fate.UNKNOWN, "Casewire does not know this kind.", ()
    try:
        carried = parsed.carry()
    except Unreadable as error:
        return Fate.UNREADABLE, str(error), ()
    if not carried:
        return Fate.UNREADABLE, f"It does not say which {handled.object} it is about.", ()
    return Fate.HANDLED, "", carried


def _pointers(carried: tuple[ProcessorObject, ...]) -> tuple[Pointer, ...]:
    return tuple(dict.fromkeys(Pointer(str(one.kind), (one.id,)) for one in carried))


def content_digest(content: bytes | object) -> str:
    """Digest by which events with the same id are compared: of bytes, or of a JSON value in canonical order."""
    if not isinstance(content, bytes):
        try:
            content = json.dumps(content, sort_keys=True).encode()
        except RecursionError:
            raise Unreadable("It is nested too deeply.") from None
    return hashlib.sha256(content).hexdigest()


# Required parts of a body ----------------------------------------------


def json_object(body: bytes) -> dict[str, Any]:
    """A body as a JSON object. Unreadable with the position of the error."""
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise Unreadable(f"It is not JSON (line {error.lineno}, column {error.colno}).") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, a number of 5,000 digits, 100,000 brackets
        raise Unreadable(f"It is not JSON that can be read ({type(error).__name__}).") from None
    if not isinstance(found, dict):
        raise Unreadable("It is JSON, but not an object.")
    return found


def need(value: object, what: str) -> str:
    """A required value."""
    found = word(value)
    if found is None:
        raise Unreadable(f"It does not say {what}.")
    return found
