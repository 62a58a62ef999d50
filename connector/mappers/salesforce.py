"""The last step before Salesforce: every value is of a type and a length its field can hold.

Lengths are those that ``salesforce/`` deploys and those of the standard fields. A text that is too long is cut
with an ellipsis, never refused: a long gateway message must not hold back the row it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from connector.facts import Money
from connector.mappers import fields, money

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
    return _clip(_BREAKS.sub(" ", _CONTROLS.sub("", value)).strip(), length) or None


def page(value: str | None, length: int = PAGE) -> str | None:
    """Text of several lines, free of control characters, at most ``length`` long; nothing at all is None."""
    if value is None:
        return None
    kept = _CONTROLS.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
    return _clip("\n".join(row.rstrip() for row in kept.split("\n")).strip(), length) or None


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


def _clip(value: str, length: int) -> str:
    return value if len(value) <= length else value[: length - 1].rstrip() + "…"
