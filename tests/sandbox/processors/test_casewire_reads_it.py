"""Casewire's own sources and clients take what the local processors send and answer: nothing is unknown to them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from waiting import wait_until

from connector.errors import Unavailable
from connector.models.events import Event, Fate
from connector.models.facts import Kind, ProcessorObject
from connector.models.observation_merge import fold
from connector.webhooks.source import Delivery

if TYPE_CHECKING:
    from conftest import Receiver, Town

STORIES = {
    "failed_renewal_recovers_at_stripe": "stripe",
    "chargeback_won": "stripe",
    "refund_fails_at_bank": "stripe",
    "payout_bounces_then_paid": "stripe",
    "fraud_warning_refunded": "stripe",
    "dispute_unanswered": "stripe",
    "refund_meets_dispute": "braintree",
    "chargeback_won_then_reversed": "adyen",
    "dispute_before_recurly": "paypal",
    "paypal_inquiry_withdrawn": "paypal",
    "ach_return_after_success": "gocardless",
    "mandate_lost": "gocardless",
    "fraud_held_then_approved": "authorizenet",
}
ENDS = {
    "chargeback_won": (Kind.DISPUTE, "won"),
    "refund_fails_at_bank": (Kind.REFUND, "failed"),
    "refund_meets_dispute": (Kind.DISPUTE, "needs_response"),
    "chargeback_won_then_reversed": (Kind.DISPUTE, "lost"),
    "dispute_unanswered": (Kind.DISPUTE, "expired"),
    "dispute_before_recurly": (Kind.DISPUTE, "needs_response"),
    "paypal_inquiry_withdrawn": (Kind.DISPUTE, "withdrawn"),
    "ach_return_after_success": (Kind.CHARGE, "returned"),
    "mandate_lost": (Kind.MANDATE, "inactive"),
    "fraud_warning_refunded": (Kind.FRAUD_WARNING, "closed"),
}


def read(town: Town, receiver: Receiver, story: str) -> list[Event]:
    """What Casewire makes of what a story's processor says."""
    name = STORIES[story]
    module = pytest.importorskip(f"connector.webhooks.{name}")
    source = module.configured(town.settings()[name])
    town.listen(receiver)
    town.play(story)
    town.settled()
    now = datetime.now(UTC)
    deliveries = [Delivery(name, "", got.body, got.headers, now) for got in receiver.of(name)]
    return [event for delivery in deliveries for event in _read(source, delivery)]


def _read(source: Any, delivery: Delivery) -> Sequence[Event]:
    """PayPal's first delivery is answered 503 until its certificate is fetched; it is sent again."""
    found: list[Sequence[Event]] = []

    def is_read() -> bool:
        with suppress(Unavailable):
            found.append(source.read(delivery))
        return bool(found)

    wait_until(is_read)
    return found[0]


@pytest.mark.parametrize("story", STORIES)
def test_every_event_is_handled(town: Town, receiver: Receiver, story: str) -> None:
    events = read(town, receiver, story)
    assert len(events) == len(town.settled())
    assert {(event.fate, event.note) for event in events} == {(Fate.HANDLED, "")}
    assert [event.kind for event in events] == [one["kind"] for one in town.settled()]


@pytest.mark.parametrize("story", ENDS)
def test_it_ends_as_the_story_says(town: Town, receiver: Receiver, story: str) -> None:
    kind, status = ENDS[story]
    assert standing(read(town, receiver, story), kind).status == status


def standing(events: list[Event], kind: Kind) -> ProcessorObject:
    return fold(one for event in events for one in event.carried if one.kind is kind)


@pytest.mark.parametrize(
    "story", [name for name, source in STORIES.items() if source not in ("adyen", "paypal")]
)
def test_its_client_finds_the_payment(town: Town, receiver: Receiver, story: str) -> None:
    name = STORIES[story]
    client = importlib.import_module(f"connector.clients.processors.{name}").configured(town.settings()[name])
    for event in read(town, receiver, story):
        for one in event.carried:
            if one.kind is Kind.PAYOUT:
                continue
            found = client.look_up(one)
            assert found
            number = town.records("charge")[-1]["invoice"]
            assert {it.invoice_number for it in found} == {None if number is None else str(number)}
            assert name != "gocardless" or {it.customer for it in found} == {
                town.records("charge")[-1]["customer"]
            }
