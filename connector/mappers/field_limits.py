"""The last step before Salesforce: every value is of a type and a length its field can hold.

Lengths are those that ``salesforce/`` deploys and those of the standard fields. Salesforce counts UTF-16 code units:
an emoji outside the Basic Multilingual Plane counts as two. A text that is too long is cut with an ellipsis, never
refused: a long gateway message must not hold back the row it stands in. A link is never cut: a cut link is broken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from connector.mappers import fields, money
from connector.models.facts import Money

NAME: Final = 80
"""The Name of a custom object, and a contact's last name."""
FIRST_NAME: Final = 40
PHONE: Final = 40
EMAIL: Final = 80
WORD: Final = 40
"""States, types, outcomes: Text(40)."""
CODE: Final = 120
LINE: Final = 255
ADVICE: Final = 2000
PAGE: Final = 32_000

_LARGEST: Final = Decimal(10) ** 15
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ELLIPSIS: Final = "…"
_JOINER: Final = "\u200d"
_EXTENDING: Final = frozenset({"Mn", "Me", "Mc"})
"""Unicode categories of marks, variation selectors included: each belongs to the character before it."""
_SKIN_TONES: Final = "".join(map(chr, range(0x1F3FB, 0x1F400)))
_FLAG_LETTERS: Final = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_LONGEST_CLUSTER: Final = 24
_BREAKS: Final = re.compile(r"[\s\u2028\u2029]+")

_OBJECTS: Final = (
    fields.Account,
    fields.Contact,
    fields.Subscription,
    fields.Invoice,
    fields.Payment,
    fields.Dispute,
    fields.Refund,
    fields.Payout,
    fields.Case,
    fields.Event,
    fields.Discrepancy,
)


def line(value: str | None, length: int = LINE) -> str | None:
    """One line of text, free of control characters, at most ``length`` long; nothing at all is None."""
    if value is None:
        return None
    return truncate(_BREAKS.sub(" ", _CONTROLS.sub("", value)).strip(), length) or None


def page(value: str | None, length: int = PAGE) -> str | None:
    """Text of several lines, free of control characters, at most ``length`` long; nothing at all is None."""
    if value is None:
        return None
    kept = _CONTROLS.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
    return truncate("\n".join(row.rstrip() for row in kept.split("\n")).strip(), length) or None


def url(value: str | None, length: int = LINE) -> str | None:
    """A link, whole; None where the field cannot hold it."""
    told = line(value, PAGE)
    return told if told is not None and utf16_length(told) <= length else None


def utf16_length(value: str) -> int:
    """The length of a text as Salesforce counts it: in UTF-16 code units."""
    return len(value) if value.isascii() else len(value.encode("utf-16-le", "surrogatepass")) // 2


def truncate(value: str, length: int) -> str:
    """The text, cut to ``length`` UTF-16 code units with an ellipsis, without cutting through a character as people
    see it: neither a surrogate pair nor, within reason, what a joiner, an accent or a modifier belongs to."""
    if utf16_length(value) <= length:
        return value
    units = value.encode("utf-16-le", "surrogatepass")[: 2 * (length - 1)]
    fits = len(units.decode("utf-16-le", "ignore"))
    return value[: _boundary(value, fits)].rstrip() + _ELLIPSIS


def _boundary(value: str, end: int) -> int:
    """The last boundary between two visible characters at or before ``end``. What is longer than ``_LONGEST_CLUSTER``
    code points is cut anyway: letters under a hundred accents are somebody's joke."""
    for at in range(end, max(end - _LONGEST_CLUSTER, 0), -1):
        if not _belongs_together(value, at):
            return at
    return end


def _belongs_together(value: str, at: int) -> bool:
    before, after = value[at - 1], value[at]
    if (
        before == _JOINER
        or after == _JOINER
        or unicodedata.category(after) in _EXTENDING
        or after in _SKIN_TONES
    ):
        return True
    if before in _FLAG_LETTERS and after in _FLAG_LETTERS:  # a flag is two of them
        run = len(value[:at]) - len(value[:at].rstrip(_FLAG_LETTERS))
        return run % 2 == 1
    return False


def amount(value: Decimal | None, currency: str) -> Decimal | None:
    """An amount with the decimals its currency has. Beyond Number(18,3) it is left empty, not cut."""
    if value is None or not value.is_finite() or abs(value) >= _LARGEST:
        return None
    return money.amount(value, currency)


def sum_of(amounts: Mapping[str, Decimal]) -> str | None:
    """Amounts of several currencies as a line: ``USD 120.00; EUR 30.00``."""
    told = (money.format_money(Money(amount, currency)) for currency, amount in amounts.items())
    return line("; ".join(told))


def required_fields() -> Mapping[str, frozenset[str]]:
    """Every object Casewire writes with every field it writes there, for checking an org. A record type is written
    only where there are any."""
    return {shape.OBJECT: _fields(shape) - {fields.Case.RECORD_TYPE} for shape in _OBJECTS}


def _fields(shape: type) -> frozenset[str]:
    named = {value for name, value in vars(shape).items() if name.isupper() and name != "OBJECT"}
    return frozenset(named) | {fields.KEY}
