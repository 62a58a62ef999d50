"""Many events in one delivery: each has its own fate, and none holds back another."""

from __future__ import annotations

import json

from connector.models.events import Fate

from .gocardless_deliveries import batch, item, signed, source
from .memory import SITE, Desk, desk


def at() -> Desk:
    return desk({("gocardless", SITE): source()})


def post(there: Desk, body: bytes) -> tuple[int, object]:
    answer = there.client.post("/webhooks/gocardless", data=body, headers=signed(body))
    return answer.status_code, answer.json


def fates(there: Desk) -> dict[str, Fate]:
    return {event.event_id: event.fate for event in there.inbox.events.values()}


def test_each_event_of_a_batch_has_its_own_fate() -> None:
    there = at()
    body = batch(
        item("payments.failed", "EV1"),
        item("subscriptions.created", "EV2"),
        item("payments.teleported", "EV3"),
        item("mandates.cancelled", "EV4", links={}),
    )
    assert post(there, body) == (200, {"accepted": 4, "duplicates": 0})
    assert fates(there) == {
        "EV1": Fate.HANDLED,
        "EV2": Fate.IGNORED,
        "EV3": Fate.UNKNOWN,
        "EV4": Fate.UNREADABLE,
    }
    assert there.bell.rung == 1


def test_an_event_twice_in_a_batch_is_one() -> None:
    there = at()
    body = batch(item("payments.failed", "EV1"), item("payments.failed", "EV1"), item("refunds.paid", "EV2"))
    assert post(there, body) == (200, {"accepted": 2, "duplicates": 1})


def test_an_event_that_comes_again_in_another_delivery_is_a_duplicate() -> None:
    there = at()
    assert post(there, batch(item("payments.failed", "EV1"), webhook_id="WB1"))[0] == 200
    again = batch(item("payments.failed", "EV1"), item("refunds.paid", "EV2"), webhook_id="WB2")
    assert post(there, again) == (200, {"accepted": 1, "duplicates": 1})


def test_what_is_no_event_holds_back_none_of_the_others() -> None:
    there = at()
    strange = [
        None,
        7,
        "event",
        [],
        {},
        {"id": "EV9"},
        {"id": None, "resource_type": "payments", "action": "failed"},
    ]
    body = batch(item("payments.failed", "EV1"), *strange, item("refunds.paid", "EV2"))
    status, said = post(there, body)
    assert (status, said) == (200, {"accepted": 2 + len(strange), "duplicates": 0})
    found = fates(there)
    assert (found["EV1"], found["EV2"]) == (Fate.HANDLED, Fate.HANDLED)
    assert sum(fate is Fate.UNREADABLE for fate in found.values()) == len(strange)
    assert post(there, body) == (200, {"accepted": 0, "duplicates": 2 + len(strange)})


def test_an_empty_batch_is_accepted_and_nothing_is_recorded() -> None:
    there = at()
    assert post(there, batch()) == (200, {"accepted": 0, "duplicates": 0})
    assert not there.inbox.events
    assert there.bell.rung == 0


def test_250_events_are_taken_at_once() -> None:
    there = at()
    body = batch(*(item("payments.paid_out", f"EV{n}", links={"payment": f"PM{n}"}) for n in range(250)))
    assert post(there, body) == (200, {"accepted": 250, "duplicates": 0})
    carried = {event.carried[0].id for event in there.inbox.events.values()}
    assert carried == {f"PM{n}" for n in range(250)}


def test_a_batch_nested_to_the_limit_of_the_parser_is_kept() -> None:
    for depth in range(100, 100_000, 9_990):
        there = at()
        body = b'{"events":[' + b"[" * depth + b"]" * depth + b"]}"
        assert post(there, body) == (200, {"accepted": 1, "duplicates": 0})
        assert there.inbox.only.fate is Fate.UNREADABLE


def test_secrets_and_card_numbers_are_not_stored() -> None:
    there = at()
    body = batch(item("payments.failed", metadata={"note": "card 4111 1111 1111 1111", "iban": "DE00"}))
    post(there, body)
    stored = there.inbox.only.body
    assert "4111" not in stored
    assert "DE00" not in stored
    assert json.loads(stored)["events"][0]["id"] == "EV1"
