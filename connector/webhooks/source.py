"""The interface of a source: vendors differ in how a delivery becomes events."""

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
    """Verifies and parses the deliveries of one vendor, with the secrets of one site."""

    @property
    def name(self) -> str:
        """The name in ``/webhooks/<source>`` and in the ledger."""
        ...

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """Verify, then parse. A batch gives many events, an empty batch none.

        An authentic delivery is never refused: one that cannot be read becomes an event with the fate UNREADABLE.
        Rejected for all others, with the status that this vendor expects.
        """
        ...


@runtime_checkable
class HandshakeSource(Protocol):
    """A source whose vendor verifies the address by GET: it must prove that it knows the secret."""

    def challenge(self, query: Mapping[str, str]) -> str:
        """The response, as plain text. Rejected (400) if it is no challenge of this vendor."""
        ...


class Recorded(Protocol):
    """Numbers of new and of duplicate events of a delivery."""

    @property
    def accepted(self) -> int: ...

    @property
    def duplicates(self) -> int: ...


class Recording(Protocol):
    """Events that are being committed."""

    def when_done(self, call: Callable[[], None]) -> None:
        """Register ``call``, which is called once, in any thread, when ``result`` is available."""
        ...

    def result(self) -> Recorded:
        """Wait for the commit; raises if it failed."""
        ...


class Inbox(Protocol):
    """Records events."""

    def record(self, events: Sequence[Event]) -> Recording: ...
