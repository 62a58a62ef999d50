"""``POST /__sandbox__/books``: one entry of a processor's books is taken out, changed, or put in; nothing is announced.

The body says ``source``, ``object`` (charge, refund, dispute), ``id``, and ``do``:

- ``remove``;
- ``change``, with ``set``: the fields of ``sandbox/processors/objects.py`` that differ;
- ``add``, with ``set``: all of its fields that have no default.

Amounts are texts in major units, times ISO 8601 with an offset. The answer is the entry as it is now (or was), as
``GET records/<object>`` shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sandbox.processors.objects import STATUSES, Charge, Dispute, Refund
from sandbox.processors.sources import SOURCES
from sandbox.processors.store import Store

Entry = Charge | Refund | Dispute

_OBJECTS: Final[Mapping[str, type[Entry]]] = {kind.object: kind for kind in (Charge, Refund, Dispute)}
_NAMES: Final = ("source", "id")


def edit(store: Store, body: Any) -> Entry:
    """Raises ValueError for a body that asks for what cannot be, LookupError where there is no such entry."""
    order = _order(body)
    kind, source, id_ = _OBJECTS[order["object"]], order["source"], order["id"]
    known = store.get(kind, source, id_)
    given = _read(kind, order.get("set") or {})
    if order["do"] == "add":
        if known is not None:
            raise ValueError(f"{source} has a {kind.object} {id_} already")
        return _put(store, _made(kind, source=source, id=id_, **given))
    if known is None:
        raise LookupError(f"{source} has no {kind.object} {id_}")
    if order["do"] == "remove":
        store.remove(known)
        return known
    return _put(store, replace(known, **given))


def _order(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise ValueError("the body must be an object")
    _one_of("do", body.get("do"), ("remove", "change", "add"))
    _one_of("object", body.get("object"), tuple(_OBJECTS))
    _one_of("source", body.get("source"), tuple(SOURCES))
    if not isinstance(body.get("id"), str) or not body["id"]:
        raise ValueError("id must be a text")
    if not isinstance(body.get("set") or {}, dict):
        raise ValueError("set must be an object")
    return body


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}")


def _put(store: Store, entry: Entry) -> Entry:
    _one_of("status", entry.status, tuple(sorted(STATUSES[entry.object])))
    return store.put(entry)


def _made(kind: type[Entry], **given: Any) -> Entry:
    needed = (one.name for one in fields(kind) if one.default is MISSING)
    if missing := [name for name in needed if name not in given]:
        raise ValueError(f"set lacks {', '.join(missing)}")
    return kind(**given)


def _read(kind: type[Entry], given: Mapping[str, Any]) -> dict[str, Any]:
    types = {one.name: str(one.type) for one in fields(kind) if one.name not in _NAMES}
    if unknown := sorted(set(given) - set(types)):
        raise ValueError(f"a {kind.object} has no {unknown[0]} to set; it has {', '.join(types)}")
    return {name: _value(name, types[name], value) for name, value in given.items()}


def _value(name: str, type_: str, value: Any) -> Any:
    wanted, _, nothing = type_.partition(" | ")
    if value is None and nothing:
        return None
    try:
        return _READERS[wanted](value)
    except (TypeError, ValueError, InvalidOperation):
        raise ValueError(f"{name} must be {_SHOWN[wanted]}, not {value!r}") from None


def _amount(value: Any) -> Decimal:
    found = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    if not found.is_finite() or found < 0:
        raise ValueError
    return found


def _time(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(UTC).replace(microsecond=0)


def _of_type(wanted: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not wanted:
            raise TypeError
        return value

    return read


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "Decimal": _amount,
    "datetime": _time,
    "str": _of_type(str),
    "int": _of_type(int),
    "bool": _of_type(bool),
}
_SHOWN: Final = {
    "Decimal": 'an amount as a text ("12.50")',
    "datetime": "a time with an offset (2026-11-03T12:00:00Z)",
    "str": "a text",
    "int": "a whole number",
    "bool": "true or false",
}
