"""Card numbers in running text: 13 to 19 digits, in groups or not, that a card network could have issued."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

Span = tuple[int, int]

# Digits with at most one blank or dash between two of them. Possessive: the time is linear in the text.
_RUN: Final = re.compile(r"(?<![A-Za-z0-9])[0-9](?:[ \u00a0-]?[0-9]){12,}+")
_LENGTHS: Final = range(19, 12, -1)
_FIRST_DIGITS: Final = frozenset({2, 3, 4, 5, 6})
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def spans(text: str) -> list[Span]:
    """Where the card numbers of a text begin and end, in order; those that overlap are one."""
    merged: list[Span] = []
    for run in _RUN.finditer(text):
        for start, end in _in_run(text, run.start(), run.end()):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
    return merged


def _in_run(text: str, start: int, end: int) -> Iterator[Span]:
    """A number may begin and end with any group of the run: ``22 4111 1111 1111 1111 23``."""
    places = [place for place in range(start, end) if text[place].isdigit()]
    digits = [int(text[place]) for place in places]
    even = list(accumulate((_DOUBLED[d] if n % 2 == 0 else d for n, d in enumerate(digits)), initial=0))
    odd = list(accumulate((_DOUBLED[d] if n % 2 == 1 else d for n, d in enumerate(digits)), initial=0))
    ends = _group_ends(places, in_word=text[end : end + 1].isalnum())
    for first in sorted({0, *ends}):
        starts = first < len(digits) and digits[first] in _FIRST_DIGITS
        if starts and (last := _longest(first, ends, even, odd)):
            yield places[first], places[last - 1] + 1


def _group_ends(places: list[int], in_word: bool) -> frozenset[int]:
    """How many digits there are up to the end of each group; the last counts unless a letter follows it."""
    inner = {n for n in range(1, len(places)) if places[n] - places[n - 1] > 1}
    return frozenset(inner if in_word else inner | {len(places)})


def _longest(first: int, ends: frozenset[int], even: list[int], odd: list[int]) -> int:
    """Where the longest number that begins at ``first`` ends, by Luhn's check; 0 if none does."""
    for length in _LENGTHS:
        last = first + length
        doubled = even if last % 2 == 0 else odd  # every second digit, the last one not
        if last in ends and (doubled[last] - doubled[first]) % 10 == 0:
            return last
    return 0
