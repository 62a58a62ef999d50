"""One JSON value for one field: checked, and made what Salesforce would store and give back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from sandbox.salesforce.errors import RowError, RowRefused, unreadable
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.schema import Field

_EMAIL: Final = re.compile(r"[^@\s,;<>()\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+")
_ZONE: Final = re.compile(r"([+-]\d\d)(\d\d)$")


def stored(field: Field, value: Any) -> Any:
    """The value as Salesforce keeps it; ``value`` is not None.

    Raises RowRefused for what fails a row, RequestRefused (JSON_PARSER_ERROR) for a value of the wrong JSON
    type, which fails the request it came in.
    """
    return _READERS[field.type](field, value)


def salesforce_time(moment: datetime) -> str:
    """``2026-05-01T07:25:37.000+0000``: UTC, milliseconds."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def parse_time(text: str) -> datetime | None:
    """An ISO date and time; one without a zone is UTC. None if it is not one."""
    if len(text) < 16 or text[10] not in "Tt ":
        return None
    try:
        moment = datetime.fromisoformat(_ZONE.sub(r"\1:\2", text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _wrong_type(field: Field, value: Any) -> Exception:
    tokens = {bool: f"VALUE_{str(value).upper()}", str: "VALUE_STRING", int: "VALUE_NUMBER_INT"}
    tokens |= {float: "VALUE_NUMBER_FLOAT", dict: "START_OBJECT", list: "START_ARRAY"}
    token = tokens.get(type(value), "VALUE_NULL")
    shown = "" if isinstance(value, dict | list) else f" value {value}"
    wanted = {"datetime": "datetime", "reference": "id"}.get(field.type, field.type)
    return unreadable(
        f"Cannot deserialize instance of {wanted} from {token}{shown} "
        f"or request may be missing a required field at [line:1, column:1]"
    )


def _refused(field: Field, code: str, message: str) -> RowRefused:
    return RowRefused(RowError(code, message, (field.name,)))


def _text(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _wrong_type(field, value)
    kept = value.rstrip() if field.type == "textarea" else value.strip()
    length = len(kept) if kept.isascii() else len(kept.encode("utf-16-le")) // 2
    if field.length and length > field.length:
        shown = kept if len(kept) <= 80 else kept[:80] + "..."
        raise _refused(
            field,
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {shown} (max length={field.length})",
        )
    return kept or None


def _email(field: Field, value: Any) -> str | None:
    kept = _text(field, value)
    if kept and not _EMAIL.fullmatch(kept):
        raise _refused(field, "INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {kept}")
    return kept


def _picklist(field: Field, value: Any) -> str | None:
    kept = _text(field, value)
    if field.restricted and kept is not None and all(kept != known for known, _ in field.values):
        if field.name == "CurrencyIsoCode":
            raise _refused(field, "INVALID_CURRENCY_ISO", f"{field.label}: invalid currency ISO code: {kept}")
        raise _refused(
            field,
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.label}: bad value for restricted picklist field: {kept}",
        )
    return kept


def _multipicklist(field: Field, value: Any) -> str | None:
    kept = _text(field, value)
    for part in (kept or "").split(";") if kept else ():
        _picklist(field, part)
    return kept


def _decimal(field: Field, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong_type(field, value)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise _wrong_type(field, value) from None
    if not number.is_finite():
        raise _wrong_type(field, value)
    return number


def _number(field: Field, value: Any) -> float:
    """Digits beyond the scale are rounded away; too many before the point are refused."""
    number = _decimal(field, value)
    if abs(number) >= Decimal(10) ** (field.precision - field.scale):
        raise _refused(
            field,
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: value outside of valid range on numeric field: {value}",
        )
    return float(number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP))


def _int(field: Field, value: Any) -> int:
    number = _decimal(field, value)
    if number != number.to_integral_value():
        raise _wrong_type(field, value)
    if abs(number) > 2_147_483_647:
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        raise _refused(field, "NUMBER_OUTSIDE_VALID_RANGE", message)
    return int(number)


def _boolean(field: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _wrong_type(field, value)


def _date(field: Field, value: Any) -> str | None:
    if value == "":
        return None
    day = parse_date(value) if isinstance(value, str) else None
    if day is None:
        raise _wrong_type(field, value)
    return day.isoformat()


def _datetime(field: Field, value: Any) -> str | None:
    if value == "":
        return None
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None:
        raise _wrong_type(field, value)
    return salesforce_time(moment)


def _reference(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _wrong_type(field, value)
    if value == "":
        return None
    found = normal_id(value)
    if found is None:
        raise _refused(field, "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}")
    return found


_READERS: Final[dict[str, Callable[[Field, Any], Any]]] = {
    "string": _text,
    "textarea": _text,
    "url": _text,
    "phone": _text,
    "email": _email,
    "picklist": _picklist,
    "multipicklist": _multipicklist,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "int": _int,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "reference": _reference,
    "id": _reference,
}
