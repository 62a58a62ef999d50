"""Recurly's resources become facts: exact amounts, plain words, and nothing that must not travel."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from recurly import Resource

from connector.errors import Permanent
from connector.mappers import recurly as mapper
from connector.models import facts


def resource(object_: str, **values: Any) -> Any:
    """As the official client casts an answer."""
    return Resource.cast_json({"object": object_, **values})


def an_invoice(**values: Any) -> Any:
    base = {
        "id": "inv1",
        "number": "TEST-FR1001",
        "currency": "USD",
        "total": 49.0,
        "paid": 0,
        "balance": 49.0,
        "account": {"object": "account", "id": "acc1", "code": "bob"},
    }
    return resource("invoice", **{**base, **values})


def a_transaction(**values: Any) -> Any:
    base = {"id": "txn1", "currency": "USD", "amount": 49.0, "status": "declined", "type": "purchase"}
    return resource("transaction", **{**base, **values})


def test_an_account_is_translated_with_its_payment_method() -> None:
    found = mapper.account(
        resource(
            "account",
            id="acc1",
            code="bob",
            state="active",
            email="bob@example.com",
            address={"street1": "1 Main St", "country": "US", "phone": "555-0100"},
            has_past_due_invoice=True,
            created_at="2026-01-02T03:04:05Z",
            deleted_at="2026-02-02T00:00:00Z",
            custom_fields=[{"name": "tier", "value": "gold"}, {"name": "empty", "value": ""}],
            billing_info={
                "object": "billing_info",
                "id": "bi1",
                "valid": False,
                "updated_at": "2026-01-03T00:00:00Z",
                "payment_method": {
                    "object": "credit_card",
                    "card_type": "MasterCard",
                    "first_six": "555555",
                    "last_four": "4444",
                    "exp_month": 12,
                    "exp_year": 2027,
                },
            },
        )
    )
    assert found == facts.Account(
        id="acc1",
        code="bob",
        state="active",
        email="bob@example.com",
        phone="555-0100",
        country="US",
        payment_method=facts.PaymentMethod(
            brand="Mastercard",
            last_four="4444",
            exp_month=12,
            exp_year=2027,
            valid=False,
            updated_at=datetime(2026, 1, 3, tzinfo=UTC),
        ),
        has_past_due_invoice=True,
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        closed_at=datetime(2026, 2, 2, tzinfo=UTC),
        custom_fields=(("tier", "gold"),),
    )


def test_secrets_and_whole_card_data_never_leave_a_resource() -> None:
    method = {
        "object": "bank_account_info",
        "routing_number": "021000021",
        "first_six": "411111",
        "gateway_token": "tok_secret",
        "billing_agreement_id": "B-secret",
        "last_four": "6789",
    }
    account = resource(
        "account",
        id="a",
        code="b",
        hosted_login_token="login-secret",
        address={"street1": "12 Elm"},
        billing_info={"payment_method": method, "updated_by": {"ip": "203.0.113.9"}},
    )
    transaction = a_transaction(
        payment_method=method, ip_address_v4="203.0.113.9", billing_address={"street1": "12 Elm"}
    )
    told = repr(mapper.account(account)) + repr(mapper.payment(transaction))
    for secret in ("login-secret", "021000021", "411111", "secret", "203.0.113.9", "12 Elm"):
        assert secret not in told
    assert "6789" in told


def test_a_resource_without_attributes_reads_as_unknown_not_as_zero() -> None:
    found = mapper.subscription(resource("subscription", id="s1", state="active", currency="USD"))
    assert found.unit_amount is None
    assert found.subtotal is None
    assert found.auto_renew is None
    assert found.quantity == 1
    assert found.account_code == ""


def test_blank_texts_of_a_redacted_account_are_unknown() -> None:
    found = mapper.account(resource("account", id="a", code="b", state="closed", email="", first_name=" "))
    assert (found.email, found.first_name) == (None, None)


@pytest.mark.parametrize(
    ("currency", "told", "meant"),
    [
        ("USD", 19.99, "19.99"),
        ("USD", 49, "49.00"),
        ("USD", 0.1 + 0.2, "0.30"),
        ("USD", 1e-05, "0.00"),
        ("JPY", 5000.0, "5000"),
        ("KWD", 1.234, "1.234"),
        ("KWD", 1.5, "1.500"),
        ("eur", 1234567.89, "1234567.89"),
    ],
)
def test_amounts_have_exactly_the_decimals_of_their_currency(currency: str, told: float, meant: str) -> None:
    found = mapper.invoice(an_invoice(currency=currency, total=told)).total
    assert found == Decimal(meant)
    assert str(found) == meant


@pytest.mark.parametrize(
    ("method", "brand"),
    [
        ({"object": "credit_card", "card_type": "Visa"}, "Visa"),
        ({"card_type": "Visa"}, "Visa"),
        ({"object": "credit_card", "card_type": "Unknown"}, "Card"),
        ({"object": "credit_card"}, "Card"),
        ({"object": "paypal_billing_agreement"}, "PayPal"),
        ({"object": "bank_account_info"}, "Bank account"),
        ({"object": "apple_pay", "card_type": "Visa"}, "Apple Pay"),
        ({"object": "sepadirectdebit"}, "SEPA direct debit"),
        ({"object": "something_quite_new"}, "Something quite new"),
        ({}, "Other"),
    ],
)
def test_brands_are_plain_words(method: dict[str, Any], brand: str) -> None:
    found = mapper.payment(a_transaction(payment_method=method)).payment_method
    assert found is not None
    assert found.brand == brand


def test_a_payment_tells_why_it_was_declined_and_where() -> None:
    found = mapper.payment(
        a_transaction(
            uuid="u1",
            account={"code": "bob"},
            invoice={"id": "inv1", "number": "1001"},
            status_code="insufficient_funds",
            status_message="The card has insufficient funds.",
            customer_message="Please use another card.",
            payment_gateway={"id": "g1", "type": "stripe", "name": "Stripe EU"},
            gateway_reference="ch_1",
            gateway_response_code="51",
            original_transaction_id="txn0",
        )
    )
    assert (found.code, found.gateway_code, found.gateway) == ("insufficient_funds", "51", "stripe")
    assert (found.invoice_id, found.invoice_number, found.account_code) == ("inv1", "1001", "bob")
    assert (found.original_id, found.gateway_reference) == ("txn0", "ch_1")
    assert found.amount == Decimal("49.00")


def test_a_credit_payment_names_both_invoices() -> None:
    found = mapper.credit_payment(
        resource(
            "credit_payment",
            id="cp1",
            uuid="u",
            action="payment",
            amount=10,
            currency="USD",
            account={"code": "bob"},
            original_invoice={"number": "1001"},
            applied_to_invoice={"number": "1002"},
            voided_at="2026-01-01T00:00:00Z",
        )
    )
    assert (found.original_invoice_number, found.applied_invoice_number) == ("1001", "1002")
    assert found.voided_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_what_an_invoice_embeds_takes_account_and_invoice_from_it() -> None:
    found = mapper.invoice_objects(
        an_invoice(
            transactions=[
                {"object": "transaction", "id": "t1", "currency": "USD", "amount": 49.0},
                {
                    "object": "transaction",
                    "id": "t2",
                    "currency": "USD",
                    "amount": 1,
                    "invoice": {"id": "inv9"},
                },
            ],
            credit_payments=[{"object": "credit_payment", "id": "c1", "currency": "USD", "amount": 5}],
        )
    )
    invoice, first, second, credit = found
    assert isinstance(invoice, facts.Invoice)
    assert isinstance(first, facts.Payment)
    assert (first.account_code, first.invoice_id, first.invoice_number) == ("bob", "inv1", "TEST-FR1001")
    assert isinstance(second, facts.Payment)
    assert second.invoice_id == "inv9"
    assert isinstance(credit, facts.CreditPayment)
    assert credit.account_code == "bob"


def test_every_kind_has_its_translation() -> None:
    assert mapper.billing_object("invoice", an_invoice()).object == "invoice"
    told = a_transaction(account={"object": "account", "id": "acc1", "code": "bob"})
    assert mapper.billing_object("payment", told).object == "payment"


def test_what_names_no_account_is_an_error_an_operator_can_act_on() -> None:
    with pytest.raises(Permanent, match="txn1 that has no account"):
        mapper.billing_object("payment", a_transaction())


def test_objects_carry_their_accounts_id_so_that_accounts_are_fetched_in_lists() -> None:
    embedded = {"object": "transaction", "id": "txn1", "currency": "USD", "amount": 49.0}
    told = an_invoice(transactions=[embedded])
    assert [found.account_id for found in mapper.invoice_objects(told)] == ["acc1", "acc1"]


def test_a_missing_amount_or_id_is_an_error_an_operator_can_act_on() -> None:
    with pytest.raises(Permanent, match="Invoice inv1 that has no total"):
        mapper.invoice(an_invoice(total=None))
    with pytest.raises(Permanent, match="without id that has no id"):
        mapper.invoice(an_invoice(id=None))


def test_recurlys_extra_fields_do_no_harm() -> None:
    assert mapper.invoice(an_invoice(a_field_of_2030={"x": 1})).id == "inv1"
