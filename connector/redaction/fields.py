"""Redaction of frozen dataclasses: their texts are redacted when the value is made, so no value can hold card data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from functools import lru_cache
from typing import Any

from connector.redaction.keys import is_reference
from connector.redaction.text import SHORTEST, redact_reference, redact_text, redact_value


@lru_cache(64)
def _fields(shape: type, references: Collection[str]) -> tuple[tuple[str, bool], ...]:
    return tuple((one.name, one.name in references or is_reference(one.name)) for one in fields(shape))


def redact_fields(value: Any, references: frozenset[str] = frozenset()) -> None:
    """Redact every text of a dataclass in place, from its ``__post_init__``. ``references``: the fields that identify
    something, beside those whose names say so. Pairs of texts are a key and its value."""
    for name, identifies in _fields(type(value), references):
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
