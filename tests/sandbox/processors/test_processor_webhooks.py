"""What processors say arrives once it can, in the order of its account, and stays on record."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from conftest import Receiver, Town


def test_what_was_refused_comes_again_until_it_is_taken(town: Town, receiver: Receiver) -> None:
    town.listen(receiver, "stripe")
    town.plane("DELETE", "webhooks", server="recurly")
    receiver.answers = [503, 498, 401]
    town.play("payout_bounces_then_paid")
    told = town.settled()
    assert {one["state"] for one in told} == {"delivered"}
    assert sum(one["attempts"] for one in told) == 6
    assert all(one["acknowledged"] and one["last_answer"] == "200" for one in told)


def test_each_attempt_has_the_same_id_and_a_signature_of_its_own_moment(
    town: Town, receiver: Receiver
) -> None:
    town.listen(receiver, "paypal")
    receiver.answers = [500]
    town.play("dispute_before_recurly")
    town.settled()
    first, second = receiver.of("paypal")
    assert first.body == second.body
    assert first.headers["paypal-transmission-id"] != second.headers["paypal-transmission-id"]


def test_it_gives_up_in_the_end(town: Town, receiver: Receiver) -> None:
    town.listen(receiver, "stripe", tries=2)
    town.plane("DELETE", "webhooks", server="recurly")
    receiver.answers = [500] * 6
    town.play("payout_bounces_then_paid")
    assert {(one["state"], one["attempts"]) for one in town.settled()} == {("failed", 2)}


def test_without_an_endpoint_it_is_unsent(town: Town, receiver: Receiver) -> None:
    town.listen(receiver, "adyen")
    town.play("chargeback_won")
    assert {(one["source"], one["state"]) for one in town.settled()} == {("stripe", "unsent")}
    assert not receiver.of("stripe")


def test_an_accounts_stories_arrive_in_the_order_they_happened(town: Town, receiver: Receiver) -> None:
    town.listen(receiver)
    town.play("failed_renewal_recovers_at_stripe")
    town.settled()
    heard = [
        json.loads(one.body)["event_type" if one.source == "recurly" else "type"] for one in receiver.got
    ]
    assert heard == [
        "renewed",
        "created",
        "failed",
        "charge.failed",
        "past_due",
        "created",
        "succeeded",
        "paid",
        "charge.succeeded",
    ]


def test_a_dispute_can_come_before_recurlys_first_word(town: Town, receiver: Receiver) -> None:
    town.listen(receiver)
    told = town.play("dispute_before_recurly")
    town.settled()
    assert [one.source for one in receiver.got] == ["paypal"] + ["recurly"] * len(told["notifications"])
    resource = json.loads(receiver.got[0].body)["resource"]
    paid = town.plane("GET", "records/transaction", server="recurly")[0]
    assert resource["disputed_transactions"][0]["seller_transaction_id"] == paid["gateway_reference"]
    assert resource["disputed_transactions"][0]["invoice_number"] == paid["invoice"]["number"]


def test_duplicates_and_disorder_are_for_processors_too(town: Town, receiver: Receiver) -> None:
    town.listen(receiver)
    told = town.play("chargeback_won", duplicates=3, shuffle=True)
    said = town.settled()
    ids = Counter(json.loads(one.body)["id"] for one in receiver.of("stripe"))
    assert ids == {event["id"]: 3 for event in told["processor_events"]}
    assert [one["event_time"] for one in said] != sorted(one["event_time"] for one in said)


def test_what_has_no_id_is_told_by_kind_and_object(town: Town) -> None:
    for story in ("refund_meets_dispute", "chargeback_won_then_reversed"):
        town.play(story)
    told = town.settled()
    assert {one["source"] for one in told} == {"braintree", "adyen"}
    assert {one["id"] for one in told} == {None}
    assert all(one["kind"] and one["object_id"] and one["event_time"] for one in told)
    assert len({(one["kind"], one["object_id"], one["event_time"]) for one in told}) == len(told)


def test_a_reset_forgets_what_was_said_and_keeps_the_endpoints(town: Town, receiver: Receiver) -> None:
    town.listen(receiver)
    town.play("chargeback_won")
    town.settled()
    town.plane("POST", "reset")
    told = town.plane("GET", "webhooks")
    assert (told["notifications"], town.records("charge")) == ([], [])
    assert told["urls"]["stripe"] == f"{receiver.url}/stripe"
    assert "whsec" not in json.dumps(told)


def test_endpoints_can_be_taken_away(town: Town, receiver: Receiver) -> None:
    town.listen(receiver)
    assert town.plane("DELETE", "webhooks") == {"urls": {}}
    town.play("chargeback_won")
    assert {one["state"] for one in town.settled()} == {"unsent"}


def test_recurlys_reset_lets_the_story_be_told_again(town: Town) -> None:
    first = town.play("chargeback_won")
    town.plane("POST", "reset", server="recurly")
    assert town.records("dispute") == []
    assert town.play("chargeback_won") == first


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "must be an object"),
        ({"worldpay": {}}, "unknown source worldpay"),
        ({"stripe": "x"}, "stripe must be an object"),
        ({"stripe": {"url": "http://127.0.0.1/"}}, "stripe: no secret"),
        ({"stripe": {"url": "http://127.0.0.1/", "secret": "s", "key": "k"}}, "stripe: unknown key key"),
        ({"gocardless": {"url": "gopher://x", "secret": "s"}}, "url must be an http address"),
        ({"gocardless": {"url": "http://x", "secret": "s", "tries": 0}}, "tries must be 1 or more"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(town: Town, body: Any, says: str) -> None:
    answer = requests.put(f"{town.processors}/__sandbox__/webhooks", json=body, timeout=10)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_calls_are_counted_by_route_and_the_plane_is_not(town: Town) -> None:
    requests.get(f"{town.processors}/v1/charges/ch_1", timeout=10)
    requests.get(f"{town.processors}/payments/PM1", timeout=10)
    requests.get(f"{town.processors}/merchants/sandbox/transactions/x", timeout=10)
    assert town.plane("GET", "calls") == {
        "total": 3,
        "faults": {},
        "calls": {
            "GET /merchants/{merchant}/transactions/{id}": 1,
            "GET /payments/{id}": 1,
            "GET /v1/charges/{id}": 1,
        },
    }


def test_an_object_no_processor_has_is_said(town: Town) -> None:
    answer = requests.get(f"{town.processors}/__sandbox__/records/invoice", timeout=10)
    assert answer.status_code == 404
    assert "one of charge, refund, dispute" in answer.json()["error"]
