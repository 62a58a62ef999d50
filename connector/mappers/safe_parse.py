"""Reading what somebody else says, without trusting it: what is not as it should be is None, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from connector.mappers import money

LONGEST: Final = 255
"""Ids and words longer than this are none."""

LARGEST: Final = 10**15


def part(value: object) -> Mapping[str, Any]:
    """An object inside an object; nothing where it is not one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; nothing where it is not one."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def word(value: object) -> str | None:
    """An id, code or short text: printable, of sensible length, without blanks around it."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**30 else None
    if not isinstance(value, str):
        return None
    trimmed = value.strip()
    return trimmed if trimmed and len(trimmed) <= LONGEST and trimmed.isprintable() else None


def currency(value: object) -> str | None:
    found = word(value)
    return found.upper() if found and len(found) == 3 and found.isascii() and found.isalpha() else None


def minor(value: object, code: str | None, exponent: int | None = None) -> Decimal | None:
    """An amount in minor units (cents) as one in major units, without its sign. ``exponent``: how many decimals
    the source counts for this currency where that differs from ISO 4217."""
    if code is None or isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        cents = Decimal(value)
    except InvalidOperation:
        return None
    if not cents.is_finite() or abs(cents) >= LARGEST:
        return None
    places = money.exponent(code) if exponent is None else exponent
    return money.amount(abs(cents).scaleb(-places), code)


def major(value: object, code: str | None) -> Decimal | None:
    """An amount in major units (``49.00``), without its sign. Without a currency it is as it was given."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) >= LARGEST:
        return None
    return money.amount(abs(amount), code) if code else abs(amount)


def epoch(value: object) -> datetime | None:
    """A Unix time in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def moment(value: object) -> datetime | None:
    """An ISO 8601 time; one without an offset is UTC. More than six decimals are cut."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def end_of_day(value: object) -> datetime | None:
    """A day (``2026-11-30``) as its last second, UTC: until then an answer is in time."""
    found = moment(value)
    return found.replace(hour=23, minute=59, second=59, microsecond=0) if found else None


def parse_salesforce_time(text: str | None) -> datetime | None:
    """``2026-05-01T07:25:37.000+0000`` as an aware time; None stays None."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z") if text else None
