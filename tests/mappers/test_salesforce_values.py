"""Every value is of a type and a length its field can hold."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappers import fields
from connector.mappers.salesforce import amount, line, page, required_fields, sum_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("  \n ", None),
        ("plain", "plain"),
        (" two\r\nlines\t here ", "two lines here"),
        ("nul\x00 bell\x07 \ud800half", "nul bell half"),
        ("a\u2028b", "a b"),
        ("Ünïcode ✓", "Ünïcode ✓"),
        ("x" * 21, "x" * 19 + "…"),
        ("123456789012345678 abcd", "123456789012345678…"),
    ],
)
def test_a_line_is_clean_and_short(value: str | None, expected: str | None) -> None:
    assert line(value, 20) == expected


def test_a_page_keeps_its_lines() -> None:
    assert page("a \r\nb\rc\x00\n\n") == "a\nb\nc"
    assert page(" \n") is None
    assert page(None) is None


@given(st.text(), st.integers(1, 50))
def test_no_text_is_longer_than_its_field_or_unfit_for_it(value: str, length: int) -> None:
    for told in (line(value, length), page(value, length)):
        assert told is None or 0 < len(told) <= length
        assert told is None or told.encode("utf-8")
        assert told is None or "\x00" not in told


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        ("49", "USD", "49.00"),
        ("5000.4", "JPY", "5000"),
        ("1.2345", "KWD", "1.235"),
        ("-20", "USD", "-20.00"),
        ("1e15", "USD", None),
        ("NaN", "USD", None),
        ("Infinity", "USD", None),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(value: str, currency: str, expected: str | None) -> None:
    assert amount(Decimal(value), currency) == (None if expected is None else Decimal(expected))


def test_no_amount_is_no_amount() -> None:
    assert amount(None, "USD") is None
    assert sum_of({}) is None


def test_amounts_of_several_currencies_make_a_line() -> None:
    assert sum_of({"USD": Decimal("120"), "EUR": Decimal("30")}) == "USD 120.00; EUR 30.00"


def test_an_org_is_asked_for_every_object_and_field_that_is_written() -> None:
    required = required_fields()
    assert set(required) == set(fields.ORDER)
    assert {"Billing_Key__c", "Status", "OwnerId", "Billing_Summary__c"} <= required["Case"]
    assert {"Billing_Key__c", "LastName", "AccountId"} <= required["Contact"]
    assert "Case" not in required["Case"]
