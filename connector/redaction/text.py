"""Redaction of single values: running text, references, and values whose key is known.

Idempotent: redacting twice changes nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from connector.redaction import patterns
from connector.redaction.escapes import unescaped, views
from connector.redaction.keys import is_reference, is_secret
from connector.redaction.patterns import Finding, Kind

REMOVED: Final = "[removed]"

Edit = tuple[int, int, str]
"""Start, end, and the replacement."""

SHORTEST: Final = 7
"""``CVV 123``: nothing shorter is removed."""

_SHORTEST_NUMBER: Final = 12
_HARMLESS: Final = re.compile(r"[^\d=:$!%&\\]*+")
"""Neither digits nor what stands in credentials and escapes: most names, states and sentences. Left to look for
are a private key and a token of letters. Every fact is checked when it is made, so the common case has to be cheap."""


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with these parts replaced; they come in order and do not overlap."""
    pieces: list[str] = []
    done = 0
    for start, end, replacement in edits:
        pieces += (text[done:start], replacement)
        done = end
    return "".join((*pieces, text[done:])) if pieces else text


def findings(text: str) -> list[Finding]:
    """Parts of ``text`` that must not be stored, also those written with escapes."""
    found: list[Finding] = []
    for level, view in enumerate(views(text)):
        here = patterns.find(view.text)
        if level:
            here = [
                Finding(view.original(one.start), view.original(one.end), one.kind, one.grouped)
                for one in here
            ]
        found += here
    return patterns.without_overlaps(found) if len(found) > 1 else found


def redact_text(text: str) -> str:
    """Text that people or vendors wrote, without card numbers, tracks, IBANs, CVVs and credentials."""
    if len(text) < SHORTEST or (_HARMLESS.fullmatch(text) and "earer" not in text and "-----" not in text):
        return text
    return edited(text, ((one.start, one.end, REMOVED) for one in findings(text)))


def redact_reference(text: str) -> str:
    """A value that identifies something at a vendor. Digits without separators are kept, even when they could be
    a card number: of random references, one in fifty could. What cannot be a reference is masked rather than removed,
    so that two values stay two: a card number in printed groups, an IBAN.

    Both sides of a comparison go through this function, so equal references stay equal.
    """
    if len(text) < _SHORTEST_NUMBER or (text.isalnum() and text.isascii() and not patterns.may_be_iban(text)):
        return text
    return edited(
        text, ((one.start, one.end, _mask(one, text)) for one in findings(text) if not may_stay(one, text))
    )


def may_stay(finding: Finding, reference: str) -> bool:
    """Whether this part of a reference may be one. Running text is no reference."""
    if finding.kind not in (Kind.CARD, Kind.REFERENCE_LIKE) or finding.grouped:
        return False
    return not any(letter.isspace() for letter in reference)


def _mask(finding: Finding, text: str) -> str:
    written = unescaped(text[finding.start : finding.end])
    if finding.kind is Kind.IBAN:
        letters = "".join(letter for letter in written if letter.isalnum())
        return f"{letters[:4]}xxxx{letters[-4:]}"
    digits = "".join(str(int(letter)) for letter in written if letter.isdecimal())
    is_number = finding.kind is not Kind.CREDENTIAL and 12 <= len(digits) <= 19
    return f"{digits[:6]}{'x' * (len(digits) - 10)}{digits[-4:]}" if is_number else REMOVED


def redact_value(key: str, value: Any) -> Any:
    """A value as JSON knows it, redacted as its key demands, with everything inside it."""
    if isinstance(value, str):
        if is_secret(key):
            return REMOVED if value else value
        return redact_reference(value) if is_reference(key) else redact_text(value)
    if isinstance(value, Mapping):
        return {redact_text(name): redact_value(name, inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(key, inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and not is_reference(key):
        written = str(value) if abs(value) < 10**40 else ""
        return value if redact_text(written) == written else REMOVED
    return value
