"""The objects of all processors, found by source and id."""

from __future__ import annotations

import threading
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

from sandbox.processors.objects import Charge, Dispute, FraudWarning, Mandate, Payout, Refund, Thing

OBJECTS: Final = ("charge", "refund", "dispute", "payout", "fraud_warning", "mandate")
T = TypeVar("T", Charge, Refund, Dispute, Payout, FraudWarning, Mandate)


class Store:
    """Every read and write is atomic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str, str], Thing] = {}

    def put(self, thing: T) -> T:
        """Add it, or keep its new version in its old place."""
        with self._lock:
            self._rows[thing.object, thing.source, thing.id] = thing
        return thing

    def get(self, kind: type[T], source: str, id_: str) -> T | None:
        with self._lock:
            return cast("T | None", self._rows.get((kind.object, source, id_)))

    def must(self, kind: type[T], source: str, id_: str) -> T:
        found = self.get(kind, source, id_)
        if found is None:
            raise KeyError(f"{source} {kind.object} {id_}")
        return found

    def all(self, kind: type[T]) -> list[T]:
        """In the order in which they came."""
        with self._lock:
            return [thing for thing in self._rows.values() if isinstance(thing, kind)]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """In the order in which they came. Raises LookupError for an object no processor has."""
        if name not in OBJECTS:
            raise LookupError(f"unknown object {name}; one of {', '.join(OBJECTS)}")
        with self._lock:
            found = [thing for (object_, _, _), thing in self._rows.items() if object_ == name]
        return [{field: _plain(value) for field, value in asdict(thing).items()} for thing in found]

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
