"""Redacts bodies of deliveries in any format before they are stored.

This works on text, not on a parsed tree: what cannot be parsed is stored too, and must be as clean. Every pattern is
possessive or bounded, so hostile input costs no more than its length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from connector.redaction.escapes import unescaped
from connector.redaction.keys import is_reference, is_secret
from connector.redaction.patterns import Finding
from connector.redaction.text import REMOVED, Edit, edited, findings, may_stay

_BLANK: Final = "\ufeff \t\r\n"


def redact_body(body: bytes, format_: str) -> str:
    """The body as text that PostgreSQL takes, without secrets, card data and bank data. Never raises."""
    text = body.decode(json.detect_encoding(body), "replace").replace("\x00", "\ufffd")
    if format_ == "xml":
        return _redact_xml(text)
    if text.lstrip(_BLANK).startswith("<"):  # not JSON, whatever the source is: an error page, or a trick
        text = _redact_xml(text)
    return _redact_json(_without_odd_escapes(text))


# JSON ------------------------------------------------------------------------------------------------------

_ODD_ESCAPE: Final = re.compile(
    r"\\(?:u0000|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)",
    re.S,
)
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


def _redact_json(text: str) -> str:
    clean = edited(text, _secret_values(text))
    found = findings(clean)
    return edited(clean, _json_edits(clean, found)) if found else clean


def _secret_values(text: str) -> Iterator[Edit]:
    position = 0
    while match := _STRING.search(text, position):
        position = match.end()
        if match[2] is None or not is_secret(_plain(match[1])):
            continue
        end = _value_end(text, position)
        if end > position and text[position:end] not in _NOT_SECRET:
            yield position, end, f'"{REMOVED}"'
            position = end


def _plain(key: str) -> str:
    return unescaped(key) if "\\" in key else key


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


def _json_edits(text: str, found: list[Finding]) -> Iterator[Edit]:
    """In a string the finding is replaced; a JSON number that holds one goes whole, and its replacement needs quotes.
    ``key``: of the value that the finding stands in, so that references may stay."""
    strings = _STRING.finditer(text)
    string = next(strings, None)
    key = ""
    done = 0
    for one in found:
        while string is not None and string.end() <= one.start:
            if string[2] is not None:
                key = _plain(string[1])
            string = next(strings, None)
        inside = string is not None and string.start() < one.start
        if inside and string is not None:
            if string[2] is not None or not _is_kept(one, key, string[1]):
                yield one.start, one.end, REMOVED
        elif one.start >= done:
            first, last = _number_around(text, one.start, one.end)
            if not _is_kept(one, key, text[first:last]):
                done = last
                yield first, last, f'"{REMOVED}"'


def _is_kept(finding: Finding, key: str, value: str) -> bool:
    """Digits without separators under the key of a reference, where the value is no running text."""
    return is_reference(key) and may_stay(finding, value)


def _number_around(text: str, start: int, end: int) -> tuple[int, int]:
    while start and text[start - 1] in _OF_NUMBERS:
        start -= 1
    while end < len(text) and text[end] in _OF_NUMBERS:
        end += 1
    return start, end


# XML -------------------------------------------------------------------------------------------------------

_ELEMENT: Final = re.compile(r"<([A-Za-z_][\w.:-]*+)([^<>]*+)>")
_ATTRIBUTE: Final = re.compile(r"([A-Za-z_][\w.:-]*+)\s*+=\s*+(\"[^\"]*+\"|'[^']*+')")


_LONGEST_REFERENCE: Final = 512


def _redact_xml(text: str) -> str:
    clean = edited(text, _secret_parts(text))
    found = findings(clean)
    return edited(clean, _xml_edits(clean, found)) if found else clean


def _secret_parts(text: str) -> Iterator[Edit]:
    position = 0
    while match := _ELEMENT.search(text, position):
        position = match.end()
        for attribute in _ATTRIBUTE.finditer(text, match.start(2), match.end(2)):
            if is_secret(attribute[1]):
                yield attribute.start(2), attribute.end(2), f'"{REMOVED}"'
        if is_secret(match[1]) and not match[2].endswith("/"):
            end = text.find(f"</{match[1]}", position)
            end = len(text) if end < 0 else end
            if text[position:end].strip():
                yield position, end, REMOVED
            position = end


def _xml_edits(text: str, found: list[Finding]) -> Iterator[Edit]:
    elements = _ELEMENT.finditer(text)
    element = next(elements, None)
    key, begins = "", 0
    for one in found:
        while element is not None and element.end() <= one.start:
            key, begins = element[1], element.end()
            element = next(elements, None)
        ends = text.find("<", one.end, one.end + _LONGEST_REFERENCE)
        value = text[max(begins, one.start - _LONGEST_REFERENCE) : ends if ends >= 0 else one.end]
        if ends < 0 or not _is_kept(one, key, value.strip()):
            yield one.start, one.end, REMOVED
