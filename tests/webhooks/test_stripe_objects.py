"""What each event of Stripe says of its object: payload in, observation out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.models.events import Fate, Pointer, Urgency
from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.models.observation_merge import fold
from connector.models.processor_objects import STATUSES
from connector.webhooks.stripe.kinds import HANDLED

from .stripe_deliveries import (
    ACH,
    CREATED,
    charge,
    dispute,
    event,
    fraud_warning,
    intent,
    mandate,
    payout,
    read,
    refund,
    review,
)

AT = datetime.fromtimestamp(CREATED, UTC)

CASES: dict[str, tuple[dict[str, Any], Kind, str, Status | None]] = {
    "charge.dispute.created": (dispute(), Kind.DISPUTE, "du_1", Status.NEEDS_RESPONSE),
    "charge.dispute.updated": (dispute(status="under_review"), Kind.DISPUTE, "du_1", Status.UNDER_REVIEW),
    "charge.dispute.closed": (dispute(status="won"), Kind.DISPUTE, "du_1", Status.WON),
    "charge.dispute.funds_withdrawn": (dispute(), Kind.DISPUTE, "du_1", Status.NEEDS_RESPONSE),
    "charge.dispute.funds_reinstated": (dispute(status="won"), Kind.DISPUTE, "du_1", Status.WON),
    "radar.early_fraud_warning.created": (fraud_warning(), Kind.FRAUD_WARNING, "issfr_1", Status.OPEN),
    "radar.early_fraud_warning.updated": (
        fraud_warning(actionable=False),
        Kind.FRAUD_WARNING,
        "issfr_1",
        Status.CLOSED,
    ),
    "review.opened": (review(), Kind.FRAUD_WARNING, "prv_1", Status.OPEN),
    "review.closed": (
        review(open=False, reason="approved", closed_reason="approved"),
        Kind.FRAUD_WARNING,
        "prv_1",
        Status.CLOSED,
    ),
    "charge.pending": (charge(status="pending"), Kind.CHARGE, "ch_1", Status.PENDING),
    "charge.succeeded": (charge(), Kind.CHARGE, "ch_1", Status.SUCCEEDED),
    "charge.captured": (charge(), Kind.CHARGE, "ch_1", Status.SUCCEEDED),
    "charge.updated": (charge(), Kind.CHARGE, "ch_1", Status.SUCCEEDED),
    "charge.failed": (charge(status="failed"), Kind.CHARGE, "ch_1", Status.FAILED),
    "payment_intent.payment_failed": (intent(), Kind.CHARGE, "ch_1", Status.FAILED),
    "charge.refunded": (charge(amount_refunded=1900), Kind.CHARGE, "ch_1", Status.SUCCEEDED),
    "charge.refund.updated": (refund(status="failed"), Kind.REFUND, "re_1", Status.FAILED),
    "refund.created": (refund(status="pending"), Kind.REFUND, "re_1", Status.PENDING),
    "refund.updated": (refund(), Kind.REFUND, "re_1", Status.SUCCEEDED),
    "refund.failed": (refund(status="failed"), Kind.REFUND, "re_1", Status.FAILED),
    "payout.created": (payout(status="pending"), Kind.PAYOUT, "po_1", Status.PENDING),
    "payout.updated": (payout(), Kind.PAYOUT, "po_1", Status.PENDING),
    "payout.paid": (payout(status="paid"), Kind.PAYOUT, "po_1", Status.PAID),
    "payout.reconciliation_completed": (payout(status="paid"), Kind.PAYOUT, "po_1", Status.PAID),
    "payout.canceled": (payout(status="canceled"), Kind.PAYOUT, "po_1", Status.CANCELED),
    "payout.failed": (payout(status="failed"), Kind.PAYOUT, "po_1", Status.FAILED),
    "mandate.updated": (mandate(), Kind.MANDATE, "mandate_1", Status.INACTIVE),
}


def only(kind: str, found: dict[str, Any], **fields: Any) -> ProcessorObject:
    told = read(event(kind, found, **fields))
    assert told.fate is Fate.HANDLED, told.note
    (one,) = told.carried
    return one


def test_every_handled_kind_is_in_the_table() -> None:
    assert CASES.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", CASES)
def test_an_event_carries_the_object_it_is_about(kind: str) -> None:
    found, about, object_id, status = CASES[kind]
    told = read(event(kind, found))
    assert (told.fate, told.kind, told.event_id) == (Fate.HANDLED, kind, "evt_1Casewire")
    assert (told.urgency, told.occurred_at) == (HANDLED[kind].urgency, AT)
    one = told.carried[0]
    assert (one.source, one.kind, one.id, one.status, one.at) == ("stripe", about, object_id, status, AT)
    assert HANDLED[kind].object is about
    assert status in STATUSES[about]
    assert told.pointers[0] == Pointer(str(about), (object_id,))


@pytest.mark.parametrize("kind", CASES)
def test_an_object_without_an_id_is_unreadable(kind: str) -> None:
    found = CASES[kind][0] | {"id": None, "latest_charge": None}
    told = read(event(kind, found))
    assert (told.fate, told.carried) == (Fate.UNREADABLE, ())
    assert told.kind == kind


def test_disputes_go_first_and_failures_before_routine() -> None:
    urgent = {kind for kind, handled in HANDLED.items() if handled.urgency is Urgency.DISPUTE}
    assert urgent == {kind for kind in HANDLED if "dispute" in kind or "fraud" in kind or "review" in kind}
    assert all(HANDLED[kind].urgency is Urgency.FAILURE for kind in HANDLED if kind.endswith("failed"))


# Disputes --------------------------------------------------------------------------------------------------


def test_a_dispute_says_why_how_much_and_until_when() -> None:
    one = only("charge.dispute.created", dispute())
    assert one == ProcessorObject(
        kind=Kind.DISPUTE,
        source="stripe",
        id="du_1",
        at=AT,
        status=Status.NEEDS_RESPONSE,
        stage=Stage.CHARGEBACK,
        reason="fraudulent",
        network="visa",
        network_code="10.4",
        amount=Decimal("49.00"),
        currency="USD",
        due_at=datetime.fromtimestamp(CREATED + 864000, UTC),
        opened_at=datetime.fromtimestamp(CREATED - 3600, UTC),
        references=("ch_1", "pi_1"),
        refundable=False,
        answered=False,
        link="https://dashboard.stripe.com/payments/ch_1",
    )


@pytest.mark.parametrize(
    ("word", "stage", "status"),
    [
        ("warning_needs_response", Stage.INQUIRY, Status.NEEDS_RESPONSE),
        ("warning_under_review", Stage.INQUIRY, Status.UNDER_REVIEW),
        ("warning_closed", Stage.INQUIRY, Status.WITHDRAWN),
        ("needs_response", Stage.CHARGEBACK, Status.NEEDS_RESPONSE),
        ("under_review", Stage.CHARGEBACK, Status.UNDER_REVIEW),
        ("won", Stage.CHARGEBACK, Status.WON),
        ("lost", Stage.CHARGEBACK, Status.LOST),
        ("prevented", Stage.CHARGEBACK, Status.WITHDRAWN),
        ("appeal_needs_response", Stage.PRE_ARBITRATION, Status.NEEDS_RESPONSE),
        ("appeal_under_review", Stage.PRE_ARBITRATION, Status.UNDER_REVIEW),
        ("a_word_of_next_year", Stage.CHARGEBACK, None),
    ],
)
def test_the_status_tells_the_stage(word: str, stage: Stage, status: Status | None) -> None:
    one = only("charge.dispute.updated", dispute(status=word))
    assert (one.stage, one.status) == (stage, status)


def test_an_appeal_that_was_lost_is_over() -> None:
    appealed = only("charge.dispute.updated", dispute(status="appeal_under_review"))
    ended = dispute(status="lost", evidence={"appeal": {"card": {"reason_for_filing": "x"}}})
    lost = only("charge.dispute.closed", ended, created=CREATED + 600)
    assert fold([lost, appealed]).status is Status.LOST
    told = {
        "data": {"object": dispute(status="lost"), "previous_attributes": {"status": "appeal_under_review"}}
    }
    assert only("charge.dispute.updated", {}, **told).stage is Stage.PRE_ARBITRATION


@pytest.mark.parametrize(("sent", "answered"), [(0, False), (1, True), (None, None), (True, None)])
def test_a_dispute_says_whether_it_was_answered(sent: object, answered: bool | None) -> None:
    told = dispute(status="lost", evidence_details={"due_by": CREATED, "submission_count": sent})
    assert only("charge.dispute.closed", told).answered is answered


def test_a_dispute_with_its_charge_inside_carries_the_charge_too() -> None:
    told = read(event("charge.dispute.created", dispute(charge=charge())))
    one, other = told.carried
    assert one.references == ("ch_1", "pi_1")
    assert one.link == "https://dashboard.stripe.com/payments/ch_1"
    assert (other.kind, other.id, other.invoice_number) == (Kind.CHARGE, "ch_1", "INV-1042")


def test_a_dispute_of_paypal_or_klarna_has_their_code() -> None:
    paypal = {"type": "paypal", "paypal": {"case_id": "PP-1", "reason_code": "unauthorized"}}
    one = only("charge.dispute.created", dispute(payment_method_details=paypal))
    assert (one.network, one.network_code) == ("paypal", "unauthorized")


def test_a_test_event_links_to_the_test_dashboard_and_is_worked_in_test_mode_only() -> None:
    body = event("charge.dispute.created", dispute(), livemode=False)
    assert read(body, live=False).carried[0].link == "https://dashboard.stripe.com/test/payments/ch_1"
    ignored = read(body, live=True)
    assert (ignored.fate, ignored.carried) == (Fate.IGNORED, ())
    assert "test" in ignored.note
    assert read(event("charge.dispute.created", dispute()), live=False).fate is Fate.IGNORED


# Charges ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CASES)
def test_what_happens_in_a_connected_account_is_read_and_linked_there(kind: str) -> None:
    found = CASES[kind][0]
    carried = read(event(kind, found, account="acct_1Shop")).carried
    own = read(event(kind, found)).carried
    assert {one.account for one in carried} == {"acct_1Shop"}
    assert {one.account for one in own} == {None}
    front = "https://dashboard.stripe.com/"
    for there, here in zip(carried, own, strict=True):
        assert there.link == (here.link and here.link.replace(front, f"{front}acct_1Shop/"))


@pytest.mark.parametrize(
    "account", ["", "acct_", "acct_1/../2", "acct_1\r\nX: y", "https://evil", 7, ["acct_1"], None]
)
def test_what_is_no_account_of_stripe_is_not_one(account: object) -> None:
    assert only("charge.dispute.created", dispute(), account=account).account is None


def test_a_test_dispute_in_a_connected_account_links_to_its_test_dashboard() -> None:
    (one,) = read(
        event("charge.dispute.created", dispute(), account="acct_1", livemode=False), live=False
    ).carried
    assert one.link == "https://dashboard.stripe.com/acct_1/test/payments/ch_1"


def test_a_charge_names_its_invoice_customer_and_method() -> None:
    one = only("charge.succeeded", charge())
    assert (one.references, one.invoice_number, one.truncated) == (("ch_1", "pi_1"), "INV-1042", False)
    assert (one.customer, one.method, one.network) == ("cus_1", "Visa ending 4242", "visa")
    assert (one.amount, one.currency, one.refunded) == (Decimal("49.00"), "USD", False)


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"type": "card", "card": {"brand": "amex", "last4": "0005"}}, "American Express ending 0005"),
        ({"type": "card", "card": {}}, "Card"),
        (ACH, "Bank account ending 6789"),
        ({"type": "sepa_debit", "sepa_debit": {"last4": "3000"}}, "SEPA direct debit ending 3000"),
        ({"type": "cashapp", "cashapp": {}}, "Cashapp"),
        ({"type": "amazon_pay"}, "Amazon pay"),
        ({}, None),
        (None, None),
    ],
)
def test_how_it_was_paid_is_said_in_words(details: object, words: str | None) -> None:
    assert only("charge.succeeded", charge(payment_method_details=details)).method == words


def test_customer_and_intent_may_come_as_objects() -> None:
    one = only("charge.updated", charge(customer={"id": "cus_2"}, payment_intent={"id": "pi_2"}))
    assert (one.customer, one.references) == ("cus_2", ("ch_1", "pi_2"))


@pytest.mark.parametrize(
    ("fields", "status", "amount"),
    [
        ({"captured": True, "amount_captured": 3000}, Status.SUCCEEDED, Decimal("30.00")),
        ({"captured": True, "amount_captured": 5100}, Status.SUCCEEDED, Decimal("51.00")),
        ({"captured": False, "amount_captured": 1200}, Status.SUCCEEDED, Decimal("12.00")),
        ({"captured": False, "amount_captured": 0}, Status.AUTHORIZED, Decimal("49.00")),
        ({"captured": False, "amount_captured": None}, Status.AUTHORIZED, Decimal("49.00")),
        ({"captured": False}, Status.AUTHORIZED, Decimal("49.00")),
        ({"captured": True}, Status.SUCCEEDED, Decimal("49.00")),
        # before amount_captured: its payment intent says what was received, if it is about this charge
        (
            {"captured": True, "payment_intent": {"id": "pi_1", "amount_received": 3000}},
            Status.SUCCEEDED,
            Decimal("30.00"),
        ),
        (
            {"captured": False, "payment_intent": {"id": "pi_1", "amount_received": 0}},
            Status.AUTHORIZED,
            Decimal("49.00"),
        ),
        (
            {
                "captured": True,
                "payment_intent": {"id": "pi_1", "latest_charge": "ch_2", "amount_received": 100},
            },
            Status.SUCCEEDED,
            Decimal("49.00"),
        ),
        ({"captured": False, "amount_captured": 0, "status": "failed"}, Status.FAILED, Decimal("49.00")),
    ],
)
def test_what_was_captured_is_what_was_taken(fields: dict[str, Any], status: Status, amount: Decimal) -> None:
    one = only("charge.captured", charge(**fields))
    assert (one.status, one.amount) == (status, amount)


def test_a_hold_that_is_captured_in_part_has_moved_that_part() -> None:
    held = only("charge.succeeded", charge(captured=False, amount_captured=0), created=CREATED)
    taken = only("charge.captured", charge(captured=True, amount_captured=3000), created=CREATED + 90)
    for told in ([held, taken], [taken, held]):
        assert (fold(told).status, fold(told).amount) == (Status.SUCCEEDED, Decimal("30.00"))


def test_a_declined_charge_says_what_the_issuer_said() -> None:
    outcome = {"network_status": "declined_by_network", "reason": "insufficient_funds"}
    outcome |= {"network_decline_code": "51"}
    found = charge(status="failed", failure_code="card_declined", failure_message="No.", outcome=outcome)
    one = only("charge.failed", found)
    assert (one.reason, one.reason_text, one.network_code) == ("insufficient_funds", "No.", "51")


def test_an_ach_debit_that_failed_was_returned() -> None:
    found = charge(status="failed", failure_code="account_closed", payment_method_details=ACH, outcome=None)
    one = only("charge.failed", found)
    assert (one.status, one.network, one.reason) == (Status.RETURNED, "ach", "account_closed")
    blocked = found | {"outcome": {"network_status": "not_sent_to_network"}}
    assert only("charge.failed", blocked).status is Status.FAILED


def test_a_failed_intent_speaks_of_its_charge() -> None:
    one = only("payment_intent.payment_failed", intent())
    assert (one.id, one.references, one.invoice_number) == ("ch_1", ("ch_1", "pi_1"), "INV-1042")
    assert (one.reason, one.reason_text) == ("insufficient_funds", "Your card has insufficient funds.")
    assert (one.method, one.network, one.customer) == ("Visa ending 4242", "visa", "cus_1")


def test_a_failed_intent_without_a_charge_speaks_for_itself() -> None:
    one = only("payment_intent.payment_failed", intent(latest_charge=None))
    assert (one.id, one.references, one.status) == ("pi_1", ("pi_1",), Status.FAILED)


def test_an_intent_of_an_older_version_lists_its_charges_the_newest_first() -> None:
    listed = {
        "object": "list",
        "data": [charge(id="ch_3", status="failed"), charge(id="ch_2", status="failed")],
    }
    older = intent(charges=listed)
    del older["latest_charge"]
    one = only("payment_intent.payment_failed", older)
    assert (one.id, one.references) == ("ch_3", ("ch_3", "pi_1"))


def test_a_failed_bank_debit_of_an_intent_was_returned() -> None:
    error = {"code": "insufficient_funds", "payment_method": ACH}
    one = only("payment_intent.payment_failed", intent(last_payment_error=error))
    assert (one.status, one.reason, one.network) == (Status.RETURNED, "insufficient_funds", "ach")


# Refunds ---------------------------------------------------------------------------------------------------


def test_only_a_charge_that_was_given_back_in_full_is_refunded() -> None:
    one = only("charge.refunded", charge(amount_refunded=1, refunded=False))
    assert (one.refunded, one.refundable) == (False, None)
    whole = only("charge.refunded", charge(amount_refunded=4900, refunded=True))
    assert (whole.refunded, whole.refundable) == (True, False)


@pytest.mark.parametrize(
    ("fields", "listed", "expected"),
    [
        # a hold that was cancelled: nothing had been taken
        ({"captured": False, "refunded": True, "amount_refunded": 4900}, [("re_1", 4900)], []),
        # 30 of 49 captured: the rest was released with the capture
        ({"captured": True, "amount_captured": 3000, "amount_refunded": 1900}, [("re_1", 1900)], []),
        # and then 19 of the 30 were given back
        (
            {"captured": True, "amount_captured": 3000, "amount_refunded": 3800},
            [("re_2", 1900), ("re_1", 1900)],
            ["re_2"],
        ),
        # since 2025-03-31.basil a release is no refund
        ({"captured": True, "amount_captured": 3000, "amount_refunded": 500}, [("re_1", 500)], ["re_1"]),
        ({"captured": True, "amount_captured": 4900, "amount_refunded": 1900}, [("re_1", 1900)], ["re_1"]),
        ({"amount_refunded": 1900}, [("re_1", 1900)], ["re_1"]),
    ],
)
def test_what_was_only_held_is_not_given_back(
    fields: dict[str, Any], listed: list[tuple[str, int]], expected: list[str]
) -> None:
    refunds = [refund(id=id_, amount=amount, created=CREATED + int(id_[-1])) for id_, amount in listed]
    told = read(event("charge.refunded", charge(**fields, refunds={"object": "list", "data": refunds})))
    assert [one.id for one in told.carried if one.kind is Kind.REFUND] == expected


def test_the_refunds_listed_in_a_charge_are_carried_too() -> None:
    listed = {"object": "list", "data": [refund(charge=None, payment_intent=None), refund(id="re_2")]}
    told = read(event("charge.refunded", charge(amount_refunded=3800, refunds=listed)))
    kinds = [(one.kind, one.id, one.references) for one in told.carried]
    paid = ("ch_1", "pi_1")
    assert kinds == [(Kind.CHARGE, "ch_1", paid), (Kind.REFUND, "re_1", paid), (Kind.REFUND, "re_2", paid)]


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("pending", Status.PENDING, "requested_by_customer"),
        ("requires_action", Status.REQUIRES_ACTION, "requested_by_customer"),
        ("succeeded", Status.SUCCEEDED, "requested_by_customer"),
        ("failed", Status.FAILED, "lost_or_stolen_card"),
        ("canceled", Status.CANCELED, "requested_by_customer"),
    ],
)
def test_a_refund_says_how_it_went_and_why(word: str, status: Status, reason: str) -> None:
    one = only("refund.updated", refund(status=word, failure_reason="lost_or_stolen_card"))
    assert (one.status, one.reason, one.references) == (status, reason, ("ch_1", "pi_1"))
    assert (one.amount, one.opened_at) == (Decimal("19.00"), AT)


# Payouts, fraud, mandates ----------------------------------------------------------------------------------


def test_a_payout_that_bounced_says_why() -> None:
    found = payout(status="failed", failure_code="account_closed", failure_message="The account is closed.")
    one = only("payout.failed", found)
    assert (one.reason, one.reason_text) == ("account_closed", "The account is closed.")
    assert (one.amount, one.currency, one.payee) == (Decimal("123.45"), "EUR", "")
    assert one.settles_at == datetime.fromtimestamp(CREATED + 86400, UTC)
    assert one.link == "https://dashboard.stripe.com/payouts/po_1"


def test_a_payout_of_a_connected_account_has_that_account_as_payee() -> None:
    one = only("payout.paid", payout(status="paid"), account="acct_author")
    assert (one.payee, one.link) == ("acct_author", "https://dashboard.stripe.com/acct_author/payouts/po_1")


def test_a_fraud_warning_says_what_kind_and_of_which_payment() -> None:
    one = only("radar.early_fraud_warning.created", fraud_warning())
    assert (one.reason, one.references) == ("made_with_stolen_card", ("ch_1", "pi_1"))
    assert one.link == "https://dashboard.stripe.com/payments/ch_1"


def test_a_review_says_why_it_was_opened_and_why_closed() -> None:
    assert only("review.opened", review()).reason == "rule"
    closed = review(open=False, reason="refunded_as_fraud", closed_reason="refunded_as_fraud")
    assert only("review.closed", closed).reason == "refunded_as_fraud"


@pytest.mark.parametrize(
    ("method", "network"),
    [("sepa_debit", "sepa_core"), ("us_bank_account", "ach"), ("bacs_debit", "bacs"), ("card", "card")],
)
def test_a_mandate_names_its_scheme(method: str, network: str) -> None:
    one = only("mandate.updated", mandate(payment_method_details={"type": method, method: {}}))
    assert (one.network, one.references, one.customer) == (network, (), None)


def test_a_revoked_mandate_says_why() -> None:
    bacs = {"type": "bacs_debit", "bacs_debit": {"network_status": "revoked"}}
    assert only("mandate.updated", mandate(payment_method_details=bacs)).reason == "revoked"
    bacs["bacs_debit"] = {"network_status": "revoked", "revocation_reason": "account_closed"}
    assert only("mandate.updated", mandate(payment_method_details=bacs)).reason == "account_closed"


def test_a_mandate_for_one_payment_is_not_lost_when_it_ends() -> None:
    assert only("mandate.updated", mandate(type="single_use")).status is None


# Amounts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "minor", "major"),
    [
        ("usd", 4900, "49.00"),
        ("jpy", 4900, "4900"),
        ("huf", 490000, "4900.00"),
        ("twd", 490000, "4900.00"),
        ("isk", 490000, "4900"),
        ("ugx", 490000, "4900"),
        ("mga", 4900, "4900.00"),
        ("kwd", 5120, "5.120"),
        ("clp", 4900, "4900"),
    ],
)
def test_stripe_counts_some_currencies_its_own_way(code: str, minor: int, major: str) -> None:
    one = only("charge.succeeded", charge(currency=code, amount=minor))
    assert (str(one.amount), one.currency) == (major, code.upper())


def test_an_amount_without_a_currency_is_not_said() -> None:
    one = only("charge.succeeded", charge(currency=None))
    assert (one.amount, one.currency) == (None, None)


# Odd events ------------------------------------------------------------------------------------------------


def test_a_thin_event_is_recorded_with_what_to_do() -> None:
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v2.core.account.updated",
        "created": "2026-11-03T11:59:58.000Z",
        "livemode": True,
        "related_object": {"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/accounts/acct_1"},
    }
    told = read(json.dumps(thin).encode())
    assert (told.fate, told.event_id, told.occurred_at) == (Fate.UNKNOWN, "evt_thin", AT)
    assert "snapshot" in told.note
    unreadable = read(json.dumps(thin | {"type": "charge.failed"}).encode())
    assert unreadable.fate is Fate.UNREADABLE
    assert "snapshot" in unreadable.note


def test_an_event_of_stripe_billing_is_ignored_because_recurly_bills() -> None:
    told = read(event("invoice.paid", {"object": "invoice", "id": "in_1"}))
    assert told.fate is Fate.IGNORED
    assert "Recurly" in told.note


@pytest.mark.parametrize(
    "changed", [{"created": None}, {"data": None}, {"data": {"object": {"object": "cat"}}}]
)
def test_an_event_that_lacks_what_it_must_say_is_kept_for_a_person(changed: dict[str, Any]) -> None:
    told = read(event("charge.failed", charge(), **changed))
    assert (told.fate, told.kind) == (Fate.UNREADABLE, "charge.failed")
    assert told.note
