"""How many decimals a currency has, and how an amount reads: yen have none, Kuwaiti dinars three.

Only the currencies whose minor unit is not 2 are listed. Source: ISO 4217 list one, published by its
maintenance agency SIX (https://www.six-group.com/en/products-services/financial-information/data-standards.html),
as of 2026-01-01.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from connector.models.facts import Money

_USUAL: Final = 2
_NONE: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"
_FOUR: Final = "CLF UYW"
_EXPONENTS: Final = {
    code: exponent for exponent, codes in ((0, _NONE), (3, _THREE), (4, _FOUR)) for code in codes.split()
}


def exponent(currency: str) -> int:
    """How many decimals an amount in this currency has."""
    return _EXPONENTS.get(currency.upper(), _USUAL)


def quantum(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01 for USD, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-exponent(currency))


def amount(value: float | int | str | Decimal, currency: str) -> Decimal:
    """A major-unit amount with exactly the currency's decimals.

    A float goes through its shortest text, so 19.99 stays 19.99 and not 19.989999999999998437.
    """
    return Decimal(str(value)).quantize(quantum(currency), rounding=ROUND_HALF_UP)


def format_money(money: Money) -> str:
    """For people: ``USD 1,049.00``, ``JPY 5,000``; ``1,049.00`` if the currency is unknown."""
    return f"{money.currency} {money.amount:,.{exponent(money.currency)}f}".lstrip()
