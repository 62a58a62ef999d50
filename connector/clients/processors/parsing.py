"""Parsing helpers that all processor clients share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from connector.mappers import money, safe_parse
from connector.mappers.safe_parse import LARGEST, currency, items, part, word
from connector.models.facts import Kind, ProcessorObject

__all__ = ["amount", "currency", "ending", "ids", "items", "moment", "must_list", "part", "second", "word"]


def amount(value: object, code: str | None, shift: int = 0) -> Decimal | None:
    """An amount in major units without its sign. ``shift``: how many decimals are hidden in a whole number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        found = abs(Decimal(str(value).strip())).scaleb(-shift)
    except InvalidOperation:
        return None
    if not found.is_finite() or found >= LARGEST:
        return None
    return money.amount(found, code) if code else found


def moment(value: object) -> datetime | None:
    """A time as an ISO 8601 text, a Unix time, or a datetime; one without an offset is UTC."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    return safe_parse.epoch(value) if isinstance(value, int) else safe_parse.moment(value)


def ending(what: str | None, number: object) -> str | None:
    """How something was paid: ``Visa ending 4242``. Never more than four characters of a number."""
    last = (word(number) or "")[-4:]
    return f"{what} ending {last}" if what and last else what


def ids(item: ProcessorObject, kinds: Iterable[str]) -> tuple[str, ...]:
    """Under which ids the payment of an object may be found: its references, and its own id where it is (or goes
    by the id of) the payment. ``kinds``: for which of them that is so."""
    own = (item.id,) if item.kind in kinds else ()
    return tuple(dict.fromkeys((*item.references, *own)))


def second(moment: datetime) -> int:
    """The first whole second that is not before it, as a Unix time: for a window, from either end, of objects whose
    times have whole seconds."""
    return math.ceil(moment.timestamp())


def must_list(kind: Kind, lists: Iterable[Kind]) -> None:
    """Raises ValueError for a kind the processor cannot list."""
    if kind not in lists:
        raise ValueError(f"this processor lists no {kind}")
