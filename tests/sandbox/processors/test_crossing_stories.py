"""The stories that cross Recurly and the processors: what each says, in its vendor's words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.recurly.scenarios import STORIES

if TYPE_CHECKING:
    from conftest import Receiver, Town

SAID = {
    "failed_renewal_recovers_at_stripe": ("stripe", ["charge.failed", "charge.succeeded"]),
    "chargeback_won": (
        "stripe",
        [
            "charge.succeeded",
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
            "charge.dispute.closed",
            "charge.dispute.funds_reinstated",
        ],
    ),
    "chargeback_won_then_reversed": (
        "adyen",
        [
            "AUTHORISATION",
            "NOTIFICATION_OF_CHARGEBACK",
            "CHARGEBACK",
            "INFORMATION_SUPPLIED",
            "CHARGEBACK_REVERSED",
            "SECOND_CHARGEBACK",
        ],
    ),
    "dispute_unanswered": (
        "stripe",
        [
            "charge.succeeded",
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.closed",
        ],
    ),
    "dispute_before_recurly": ("paypal", ["CUSTOMER.DISPUTE.CREATED"]),
    "paypal_inquiry_withdrawn": (
        "paypal",
        ["PAYMENT.CAPTURE.COMPLETED", "CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.RESOLVED"],
    ),
    "refund_meets_dispute": ("braintree", ["transaction_settled", "dispute_opened"]),
    "refund_fails_at_bank": (
        "stripe",
        ["charge.succeeded", "refund.created", "charge.refunded", "refund.failed"],
    ),
    "payout_bounces_then_paid": ("stripe", ["payout.paid", "payout.failed", "payout.paid"]),
    "ach_return_after_success": (
        "gocardless",
        ["payments.confirmed", "payments.failed", "payments.late_failure_settled"],
    ),
    "mandate_lost": ("gocardless", ["payments.confirmed", "mandates.cancelled"]),
    "fraud_warning_refunded": (
        "stripe",
        [
            "charge.succeeded",
            "radar.early_fraud_warning.created",
            "refund.created",
            "charge.refunded",
            "radar.early_fraud_warning.updated",
        ],
    ),
    "fraud_held_then_approved": (
        "authorizenet",
        ["net.authorize.payment.fraud.held", "net.authorize.payment.fraud.approved"],
    ),
    "gateway_outage": ("", []),
}


@pytest.mark.parametrize("name", SAID)
def test_each_story_says_what_its_vendor_would(town: Town, name: str) -> None:
    source, kinds = SAID[name]
    events = town.play(name)["processor_events"]
    assert [event["kind"] for event in events] == kinds
    assert {event["source"] for event in events} <= {source}


def test_the_other_stories_are_recurlys_alone(town: Town) -> None:
    for story in STORIES:
        if story.name not in SAID:
            assert town.play(story.name)["processor_events"] == []


@pytest.mark.parametrize("name", SAID)
def test_all_of_it_arrives_though_doubled_and_in_disorder(town: Town, receiver: Receiver, name: str) -> None:
    town.listen(receiver)
    told = town.play(name, duplicates=2, shuffle=True, count=3)
    said = town.settled()
    assert {one["state"] for one in said} <= {"delivered"}
    assert len(said) == len(told["processor_events"]) == 3 * len(SAID[name][1])
    assert len(receiver.of("recurly")) == 2 * len(told["notifications"])


@pytest.mark.parametrize("name", [name for name, (source, _) in SAID.items() if source])
def test_the_processors_charge_is_the_payment_of_recurly(town: Town, name: str) -> None:
    town.play(name)
    paid = {
        row["gateway_reference"]: row["invoice"]["number"]
        for row in town.plane("GET", "records/transaction", server="recurly")
        if row["type"] == "purchase"
    }
    charges = town.records("charge")
    assert charges or name == "payout_bounces_then_paid"
    for charge in charges:
        silent = charge["source"] == "gocardless"
        assert charge["invoice"] == (None if silent else int(paid[charge["id"]]))
        assert charge["id"] in paid


def test_a_dispute_won_and_lost_again_is_so_within_the_window_to_reopen(town: Town) -> None:
    events = {
        event["kind"]: datetime.fromisoformat(event["event_time"])
        for event in town.play("chargeback_won_then_reversed")["processor_events"]
    }
    assert events["SECOND_CHARGEBACK"] - events["CHARGEBACK_REVERSED"] < timedelta(days=14)
    (dispute,) = town.records("dispute")
    assert (dispute["status"], dispute["stage"]) == ("lost", "pre_arbitration")


def test_a_debit_is_returned_eight_days_after_it_was_collected(town: Town) -> None:
    first, returned, _ = town.play("ach_return_after_success")["processor_events"]
    apart = datetime.fromisoformat(returned["event_time"]) - datetime.fromisoformat(first["event_time"])
    assert timedelta(days=8) - timedelta(hours=1) < apart < timedelta(days=8, hours=1)


def test_a_bounced_payout_and_its_successor_have_one_payee(town: Town) -> None:
    told = town.play("payout_bounces_then_paid")
    first, second = town.records("payout")
    assert (first["status"], second["status"]) == ("failed", "paid")
    assert (first["payee"], first["amount"]) == (second["payee"], second["amount"])
    keys = {row["match"].get("Billing_Account_Key__c") for row in told["expect"]}
    assert f"stripe:payee:{first['payee']}" in keys


def outage(town: Town, count: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    told = town.play("gateway_outage", count=count)
    return told, town.plane("GET", "records/transaction", server="recurly")


def test_an_outage_fails_everybody_within_minutes_and_leaves_one_in_ten_failing(town: Town) -> None:
    told, payments = outage(town, 30)
    down = [row for row in payments if (row["status_code"] or "") == "gateway_unavailable"]
    assert len({row["account"]["id"] for row in down}) == 30
    moments = [datetime.fromisoformat(row["created_at"]) for row in down]
    assert max(moments) - min(moments) < timedelta(minutes=5)
    assert {row["payment_gateway"]["type"] for row in down} == {"worldpay"}
    owed = [
        row for row in town.plane("GET", "records/invoice", server="recurly") if row["state"] == "past_due"
    ]
    assert len(owed) == 3
    rows = [row for row in told["expect"] if row["object"] == "Case"]
    rules = [(row["match"]["Billing_Rule__c"], row["count"]) for row in rows]
    assert rules.count(("incident", 1)) == 1
    assert (rules.count(("payment_failed", 1)), rules.count(("payment_failed", 0))) == (3, 27)


def test_no_other_story_goes_through_the_gateway_of_the_outage() -> None:
    through = [story.name for story in STORIES if story.cast.gateway.type == "worldpay"]
    assert through == ["gateway_outage"]
