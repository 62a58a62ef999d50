"""Whatever comes in, the answer is one of a few, and never a 500."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.models.events import Fate
from connector.models.processor_objects import STATUSES

from .memory import SITE, Desk, desk
from .stripe_deliveries import (
    charge,
    dispute,
    event,
    fraud_warning,
    intent,
    mandate,
    payout,
    refund,
    review,
    signed,
    source,
)

HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=120)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("usd"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
MAKERS: dict[str, Callable[..., dict[str, Any]]] = {
    "charge.failed": charge,
    "charge.refunded": charge,
    "charge.dispute.created": dispute,
    "payment_intent.payment_failed": intent,
    "refund.failed": refund,
    "payout.failed": payout,
    "mandate.updated": mandate,
    "radar.early_fraud_warning.created": fraud_warning,
    "review.closed": review,
}
KINDS = st.sampled_from(sorted(MAKERS))
ENVELOPE = st.sampled_from(["id", "object", "type", "created", "livemode", "data", "account"])


def at() -> Desk:
    return desk({("stripe", SITE): source()})


def recorded(body: bytes) -> None:
    there = at()
    answer = there.client.post("/webhooks/stripe", data=body, headers=signed(body))
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
    told = there.inbox.only
    assert bool(told.carried) == (told.fate is Fate.HANDLED) == bool(told.pointers)
    for one in told.carried:
        assert one.status is None or one.status in STATUSES[one.kind]
        assert one.amount is None or one.amount >= 0
    for text in (told.kind, told.event_id, told.body, told.note, *(repr(one) for one in told.carried)):
        assert "\x00" not in text
        text.encode()


@given(st.binary(max_size=200), HEADER)
def test_unsigned_bytes_are_refused(body: bytes, header: str) -> None:
    there = at()
    answer = there.client.post("/webhooks/stripe", data=body, headers={"stripe-signature": header})
    assert answer.status_code == 401
    assert not there.inbox.events


@given(st.binary(max_size=200))
def test_signed_bytes_are_always_kept(body: bytes) -> None:
    recorded(body)


@given(KINDS, st.data())
def test_any_field_of_an_object_may_hold_anything(kind: str, data: st.DataObject) -> None:
    names = st.sampled_from(sorted(MAKERS[kind]()))
    recorded(event(kind, MAKERS[kind](**data.draw(st.dictionaries(names, VALUES, max_size=4)))))


@given(KINDS, st.dictionaries(ENVELOPE, VALUES, max_size=3))
def test_any_field_of_an_event_may_hold_anything(kind: str, fields: dict[str, Any]) -> None:
    recorded(event(kind, MAKERS[kind](), **fields))


@given(VALUES)
def test_any_json_has_a_fate(value: object) -> None:
    recorded(json.dumps(value).encode())
