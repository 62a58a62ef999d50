"""Redaction of frozen dataclasses: their texts are redacted when the value is made, so no value can hold card data."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from typing import Any

from connector.redaction.keys import is_reference
from connector.redaction.text import SHORTEST, redact_reference, redact_text, redact_value

_FIELDS: dict[type, tuple[tuple[str, bool], ...]] = {}
"""The fields of a dataclass, and whether each identifies something; a shape has the same few again and again."""
_ARE_REDACTED: ContextVar[bool] = ContextVar("are_redacted", default=False)


@contextmanager
def redacted_before() -> Iterator[None]:
    """Make values from the ledger's own rows, which were redacted when they were written. Redacting them again would be
    four fifths of the time of reading a snapshot."""
    token = _ARE_REDACTED.set(True)
    try:
        yield
    finally:
        _ARE_REDACTED.reset(token)


def _fields(value: Any, references: Collection[str]) -> tuple[tuple[str, bool], ...]:
    found = tuple((one.name, one.name in references or is_reference(one.name)) for one in fields(value))
    _FIELDS[type(value)] = found
    return found


def redact_fields(value: Any, references: frozenset[str] = frozenset()) -> None:
    """Redact every text of a dataclass in place, from its ``__post_init__``. ``references``: the fields that identify
    something, beside those whose names say so. Pairs of texts are a key and its value."""
    if _ARE_REDACTED.get():
        return
    for name, identifies in _FIELDS.get(type(value)) or _fields(value, references):
        before = getattr(value, name)
        if type(before) is str:
            if len(before) < SHORTEST:
                continue
            after: object = redact_reference(before) if identifies else redact_text(before)
        elif type(before) is tuple and before:
            after = tuple(_item(item, identifies) for item in before)
        else:
            continue
        if after != before:
            object.__setattr__(value, name, after)


def _item(item: Any, identifies: bool) -> Any:
    if isinstance(item, str):
        return redact_reference(item) if identifies else redact_text(item)
    if isinstance(item, tuple) and len(item) == 2 and all(isinstance(part, str) for part in item):
        return redact_text(item[0]), redact_value(item[0], item[1])
    return item
