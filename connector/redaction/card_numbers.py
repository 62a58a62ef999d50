"""Card numbers in plain text: digits in groups or not, that pass the Luhn check and that a card network issues.

A match must satisfy three conditions: the Luhn check, an issuer range with its length, and a grouping that people use.
One in ten random numbers passes the Luhn check, so the check alone would destroy references.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

SEPARATOR: Final = (
    r"[\s\u00ad\u00b7\u034f\u180e\u200b-\u200f\u2010-\u2015\u2022\u2043\u2060-\u2064\u2212\ufe58\ufe63\ufeff\uff0d"
    r"\-._/+*]"
)
"""Separators between the digits: blanks of any width, dashes, dots, slashes, underscores, the plus
of a form."""

_RUN: Final = re.compile(rf"\d(?:{SEPARATOR}{{0,3}}+\d){{11,}}+")
_RUN_ASCII: Final = re.compile(r"[0-9](?:[\s\-._/+*]{0,3}+[0-9]){11,}+", re.ASCII)
"""At least twelve digits. Possessive: the time is linear in the text. Most text is ASCII, and then this costs half."""

_LENGTHS: Final = range(19, 11, -1)
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_CARD_GROUPS: Final = frozenset({(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4)})
_BLANKS_AND_DASHES: Final = re.compile(r"(?:(?![._/*])" + SEPARATOR + r")+")
_UUID: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![0-9A-Za-z])"
)
_HEX: Final = re.compile(r"[0-9a-f]*[a-f][0-9a-f]*|[0-9A-F]*[A-F][0-9A-F]*")
_HEX_LENGTHS: Final = frozenset({24, 32, 40, 48, 56, 64, 96, 128})
_WORD: Final = re.compile(r"[0-9A-Za-z]*")
_AROUND: Final = 128


@dataclass(frozen=True, slots=True)
class CardNumber:
    """Where a card number stands. ``bare``: without separators, so it could be a reference as well; ``grouped``: in the
    groups that are printed on cards."""

    start: int
    end: int
    bare: bool
    grouped: bool


@dataclass(frozen=True, slots=True)
class _Range:
    """Numbers that begin with ``low`` to ``high``. ``usual``: the lengths that are accepted beside a letter too."""

    low: str
    high: str
    lengths: frozenset[int]
    usual: frozenset[int] = frozenset()

    def holds(self, number: str) -> bool:
        return self.low <= number[: len(self.low)] <= self.high and len(number) in self.lengths


def _range(low: str, high: str, lengths: Sequence[int], usual: Sequence[int] = (16, 19)) -> _Range:
    return _Range(low, high, frozenset(lengths), frozenset(usual))


_ISSUED: Final = (
    _range("4", "4", (13, 16, 18, 19)),  # Visa
    _range("51", "55", (16,)),  # Mastercard
    _range("2221", "2720", (16,)),
    _range("34", "34", (15,), (15,)),  # American Express
    _range("37", "37", (15,), (15,)),
    _range("6011", "6011", range(16, 20)),  # Discover
    _range("644", "65", range(16, 20)),
    _range("300", "305", range(14, 20), (14, 16)),  # Diners Club
    _range("3095", "3095", range(14, 20), (14, 16)),
    _range("36", "36", range(14, 20), (14, 16)),
    _range("38", "39", range(14, 20), (14, 16)),
    _range("3528", "3589", range(16, 20)),  # JCB
    _range("1800", "1800", (15,), ()),
    _range("2131", "2131", (15,), ()),
    _range("62", "62", range(16, 20)),  # UnionPay
    _range("81", "81", range(16, 20)),  # UnionPay, RuPay
    _range("2200", "2204", range(16, 20)),  # Mir
    _range("60", "60", (16,)),  # RuPay, Hipercard, UkrCard
    _range("63", "64", (16, 18, 19)),  # InterPayment, InstaPayment, Elo, Maestro UK
    _range("9792", "9792", (16,)),  # Troy
    *(  # Maestro
        _range(low, high, range(12, 20), ())
        for low, high in (
            *(("5018", "5018"), ("5020", "5020"), ("5038", "5038"), ("5893", "5893"), ("6304", "6304")),
            *(("6759", "6759"), ("6761", "6763")),
        )
    ),
    _range("50", "50", range(16, 20), ()),  # Maestro, Verve, Elo
    _range("56", "58", range(16, 20), ()),
    _range("67", "67", range(16, 20), ()),
)
"""Issuer ranges with the lengths issued in them, as the networks publish them (ISO/IEC 7812). A short number needs a
narrow range: a wide one would take references and telephone numbers."""


def find(text: str) -> list[CardNumber]:
    """The card numbers of a text, in order; those that overlap are one."""
    merged: list[CardNumber] = []
    for run in (_RUN_ASCII if text.isascii() else _RUN).finditer(text):
        for number in _in_run(text, run.start(), run.end()):
            if merged and number.start < merged[-1].end:
                last = merged[-1]
                bare = last.bare and number.bare
                merged[-1] = CardNumber(
                    last.start, max(last.end, number.end), bare, last.grouped or number.grouped
                )
            else:
                merged.append(number)
    return merged


def _in_run(text: str, start: int, end: int) -> Iterator[CardNumber]:
    """A number begins and ends with any group of the run: ``22 4111 1111 1111 1111 23``."""
    places = [place for place in range(start, end) if text[place].isdecimal()]
    digits = [int(text[place]) for place in places]
    even = list(accumulate((_DOUBLED[d] if n % 2 == 0 else d for n, d in enumerate(digits)), initial=0))
    odd = list(accumulate((_DOUBLED[d] if n % 2 == 1 else d for n, d in enumerate(digits)), initial=0))
    inner = [n for n in range(1, len(places)) if places[n] - places[n - 1] > 1]
    ends = frozenset((*inner, len(places)))
    for first in (0, *inner):
        for length in _LENGTHS:
            last = first + length
            doubled = even if last % 2 == 0 else odd  # every second digit, the last one not
            if last in ends and (doubled[last] - doubled[first]) % 10 == 0:
                number = _number(text, places[first:last], digits[first:last])
                if number:
                    yield number
                    break


def _number(text: str, places: Sequence[int], digits: Sequence[int]) -> CardNumber | None:
    """The candidate, which passes the Luhn check, if an issuer and a usual grouping confirm it."""
    start, end = places[0], places[-1] + 1
    written = "".join(map(str, digits))
    issued = [one for one in _ISSUED if one.holds(written)]
    if not issued or _is_telephone(text, start, len(digits)) or _is_fraction(text, start):
        return None
    groups, separators = _grouping(text, places)
    one = len(groups) == 1
    if not one and not _is_usual(groups, separators):
        return None
    beside_letter = _is_letter(text[start - 1 : start]) or _is_letter(text[end : end + 1])
    if beside_letter and one and not any(len(written) in network.usual for network in issued):
        return None
    if _in_identifier(text, start, end):
        return None
    bare = one and text[start:end].isascii()
    return CardNumber(start, end, bare, not bare and (one or groups in _CARD_GROUPS))


def _grouping(text: str, places: Sequence[int]) -> tuple[tuple[int, ...], list[str]]:
    groups, separators = [1], list[str]()
    for before, place in pairwise(places):
        if place - before == 1:
            groups[-1] += 1
        else:
            groups.append(1)
            separators.append(text[before + 1 : place])
    return tuple(groups), separators


def _is_usual(groups: Sequence[int], separators: Sequence[str]) -> bool:
    """Between blanks and dashes any grouping counts. Dots, slashes and the like also stand between amounts, dates and
    versions: there, only groups of one size, those printed on cards, and a number in two parts."""
    if all(_BLANKS_AND_DASHES.fullmatch(one) for one in separators):
        return True
    equal = len(set(groups[:-1])) == 1 and (groups[-1] <= groups[0] or len(groups) > 6)
    return equal or tuple(groups) in _CARD_GROUPS or len(groups) == 2


def _is_telephone(text: str, start: int, length: int) -> bool:
    """``+49…``: an international telephone number has at most 15 digits."""
    return (
        length <= 15 and text[start - 1 : start] == "+" and not text[max(start - 2, 0) : start - 1].isalnum()
    )


def _is_fraction(text: str, start: int) -> bool:
    """``0.4111…``: the decimals of a rate."""
    return (
        text[max(start - 2, 0) : start] == "0." and not text[max(start - 3, 0) : max(start - 2, 0)].isalnum()
    )


def _is_letter(letter: str) -> bool:
    return letter.isalpha()


def _in_identifier(text: str, start: int, end: int) -> bool:
    """Whether the digits are part of a UUID or of a hexadecimal digest."""
    first, last = max(start - _AROUND, 0), end + _AROUND
    before = _WORD.match(text[first:start][::-1])
    after = _WORD.match(text, end, last)
    left = start - (before.end() if before else 0)
    right = after.end() if after else end
    if right - left in _HEX_LENGTHS and _HEX.fullmatch(text, left, right):
        return True
    return any(
        uuid.start() < end and start < uuid.end()
        for uuid in _UUID.finditer(text, max(start - 40, 0), end + 40)
    )
