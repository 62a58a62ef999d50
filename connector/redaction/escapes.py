"""Text as a reader sees it, with the way back: ``4111%201111`` and ``4111\\u00a01111`` are ``4111 1111``.

A card number that is written with escapes is found in the decoded text and removed from the original.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from html.entities import html5
from typing import Final

_NEXT: Final = r"%[89abAB][0-9a-fA-F]"
_ESCAPE: Final = re.compile(
    r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)"
    rf"|%(?:[cCdD][0-9a-fA-F]{_NEXT}|[eE][0-9a-fA-F](?:{_NEXT}){{2}}|[0-9a-fA-F]{{2}})"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});",
    re.S,
)
_MARKS: Final = ("\\", "%", "&")
_SHORT: Final = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " "}
_LEVELS: Final = 4
"""The text itself, and three levels of escapes, as JSON in a JSON string in a query string."""


class View:
    """A text with its escapes decoded some times over. ``original`` gives the place of a character in the source."""

    def __init__(self, text: str, rounds: tuple[tuple[list[int], list[int]], ...] = ()) -> None:
        self.text = text
        self._rounds = rounds

    def original(self, place: int) -> int:
        """Where the character at ``place`` begins in the source."""
        for here, there in reversed(self._rounds):
            at = bisect_right(here, place) - 1
            place = there[at] + (place - here[at])
        return place

    def decoded(self) -> View | None:
        """The same with one more level of escapes decoded; None where there is none."""
        if not any(mark in self.text for mark in _MARKS):
            return None
        pieces: list[str] = []
        here, there = [0], [0]
        length = done = 0
        for match in _ESCAPE.finditer(self.text):
            letter = _decoded(match[0])
            if letter is None:
                continue
            literal = self.text[done : match.start()]
            length += len(literal)
            pieces += (literal, letter)
            here += (length, length + 1)
            there += (match.start(), match.end())
            length += 1
            done = match.end()
        if not pieces:
            return None
        return View("".join((*pieces, self.text[done:])), (*self._rounds, (here, there)))


def views(text: str) -> Iterator[View]:
    """The text as it is, then with its escapes decoded level by level. All are needed: what one level shows another may
    destroy (``%B4111…`` begins a magnetic stripe, and is an escape)."""
    view: View | None = View(text)
    for _ in range(_LEVELS):
        if view is None:
            return
        yield view
        view = view.decoded()


def unescaped(text: str) -> str:
    """The text with all its escapes decoded."""
    return list(views(text))[-1].text


def _decoded(escape: str) -> str | None:
    """The one character an escape stands for; None for what is no escape."""
    if escape[0] == "\\":
        if len(escape) > 2:
            return chr(int(escape[2:], 16))
        return _SHORT.get(escape[1], escape[1])
    if escape[0] == "%":
        letter = bytes.fromhex(escape.replace("%", "")).decode(errors="replace")
        return letter if len(letter) == 1 else "\ufffd"
    if escape[1] != "#":
        named = html5.get(escape[1:])
        return named if named is not None and len(named) == 1 else None
    number = int(escape[3:-1], 16) if escape[2] in "xX" else int(escape[2:-1])
    return chr(number) if 0 < number < 0x110000 else None
