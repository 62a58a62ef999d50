"""LIKE: patterns with ``%`` at their ends are told by text, many of one field at once; others by regular expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from sandbox.salesforce.soql.grammar import unquoted

_AFFIX: Final = re.compile(r"'(?=%|[^']*%')(%?)([^%_\\']*)(%?)'", re.DOTALL)


def is_affix(quoted: str) -> bool:
    """Whether a pattern is ``%text``, ``text%`` or ``%text%``, as most are."""
    return _AFFIX.fullmatch(quoted) is not None


def any_affix(quoted: Sequence[str], same: Callable[[str], str]) -> Callable[[str], bool]:
    """A test whether a text fits one of such patterns; ``same`` makes texts equal that differ by case only."""
    parts = [found.groups() for pattern in quoted if (found := _AFFIX.fullmatch(pattern))]
    ends = tuple(same(text) for open_start, text, open_end in parts if open_start and not open_end)
    starts = tuple(same(text) for open_start, text, open_end in parts if open_end and not open_start)
    inside = tuple(same(text) for open_start, text, open_end in parts if open_start and open_end)

    def fits(value: str) -> bool:
        plain = same(value)
        return plain.endswith(ends) or plain.startswith(starts) or any(text in plain for text in inside)

    return fits


def wild(quoted: str, case_sensitive: bool) -> Callable[[str], bool]:
    """A test whether a text fits a pattern of any kind."""
    parts = re.findall(r"\\.|[^\\]", quoted[1:-1], re.DOTALL)
    signs = {"%": ".*", "_": "."}
    text = "".join(signs.get(part) or re.escape(unquoted(f"'{part}'")) for part in parts)
    pattern = re.compile(text, re.DOTALL if case_sensitive else re.DOTALL | re.IGNORECASE)
    return lambda value: pattern.fullmatch(value) is not None
