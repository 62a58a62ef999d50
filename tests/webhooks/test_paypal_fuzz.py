"""Whatever comes in, the answer is one of a few, and never a 500."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.models.events import Fate
from connector.models.processor_objects import STATUSES

from .memory import SITE, Desk, desk
from .paypal_deliveries import Host, event, signed, source
from .test_paypal_objects import CASES

HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=120)
HEADERS = st.sampled_from(sorted(signed(b"")))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("USD"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(sorted(CASES))
ENVELOPE = st.sampled_from(["id", "event_type", "create_time", "resource", "links"])


def at(host: Host | None = None) -> Desk:
    return desk({("paypal", SITE): source(host=host)})


def recorded(body: bytes) -> None:
    there = at()
    answer = there.client.post("/webhooks/paypal", data=body, headers=signed(body))
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
    told = there.inbox.only
    assert bool(told.carried) == (told.fate is Fate.HANDLED) == bool(told.pointers)
    for one in told.carried:
        assert one.status is None or one.status in STATUSES[one.kind]
        assert one.amount is None or one.amount >= 0
    for text in (told.kind, told.event_id, told.body, told.note, *(repr(one) for one in told.carried)):
        assert "\x00" not in text
        text.encode()


@given(st.binary(max_size=200), st.dictionaries(HEADERS, HEADER, min_size=1))
def test_bytes_with_any_headers_are_refused(body: bytes, headers: dict[str, str]) -> None:
    there = at()
    answer = there.client.post("/webhooks/paypal", data=body, headers=signed(b"another body") | headers)
    assert answer.status_code == 401
    assert not there.inbox.events


@given(st.binary(max_size=2000))
def test_any_certificate_is_used_or_refused(pem: bytes) -> None:
    there = at(Host(b"-----BEGIN CERTIFICATE-----\n" + pem))
    answer = there.client.post("/webhooks/paypal", data=b"{}", headers=signed(b"{}"))
    assert answer.status_code == 401


@given(st.binary(max_size=200))
def test_signed_bytes_are_always_kept(body: bytes) -> None:
    recorded(body)


@given(KINDS, st.data())
def test_any_field_of_a_resource_may_hold_anything(kind: str, data: st.DataObject) -> None:
    resource = CASES[kind][0]
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(resource)), VALUES, max_size=4))
    recorded(event(kind, resource | changed))


@given(KINDS, st.dictionaries(ENVELOPE, VALUES, max_size=3))
def test_any_field_of_an_event_may_hold_anything(kind: str, fields: dict[str, Any]) -> None:
    recorded(event(kind, CASES[kind][0], **fields))


@given(VALUES)
def test_any_json_has_a_fate(value: object) -> None:
    recorded(json.dumps(value).encode())
