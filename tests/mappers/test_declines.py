"""A decline code becomes plain words, a category and an action."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.mappers import declines
from connector.models.facts import Payment

PAYMENT = Payment(
    id="p", uuid="p", account_code="bob", type="purchase", status="declined", origin="recurring",
    amount=Decimal(49), currency="USD", created_at=datetime(2026, 11, 1, tzinfo=UTC),
)  # fmt: skip

CATEGORIES = {"soft", "hard", "fraud", "expired", "authentication", "bank_debit", "gateway", "unknown"}


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("insufficient_funds", "soft"),
        ("temporary_hold", "soft"),
        ("do_not_honor", "soft"),
        ("call_issuer", "soft"),
        ("account_closed", "hard"),
        ("do_not_try_again", "hard"),
        ("restricted_card_chargeback", "hard"),
        ("cardholder_requested_stop", "hard"),
        ("invalid_card_number", "hard"),
        ("paypal_invalid_billing_agreement", "hard"),
        ("recurring_mandate_cancelled", "hard"),
        ("expired_card", "expired"),
        ("declined_expiration_date", "expired"),
        ("fraud_stolen_card", "fraud"),
        ("fraudulent", "fraud"),
        ("lost_card", "fraud"),
        ("three_d_secure_action_required", "authentication"),
        ("requires_3d_secure", "authentication"),
        ("ach_return", "bank_debit"),
        ("ach_chargeback", "bank_debit"),
        ("ach_validation_exception", "bank_debit"),
        ("gateway_timeout", "gateway"),
        ("invalid_login", "gateway"),
        (" Insufficient_Funds ", "soft"),
        ("something_new", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_code_has_a_category(code: str | None, category: str) -> None:
    assert declines.explain(code).category == category


def test_a_code_that_is_not_listed_is_named_and_gets_general_advice() -> None:
    told = declines.explain("something_new")
    assert told.reason == "The payment was declined (something_new)."
    assert told.action
    assert declines.explain(None).reason == "The payment was declined."


@pytest.mark.parametrize("code", sorted(declines._CODES))
def test_every_row_is_a_pair_of_sentences_that_fits_its_fields(code: str) -> None:
    told = declines.explain(code)
    assert told.category in CATEGORIES
    for sentence in (told.reason, told.action):
        assert sentence.endswith(".")
        assert not sentence[0].islower()
        assert len(sentence) <= 255


def test_codes_are_not_listed_twice() -> None:
    """A later row would silently take the place of an earlier one."""
    source = (declines.__file__ or "").removesuffix("c")
    with open(source, encoding="utf-8") as lines:
        keys = [
            line.partition("=")[0].strip() for line in lines if line.startswith("        ") and '="' in line
        ]
    assert len(keys) == len(set(keys))
    assert len(keys) > 150


@pytest.mark.parametrize(
    ("status", "code", "category"),
    [
        ("declined", "expired_card", "expired"),
        ("error", "gateway_error", "gateway"),
        ("declined", None, "unknown"),
        ("declined", "approved", "unknown"),
        ("success", "approved", None),
        ("void", "insufficient_funds", None),
        ("chargeback", None, None),
    ],
)
def test_only_a_payment_that_failed_has_a_reason(status: str, code: str | None, category: str | None) -> None:
    told = declines.of(replace(PAYMENT, status=status, code=code))
    assert (told.category if told else None) == category


def test_what_no_retry_can_mend() -> None:
    assert {"hard", "fraud", "expired"} == declines.FINAL
