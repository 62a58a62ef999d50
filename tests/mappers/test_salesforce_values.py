"""Every value is of a type and a length its field can hold."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappers import external_ids, fields
from connector.mappers.field_limits import (
    amount,
    line,
    page,
    required_fields,
    sum_of,
    truncate,
    url,
    utf16_length,
)
from connector.mappers.records.contact import is_address

PARTY, FAMILY, FLAG = "\U0001f389", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea"


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
        assert told is None or 0 < utf16_length(told) <= length
        assert told is None or told.encode("utf-8")
        assert told is None or "\x00" not in told


@pytest.mark.parametrize(
    ("value", "length", "expected"),
    [
        (PARTY * 3, 6, PARTY * 3),
        (PARTY * 3, 5, PARTY * 2 + "…"),
        (PARTY * 3, 4, PARTY + "…"),  # three units are a pair and a half
        ("ab" + FAMILY, 9, "ab…"),  # not through what a joiner holds together
        ("abc" + "e\u0301" * 2, 6, "abce\u0301…"),
        ("abc" + "e\u0301" * 2, 5, "abc…"),  # not between a letter and its accent
        ("ab\u2764\ufe0f cd", 4, "ab…"),  # not before a variation selector
        ("a\U0001f44d\U0001f3fdbc", 5, "a…"),  # not before a skin tone
        (FLAG * 3, 9, FLAG * 2 + "…"),
        (FLAG * 3, 8, FLAG + "…"),  # not through a flag
        ("a" + "\u0301" * 100, 10, "a" + "\u0301" * 8 + "…"),
        (PARTY, 1, "…"),
    ],
)
def test_a_text_is_cut_in_utf16_code_units_between_visible_characters(
    value: str, length: int, expected: str
) -> None:
    assert truncate(value, length) == expected
    assert utf16_length(expected) <= length


@given(st.text(alphabet=st.sampled_from("a \u0301\u200d\ufe0f" + PARTY + FLAG + FAMILY)), st.integers(1, 30))
def test_what_is_cut_is_a_beginning_of_the_text(value: str, length: int) -> None:
    found = truncate(value, length)
    assert utf16_length(found) <= length
    assert found == value or value.startswith(found.removesuffix("…"))


def test_a_link_is_whole_or_not_there() -> None:
    longest = "https://acme.recurly.com/accounts/".ljust(255, "x")
    assert (url(longest), url(longest + "x"), url(None), url(" ")) == (longest, None, None, None)


def test_an_address_is_measured_like_every_text() -> None:
    assert is_address("x" * 64 + "@example.test")
    assert not is_address(PARTY * 40 + "@example.test")


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text(min_size=1, max_size=400), st.sampled_from(["", "acme"]), st.integers(1, 10**9))
def test_no_key_is_longer_than_an_external_id(id_: str, site: str, cycle: int) -> None:
    case = external_ids.case("stripe", site, "dispute", id_, "early_fraud_warning", cycle)
    found = (
        external_ids.subject("recurly", site or "acme", id_),
        external_ids.record("authorizenet", site, "fraud_warning", id_),
        external_ids.event("stripe", site, id_),
        external_ids.payee("stripe", id_),
        external_ids.gateway("recurly", "acme", id_),
        case,
    )
    assert max(map(utf16_length, found)) <= 255
    assert case.rpartition(":")[::2] == (
        external_ids.case("stripe", site, "dispute", id_, "early_fraud_warning", 1).rpartition(":")[0],
        str(cycle),
    )


def test_a_key_that_fits_is_spelt_out() -> None:
    longest = "x" * (255 - len("stripe:dispute:"))
    assert external_ids.record("stripe", "", "dispute", longest) == f"stripe:dispute:{longest}"
    assert (
        external_ids.case("recurly", "acme", "invoice", "1001", "past_due", 1)
        == "recurly:acme:invoice:1001:past_due:1"
    )


def test_long_ids_that_begin_alike_have_different_keys() -> None:
    first, second = (external_ids.record("stripe", "", "dispute", "x" * 300 + end) for end in "ab")
    assert first != second
    assert first == external_ids.unjoined("stripe", "dispute", "x" * 300 + "a")


def test_an_account_has_one_key_whether_its_code_or_its_key_is_known() -> None:
    """A code that is read back from a long key is the shortened one: it leads to the same keys."""
    subject = external_ids.subject("recurly", "acme", PARTY * 200)
    source, site, code = external_ids.account_of(subject)
    assert external_ids.subject(source, site, code) == subject
    assert external_ids.record(source, site, "contact", code) == external_ids.record(
        "recurly", "acme", "contact", PARTY * 200
    )


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
