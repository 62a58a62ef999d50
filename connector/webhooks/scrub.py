"""Bodies are scrubbed of secrets and card data before they are stored, whatever shape they arrive in.

Works on text, not on a parsed tree: what cannot be parsed is stored too, and must be as clean. Every pattern
is possessive or bounded, so hostile input costs no more than its length. Keys are compared without case or
punctuation: ``hostedLoginToken`` is ``hosted_login_token``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from connector.webhooks import cards

REMOVED: Final = "[removed]"

Edit = tuple[int, int, str]
"""Start, end, and what stands there instead."""

_EXACT: Final = frozenset(
    {"authorization", "cvc", "cvc2", "cvv", "cvv2", "iban", "number", "pan", "pin"}
    | {"securitycode", "sortcode", "verificationvalue"}
)
_WITHIN: Final = re.compile(
    "token|password|passwd|secret|apikey|privatekey|accountnumber|routingnumber|cardnumber"
)
_PUNCTUATION: Final = re.compile(r"[^a-z0-9]+")


def scrub(body: bytes, format_: str) -> str:
    """The body as text that PostgreSQL takes, without secrets and card numbers. Never raises."""
    text = body.decode(json.detect_encoding(body), "replace").replace("\x00", "\ufffd")
    if format_ == "xml":
        text = _scrub_xml(text)
    return text if text.lstrip("\ufeff \t\r\n").startswith("<") else _scrub_json(_without_odd_escapes(text))


@lru_cache(1024)  # a vendor's bodies have the same few keys again and again
def _is_secret(key: str) -> bool:
    word = _PUNCTUATION.sub("", key.rpartition(":")[2].lower())
    return word in _EXACT or _WITHIN.search(word) is not None


def _edited(text: str, edits: Iterable[Edit]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end, instead in edits:
        pieces += (text[done:start], instead)
        done = end
    return "".join((*pieces, text[done:])) if pieces else text


# JSON ------------------------------------------------------------------------------------------------------

_ODD_ESCAPE: Final = re.compile(
    r"\\(?:u0000|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)",
    re.S,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.S)
_STRING: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)(?:"(\s*+:\s*+)?|\\?\Z)', re.S)
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.S)
_SCALAR: Final = re.compile(r"[^\s,\]}]++")
_OF_NUMBERS: Final = frozenset("0123456789+-.eE")
_NOT_SECRET: Final = frozenset({"null", "true", "false"})


def _without_odd_escapes(text: str) -> str:
    r"""``\u0000`` and half a surrogate pair are JSON, and PostgreSQL refuses both."""
    return _ODD_ESCAPE.sub(_even, text) if "\\u" in text else text


def _even(match: re.Match[str]) -> str:
    return "\\ufffd" if len(match[0]) == len("\\u0000") else match[0]


def _scrub_json(text: str) -> str:
    clean = _edited(text, _secret_values(text))
    spans = cards.spans(_escapes_blanked(clean))
    return _edited(clean, _quoted_where_bare(clean, spans)) if spans else clean


def _secret_values(text: str) -> Iterator[Edit]:
    position = 0
    while match := _STRING.search(text, position):
        position = match.end()
        if match[2] is None or not _is_secret(_unescaped(match[1])):
            continue
        end = _value_end(text, position)
        if end > position and text[position:end] not in _NOT_SECRET:
            yield position, end, f'"{REMOVED}"'
            position = end


def _unescaped(key: str) -> str:
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], key) if "\\" in key else key


def _value_end(text: str, start: int) -> int:
    """Where the value that begins at ``start`` ends; the end of the text if it never does."""
    opening = text[start : start + 1]
    if opening in ("{", "["):
        return _container_end(text, start)
    match = (_STRING_OR_BRACKET if opening == '"' else _SCALAR).match(text, start)
    return match.end() if match else start


def _container_end(text: str, start: int) -> int:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text, start):
        depth += (match[0] in "{[") - (match[0] in "]}")
        if depth == 0:
            return match.end()
    return len(text)


def _escapes_blanked(text: str) -> str:
    r"""The same length, with blanks for escapes: the n of ``\n4111…`` is not a letter before the number."""
    return _ESCAPE.sub(lambda match: " " * len(match[0]), text) if "\\" in text else text


def _quoted_where_bare(text: str, spans: list[tuple[int, int]]) -> Iterator[Edit]:
    """A card number may be (part of) a JSON number: then all of that goes, and what stands instead needs quotes."""
    strings = _STRING.finditer(text)
    string = next(strings, None)
    done = 0
    for start, end in spans:
        while string and string.end() <= start:
            string = next(strings, None)
        if string is not None and string.start() < start:
            yield start, end, REMOVED
        elif start >= done:
            first, done = _number_around(text, start, end)
            yield first, done, f'"{REMOVED}"'


def _number_around(text: str, start: int, end: int) -> tuple[int, int]:
    while start and text[start - 1] in _OF_NUMBERS:
        start -= 1
    while end < len(text) and text[end] in _OF_NUMBERS:
        end += 1
    return start, end


# XML -------------------------------------------------------------------------------------------------------

_ELEMENT: Final = re.compile(r"<([A-Za-z_][\w.:-]*+)([^<>]*+)>")
_ATTRIBUTE: Final = re.compile(r"([A-Za-z_][\w.:-]*+)\s*+=\s*+(\"[^\"]*+\"|'[^']*+')")


def _scrub_xml(text: str) -> str:
    clean = _edited(text, _secret_parts(text))
    return _edited(clean, ((start, end, REMOVED) for start, end in cards.spans(clean)))


def _secret_parts(text: str) -> Iterator[Edit]:
    position = 0
    while match := _ELEMENT.search(text, position):
        position = match.end()
        for attribute in _ATTRIBUTE.finditer(text, match.start(2), match.end(2)):
            if _is_secret(attribute[1]):
                yield attribute.start(2), attribute.end(2), f'"{REMOVED}"'
        if _is_secret(match[1]) and not match[2].endswith("/"):
            end = text.find(f"</{match[1]}", position)
            end = len(text) if end < 0 else end
            if text[position:end].strip():
                yield position, end, REMOVED
            position = end
