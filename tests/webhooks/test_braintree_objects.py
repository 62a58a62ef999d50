"""From a notification to what it carries, for each kind that is handled."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from connector.models.events import Fate, Urgency
from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.models.observation_merge import fold
from connector.webhooks.braintree.kinds import HANDLED

from .braintree_deliveries import Settings, carried, dispute, event, xml

AT = datetime(2026, 11, 3, 11, 59, 58, tzinfo=UTC)

SALE = """<transaction><id>txn1</id><type>sale</type><status>{status}</status><amount>49.00</amount>
  <currency-iso-code>USD</currency-iso-code><order-id>1042</order-id><created-at>2026-10-26T08:00:00Z</created-at>
  <customer><id>cus1</id><email>wren@example.com</email></customer>
  <payment-instrument-type>us_bank_account</payment-instrument-type>
  <us-bank-account><last-4>6789</last-4></us-bank-account>
  <processor-settlement-response-code>4021</processor-settlement-response-code>
  <processor-settlement-response-text>Insufficient Funds</processor-settlement-response-text></transaction>"""
REFUND = """<transaction><id>rfd1</id><type>credit</type><status>{status}</status><amount>10.00</amount>
  <currency-iso-code>EUR</currency-iso-code><refunded-transaction-id>txn1</refunded-transaction-id>
  <processor-response-code>2000</processor-response-code>
  <processor-response-text>Do Not Honor</processor-response-text></transaction>"""
DISBURSEMENT = """<disbursement><id>pay1</id><success type="boolean">{success}</success><amount>100.00</amount>
  <merchant-account><id>sub_acme</id><currency-iso-code>USD</currency-iso-code>
  <sub-merchant-account type="boolean">{sub}</sub-merchant-account></merchant-account>
  <disbursement-date type="date">2026-11-04</disbursement-date>
  <exception-message>{message}</exception-message><follow-up-action>{action}</follow-up-action></disbursement>"""
LOCAL = """<{root}><payment-id>PAY-1</payment-id><payer-name>Wren</payer-name><transaction><id>txn1</id>
  <amount>10.00</amount><currency-iso-code>EUR</currency-iso-code><order-id>1042</order-id></transaction></{root}>"""
REVOKED = """<paypal-account><token>tok1</token><billing-agreement-id>B-1</billing-agreement-id>
  <customer-id>cus1</customer-id><email>wren@example.com</email></paypal-account>"""
REVIEWED = """<transaction-review><transaction-id>txn1</transaction-id><decision>approve</decision>
  <reviewer-email>lark@example.com</reviewer-email></transaction-review>"""

PAYOUT = DISBURSEMENT.format(success="true", sub="false", message="", action="")
BOUNCED = DISBURSEMENT.format(
    success="false", sub="true", message="bank_rejected", action="update_funding_information"
)

CASES: dict[str, tuple[str, Kind, str, Status | None]] = {
    "dispute_opened": (dispute("open"), Kind.DISPUTE, "dsp1", Status.NEEDS_RESPONSE),
    "dispute_under_review": (dispute("under_review"), Kind.DISPUTE, "dsp1", Status.UNDER_REVIEW),
    "dispute_disputed": (dispute("disputed"), Kind.DISPUTE, "dsp1", Status.UNDER_REVIEW),
    "dispute_won": (dispute("won"), Kind.DISPUTE, "dsp1", Status.WON),
    "dispute_lost": (dispute("lost"), Kind.DISPUTE, "dsp1", Status.LOST),
    "dispute_accepted": (dispute("accepted"), Kind.DISPUTE, "dsp1", Status.ACCEPTED),
    "dispute_auto_accepted": (dispute("auto_accepted"), Kind.DISPUTE, "dsp1", Status.ACCEPTED),
    "dispute_expired": (dispute("expired"), Kind.DISPUTE, "dsp1", Status.EXPIRED),
    "refund_failed": (REFUND.format(status="processor_declined"), Kind.REFUND, "rfd1", Status.FAILED),
    "transaction_settled": (SALE.format(status="settled"), Kind.CHARGE, "txn1", Status.SUCCEEDED),
    "transaction_settlement_declined": (
        SALE.format(status="settlement_declined"),
        Kind.CHARGE,
        "txn1",
        Status.RETURNED,
    ),
    "transaction_disbursed": (SALE.format(status="settled"), Kind.CHARGE, "txn1", Status.SUCCEEDED),
    "transaction_retried": (
        SALE.format(status="submitted_for_settlement"),
        Kind.CHARGE,
        "txn1",
        Status.PENDING,
    ),
    "transaction_reviewed": (REVIEWED, Kind.CHARGE, "txn1", None),
    "local_payment_completed": (LOCAL.format(root="local-payment"), Kind.CHARGE, "PAY-1", Status.PENDING),
    "local_payment_funded": (
        LOCAL.format(root="local-payment-funded"),
        Kind.CHARGE,
        "PAY-1",
        Status.SUCCEEDED,
    ),
    "local_payment_reversed": (
        "<local-payment-reversed><payment-id>PAY-1</payment-id></local-payment-reversed>",
        Kind.CHARGE,
        "PAY-1",
        Status.RETURNED,
    ),
    "disbursement": (PAYOUT, Kind.PAYOUT, "pay1", Status.PAID),
    "disbursement_exception": (BOUNCED, Kind.PAYOUT, "pay1", Status.FAILED),
    "payment_method_revoked_by_customer": (REVOKED, Kind.MANDATE, "tok1", Status.INACTIVE),
}


def test_every_handled_kind_has_a_case() -> None:
    assert CASES.keys() == HANDLED.keys()


@pytest.mark.parametrize("kind", CASES)
def test_each_kind_says_what_became_of_which_object(kind: str) -> None:
    subject, about, id_, status = CASES[kind]
    first = carried(kind, subject)[0]
    assert (first.kind, first.id, first.status, first.at) == (about, id_, status, AT)
    assert first.source == "braintree"
    assert HANDLED[kind].object is about


def test_a_dispute_comes_with_all_that_is_known_and_with_its_transaction() -> None:
    told, charge = carried("dispute_opened", dispute())
    assert told == ProcessorObject(
        kind=Kind.DISPUTE,
        source="braintree",
        id="dsp1",
        at=AT,
        status=Status.NEEDS_RESPONSE,
        stage=Stage.CHARGEBACK,
        reason="fraud",
        reason_text="Other Fraud - Card Absent",
        network="visa",
        network_code="10.4",
        amount=Decimal("49.00"),
        currency="USD",
        due_at=datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC),
        opened_at=datetime(2026, 11, 2, tzinfo=UTC),
        references=("txn1",),
        invoice_number="1042",
        link="https://www.braintreegateway.com/merchants/acme_merchant/disputes/dsp1",
    )
    assert (charge.kind, charge.id, charge.status, charge.invoice_number) == (
        Kind.CHARGE,
        "txn1",
        None,
        "1042",
    )


BARE = "<dispute><id>dsp1</id><amount>49.00</amount><kind>chargeback</kind>{more}</dispute>"
OF_EUROPE = "<merchant-account-id>acme_eur</merchant-account-id>"


@pytest.mark.parametrize(
    ("more", "currencies", "expected"),
    [
        ("", {}, None),
        ("", {"any": "GBP"}, "GBP"),
        (OF_EUROPE, {"any": "GBP", "acme_eur": "EUR"}, "EUR"),
        (OF_EUROPE, {"acme_usd": "USD"}, None),
        (f"<transaction><id>t1</id>{OF_EUROPE}</transaction>", {"acme_eur": "EUR"}, "EUR"),
        (
            "<transaction><id>t1</id><currency-iso-code>CHF</currency-iso-code></transaction>",
            {"any": "GBP"},
            "CHF",
        ),
        ("<currency-iso-code>USD</currency-iso-code>", {"any": "GBP"}, "USD"),
    ],
)
def test_an_amount_without_a_currency_has_that_of_its_merchant_account(
    more: str, currencies: dict[str, str], expected: str | None
) -> None:
    told, *_ = carried("dispute_opened", BARE.format(more=more), **currencies)
    assert (told.amount, told.currency) == (Decimal("49.00"), expected)


def test_the_transaction_inside_a_dispute_has_the_disputes_currency() -> None:
    told, charge = carried("dispute_opened", dispute(currency_iso_code="EUR"))
    assert (told.currency, charge.amount, charge.currency) == ("EUR", Decimal("49.00"), "EUR")


@pytest.mark.parametrize(
    "kind", ["local_payment_completed", "refund_failed", "transaction_settled", "disbursement"]
)
def test_no_amount_is_lost_for_want_of_a_currency(kind: str) -> None:
    subject = re.sub(r"<currency-iso-code>\w+</currency-iso-code>", "", CASES[kind][0])
    (without,), (with_) = carried(kind, subject), carried(kind, subject, any="JPY")
    assert without.amount == carried(kind, CASES[kind][0])[0].amount
    assert without.currency is None
    assert (with_[0].amount, with_[0].currency) == (without.amount, "JPY")


@pytest.mark.parametrize(
    ("kind", "stage"),
    [
        ("retrieval", Stage.INQUIRY),
        ("chargeback", Stage.CHARGEBACK),
        ("pre_arbitration", Stage.PRE_ARBITRATION),
        ("something new", Stage.CHARGEBACK),
    ],
)
def test_the_kind_of_a_dispute_is_its_stage(kind: str, stage: Stage) -> None:
    assert carried("dispute_opened", dispute(kind=kind))[0].stage is stage


def test_the_kind_of_the_notification_counts_and_not_a_status_that_lags() -> None:
    assert carried("dispute_won", dispute("open"))[0].status is Status.WON


def test_a_dispute_ends_the_same_in_every_order() -> None:
    """A late notification of an earlier moment changes nothing."""
    course = [
        ("dispute_opened", "open", "2026-11-03T10:00:00Z"),
        ("dispute_disputed", "disputed", "2026-11-10T10:00:00Z"),
        ("dispute_won", "won", "2026-12-03T10:00:00Z"),
        ("dispute_lost", "lost", "2027-01-03T10:00:00Z"),
    ]
    told = [event(xml(kind, dispute(status), time)).carried[0] for kind, status, time in course]
    ends = {fold(order) for order in permutations(told)}
    assert len(ends) == 1
    assert ends.pop().status is Status.LOST


def test_a_declined_settlement_says_why_and_for_whom() -> None:
    (told,) = carried("transaction_settlement_declined", SALE.format(status="settlement_declined"))
    assert (told.reason, told.reason_text, told.network) == ("4021", "Insufficient Funds", "ach")
    assert (told.amount, told.currency, told.invoice_number) == (Decimal("49.00"), "USD", "1042")
    assert (told.customer, told.references) == ("cus1", ("txn1",))


def test_a_payment_that_succeeds_has_no_reason() -> None:
    assert carried("transaction_settled", SALE.format(status="settled"))[0].reason is None


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("authorizing", Status.PENDING),
        ("authorized", Status.PENDING),
        ("submitted_for_settlement", Status.PENDING),
        ("settling", Status.PENDING),
        ("settlement_pending", Status.PENDING),
        ("settlement_confirmed", Status.PENDING),
        ("settled", Status.SUCCEEDED),
        ("settlement_declined", Status.RETURNED),
        ("processor_declined", Status.FAILED),
        ("gateway_rejected", Status.FAILED),
        ("failed", Status.FAILED),
        ("voided", None),
        ("authorization_expired", None),
        ("a word of tomorrow", None),
    ],
)
def test_a_retried_payment_stands_as_it_says_itself(said: str, status: Status | None) -> None:
    (told,) = carried("transaction_retried", SALE.format(status=said))
    assert (told.kind, told.status) == (Kind.CHARGE, status)
    assert (told.reason is not None) == (status in (Status.FAILED, Status.RETURNED))


def test_a_refund_is_known_by_its_type_alone() -> None:
    body = REFUND.format(status="settled").replace(
        "<refunded-transaction-id>txn1</refunded-transaction-id>", ""
    )
    (told,) = carried("transaction_settled", body)
    assert (told.kind, told.references) == (Kind.REFUND, ("rfd1",))


def test_a_refund_is_known_by_what_it_refunds_alone() -> None:
    for name in ("refunded-transaction-id", "refunded-transaction-fk"):
        body = REFUND.format(status="settled").replace("<type>credit</type>", "")
        body = body.replace("refunded-transaction-id", name)
        (told,) = carried("transaction_settled", body)
        assert (told.kind, told.references) == (Kind.REFUND, ("txn1", "rfd1"))


def test_the_banks_answer_at_settlement_says_more_than_the_one_before() -> None:
    before = (
        "<processor-response-code>1000</processor-response-code>"
        "<processor-response-text>Approved</processor-response-text>"
    )
    body = SALE.format(status="settlement_declined").replace("<customer>", f"{before}<customer>")
    (told,) = carried("transaction_settlement_declined", body)
    assert (told.reason, told.reason_text) == ("4021", "Insufficient Funds")


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("contact_us", "Contact Braintree."),
        ("update_funding_information", "Correct the bank account at Braintree."),
        ("none", "Nothing to do at Braintree."),
        ("call_the_bank", "call the bank"),
        ("", None),
    ],
)
def test_a_failed_payout_says_the_next_step(action: str, told: str | None) -> None:
    body = DISBURSEMENT.format(success="false", sub="true", message="bank_rejected", action=action)
    assert carried("disbursement_exception", body)[0].reason_text == told


@pytest.mark.parametrize(
    ("dates", "day"),
    [
        ({"date_opened": "2026-11-01", "received_date": "2026-11-02"}, 1),
        ({"date_opened": "", "received_date": "2026-11-02"}, 2),
    ],
)
def test_a_dispute_begins_when_it_was_opened_or_else_received(dates: dict[str, str], day: int) -> None:
    assert carried("dispute_opened", dispute(**dates))[0].opened_at == datetime(2026, 11, day, tzinfo=UTC)


@pytest.mark.parametrize(("wallet", "name"), [("paypal-account", "PayPal"), ("venmo-account", "Venmo")])
def test_a_revoked_wallet_is_named(wallet: str, name: str) -> None:
    (told,) = carried("payment_method_revoked_by_customer", REVOKED.replace("paypal-account", wallet))
    assert told.method == name


@pytest.mark.parametrize(
    ("kind", "status"),
    [("transaction_settled", Status.SUCCEEDED), ("transaction_settlement_declined", Status.FAILED)],
)
def test_a_refund_by_bank_is_a_refund_and_no_charge(kind: str, status: Status) -> None:
    (told,) = carried(kind, REFUND.format(status="settled"))
    assert (told.kind, told.status, told.references) == (Kind.REFUND, status, ("txn1", "rfd1"))


def test_a_failed_refund_names_the_payment_and_the_reason() -> None:
    (told,) = carried("refund_failed", REFUND.format(status="processor_declined"))
    assert (told.amount, told.currency, told.reason) == (Decimal("10.00"), "EUR", "2000")
    assert (told.reason_text, told.references) == ("Do Not Honor", ("txn1", "rfd1"))


def test_a_retried_payment_is_known_by_the_first_one_too() -> None:
    again = SALE.format(status="settling").replace(
        "<type>sale</type>", "<retried-transaction-id>txn0</retried-transaction-id>"
    )
    assert carried("transaction_retried", again)[0].references == ("txn1", "txn0")


def test_a_payout_that_failed_says_what_to_do() -> None:
    (told,) = carried("disbursement_exception", BOUNCED)
    assert told.reason == "bank_rejected"
    assert told.reason_text == "Correct the bank account at Braintree."
    assert told.settles_at == datetime(2026, 11, 4, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(("sub", "payee"), [("true", "sub_acme"), ("false", ""), ("", "")])
def test_only_a_sub_merchant_is_a_payee_of_its_own(sub: str, payee: str) -> None:
    body = DISBURSEMENT.format(success="true", sub=sub, message="", action="")
    assert carried("disbursement", body)[0].payee == payee


def test_a_disbursement_without_success_has_failed() -> None:
    body = DISBURSEMENT.format(success="false", sub="false", message="", action="")
    assert carried("disbursement", body)[0].status is Status.FAILED


def test_a_revoked_payment_method_names_the_customer() -> None:
    (told,) = carried("payment_method_revoked_by_customer", REVOKED)
    assert (told.customer, told.method, told.references) == ("cus1", "PayPal", ("tok1", "B-1"))


@pytest.mark.parametrize("kind", ["transaction_reviewed", "local_payment_completed", "transaction_settled"])
def test_nobodys_name_or_address_is_carried(kind: str) -> None:
    told = repr(carried(kind, CASES[kind][0]))
    assert "example.com" not in told
    assert "Wren" not in told


def test_disputes_go_first_and_failures_next() -> None:
    assert event(xml("dispute_opened", dispute())).urgency is Urgency.DISPUTE
    assert event(xml("disbursement_exception", BOUNCED)).urgency is Urgency.FAILURE
    assert event(xml("disbursement", PAYOUT)).urgency is Urgency.ROUTINE


# What an event is ---------------------------------------------------------------------------------------------


def test_an_event_is_known_by_kind_time_and_subject() -> None:
    first = event(xml("dispute_opened", dispute()))
    ids = {
        first.event_id,
        event(xml("dispute_won", dispute())).event_id,
        event(xml("dispute_opened", dispute(id="dsp2"))).event_id,
        event(xml("dispute_opened", dispute(), "2026-11-03T11:59:59Z")).event_id,
    }
    assert len(ids) == 4
    assert event(xml("dispute_opened", dispute(amount="50.00"))).event_id == first.event_id
    assert first.strong_id
    assert first.occurred_at == AT


@pytest.mark.parametrize(("environment", "live"), [("sandbox", True), ("production", False)])
def test_a_notification_of_the_other_environment_is_not_worked(environment: str, live: bool) -> None:
    found = event(xml("dispute_opened", dispute()), Settings(environment=environment, live=live))
    assert (found.fate, found.carried) == (Fate.IGNORED, ())
    assert "CASEWIRE_MODE" in found.note


def test_the_sandbox_has_its_own_pages() -> None:
    found = event(xml("dispute_opened", dispute()), Settings(environment="sandbox", live=False))
    assert (found.carried[0].link or "").startswith("https://sandbox.braintreegateway.com/")


@pytest.mark.parametrize(
    "subject",
    ["", "<dispute/>", "<dispute><id/></dispute>", "<nothing>1</nothing>"],
)
@pytest.mark.parametrize("kind", HANDLED)
def test_a_subject_that_is_not_named_is_kept_for_a_person(kind: str, subject: str) -> None:
    found = event(xml(kind, subject))
    assert (found.fate, found.carried) == (Fate.UNREADABLE, ())
    assert found.kind == kind


def test_a_time_that_is_none_is_kept_for_a_person() -> None:
    found = event(xml("dispute_opened", dispute(), "yesterday"))
    assert (found.fate, found.note) == (Fate.UNREADABLE, "It does not say when it happened.")


BOMB = (
    b'<!DOCTYPE n [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><notification><kind>&b;</kind><timestamp>x</timestamp>'
    b"</notification>"
)
OUTSIDE = (
    b'<!DOCTYPE n [<!ENTITY a SYSTEM "file:///etc/hostname">]><notification><kind>&a;</kind></notification>'
)


@pytest.mark.parametrize("body", [BOMB, OUTSIDE], ids=["bomb", "file"])
def test_xml_that_expands_is_never_expanded(body: bytes) -> None:
    found = event(body)
    assert found.fate is Fate.UNREADABLE
    assert "never expanded" in found.note
