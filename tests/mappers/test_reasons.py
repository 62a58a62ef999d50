"""What a source said becomes plain words, a category and something to do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.mappers import reasons
from connector.mappers.reasons.disputes import EVIDENCE_BY_CATEGORY
from connector.models.facts import Kind, ProcessorObject

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)


def item(
    kind: Kind = Kind.DISPUTE,
    reason: str | None = None,
    network: str | None = None,
    code: str | None = None,
    source: str = "stripe",
) -> ProcessorObject:
    return ProcessorObject(
        kind=kind, source=source, id="x", at=AT, reason=reason, network=network, network_code=code
    )


@pytest.mark.parametrize(
    ("network", "code", "category", "shown"),
    [
        ("visa", "10.4", "fraud", "Visa 10.4"),
        ("visa", "10.5", "fraud", "Visa 10.5"),
        ("visa", "11.3", "authorization", "Visa 11.3"),
        ("visa", "12.5", "processing_error", "Visa 12.5"),
        ("visa", "12.6.1", "duplicate", "Visa 12.6.1"),
        ("visa", "13.1", "product", "Visa 13.1"),
        ("visa", "13.2", "canceled_recurring", "Visa 13.2"),
        ("visa", "13.6", "credit", "Visa 13.6"),
        ("Visa", " 13.7 ", "credit", "Visa 13.7"),
        (None, "10.4", "fraud", "Visa 10.4"),
        ("mastercard", "4808", "authorization", "Mastercard 4808"),
        ("mastercard", "4834", "processing_error", "Mastercard 4834"),
        ("mastercard", "4837", "fraud", "Mastercard 4837"),
        ("mc", "4853", "product", "Mastercard 4853"),
        ("mastercard", "4860", "credit", "Mastercard 4860"),
        ("mastercard", "4863", "fraud", "Mastercard 4863"),
        ("mastercard", "4999", "general", "Mastercard 4999"),
        (None, "4871", "fraud", "Mastercard 4871"),
        ("amex", "A02", "authorization", "American Express A02"),
        ("american-express", "C28", "canceled_recurring", "American Express C28"),
        ("amex", "C02", "credit", "American Express C02"),
        ("amex", "F29", "fraud", "American Express F29"),
        ("amex", "P08", "duplicate", "American Express P08"),
        ("amex", "M01", "general", "American Express M01"),
        (None, "FR2", "fraud", "American Express FR2"),
        ("discover", "AA", "fraud", "Discover AA"),
        ("discover", "AP", "canceled_recurring", "Discover AP"),
        ("diners", "RN2", "credit", "Discover RN2"),
        (None, "UA02", "fraud", "Discover UA02"),
        ("ach", "R10", "bank_debit", "ACH R10"),
        ("ach", "ACH_RETURN-R01", "bank_debit", "ACH R01"),
        (None, "ACH_RETURN-R02", "bank_debit", "ACH R02"),
        ("ach", "NOTIFICATION_OF_CHANGE-C01", "bank_debit", "ACH C01"),
        ("sepa_core", "MD06", "bank_debit", "SEPA MD06"),
        (None, "AM04", "bank_debit", "SEPA AM04"),
        ("bacs", "DDICA-4", "bank_debit", "Bacs DDICA-4"),
        ("bacs", "ARUDD-0", "bank_debit", "Bacs ARUDD-0"),
        ("bacs", "0", "bank_debit", "Bacs ARUDD-0"),
        ("bacs", "ADDACS-B", "bank_debit", "Bacs ADDACS-B"),
        ("bacs", "AUDDIS-5", "bank_debit", "Bacs AUDDIS-5"),
    ],
)
def test_a_networks_code_has_a_category(network: str | None, code: str, category: str, shown: str) -> None:
    told = reasons.explain(item(network=network, code=code))
    assert (told.category, told.code) == (category, shown)


@pytest.mark.parametrize(
    ("source", "reason", "category"),
    [
        ("stripe", "bank_cannot_process", "bank_debit"),
        ("stripe", "check_returned", "bank_debit"),
        ("stripe", "credit_not_processed", "credit"),
        ("stripe", "customer_initiated", "general"),
        ("stripe", "debit_not_authorized", "bank_debit"),
        ("stripe", "duplicate", "duplicate"),
        ("stripe", "fraudulent", "fraud"),
        ("stripe", "general", "general"),
        ("stripe", "incorrect_account_details", "bank_debit"),
        ("stripe", "insufficient_funds", "bank_debit"),
        ("stripe", "noncompliant", "processing_error"),
        ("stripe", "product_not_received", "product"),
        ("stripe", "product_unacceptable", "product"),
        ("stripe", "subscription_canceled", "canceled_recurring"),
        ("stripe", "unrecognized", "fraud"),
        ("paypal", "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "product"),
        ("paypal", "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED", "product"),
        ("paypal", "UNAUTHORISED", "fraud"),
        ("paypal", "CREDIT_NOT_PROCESSED", "credit"),
        ("paypal", "DUPLICATE_TRANSACTION", "duplicate"),
        ("paypal", "INCORRECT_AMOUNT", "processing_error"),
        ("paypal", "PAYMENT_BY_OTHER_MEANS", "duplicate"),
        ("paypal", "CANCELED_RECURRING_BILLING", "canceled_recurring"),
        ("paypal", "PROBLEM_WITH_REMITTANCE", "processing_error"),
        ("paypal", "OTHER", "general"),
        ("braintree", "cancelled_recurring_transaction", "canceled_recurring"),
        ("braintree", "credit_not_processed", "credit"),
        ("braintree", "duplicate", "duplicate"),
        ("braintree", "fraud", "fraud"),
        ("braintree", "general", "general"),
        ("braintree", "invalid_account", "processing_error"),
        ("braintree", "not_recognized", "fraud"),
        ("braintree", "product_not_received", "product"),
        ("braintree", "product_unsatisfactory", "product"),
        ("braintree", "retrieval", "general"),
        ("braintree", "transaction_amount_differs", "processing_error"),
        ("gocardless", "authorisation_disputed", "bank_debit"),
        ("gocardless", "refund_requested", "bank_debit"),
        ("adyen", "4853", "product"),
        ("adyen", "10.4", "fraud"),
    ],
)
def test_a_disputes_word_has_a_category(source: str, reason: str, category: str) -> None:
    told = reasons.explain(item(reason=reason, source=source))
    assert told.category == category
    assert "(" not in told.text or category == "fraud"  # it is listed, not merely named


@pytest.mark.parametrize(
    ("kind", "reason", "category", "part"),
    [
        (Kind.REFUND, "lost_or_stolen_card", "refund", "lost or stolen"),
        (Kind.REFUND, "expired_or_canceled_card", "refund", "expired"),
        (Kind.REFUND, "charge_for_pending_refund_disputed", "refund", "disputed"),
        (Kind.REFUND, "insufficient_funds", "refund", "our balance"),
        (Kind.REFUND, "refund_failed", "refund", "did not reach"),
        (Kind.REFUND, "unknown", "refund", "no reason"),
        (Kind.PAYOUT, "account_closed", "payout", "is closed"),
        (Kind.PAYOUT, "no_account", "payout", "no account"),
        (Kind.PAYOUT, "insufficient_funds", "payout", "our balance"),
        (Kind.PAYOUT, "declined", "payout", "declined"),
        (Kind.PAYOUT, "could_not_process", "payout", "could not process"),
        (Kind.PAYOUT, "bank_account_restricted", "payout", "no such payments"),
        (Kind.PAYOUT, "bank_rejected", "payout", "rejected"),
        (Kind.PAYOUT, "bounced_payout", "payout", "sent the payout back"),
        (Kind.FRAUD_WARNING, "made_with_stolen_card", "fraud", "stolen card"),
        (Kind.FRAUD_WARNING, "fraudulent", "fraud", "did not authorise"),
        (Kind.FRAUD_WARNING, "rule", "fraud", "review"),
        (Kind.MANDATE, "mandate_cancelled", "bank_debit", "cancelled the mandate"),
        (Kind.MANDATE, "bank_account_closed", "bank_debit", "closed"),
        (Kind.CHARGE, "refer_to_payer", "bank_debit", "lack of funds"),
        (Kind.CHARGE, "insufficient_funds", "bank_debit", "not enough money"),
        (Kind.CHARGE, "expired_card", "general", "expired"),
        (Kind.CHARGE, "fraudulent", "fraud", ""),
        (Kind.CHARGE, "gateway_timeout", "processing_error", "in time"),
    ],
)
def test_other_kinds_have_words_of_their_own(kind: Kind, reason: str, category: str, part: str) -> None:
    told = reasons.explain(item(kind, reason))
    assert told.category == category
    assert part in told.text


def test_the_networks_code_says_more_than_the_sources_word() -> None:
    told = reasons.explain(item(reason="general", network="visa", code="13.2"))
    assert (told.category, told.code) == ("canceled_recurring", "Visa 13.2")


def test_a_code_that_is_not_listed_leaves_the_sources_word_and_is_shown() -> None:
    told = reasons.explain(item(reason="fraudulent", network="visa", code="99.9"))
    assert (told.category, told.code) == ("fraud", "Visa 99.9")


def test_what_is_not_listed_is_named_and_gets_general_advice() -> None:
    told = reasons.explain(item(reason="something_new", network="jcb", code="541"))
    assert told.category == "general"
    assert told.text == "The bank disputes the payment (JCB 541 / something_new)."
    assert told.code == "JCB 541"
    assert reasons.explain(item()).text == "The bank disputes the payment."
    assert reasons.explain(item()).code is None


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("reason", [None, "", " ", "something_new", "é" * 400, "{}", "{0}{x}"])
def test_nothing_is_too_strange_to_be_explained(kind: Kind, reason: str | None) -> None:
    told = reasons.explain(item(kind, reason, network=reason, code=reason))
    assert told.text.endswith(".")
    assert told.action.endswith(".")
    assert (reason or "").strip() in told.text


def test_one_schemes_code_is_not_read_as_anothers() -> None:
    assert reasons.explain(item(Kind.CHARGE, "refer_to_payer", "becs_nz", "AM04")).code == "BECS NZ AM04"
    assert reasons.explain(item(Kind.CHARGE, "x", "ach", "ACH_RETURN-R99")).code == "ACH R99"
    assert "adds" not in reasons.explain(item(network="amex", code="R03")).text
    assert reasons.explain(item(network="amex", code="R03")).code == "American Express R03"
    assert reasons.explain(item(network=None, code="R03")).code == "ACH R03"


def test_a_payouts_decline_is_not_a_disputes() -> None:
    told = reasons.explain(item(Kind.PAYOUT, "account_closed", "ach", "R02"))
    assert (told.category, told.code) == ("payout", "ACH R02")
    assert "payee" in told.text


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("10.4", "AVS, CVV"),
        ("11.3", "approval code"),
        ("12.5", "amount, currency"),
        ("12.6.1", "Both payments"),
        ("13.1", "Proof of delivery"),
        ("13.2", "cancellation policy"),
        ("13.6", "refund policy"),
    ],
)
def test_each_category_needs_evidence_of_its_own(code: str, part: str) -> None:
    needed = reasons.needs_evidence(item(network="visa", code=code))
    assert any(part in one for one in needed)
    assert len(needed) == len(set(needed)) >= 3


def test_an_unknown_dispute_needs_what_always_helps() -> None:
    assert reasons.needs_evidence(item(reason="something_new")) == EVIDENCE_BY_CATEGORY["general"]


@pytest.mark.parametrize("kind", [one for one in Kind if one is not Kind.DISPUTE])
def test_only_a_dispute_needs_evidence(kind: Kind) -> None:
    assert reasons.needs_evidence(item(kind, "fraudulent")) == ()
