"""What a delivery becomes: events, each with its fate and the objects it points to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from connector.models.facts import ProcessorObject


class Fate(StrEnum):
    """What Casewire does with an event; decided once, when it is received, and always visible."""

    HANDLED = "handled"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


class Urgency(IntEnum):
    """Which work goes first; the smaller, the sooner."""

    DISPUTE = 0
    FAILURE = 1
    ROUTINE = 2


@dataclass(frozen=True, slots=True)
class Pointer:
    """One object an event says may have changed.

    ``object``: ``account | subscription | invoice | payment | credit_payment``, or a processor's ``Kind``.
    ``refs``: the forms under which its vendor finds it, best first. A plain id comes first where it is
    known (it can be fetched in a list of 200); then ``code-``, ``uuid-`` or ``number-`` forms.
    """

    object: str
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing a source says happened. Unique by ``(source, site, event_id)``.

    ``content``: a digest of what the event says, in hex. The same id with other content is another event; "" where the
    id alone decides. ``signed_at``: when it was signed, where the source signs its body and a time but not its id; then
    the content with that time identifies it, whatever the id. ``transmission``: what the source signs in place of the
    body itself; one transmission brings one content. Which source has which: ``docs/decisions/0031-replay.md``.

    ``body`` is already redacted. ``strong_id`` is False where the identity is a
    digest of the body (Recurly XML): the same bytes may then truly happen twice, so a duplicate is worked
    again, though never shown twice. ``note`` says why an event is ignored or what could not be read.
    ``carried``: what a processor's event says of its objects (Recurly's says nothing: they are fetched); then
    ``pointers`` name the same objects.
    """

    source: str
    site: str
    event_id: str
    kind: str
    fate: Fate
    urgency: Urgency
    occurred_at: datetime | None
    pointers: tuple[Pointer, ...]
    body: str
    format: str
    strong_id: bool = True
    note: str = ""
    carried: tuple[ProcessorObject, ...] = ()
    content: str = ""
    signed_at: datetime | None = None
    transmission: str = ""
