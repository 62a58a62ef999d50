"""Whatever comes in, the answer is one of a few, and never a 500."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from connector.models.events import Fate
from connector.webhooks.authorizenet.kinds import HANDLED

from .authorizenet_deliveries import notification, signed, source
from .memory import SITE, Desk, desk

HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=150)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["notificationId", "eventType", "eventDate", "webhookId", "payload"]
PAYLOAD = [
    "id",
    "entityName",
    "responseCode",
    "authAmount",
    "invoiceNumber",
    "merchantReferenceId",
    "fraudList",
]
FILTERS = st.lists(
    st.dictionaries(st.sampled_from(["fraudFilter", "fraudAction"]), VALUES) | VALUES, max_size=3
)
KINDS = st.sampled_from([*sorted(HANDLED), "net.authorize.customer.created", "what.ever"])


def at() -> Desk:
    return desk({("authorizenet", SITE): source()})


def post(there: Desk, body: bytes) -> None:
    answer = there.client.post("/webhooks/authorizenet", data=body, headers=signed(body))
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
    event = there.inbox.only
    assert bool(event.pointers) == bool(event.carried) == (event.fate is Fate.HANDLED)
    words = (event.kind, event.event_id, event.body, event.note)
    for text in (*words, *(one.id for one in event.carried)):
        assert "\x00" not in text
        text.encode()


@given(st.binary(max_size=200), HEADER | HEADER.map(lambda text: f"sha512={text}"))
def test_unsigned_bytes_are_refused(body: bytes, signature: str) -> None:
    there = at()
    answer = there.client.post("/webhooks/authorizenet", data=body, headers={"X-ANET-Signature": signature})
    assert answer.status_code == 401
    assert not there.inbox.events


@given(st.binary(max_size=200))
def test_signed_bytes_are_always_kept(body: bytes) -> None:
    post(at(), body)


@given(KINDS, st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_field_may_hold_anything(kind: str, fields: dict[str, object]) -> None:
    whole = json.loads(notification("payment.void.created"))
    post(at(), json.dumps({**whole, "eventType": kind, **fields}).encode())


@given(KINDS, st.dictionaries(st.sampled_from(PAYLOAD), VALUES), FILTERS)
def test_any_part_of_the_payload_may_hold_anything(
    kind: str, payload: dict[str, object], filters: list[object]
) -> None:
    post(at(), notification(kind.removeprefix("net.authorize."), **{"fraudList": filters, **payload}))
