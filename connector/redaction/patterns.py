"""Card and bank data and credentials in plain text, recognised by their shape alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connector.redaction import card_numbers
from connector.redaction.card_numbers import SEPARATOR, CardNumber


class Kind(StrEnum):
    """Kind of a finding. ``REFERENCE_LIKE``: a card number without separators, which may also be a reference."""

    CARD = "card"
    REFERENCE_LIKE = "reference_like"
    IBAN = "iban"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of a text that must not be stored. ``grouped``: a card number in the groups printed on cards."""

    start: int
    end: int
    kind: Kind
    grouped: bool = False


_IBAN_START: Final = re.compile(r"[A-Za-z]{2}[0-9]{2}")
_SHORTEST_IBAN: Final = 15
_LONGEST_IBAN: Final = 34
_REST: Final = re.compile(rf"[A-Za-z0-9](?:{SEPARATOR}{{0,3}}+[A-Za-z0-9]){{14,{_LONGEST_IBAN - 1}}}+")

_AFTER_BEARER: Final = r"(?=\S{0,200}[0-9]|\S{20})[A-Za-z0-9._~+/=$!-]{6,}+"
_VALUE: Final = r"[\"']?\s{0,3}[=:]\s{0,3}[\"']?((?!null\b|true\b|false\b)[^\s\"',;&<>{}\[\]]{4,256})"
_CODE: Final = r"2?(?:[\s:=#\"'._-]|is|code|number|no){0,6}(?<![0-9])([0-9]{3,4})(?![0-9])"
_CREDENTIALS: Final = tuple(
    (word, re.compile(pattern))
    for word, pattern in (
        ("k_live_", r"k_live_([A-Za-z0-9]{6,}+)"),  # Stripe
        ("k_test_", r"k_test_([A-Za-z0-9]{6,}+)"),
        ("whsec_", r"whsec_[A-Za-z0-9+/=_-]{6,}+"),
        ("live_", r"(?<![A-Za-z0-9])live_[A-Za-z0-9_-]{40}(?![A-Za-z0-9_-])"),  # GoCardless
        ("sandbox_", r"(?<![A-Za-z0-9])sandbox_[A-Za-z0-9_-]{40}(?![A-Za-z0-9_-])"),
        ("access_token$", r"access_token\$(?:production|sandbox)\$[A-Za-z0-9$]{16,}+"),  # Braintree
        ("00d", r"(?<![A-Za-z0-9])00D[A-Za-z0-9]{12,15}![A-Za-z0-9_.]{20,}+"),  # a Salesforce session
        (
            "eyj",
            r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)?",
        ),  # a JWT
        ("bearer", rf"(?i:bearer)[\s:=]{{1,3}}({_AFTER_BEARER})"),
        ("basic", r"(?i:basic)\s{1,3}((?=[A-Za-z+/]{0,200}[0-9=])[A-Za-z0-9+/]{12,}+={0,2})"),
        *(
            (word, rf"(?i:{re.escape(word)}){_VALUE}")
            for word in ("password", "passwd", "pwd", "apikey", "api_key", "_secret", "_token")
        ),
        ("://", r"://[^\s/:@\"'<>]{0,64}:([^\s/@\"'<>]{1,128})@"),
        *((word, rf"(?<![A-Za-z])(?i:{word}{_CODE})") for word in ("cvv", "cvc", "cvn", "csc")),
        *((word, rf"(?<![A-Za-z])(?i:{word}[ _-]?code{_CODE})") for word in ("security", "card")),
    )
)
"""A word in lower case, and what must stand there. The words are looked for first: that costs next to nothing."""

_PEM: Final = "-----begin "
_PEM_BEGIN: Final = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")
_PEM_END: Final = "PRIVATE KEY-----"
_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}

_TRACK_2: Final = re.compile(r"[=D][0-9]{7,40}+\??")
_TRACK_1: Final = re.compile(r"\^[^\^\r\n\"<]{2,26}\^[^?\s\"<]{0,80}\??")
_TRACK_1_BEFORE: Final = re.compile(r"%?[Bb]\Z")


def may_be_iban(word: str) -> bool:
    """Whether a word without separators could be an IBAN, by its beginning."""
    return len(word) >= _SHORTEST_IBAN and (word[:2].upper() in _SHAPES or word[:4].upper() == "IBAN")


def find(text: str) -> list[Finding]:
    """Everything in a text that must not be stored, in order and without overlaps."""
    found: list[Finding] = []
    found += (_with_track(text, number) for number in card_numbers.find(text))
    found += _ibans(text)
    found += _credentials(text)
    return without_overlaps(found) if len(found) > 1 else found


def without_overlaps(found: list[Finding]) -> list[Finding]:
    """The same parts of the text, in order, each once."""
    kept: list[Finding] = []
    for one in sorted(found, key=lambda finding: (finding.start, -finding.end)):
        if kept and one.start < kept[-1].end:
            last = kept[-1]
            kind = last.kind if last.kind is one.kind else Kind.CREDENTIAL
            kept[-1] = Finding(last.start, max(last.end, one.end), kind, last.grouped or one.grouped)
        else:
            kept.append(one)
    return kept


def _with_track(text: str, number: CardNumber) -> Finding:
    """A card number, with the rest of the magnetic stripe if that follows: expiry, service code and CVV."""
    if rest := _TRACK_2.match(text, number.end):
        start = number.start - (text[number.start - 1 : number.start] == ";")
        return Finding(start, rest.end(), Kind.CARD, grouped=True)
    if rest := _TRACK_1.match(text, number.end):
        before = _TRACK_1_BEFORE.search(text[max(number.start - 2, 0) : number.start])
        return Finding(number.start - (len(before[0]) if before else 0), rest.end(), Kind.CARD, grouped=True)
    return Finding(
        number.start, number.end, Kind.REFERENCE_LIKE if number.bare else Kind.CARD, number.grouped
    )


# IBANs -----------------------------------------------------------------------------------------------------


def _ibans(text: str) -> Iterator[Finding]:
    for match in _IBAN_START.finditer(text):
        start = match.start()
        shape = _SHAPES.get(text[start : start + 2].upper())
        if shape is None or not _begins_word(text, start):
            continue
        rest = _REST.match(text, start)
        if rest is None:
            continue
        places = [place for place in range(start, rest.end()) if _is_ascii_alnum(text[place])]
        written = "".join(text[place] for place in places)
        iban = written[: shape.length]
        if iban not in (iban.upper(), iban.lower()) or not shape.pattern.fullmatch(iban.upper()):
            continue
        if _is_checked(iban.upper()):
            yield Finding(start, places[shape.length - 1] + 1, Kind.IBAN)


def _begins_word(text: str, start: int) -> bool:
    return not _is_ascii_alnum(text[start - 1 : start]) or text[max(start - 4, 0) : start].upper() == "IBAN"


def _is_ascii_alnum(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _is_checked(iban: str) -> bool:
    """ISO 7064 MOD 97-10."""
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1


@dataclass(frozen=True, slots=True)
class _Shape:
    length: int
    pattern: re.Pattern[str]


def _shape(country: str, structure: str) -> _Shape:
    parts = re.findall(r"(\d+)([nac])", structure)
    classes = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
    pattern = "".join(f"{classes[kind]}{{{count}}}" for count, kind in parts)
    return _Shape(4 + sum(int(count) for count, _ in parts), re.compile(f"{country}[0-9]{{2}}{pattern}"))


_STRUCTURES: Final = (
    "AD8n12c AE19n AL8n16c AT16n AZ4a20c BA16n BE12n BG4a6n8c BH4a14c BI23n BR23n1a1c BY4c4n16c CH5n12c CR18n CY8n16c "
    "CZ20n DE18n DJ23n DK14n DO4c20n EE16n EG25n ES20n FI14n FK2a12n FO14n FR10n11c2n GB4a14n GE2a16n GI4a15c GL14n "
    "GR7n16c GT4c20c HN4a20n HR17n HU24n IE4a14n IL19n IQ4a15n IS22n IT1a10n12c JO4a4n18c KW4a22c KZ3n13c LB4n20c "
    "LC4a24c LI5n12c LT16n LU3n13c LV4a13c LY21n MC10n11c2n MD2c18c ME18n MK3n10c2n MN16n MR23n MT4a5n18c MU4a19n3a "
    "NI4a20n NL4a10n NO11n OM3n16c PK4a16c PL24n PS4a21c PT21n QA4a21c RO4a16c RS18n RU14n15c SA2n18c SC4a20n3a SD14n "
    "SE20n SI15n SK20n SM1a10n12c SO19n ST21n SV4a20n TL19n TN20n TR6n16c UA6n19c VA18n VG4a16n XK16n YE4a4n18c"
)
_SHAPES: Final = {one[:2]: _shape(one[:2], one[2:]) for one in _STRUCTURES.split()}
"""Country → the shape of its IBAN: the SWIFT IBAN registry (n digits, a letters, c either)."""


# Credentials -----------------------------------------------------------------------------------------------


def _credentials(text: str) -> Iterator[Finding]:
    lower = text.lower()
    if len(lower) != len(text):
        lower = text.translate(_ASCII_LOWER)
    for word, pattern in _CREDENTIALS:
        place = lower.find(word)
        while place >= 0:
            after = place + len(word)
            if match := pattern.match(text, place):
                yield Finding(*match.span(pattern.groups and 1), Kind.CREDENTIAL)
                after = match.end()
            place = lower.find(word, after)
    place = lower.find(_PEM)
    while place >= 0:
        end = place + len(_PEM)
        if begin := _PEM_BEGIN.match(text, place):
            found = text.find(_PEM_END, begin.end())
            end = len(text) if found < 0 else found + len(_PEM_END)
            yield Finding(place, end, Kind.CREDENTIAL)
        place = lower.find(_PEM, end)
