"""From an item to what it carries, for each kind that is handled but the disputes (``test_adyen_disputes.py``)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.models.events import Fate, Urgency
from connector.models.facts import Kind, Status
from connector.webhooks.adyen.kinds import HANDLED, NAMED

from .adyen_deliveries import (
    PAYMENT,
    PSP,
    Settings,
    body_signature,
    carried,
    event,
    item,
    notice,
    read,
    signed,
    source,
)
from .memory import SITE, desk

AT = datetime(2026, 11, 3, 11, 59, 58, tzinfo=UTC)
OTHERS: list[tuple[str, str, Kind, str, Status | None]] = [
    ("NOTIFICATION_OF_FRAUD", "true", Kind.FRAUD_WARNING, PSP, Status.OPEN),
    ("MANUAL_REVIEW_ACCEPT", "true", Kind.FRAUD_WARNING, PSP, Status.CLOSED),
    ("MANUAL_REVIEW_REJECT", "true", Kind.FRAUD_WARNING, PSP, Status.CLOSED),
    ("REFUND", "true", Kind.REFUND, PSP, Status.SUCCEEDED),
    ("REFUND", "false", Kind.REFUND, PSP, Status.FAILED),
    ("REFUND_FAILED", "true", Kind.REFUND, PSP, Status.FAILED),
    ("REFUND_FAILED", "false", Kind.REFUND, PSP, Status.FAILED),
    ("REFUNDED_REVERSED", "true", Kind.REFUND, PSP, Status.FAILED),
    ("REFUNDED_REVERSED", "false", Kind.REFUND, PSP, Status.FAILED),
    ("REFUND_WITH_DATA", "true", Kind.REFUND, PSP, Status.SUCCEEDED),
    ("REFUND_WITH_DATA", "false", Kind.REFUND, PSP, Status.FAILED),
    ("POSTPONED_REFUND", "true", Kind.REFUND, PSP, Status.PENDING),
    ("POSTPONED_REFUND", "false", Kind.REFUND, PSP, Status.FAILED),
    ("VOID_PENDING_REFUND", "true", Kind.REFUND, PSP, Status.CANCELED),
    ("VOID_PENDING_REFUND", "false", Kind.REFUND, PSP, None),
    ("CANCEL_OR_REFUND", "true", Kind.REFUND, PSP, Status.SUCCEEDED),
    ("CANCEL_OR_REFUND", "false", Kind.REFUND, PSP, Status.FAILED),
    ("PAYOUT_THIRDPARTY", "true", Kind.PAYOUT, PAYMENT, Status.PAID),
    ("PAYOUT_THIRDPARTY", "false", Kind.PAYOUT, PAYMENT, Status.FAILED),
    ("PAYOUT_DECLINE", "true", Kind.PAYOUT, PAYMENT, Status.CANCELED),
    ("PAYOUT_DECLINE", "false", Kind.PAYOUT, PAYMENT, None),
    ("PAYOUT_EXPIRE", "true", Kind.PAYOUT, PAYMENT, Status.FAILED),
    ("PAYOUT_EXPIRE", "false", Kind.PAYOUT, PAYMENT, None),
    ("PAIDOUT_REVERSED", "true", Kind.PAYOUT, PAYMENT, Status.FAILED),
    ("PAIDOUT_REVERSED", "false", Kind.PAYOUT, PAYMENT, Status.FAILED),
    ("AUTHORISATION", "true", Kind.CHARGE, PAYMENT, Status.SUCCEEDED),
    ("AUTHORISATION", "false", Kind.CHARGE, PAYMENT, Status.FAILED),
    ("CAPTURE", "true", Kind.CHARGE, PAYMENT, Status.SUCCEEDED),
    ("CAPTURE", "false", Kind.CHARGE, PAYMENT, Status.FAILED),
    ("CAPTURE_FAILED", "true", Kind.CHARGE, PAYMENT, Status.RETURNED),
    ("CAPTURE_FAILED", "false", Kind.CHARGE, PAYMENT, Status.RETURNED),
    ("CANCELLATION", "true", Kind.CHARGE, PAYMENT, None),
    ("CANCELLATION", "false", Kind.CHARGE, PAYMENT, None),
    ("TECHNICAL_CANCEL", "true", Kind.CHARGE, PAYMENT, None),
    ("TECHNICAL_CANCEL", "false", Kind.CHARGE, PAYMENT, None),
    ("EXPIRE", "true", Kind.CHARGE, PAYMENT, None),
    ("EXPIRE", "false", Kind.CHARGE, PAYMENT, None),
]


def test_every_handled_kind_but_the_disputes_has_a_case() -> None:
    disputes = {kind for kind, handled in HANDLED.items() if handled.object is Kind.DISPUTE}
    assert {code for code, *_ in OTHERS} | set(NAMED.values()) == HANDLED.keys() - disputes


@pytest.mark.parametrize(("code", "success", "kind", "id_", "status"), OTHERS)
def test_each_other_event_says_what_became_of_which_object(
    code: str, success: str, kind: Kind, id_: str, status: Status | None
) -> None:
    told = carried(code, success)
    assert (told.kind, told.id, told.status, told.at) == (kind, id_, status, AT)


def test_a_fraud_warning_says_what_the_issuer_said() -> None:
    more = {"nofReasonCode": "6", "nofSchemeCode": "visa"}
    told = carried("NOTIFICATION_OF_FRAUD", additionalData=more, reason="Fraudulent Use of Account Number")
    assert (told.reason, told.network_code, told.network) == ("6", "6", "visa")
    assert (told.reason_text, told.opened_at) == ("Fraudulent Use of Account Number", AT)


def test_a_failed_refund_says_why_and_is_known_by_all_its_references() -> None:
    told = carried("REFUND_FAILED", reason="Refund Failed")
    assert (told.reason, told.references) == ("Refund Failed", (PAYMENT, "r-uuid-1", PSP))
    assert carried("REFUND", reason="null").reason is None


def test_a_reversal_that_canceled_is_no_refund() -> None:
    told = carried("CANCEL_OR_REFUND", additionalData={"modification.action": "cancel"})
    assert (told.kind, told.id, told.status) == (Kind.CHARGE, PAYMENT, None)
    refund = carried("CANCEL_OR_REFUND", additionalData={"modification.action": "refund"})
    assert (refund.kind, refund.status) == (Kind.REFUND, Status.SUCCEEDED)


def test_a_payout_names_its_payee_by_the_merchants_reference_only() -> None:
    told = carried(
        "PAIDOUT_REVERSED", reason="Account closed", additionalData={"shopperReference": "author-7"}
    )
    assert (told.payee, told.reason) == ("author-7", "Account closed")
    assert carried("PAIDOUT_REVERSED").payee == ""


def test_an_approved_payment_keeps_its_authorization_code_to_itself() -> None:
    told = carried("AUTHORISATION", originalReference=None, reason="076181:1111:03/2030")
    assert (told.id, told.reason) == (PSP, None)
    refused = carried(
        "AUTHORISATION",
        "false",
        reason="Refused",
        additionalData={"refusalReasonRaw": "05 : Do not honor", "cardSummary": "1111"},
    )
    assert (refused.reason, refused.reason_text) == ("Refused", "05 : Do not honor")
    assert refused.method == "Visa ending 1111"


@pytest.mark.parametrize(
    ("code", "value", "amount"),
    [
        ("EUR", 4900, "49.00"),
        ("JPY", 4900, "4900"),
        ("KWD", 4900, "4.900"),
        ("CLP", 490000, "4900"),
        ("CVE", 4900, "4900.00"),
        ("IDR", 4900, "4900.00"),
        ("ISK", 490000, "4900"),
        ("USD", -4900, "49.00"),
    ],
)
def test_amounts_have_adyens_own_decimals(code: str, value: int, amount: str) -> None:
    assert carried("REFUND", amount={"currency": code, "value": value}).amount == Decimal(amount)


PAYMENT_METHODS = [
    ("ach", "ach", "ACH debit"),
    ("sepadirectdebit", "sepa_core", "SEPA direct debit"),
    ("directdebit_GB", "bacs", "Bacs direct debit"),
    ("visa", "visa", "Visa"),
    ("mc", "mastercard", "Mastercard"),
    ("amex", "amex", "American Express"),
    ("discover", "discover", "Discover"),
    ("diners", "diners", "Diners Club"),
    ("jcb", "jcb", "JCB"),
    ("maestro", "maestro", "Maestro"),
    ("cup", "unionpay", "UnionPay"),
    ("bcmc", "bcmc", None),
    ("elo", "elo", None),
    ("paypal", None, "PayPal"),
    ("ideal", None, None),
]


@pytest.mark.parametrize(("code", "network", "method"), PAYMENT_METHODS)
def test_every_payment_method_has_its_network_and_its_name(
    code: str, network: str | None, method: str | None
) -> None:
    told = carried("CAPTURE_FAILED", paymentMethod=code)
    assert (told.network, told.method) == (network, method)


@pytest.mark.parametrize("name", ["chargebackSchemeCode", "rfiSchemeCode", "nofSchemeCode"])
def test_the_scheme_that_is_named_says_more_than_the_payment_method(name: str) -> None:
    assert carried("REFUND", paymentMethod="visa", additionalData={name: "mc"}).network == "mastercard"


@pytest.mark.parametrize(
    ("summary", "method"),
    [("1111", "Visa ending 1111"), ("111", "Visa"), ("11111", "Visa"), ("1a11", "Visa")],
)
def test_a_card_is_named_by_four_digits_or_by_none(summary: str, method: str) -> None:
    assert carried("REFUND", additionalData={"cardSummary": summary}).method == method


@pytest.mark.parametrize("name", ["shopperReference", "recurring.shopperReference"])
def test_a_customer_is_named_by_the_merchants_reference(name: str) -> None:
    assert carried("REFUND", additionalData={name: "wren-42"}).customer == "wren-42"


def test_what_an_inquiry_says_is_its_reason() -> None:
    told = carried("REQUEST_FOR_INFORMATION", additionalData={"rfiReasonCode": "6321", "rfiSchemeCode": "mc"})
    assert (told.reason, told.network_code, told.network) == ("6321", "6321", "mastercard")


def test_disputes_and_fraud_go_first_and_failures_next() -> None:
    assert event("CHARGEBACK").urgency is Urgency.DISPUTE
    assert event("NOTIFICATION_OF_FRAUD").urgency is Urgency.DISPUTE
    assert event("REFUND_FAILED").urgency is Urgency.FAILURE
    assert event("AUTHORISATION").urgency is Urgency.ROUTINE


# Notices of change ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("type_", "kind"), NAMED.items())
def test_a_notice_of_change_tells_of_the_mandate_and_not_of_the_account(type_: str, kind: str) -> None:
    body = notice(type_)
    (found,) = read(body, body_signature(body))
    assert (found.kind, found.fate, found.occurred_at) == (kind, Fate.HANDLED, AT)
    (told,) = found.carried
    assert (told.kind, told.id, told.status) == (Kind.MANDATE, PAYMENT, Status.ACTIVE)
    assert (told.reason, told.reason_text) == ("C01", "The account number was wrong.")
    assert (told.customer, told.network) == ("wren-42", "ach")
    for number in ("000123456789", "110000000"):
        assert number not in found.body
        assert number not in repr(found)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("C01", "account number"), ("C02", "routing number"), ("C03", "routing and account"), ("C04", "name"),
        ("C05", "type of the account"), ("C06", "account number and the type"),
        ("C07", "routing number, account number"),
        ("C09", "identification number"), ("C10", "company's name"), ("C11", "company's identification"),
        ("C12", "name and identification"), ("C99", "details changed"),
    ],
)  # fmt: skip
def test_a_notice_of_change_says_what_was_wrong(code: str, word: str) -> None:
    body = notice(reasonCode=code)
    (found,) = read(body, body_signature(body))
    assert word in (found.carried[0].reason_text or "")


def test_a_newer_webhook_of_another_type_is_kept_and_shown() -> None:
    body = notice("recurring.token.disabled")
    (found,) = read(body, body_signature(body))
    assert (found.kind, found.fate) == ("recurring.token.disabled", Fate.UNKNOWN)


def test_a_notice_of_the_test_environment_is_not_worked() -> None:
    body = notice(environment="test")
    (found,) = read(body, body_signature(body))
    assert found.fate is Fate.IGNORED


# What an event is ----------------------------------------------------------------------------------------------


def test_an_event_is_known_by_what_names_it() -> None:
    same = [event("REFUND"), event("REFUND", reason="again"), event("REFUND", success=True)]
    other = [
        event("REFUND", "false"),
        event("REFUND_FAILED"),
        event("REFUND", pspReference="DSP2"),
        event("REFUND", eventDate="2026-11-04T00:00:00Z"),
        event("REFUND", merchantAccountCode="AcmePOS"),
    ]
    assert len({found.event_id for found in same}) == 1
    assert len({found.event_id for found in (same[0], *other)}) == 6
    assert same[0].strong_id


def test_each_item_is_stored_alone_and_without_its_signature() -> None:
    first, second = read(signed(item("REFUND"), item("CHARGEBACK", pspReference="OTHER")))
    assert "OTHER" not in first.body
    assert PSP not in second.body
    assert "hmacSignature" not in first.body + second.body
    assert '"live": "true"' in first.body


def test_an_item_that_cannot_be_read_holds_back_none_of_the_others() -> None:
    found = read(signed(item("REFUND"), item("REFUND", pspReference=None), item("CHARGEBACK")))
    assert [one.fate for one in found] == [Fate.HANDLED, Fate.UNREADABLE, Fate.HANDLED]


@pytest.mark.parametrize(("live", "worked"), [("true", True), (True, True), ("false", False), (False, False)])
def test_a_test_event_is_not_worked_in_a_live_installation(live: object, worked: bool) -> None:
    (found,) = read(signed(item("CHARGEBACK"), live=live))
    assert (found.fate is Fate.HANDLED) == worked
    (found,) = read(signed(item("CHARGEBACK"), live=live), settings=Settings(live=False))
    assert (found.fate is Fate.HANDLED) != worked


def test_a_test_payment_is_linked_to_the_test_area() -> None:
    (found,) = read(signed(item("CHARGEBACK"), live="false"), settings=Settings(live=False))
    assert (found.carried[0].link or "").startswith("https://ca-test.adyen.com/")


@pytest.mark.parametrize("missing", ["eventDate", "pspReference", "eventCode"])
def test_what_does_not_say_enough_is_kept_for_a_person(missing: str) -> None:
    said = {name: value for name, value in item("CHARGEBACK").items() if name != missing}
    (found,) = read(signed(said))
    assert (found.fate, found.carried) == (Fate.UNREADABLE, ())


def test_a_notice_in_the_old_shape_is_kept_for_a_person() -> None:
    assert event("ACH_NOTIFICATION_OF_CHANGE").fate is Fate.UNREADABLE


def test_cards_and_accounts_are_not_kept() -> None:
    more = {"iban": "NL00TEST0123456789", "bankAccountNumber": "000123456789", "note": "4111 1111 1111 1111"}
    body = event("AUTHORISATION", additionalData=more).body
    for secret in more.values():
        assert secret not in body


@pytest.mark.parametrize("depth", [10, 500, 900, 960, 980, 990, 1000, 2000, 50_000])
def test_any_depth_has_an_answer(depth: int) -> None:
    """What can be read may still be too deep to be written again."""
    nest = b"[" * depth + b"]" * depth
    at = desk({("adyen", SITE): source()})
    deep_item = signed(item("CHARGEBACK")).replace(b'"reason": ""', b'"reason": ' + nest)
    assert at.client.post("/webhooks/adyen", data=deep_item).status_code in (200, 401)
    deep_body = b'{"type": "x", "data": ' + nest + b"}"
    answer = at.client.post("/webhooks/adyen", data=deep_body, headers=body_signature(deep_body))
    assert answer.status_code == 200
