"""By what things are known: references, keys, and what is read of a stranger's words."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sync.world import account, charge, dispute, invoice, payment, subscription

from connector.mappers import external_ids, match_keys, safe_parse
from connector.models.facts import Account, Invoice, Payment, ProcessorObject, Subscription

LONG = "x" * 255


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (
            payment(gateway_reference="ch_1", gateway_references=("pi_1", "ch_1")),
            ("reference:ch_1", "reference:pi_1"),
        ),
        (payment(gateway_reference=None, gateway_references=("pi_1",)), ("reference:pi_1",)),
        (payment(gateway_reference=LONG), (f"reference:{LONG}",)),
        (payment(gateway_reference=f"{LONG}x"), ()),
        (invoice(number="1001"), ("invoice:1001",)),
        (invoice(number="1" * 20), (f"invoice:{'1' * 20}",)),
        (invoice(number="FR" + "1" * 20), (f"invoice:FR{'1' * 20}", f"invoice:{'1' * 20}")),
        (account(gateway_customers=("cus_1", "CU2")), ("customer:cus_1", "customer:CU2")),
        (subscription(), ()),
    ],
)
def test_billing_objects_are_found_by_what_the_gateway_calls_them(
    item: Payment | Invoice | Account | Subscription, found: tuple[str, ...]
) -> None:
    assert match_keys.of_billing(item) == found


def test_a_payment_is_evidence_for_its_invoice_too() -> None:
    paid = payment(gateway_reference="ch_1", invoice_number="FR" + "1" * 20)
    numbers = (f"invoice:FR{'1' * 20}", f"invoice:{'1' * 20}")
    assert match_keys.evidence_of(paid) == ("reference:ch_1", *numbers)
    assert match_keys.evidence_of(payment(gateway_reference="ch_1", invoice_number=None)) == (
        "reference:ch_1",
    )
    assert match_keys.evidence_of(invoice(number="1001")) == ("invoice:1001",)


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (
            dispute(references=("ch_1", "pi_1"), invoice_number="1001", customer="cus_1"),
            ("reference:ch_1", "reference:pi_1", "invoice:1001", "customer:cus_1"),
        ),
        (charge(id_="ch_9", references=("pi_1",)), ("reference:ch_9", "reference:pi_1")),
        (charge(references=("ch_1",)), ("reference:ch_1",)),
        (dispute(references=()), ()),
    ],
)
def test_processor_objects_look_for_what_is_behind_them(
    item: ProcessorObject, found: tuple[str, ...]
) -> None:
    """Only a charge is the payment itself."""
    assert match_keys.of_processor(item) == found


@pytest.mark.parametrize(
    ("gateway", "could_be", "source"),
    [
        ("stripe", True, "stripe"),
        ("Stripe (EU)", True, "stripe"),
        ("braintree_blue", False, "braintree"),
        ("authorize_net", False, "authorizenet"),
        ("Authorize.Net", False, "authorizenet"),
        ("adyen", False, "adyen"),
        ("go_cardless", False, "gocardless"),
        ("paypal", False, "paypal"),
        ("paypal_via_braintree", False, None),
        ("stripe_or_adyen", True, None),
        ("bogus", True, None),
        ("", True, None),
        (None, True, None),
    ],
)
def test_a_gateways_name_usually_tells_its_processor(
    gateway: str | None, could_be: bool, source: str | None
) -> None:
    assert match_keys.could_be("stripe", gateway) is could_be
    assert match_keys.source_of(gateway) == source


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (external_ids.record("recurly", "acme", "invoice", "1001"), "recurly:acme:invoice:1001"),
        (external_ids.record("stripe", "", "dispute", "dp_1"), "stripe:dispute:dp_1"),
        (
            external_ids.case("recurly", "acme", "invoice", "1001", "past_due", 2),
            "recurly:acme:invoice:1001:past_due:2",
        ),
        (external_ids.event("stripe", "", "evt_1"), "stripe:event:evt_1"),
        (external_ids.payee("stripe", "acct_1"), "stripe:payee:acct_1"),
        (external_ids.payee("stripe", ""), "stripe:payee:own"),
        (external_ids.gateway("recurly", "acme", "stripe"), "recurly:acme:gateway:stripe"),
    ],
)
def test_a_key_is_made_of_what_does_not_change(key: str, text: str) -> None:
    assert key == text


@pytest.mark.parametrize("code", ["bob", "b:account:b", "a/b c", ":"])
def test_an_account_is_read_back_from_its_subject(code: str) -> None:
    assert external_ids.account_of(external_ids.subject("recurly", "acme", code)) == ("recurly", "acme", code)


# What a stranger says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (" dp_1 ", "dp_1"), (17, "17"), (LONG, LONG), (f"{LONG}x", None), ("", None), ("a\tb", None), ("a\x00", None),
        (True, None), (None, None), (1.5, None), ([], None), (10**30, None), (10**30 - 1, str(10**30 - 1)),
    ],
)  # fmt: skip
def test_a_word_is_printable_and_of_sensible_length(value: object, found: str | None) -> None:
    assert safe_parse.word(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [("usd", "USD"), ("EUR", "EUR"), ("EURO", None), ("EÜR", None), ("E1R", None), (5, None)],
)
def test_a_currency_is_three_letters(value: object, found: str | None) -> None:
    assert safe_parse.currency(value) == found


@pytest.mark.parametrize(
    ("value", "code", "exponent", "found"),
    [
        (4900, "USD", None, "49.00"), ("4900", "USD", None, "49.00"), (-4900, "USD", None, "49.00"),
        (4900, "JPY", None, "4900"), (4900, "JPY", 2, "49"), (4900, "CLP", 2, "49"), (0, "USD", None, "0.00"),
        (4900, None, None, None), (True, "USD", None, None), ("x", "USD", None, None), ("NaN", "USD", None, None),
        (10**15, "USD", None, None), (10**15 - 1, "USD", None, "9999999999999.99"),
    ],
)  # fmt: skip
def test_an_amount_in_cents_is_read(
    value: object, code: str | None, exponent: int | None, found: str | None
) -> None:
    assert safe_parse.minor(value, code, exponent) == (None if found is None else Decimal(found))


@pytest.mark.parametrize(
    ("value", "code", "found"),
    [
        ("49", "USD", "49.00"), (" 49.5 ", "USD", "49.50"), (19.99, "USD", "19.99"), ("-3", "USD", "3.00"),
        ("49", None, "49"), (True, "USD", None), ("Infinity", "USD", None), ("x", "USD", None), ("1e15", "USD", None),
        ("999999999999999", "USD", "999999999999999.00"),
    ],
)  # fmt: skip
def test_an_amount_in_major_units_is_read(value: object, code: str | None, found: str | None) -> None:
    assert safe_parse.major(value, code) == (None if found is None else Decimal(found))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-11-03T13:00:00+01:00", datetime(2026, 11, 3, 12, tzinfo=UTC)),
        ("2026-11-03T12:00:00Z", datetime(2026, 11, 3, 12, tzinfo=UTC)),
        ("2026-11-03T12:00:00", datetime(2026, 11, 3, 12, tzinfo=UTC)),
        ("2026-11-03", datetime(2026, 11, 3, tzinfo=UTC)),
        ("yesterday", None),
        (17, None),
    ],
)
def test_a_time_without_an_offset_is_utc(
    value: object, found: datetime | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert safe_parse.moment(value) == found
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_day_lasts_to_its_last_second() -> None:
    assert safe_parse.end_of_day("2026-11-30") == datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    assert safe_parse.end_of_day("soon") is None
