from __future__ import annotations

import pytest
from braintree import WebhookNotification

from connector.mappers import braintree_statuses
from connector.models.events import Urgency
from connector.models.facts import Kind, Status
from connector.sources.braintree import LABELS as BRAINTREE
from connector.webhooks.braintree.kinds import HANDLED, IGNORED
from connector.webhooks.braintree.objects import _READERS


def test_every_kind_of_the_vendors_library_has_a_fate() -> None:
    kinds = {value for name, value in vars(WebhookNotification.Kind).items() if not name.startswith("_")}
    assert len(kinds) == 41
    assert HANDLED.keys() | IGNORED.keys() == kinds


def test_no_kind_is_both_handled_and_ignored() -> None:
    assert not HANDLED.keys() & IGNORED.keys()


def test_every_handled_kind_is_read_and_has_words_for_the_timeline() -> None:
    assert _READERS.keys() == HANDLED.keys() == BRAINTREE.keys()
    assert all(0 < len(label) <= 80 for label in BRAINTREE.values())


def test_every_ignored_kind_has_a_reason() -> None:
    assert all(len(reason) > 20 and reason.endswith(".") for reason in IGNORED.values())


@pytest.mark.parametrize(
    ("kinds", "about", "urgency"),
    [
        (
            (
                "dispute_opened dispute_under_review dispute_disputed dispute_won dispute_lost dispute_accepted "
                "dispute_auto_accepted dispute_expired"
            ),
            Kind.DISPUTE,
            Urgency.DISPUTE,
        ),
        ("refund_failed", Kind.REFUND, Urgency.FAILURE),
        ("transaction_settlement_declined local_payment_reversed", Kind.CHARGE, Urgency.FAILURE),
        (
            (
                "transaction_settled transaction_disbursed transaction_retried transaction_reviewed "
                "local_payment_completed local_payment_funded"
            ),
            Kind.CHARGE,
            Urgency.ROUTINE,
        ),
        ("disbursement", Kind.PAYOUT, Urgency.ROUTINE),
        ("disbursement_exception", Kind.PAYOUT, Urgency.FAILURE),
        ("payment_method_revoked_by_customer", Kind.MANDATE, Urgency.FAILURE),
    ],
)
def test_every_kind_is_as_urgent_as_what_it_is_about(kinds: str, about: Kind, urgency: Urgency) -> None:
    found = {kind: (HANDLED[kind].object, HANDLED[kind].urgency) for kind in kinds.split()}
    assert found == dict.fromkeys(kinds.split(), (about, urgency))


@pytest.mark.parametrize(
    "outcome", ["won", "lost", "accepted", "opened", "expired", "settled", "failed", "reversed"]
)
def test_a_label_says_what_the_kind_says(outcome: str) -> None:
    found = {kind: label.lower() for kind, label in BRAINTREE.items() if kind.endswith(f"_{outcome}")}
    assert found
    assert [kind for kind, label in found.items() if outcome not in label] == []


@pytest.mark.parametrize(
    ("instrument", "card", "network"),
    [
        ("us_bank_account", "", "ach"),
        ("sepa_debit_account", "", "sepa_core"),
        ("us_bank_account", "Visa", "ach"),
        ("credit_card", "Visa", "visa"),
        ("credit_card", "MasterCard", "mastercard"),
        ("credit_card", "American Express", "amex"),
        ("credit_card", "Discover", "discover"),
        ("credit_card", "JCB", "jcb"),
        ("credit_card", "Diners", "diners"),
        ("credit_card", "UnionPay", "unionpay"),
        ("credit_card", "Maestro", "maestro"),
        ("credit_card", "Elo", "elo"),
        ("credit_card", "Solo", None),
        ("paypal_account", "", None),
    ],
)
def test_a_network_is_told_by_the_instrument_or_else_by_the_card(
    instrument: str, card: str, network: str | None
) -> None:
    assert braintree_statuses.network(instrument, card) == network


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("open", Status.NEEDS_RESPONSE),
        ("under_review", Status.UNDER_REVIEW),
        ("disputed", Status.UNDER_REVIEW),
        ("won", Status.WON),
        ("lost", Status.LOST),
        ("accepted", Status.ACCEPTED),
        ("auto_accepted", Status.ACCEPTED),
        ("expired", Status.EXPIRED),
        ("retrieved", None),
    ],
)
def test_each_state_of_a_dispute_at_braintree_is_one_of_ours(word: str, status: Status | None) -> None:
    assert braintree_statuses.DISPUTES.get(word) is status
