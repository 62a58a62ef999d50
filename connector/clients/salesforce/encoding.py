"""Values as Salesforce reads them, in JSON and CSV.

Amounts are written digit by digit from their Decimal: through a float 0.1 + 0.2 would arrive as
0.30000000000000004. Key order is kept: Salesforce wants ``attributes`` first in a nested record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal


def to_json(value: object) -> str:
    """JSON text. Floats and naive times are refused: both would say something that was not meant."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_text(str(key))}:{to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "[" + ",".join(map(to_json, value)) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    text = plain(value)
    return _text(text) if isinstance(value, str | date) else text


def plain(value: object) -> str:
    """A value's text without quotes, the same in JSON and CSV. What cannot be exact is refused."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written to Salesforce")


def timestamp(moment: datetime) -> str:
    """``2026-05-01T07:25:37.000Z``: UTC, to the millisecond, which is what a Date/Time field keeps."""
    if moment.tzinfo is None:
        raise ValueError("a time without its zone cannot be written to Salesforce")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not an amount")
    return f"{value:f}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
