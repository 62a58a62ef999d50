"""What a processor says, and the way it is put into one HTTP request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from sandbox.processors.objects import Charge, Thing

T = TypeVar("T", bound=Thing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing a source says. ``id``: its own id for it; None where it gives none (Braintree, Adyen).

    ``payload``: a JSON value, or XML as text; what it told of is as it was then.
    """

    source: str
    kind: str
    id: str | None
    object_id: str
    at: datetime
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One HTTP request: an event, or several of one source. ``lane``: the account it is about."""

    id: str
    lane: str
    events: tuple[Event, ...]

    @property
    def source(self) -> str:
        return self.events[0].source


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened: when, to what, to which payment. ``draw(n, alphabet)`` gives n characters of chance."""

    at: datetime
    thing: Thing
    charge: Charge | None
    draw: Callable[[int, str], str]

    def the(self, kind: type[T]) -> T:
        assert isinstance(self.thing, kind)
        return self.thing

    def payment(self) -> Charge:
        """The payment it is about, which may be the thing itself."""
        found = self.thing if isinstance(self.thing, Charge) else self.charge
        assert found is not None
        return found


Telling = Callable[[Moment], Event]
"""How a source tells of one kind of happening."""

Signed = tuple[Mapping[str, str], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A processor: ``says`` is all it can tell of; ``keys`` are what its endpoint must be configured with.

    ``request`` writes events as one HTTP request and signs it for this moment. ``batches``: whether that may hold
    several. ``endpoint`` holds the keys and, where given, what else the source knows.
    """

    name: str
    says: Mapping[str, Telling]
    keys: frozenset[str]
    request: Callable[[tuple[Event, ...], Mapping[str, str]], Signed]
    batches: bool = False
    may: frozenset[str] = frozenset()


def minor(amount: Decimal, currency: str) -> int:
    """An amount in the currency's smallest unit."""
    places = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "JOD": 3}.get(currency, 2)
    return int(amount.scaleb(places))
