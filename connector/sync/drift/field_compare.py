"""Compare a value in Salesforce with the expected value, as a field of that type stores it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from connector.mappers.org_schema import OrgField
from connector.models.plan import Change, Lookup, Parent, Value
from connector.sync.apply.row_diff import Record, encode, relationship
from connector.sync.drift.org_reader import SalesforceRecord
from connector.sync.drift.owned_fields import NUMBERS, Owned

Ids = Mapping[Record, str]
"""The Salesforce ids of records, as far as they are known."""


def compared(change: Change, held: SalesforceRecord, ids: Ids, owned: Owned) -> dict[str, Any]:
    """Field → what Salesforce says, as the mirror would keep it; where that is the same, exactly as it should say it.

    A field that can't be compared is not in it."""
    found: dict[str, Any] = {}
    for name, value in {**change.fields, **change.parents}.items():
        link = owned.links.get((change.object, name))
        field = owned.field(change.object, name)
        if link is not None and field is not None:
            found[name] = _lookup(name, value, held, link[1], ids)
        elif field is not None:
            wanted, is_there = encode(value), held.data.get(name)
            found[name] = wanted if same(wanted, is_there, field) else told(is_there, field)
    return found


def _lookup(name: str, value: Value | Lookup | Parent, held: SalesforceRecord, key: str, ids: Ids) -> Any:
    """By the key of the record it leads to; if that has lost its key, by its id."""
    id_ = held.data.get(name)
    named = (held.data.get(relationship(name)) or {}).get(key)
    is_it = isinstance(value, Parent) and id_ and ids.get((value.object, value.key), "")[:15] == id_[:15]
    return encode(value) if is_it or str(named) == encode(value) else named or id_


def same(wanted: Any, held: Any, field: OrgField) -> bool:
    """``wanted``: as the mirror keeps it; ``held``: as it was read. Numbers by their field's decimals, times by the
    second, a checkbox that was never set is not checked, and text without what Salesforce adds or takes off."""
    return bool(_normal(wanted, field) == _normal(held, field))


def told(held: Any, field: OrgField) -> Any:
    """What was read, as the mirror would keep it."""
    found = _normal(held, field, exact=True)
    return encode(found) if isinstance(found, Decimal | datetime | date) else found


def _normal(value: Any, field: OrgField, *, exact: bool = False) -> Any:
    if field.type == "boolean":
        return value in (True, "true")
    if value is None or value == "":
        return None
    if field.type in NUMBERS or field.type == "int":
        return _number(value, field, exact)
    if exact and field.type not in ("datetime", "date"):
        return value
    read: Callable[[Any], Any] = _READ.get(field.type, _text)
    return read(value)


def _number(value: Any, field: OrgField, exact: bool) -> Decimal:
    number = Decimal(str(value))
    return number if exact else number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(str(value)).astimezone(UTC).replace(microsecond=0)


def _day(value: Any) -> date:
    return date.fromisoformat(str(value)[:10])


def _text(value: Any) -> str | None:
    """Salesforce takes off spaces at the ends, and a text area may come back with other line ends than were sent."""
    return str(value).replace("\r\n", "\n").replace("\r", "\n").strip() or None


def _email(value: Any) -> str | None:
    """Salesforce may keep addresses in small letters."""
    return (_text(value) or "").casefold() or None


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {"datetime": _moment, "date": _day, "email": _email}
