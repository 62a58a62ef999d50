"""The objects of all processors, found by source and id."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

from sandbox.processors.objects import Thing

OBJECTS: Final = ("charge", "refund", "dispute", "payout", "fraud_warning", "mandate")
T = TypeVar("T", bound=Thing)

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)


class Store:
    """Every read and write is atomic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str, str], Thing] = {}
        self._by_time: dict[tuple[str, str], list[Thing]] = {}

    def put(self, thing: T) -> T:
        """Add it, or keep its new version in its old place."""
        with self._lock:
            self._rows[thing.object, thing.source, thing.id] = thing
            self._by_time.pop((thing.object, thing.source), None)
        return thing

    def remove(self, thing: Thing) -> None:
        """As if it had never been."""
        with self._lock:
            del self._rows[thing.object, thing.source, thing.id]
            self._by_time.pop((thing.object, thing.source), None)

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

    def created(
        self, kind: type[T], source: str, since: datetime = _BEGINNING, until: datetime = _END
    ) -> list[T]:
        """What a source holds of one kind, created from ``since`` to before ``until``, the oldest first."""
        with self._lock:
            found = self._in_order(kind.object, source)
        first, last = (bisect_left(found, moment, key=_created_at) for moment in (since, until))
        return cast("list[T]", found[first:last])

    def _in_order(self, name: str, source: str) -> list[Thing]:
        """Put in order once, until something changes: a list is asked for page by page."""
        if (name, source) not in self._by_time:
            found = [row for (of, by, _), row in self._rows.items() if (of, by) == (name, source)]
            self._by_time[name, source] = sorted(found, key=_created_at)
        return self._by_time[name, source]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """In the order in which they came. Raises LookupError for an object no processor has."""
        if name not in OBJECTS:
            raise LookupError(f"unknown object {name}; one of {', '.join(OBJECTS)}")
        with self._lock:
            found = [thing for (object_, _, _), thing in self._rows.items() if object_ == name]
        return [plain(thing) for thing in found]

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()
            self._by_time.clear()


def _created_at(thing: Thing) -> datetime:
    return thing.created_at


def plain(thing: Thing) -> dict[str, Any]:
    """As the control plane shows it."""
    return {field: _plain(value) for field, value in asdict(thing).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
