"""Salesforce record ids: 15 case-sensitive characters plus three that make them safe where case is lost."""

from __future__ import annotations

from typing import Final

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_INSTANCE: Final = "Cw"
MASTER_RECORD_TYPE: Final = "012000000000000AAA"


def suffix(fifteen: str) -> str:
    """Three characters, one for each five of the id, telling which of them are upper case."""
    marks = ""
    for start in (0, 5, 10):
        chunk = fifteen[start : start + 5]
        marks += _CHECK[sum(1 << place for place, char in enumerate(chunk) if "A" <= char <= "Z")]
    return marks


def make_id(prefix: str, number: int) -> str:
    """The id of the ``number``-th record of an object; the same number gives the same id."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    fifteen = f"{prefix}{_INSTANCE}{digits.rjust(10, '0')}"
    return fifteen + suffix(fifteen)


def normal_id(text: str) -> str | None:
    """The 18-character form of a 15- or 18-character id; None if it is neither."""
    if not text.isascii() or not text.isalnum():
        return None
    if len(text) == 15:
        return text + suffix(text)
    if len(text) == 18 and suffix(text[:15]) == text[15:].upper():
        return text[:15] + text[15:].upper()
    return None


def key_prefix(number: int) -> str:
    """The prefix of the ``number``-th custom object: a00, a01, …"""
    return "a" + _BASE62[number // 62] + _BASE62[number % 62]
