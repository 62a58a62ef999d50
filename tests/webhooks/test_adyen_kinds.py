from __future__ import annotations

import pytest

from connector.models.events import Urgency
from connector.models.facts import Kind
from connector.sources.adyen import LABELS as ADYEN
from connector.webhooks.adyen.kinds import HANDLED, IGNORED, NAMED
from connector.webhooks.adyen.objects import _READERS

WEBHOOKS = """
ACH_NOTIFICATION_OF_CHANGE AUTHORISATION AUTHORISATION_ADJUSTMENT AUTORESCUE CANCELLATION CANCEL_AUTORESCUE
CANCEL_OR_REFUND CAPTURE CAPTURE_FAILED CHARGEBACK CHARGEBACK_REVERSED DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION
DISPUTE_DEFENSE_PERIOD_ENDED EXPIRE INFORMATION_SUPPLIED ISSUER_COMMENTS ISSUER_RESPONSE_TIMEFRAME_EXPIRED
MANUAL_REVIEW_ACCEPT MANUAL_REVIEW_REJECT NOTIFICATION_OF_CHARGEBACK NOTIFICATION_OF_FRAUD OFFER_CLOSED ORDER_CLOSED
ORDER_OPENED PAIDOUT_REVERSED PAYOUT_DECLINE PAYOUT_EXPIRE PAYOUT_THIRDPARTY POSTPONED_REFUND PREARBITRATION_ACCEPTED
PREARBITRATION_DECLINED PREARBITRATION_ISSUER_WITHDRAWN PREARBITRATION_LOST PREARBITRATION_OPEN PREARBITRATION_WON
RECURRING_CONTRACT REFUND REFUNDED_REVERSED REFUND_FAILED REFUND_WITH_DATA REPORT_AVAILABLE REQUEST_FOR_INFORMATION
SCHEME_ARBITRATION SCHEME_ARBITRATION_LOST SCHEME_ARBITRATION_WON SECOND_CHARGEBACK TECHNICAL_CANCEL
VOID_PENDING_REFUND
"""
BESIDE = {"AUTHENTICATION", "HANDLED_EXTERNALLY", "REFUND_NOT_CLEARED"}


def test_every_webhook_adyen_documents_has_a_fate() -> None:
    assert len(WEBHOOKS.split()) == 48
    assert HANDLED.keys() | IGNORED.keys() == set(WEBHOOKS.split()) | BESIDE


def test_no_kind_is_both_handled_and_ignored() -> None:
    assert not HANDLED.keys() & IGNORED.keys()


def test_every_handled_kind_is_read_and_has_words_for_the_timeline() -> None:
    assert _READERS.keys() | set(NAMED.values()) == HANDLED.keys() == ADYEN.keys()
    assert all(0 < len(label) <= 80 for label in ADYEN.values())


def test_every_ignored_kind_has_a_reason() -> None:
    assert all(len(reason) > 20 and reason.endswith(".") for reason in IGNORED.values())


DISPUTES = """
REQUEST_FOR_INFORMATION NOTIFICATION_OF_CHARGEBACK CHARGEBACK INFORMATION_SUPPLIED CHARGEBACK_REVERSED SECOND_CHARGEBACK
DISPUTE_DEFENSE_PERIOD_ENDED ISSUER_COMMENTS ISSUER_RESPONSE_TIMEFRAME_EXPIRED PREARBITRATION_OPEN
PREARBITRATION_ACCEPTED PREARBITRATION_DECLINED PREARBITRATION_ISSUER_WITHDRAWN PREARBITRATION_WON PREARBITRATION_LOST
SCHEME_ARBITRATION SCHEME_ARBITRATION_WON SCHEME_ARBITRATION_LOST
"""
REFUNDS = """
REFUND REFUND_FAILED REFUNDED_REVERSED REFUND_WITH_DATA POSTPONED_REFUND VOID_PENDING_REFUND CANCEL_OR_REFUND
"""
CHARGES = "AUTHORISATION CAPTURE CANCELLATION TECHNICAL_CANCEL EXPIRE"
MANDATES = "ACH_NOTIFICATION_OF_CHANGE DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION"


@pytest.mark.parametrize(
    ("codes", "about", "urgency"),
    [
        (DISPUTES, Kind.DISPUTE, Urgency.DISPUTE),
        (
            "NOTIFICATION_OF_FRAUD MANUAL_REVIEW_ACCEPT MANUAL_REVIEW_REJECT",
            Kind.FRAUD_WARNING,
            Urgency.DISPUTE,
        ),
        (REFUNDS, Kind.REFUND, Urgency.FAILURE),
        ("PAYOUT_THIRDPARTY PAYOUT_DECLINE PAYOUT_EXPIRE PAIDOUT_REVERSED", Kind.PAYOUT, Urgency.FAILURE),
        ("CAPTURE_FAILED", Kind.CHARGE, Urgency.FAILURE),
        (CHARGES, Kind.CHARGE, Urgency.ROUTINE),
        (MANDATES, Kind.MANDATE, Urgency.ROUTINE),
    ],
)
def test_every_kind_is_as_urgent_as_what_it_is_about(codes: str, about: Kind, urgency: Urgency) -> None:
    """One that is not waits behind routine work, perhaps until its deadline has passed."""
    found = {code: (HANDLED[code].object, HANDLED[code].urgency) for code in codes.split()}
    assert found == dict.fromkeys(codes.split(), (about, urgency))


def test_every_handled_kind_is_about_something() -> None:
    told = " ".join((DISPUTES, REFUNDS, CHARGES, MANDATES)).split()
    others = {kind for kind in HANDLED if HANDLED[kind].object in (Kind.FRAUD_WARNING, Kind.PAYOUT)}
    assert HANDLED.keys() == {*told, *others, "CAPTURE_FAILED"}


def test_a_newer_webhook_is_of_the_kind_of_its_page() -> None:
    assert NAMED == {
        "ach.notificationOfChange": "ACH_NOTIFICATION_OF_CHANGE",
        "eft.notificationOfChange": "DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION",
    }


@pytest.mark.parametrize(
    ("ending", "word"),
    [
        ("WON", "won"),
        ("LOST", "lost"),
        ("ACCEPTED", "accepted"),
        ("DECLINED", "declined"),
        ("FAILED", "failed"),
        ("REVERSED", "reversed"),
        ("EXPIRED", "accepted"),
        ("WITHDRAWN", "withdrew"),
        ("OPEN", "opened"),
    ],
)
def test_a_label_says_what_the_code_says(ending: str, word: str) -> None:
    """``REFUNDED_REVERSED`` and ``PAIDOUT_REVERSED`` are told by where the money went."""
    found = {code: label.lower() for code, label in ADYEN.items() if code.endswith(f"_{ending}")}
    found.pop("REFUNDED_REVERSED", None)
    found.pop("PAIDOUT_REVERSED", None)
    found.pop("CAPTURE_FAILED", None)
    assert found
    assert [code for code, label in found.items() if word not in label] == []
