"""Whatever comes in, the answer is one of a few, and never a 500."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.models.events import Fate
from connector.webhooks.adyen.kinds import HANDLED, NAMED

from .adyen_deliveries import Settings, batch, body_signature, item, notice, sign_item, source
from .memory import SITE, Desk, desk

HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
SIGNED_VALUES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=20).map(lambda s: s.replace(":", ""))
)
FREE = ("eventDate", "paymentMethod", "reason", "operations")
SIGNED = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference", "success")
MORE = (
    *(
        "disputeStatus",
        "defendable",
        "autoDefended",
        "defensePeriodEndsAt",
        "chargebackReasonCode",
        "cardSummary",
    ),
    *("shopperReference", "merchantOrderReference", "modification.action", "capturePspReference"),
)


def at(live: bool = True) -> Desk:
    return desk({("adyen", SITE): source(Settings(live=live))})


def refused(body: bytes, headers: dict[str, str]) -> None:
    there = at()
    assert there.client.post("/webhooks/adyen", data=body, headers=headers).status_code == 401
    assert not there.inbox.events


def kept(body: bytes, headers: dict[str, str] | None = None) -> None:
    there = at()
    answer = there.client.post("/webhooks/adyen", data=body, headers=headers or {})
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
    event = there.inbox.only
    assert bool(event.carried) == bool(event.pointers) == (event.fate is Fate.HANDLED)
    for text in (event.kind, event.event_id, event.body, event.note, repr(event.carried)):
        assert "\x00" not in text
        text.encode()


@given(st.binary(max_size=200), HEADER, HEADER)
def test_unsigned_bytes_are_refused(body: bytes, signature: str, auth: str) -> None:
    refused(body, {"hmacsignature": signature, "authorization": auth})


@given(st.recursive(VALUES, lambda inner: st.fixed_dictionaries({"notificationItems": st.lists(inner)})))
def test_unsigned_json_is_refused(found: object) -> None:
    refused(json.dumps(found).encode(), {})


@given(st.lists(VALUES | st.fixed_dictionaries({"NotificationRequestItem": VALUES}), min_size=1, max_size=3))
def test_items_of_any_shape_are_refused_unsigned(items: list[object]) -> None:
    refused(json.dumps({"live": "true", "notificationItems": items}).encode(), {})


@given(st.binary(max_size=200).filter(lambda body: b"notificationItems" not in body))
def test_signed_bytes_are_always_kept(body: bytes) -> None:
    kept(body, body_signature(body))


@given(
    st.sampled_from([*HANDLED, "WHAT_EVER"]),
    st.dictionaries(st.sampled_from(SIGNED), SIGNED_VALUES),
    st.dictionaries(st.sampled_from(FREE), VALUES),
    st.dictionaries(st.sampled_from(MORE), VALUES),
    VALUES,
)
def test_any_field_may_hold_anything(
    code: str, signed: dict[str, Any], free: dict[str, Any], more: dict[str, Any], live: object
) -> None:
    told = {**item(code), **signed, **free, "additionalData": more}
    kept(batch(sign_item(told), live=live))


@given(
    st.sampled_from([*NAMED, "x"]),
    st.dictionaries(st.sampled_from(["data", "createdAt", "environment"]), VALUES),
)
def test_any_newer_webhook_has_a_fate(type_: str, fields: dict[str, Any]) -> None:
    body = json.dumps({**json.loads(notice(type_)), **fields}).encode()
    kept(body, body_signature(body))
