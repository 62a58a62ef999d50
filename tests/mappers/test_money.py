"""Decimals by currency."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.mappers.money import amount, exponent, format_money, quantum
from connector.models.facts import Money


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(Decimal("49"), "USD"), "USD 49.00"),
        (Money(Decimal("1049.5"), "EUR"), "EUR 1,049.50"),
        (Money(Decimal("5000"), "JPY"), "JPY 5,000"),
        (Money(Decimal("1.5"), "KWD"), "KWD 1.500"),
        (Money(Decimal("-3"), "USD"), "USD -3.00"),
    ],
)
def test_money_reads_with_its_currency_and_decimals(money: Money, text: str) -> None:
    assert format_money(money) == text


def test_quantum_is_the_smallest_amount() -> None:
    assert quantum("USD") == Decimal("0.01")
    assert quantum("jpy") == Decimal("1")
    assert quantum("BHD") == Decimal("0.001")
    assert exponent("CLF") == 4


def test_half_a_quantum_rounds_up_not_to_even() -> None:
    assert amount("0.125", "USD") == Decimal("0.13")
    assert amount("0.5", "JPY") == Decimal("1")


WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"


@pytest.mark.parametrize(
    ("codes", "decimals"),
    [
        (WITHOUT_DECIMALS, 0),
        ("USD EUR GBP CAD AUD CHF SEK BRL MXN INR", 2),
        ("BHD IQD JOD KWD LYD OMR TND", 3),
        ("CLF UYW", 4),
    ],
)
def test_every_currency_has_its_own_number_of_decimals(codes: str, decimals: int) -> None:
    """ISO 4217. A wrong one makes an amount a hundred times as large."""
    assert {code: exponent(code) for code in codes.split()} == dict.fromkeys(codes.split(), decimals)


def test_a_float_is_the_amount_that_was_written() -> None:
    assert amount(19.99, "USD") == Decimal("19.99")
    assert amount(1.005, "USD") == Decimal("1.01"), "1.00499999999999989… as a float"
