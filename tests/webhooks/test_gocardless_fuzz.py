"""Whatever comes in, the answer is one of a few, and never a 500."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from connector.models.events import Fate
from connector.webhooks.gocardless.kinds import HANDLED

from .gocardless_deliveries import batch, item, signed, source
from .memory import SITE, Desk, desk

HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=120)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["id", "created_at", "resource_type", "action", "links", "details", "metadata", "resource_metadata"]
LINKS = st.dictionaries(
    st.sampled_from(["payment", "refund", "payout", "mandate", "creditor", "customer"]), VALUES
)
DETAILS = st.dictionaries(
    st.sampled_from(["cause", "scheme", "reason_code", "description", "will_attempt_retry"]), VALUES
)
KINDS = st.sampled_from([*sorted(HANDLED), "payments.surcharge_fee_debited", "what.ever"])


def at() -> Desk:
    return desk({("gocardless", SITE): source()})


def post(there: Desk, body: bytes) -> None:
    answer = there.client.post("/webhooks/gocardless", data=body, headers=signed(body))
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
    event = there.inbox.only
    assert bool(event.pointers) == bool(event.carried) == (event.fate is Fate.HANDLED)
    words = (event.kind, event.event_id, event.body, event.note)
    for text in (*words, *(one.id for one in event.carried)):
        assert "\x00" not in text
        text.encode()


@given(st.binary(max_size=200), HEADER)
def test_unsigned_bytes_are_refused(body: bytes, signature: str) -> None:
    there = at()
    answer = there.client.post("/webhooks/gocardless", data=body, headers={"Webhook-Signature": signature})
    assert answer.status_code == 498
    assert not there.inbox.events


@given(st.binary(max_size=200))
def test_signed_bytes_are_always_kept(body: bytes) -> None:
    post(at(), body)


@given(VALUES)
def test_anything_may_stand_in_a_batch(value: object) -> None:
    post(at(), batch(value))


@given(KINDS, st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_field_may_hold_anything(kind: str, fields: dict[str, object]) -> None:
    body = batch({**item(kind), **fields})
    json.loads(body)
    post(at(), body)


@given(KINDS, LINKS, DETAILS)
def test_any_link_and_detail_may_hold_anything(
    kind: str, links: dict[str, object], details: dict[str, object]
) -> None:
    post(at(), batch(item(kind, links=links, details=details)))
