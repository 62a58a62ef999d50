"""What the deliveries of each source are known by: what is signed of them (docs/decisions/0031-replay.md)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from connector.models.events import Event, Fate

from . import adyen_deliveries as adyen
from . import authorizenet_deliveries as authorizenet
from . import braintree_deliveries as braintree
from . import gocardless_deliveries as gocardless
from . import paypal_deliveries as paypal
from . import recurly_deliveries as recurly
from . import stripe_deliveries as stripe
from .memory import NOW


def recurly_event(body: bytes, id_: str, later: timedelta = timedelta(0)) -> Event:
    headers = {**recurly.signed(body, "s", NOW + later), "recurly-notification-id": id_}
    (event,) = recurly.source("s").read(recurly.delivery(body, headers, NOW + later))
    return event


def test_recurly_signs_the_body_and_the_time_and_not_the_id() -> None:
    body = recurly.thin("payment.failed", uuid=recurly.UUID)
    event, replayed = recurly_event(body, "n1"), recurly_event(body, "n2")
    assert (event.event_id, replayed.event_id) == ("n1", "n2")
    assert event.content == replayed.content == hashlib.sha256(body).hexdigest()
    assert event.signed_at == replayed.signed_at == NOW
    assert recurly_event(body, "n1", timedelta(minutes=1)).signed_at == NOW + timedelta(minutes=1)
    assert recurly_event(recurly.thin("payment.failed", uuid="f" * 32), "n1").content != event.content


def test_recurlys_notification_id_is_no_place_for_a_card_number() -> None:
    event = recurly_event(recurly.thin("payment.failed", uuid=recurly.UUID), "4111-1111-1111-1111")
    assert event.event_id.startswith("sha256-")


@pytest.mark.parametrize(
    "fields", [{"account_code": "4111 1111 1111 1111"}, {"account_code": "DE89370400440532013000"}]
)
def test_an_account_code_that_is_no_code_makes_a_dead_letter(fields: dict[str, str]) -> None:
    event = recurly_event(recurly.thin("account.updated", **fields), "n1")
    assert (event.fate, event.pointers) == (Fate.UNREADABLE, ())
    assert fields["account_code"] not in event.body


def test_stripes_content_is_the_same_in_every_retry() -> None:
    first = stripe.read(stripe.event("charge.dispute.created", stripe.dispute(), pending_webhooks=2))
    retry = stripe.read(stripe.event("charge.dispute.created", stripe.dispute(), pending_webhooks=1))
    other = stripe.read(stripe.event("charge.dispute.created", stripe.dispute(amount=1)))
    assert first.event_id == retry.event_id == other.event_id
    assert first.content == retry.content != other.content


def test_a_gocardless_event_is_the_same_in_every_grouping() -> None:
    one, two = gocardless.item("payments.failed", "EV1"), gocardless.item("payments.failed", "EV2")
    alone = gocardless.read(gocardless.batch(one, webhook_id="WB2"))[0]
    together = gocardless.read(gocardless.batch(two, one))[1]
    assert (alone.event_id, alone.content) == (together.event_id, together.content)
    changed = gocardless.read(gocardless.batch({**one, "metadata": {"a": "b"}}))[0]
    assert changed.event_id == alone.event_id
    assert changed.content != alone.content


def test_braintrees_and_authorizenets_content_is_what_they_sign() -> None:
    first = braintree.event(braintree.xml("dispute_opened", braintree.dispute()))
    other = braintree.event(braintree.xml("dispute_opened", braintree.dispute(reason="general")))
    assert first.event_id == other.event_id
    assert first.content != other.content
    kind = "net.authorize.payment.void.created"
    notices = [authorizenet.read(authorizenet.notification(kind, "n-1", id=id_)) for id_ in ("60", "61")]
    assert notices[0].event_id == notices[1].event_id
    assert notices[0].content != notices[1].content


def test_a_paypal_event_names_its_transmission() -> None:
    event = paypal.read(paypal.event("CUSTOMER.DISPUTE.CREATED", paypal.dispute()))
    assert event.transmission
    assert len(event.content) == 64


def test_adyens_event_id_covers_all_that_adyen_signs() -> None:
    base = adyen.item("CHARGEBACK", originalReference="P1", merchantReference="m1")
    changes: tuple[dict[str, Any], ...] = (
        *(
            {"pspReference": "x"},
            {"originalReference": "x"},
            {"merchantReference": "x"},
            {"success": "false"},
        ),
        *({"amount": {"currency": "EUR", "value": 1}}, {"amount": {"currency": "USD", "value": 1}}),
        *({"merchantAccountCode": "x"}, {"eventCode": "SECOND_CHARGEBACK"}),
    )
    signed = [adyen.sign_item({**base, **change}) for change in ({}, *changes)]
    events = [adyen.read(adyen.batch(item))[0] for item in signed]
    assert len({event.event_id for event in events}) == len(events)
    unsigned = adyen.read(adyen.batch({**signed[0], "reason": "another"}))[0]
    assert unsigned.event_id == events[0].event_id
