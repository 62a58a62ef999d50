"""What a source is: the one thing that differs between vendors is how a delivery becomes events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from connector.models.events import Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request from a source. ``headers`` have lower-case names; ``body`` is what was signed."""

    source: str
    site: str
    body: bytes
    headers: Mapping[str, str]
    received_at: datetime


class Source(Protocol):
    """A vendor's way of signing and of saying what happened, with the secrets of one site."""

    @property
    def name(self) -> str:
        """The name in ``/webhooks/<source>`` and in the ledger."""
        ...

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """Verify, then parse. A batch gives many events, an empty batch none.

        What is authentic is never refused: what cannot be read is an event with the fate UNREADABLE.
        Raises Rejected for everything else, with the status this vendor expects.
        """
        ...


@runtime_checkable
class HandshakeSource(Protocol):
    """A source whose vendor first asks the address, by GET, to prove that it knows the secret."""

    def challenge(self, query: Mapping[str, str]) -> str:
        """The answer, as plain text. Raises Rejected (400) for what is no challenge of this vendor."""
        ...


class Recorded(Protocol):
    """How many events of a delivery were new, and how many the ledger already had."""

    @property
    def accepted(self) -> int: ...

    @property
    def duplicates(self) -> int: ...


class Recording(Protocol):
    """Events that are being committed."""

    def when_done(self, call: Callable[[], None]) -> None:
        """Have ``call`` called once, by any thread, when ``result`` will not wait."""
        ...

    def result(self) -> Recorded:
        """Waits for the commit; raises when there was none."""
        ...


class Inbox(Protocol):
    """Where events are recorded."""

    def record(self, events: Sequence[Event]) -> Recording: ...
