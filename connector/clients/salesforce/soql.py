"""Queries: quoting, and IN lists cut so that the address stays short enough to be answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote_plus

LONGEST_URI: Final = 14_000
"""Salesforce answers 414 or 431 at about 16,000 bytes of address and headers."""

_ESCAPES: Final = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)


def quoted(text: str) -> str:
    """A SOQL string literal."""
    return f"'{text.translate(_ESCAPES)}'"


def key_queries(prefix: str, field: str, keys: Iterable[str], suffix: str = "") -> Iterator[str]:
    """``{prefix} WHERE {field} IN (…) {suffix}``, as many as needed for all keys, each key once."""
    head, tail = f"{prefix} WHERE {field} IN (", f") {suffix}".rstrip()
    room = LONGEST_URI - _size(head + tail)
    chunk: list[str] = []
    used = 0
    for literal in dict.fromkeys(map(quoted, keys)):
        size = _size(literal + ",")
        if chunk and used + size > room:
            yield head + ",".join(chunk) + tail
            chunk, used = [], 0
        chunk.append(literal)
        used += size
    if chunk:
        yield head + ",".join(chunk) + tail


def _size(text: str) -> int:
    return len(quote_plus(text))
