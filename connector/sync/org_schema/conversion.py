"""Convert a value to what a field of the org can store. Total: a value that does not fit becomes ``Unfit``, never an
error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Final

from connector.mappers.field_limits import LINE, line, page, utf16_length
from connector.mappers.org_schema import OrgField
from connector.mappers.records.contact import is_address
from connector.models.plan import Lookup, Value
from connector.policy import Mapped

Known = str | int | Decimal | bool | datetime | date | tuple[str, ...] | None


class ConversionError(Exception):
    """The value is none of this type, or not one of the field's; the text says which."""


_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0"})
_YEARS: Final = range(1700, 4001)
"""What Salesforce takes as a date."""


def converted(value: Known, mapped: Mapped, target: OrgField, zone: tzinfo = UTC) -> Value | Lookup:
    """None where nothing is known; the day of a moment is that of the zone. Raises Unfit."""
    if value is None or value == () or (isinstance(value, str) and not value.strip()):
        return None
    if mapped.lookup is not None:
        key = _plain(value).strip()
        if utf16_length(key) > LINE:
            raise ConversionError("longer than an external id")
        return Lookup(mapped.lookup.object, mapped.lookup.key, key)
    return _date(value, zone) if mapped.type == "date" else _AS[mapped.type](value, target)


def _text(value: Known, target: OrgField) -> Value:
    told, length = _plain(value), target.length or LINE
    if target.type == "email" and not (is_address(told) and utf16_length(told) <= length):
        raise ConversionError("not an e-mail address")
    return page(told, length) if target.type == "textarea" else line(told, length)


def _number(value: Known, target: OrgField) -> Value:
    try:
        number = Decimal(_plain(value).strip())
    except InvalidOperation:
        raise ConversionError("not a number") from None
    if isinstance(value, bool) or not number.is_finite():
        raise ConversionError("not a number")
    digits = 15 if target.digits is None else target.digits
    if abs(number) >= Decimal(10) ** min(digits, 15):
        raise ConversionError("too large a number")
    return int(number.to_integral_value()) if target.type == "int" else round(number, max(target.scale, 0))


def _date(value: Known, zone: tzinfo) -> Value:
    """What is a day, or a time of no zone, stays that day."""
    moment = _moment(value)
    told = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    zoned = isinstance(told, datetime) and told.tzinfo is not None
    return moment.astimezone(zone).date() if zoned else moment.date()


def _datetime(value: Known, target: OrgField) -> Value:
    return _moment(value)


def _moment(value: Known) -> datetime:
    """A day is its beginning in UTC; so is a time of no zone."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ConversionError("not a date") from None
    if not isinstance(value, datetime) or value.year not in _YEARS:
        raise ConversionError("not a date")
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


def _picklist(value: Known, target: OrgField) -> Value:
    told = _plain(value).strip()
    if told not in target.values:
        raise ConversionError("not a value of the picklist")
    return told


def _checkbox(value: Known, target: OrgField) -> Value:
    told = _plain(value).strip().casefold()
    if told not in _TRUE | _FALSE:
        raise ConversionError("neither yes nor no")
    return told in _TRUE


_AS: Final[Mapping[str, Callable[[Known, OrgField], Value]]] = {
    "text": _text,
    "number": _number,
    "datetime": _datetime,
    "picklist": _picklist,
    "checkbox": _checkbox,
}


def _plain(value: Known) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case datetime() | date():
            return value.isoformat()
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)
