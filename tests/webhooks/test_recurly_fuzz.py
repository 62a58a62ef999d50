"""Whatever comes in, the answer is one of a few, and never a 500."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from connector.models.events import Fate

from .memory import SITE, Desk, desk
from .recurly_deliveries import USER, basic, signed, source, thin

HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=120)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["id", "uuid", "account_code", "invoice_number", "object_type", "event_type", "event_time", "token"]
KINDS = ["account.created", "payment.failed", "charge_invoice.past_due", "item.created", "what.ever"]
XML_PARTS = st.sampled_from(
    (
        *("<", ">", "/", "x", "é", "\x00", "&a;", "&amp;", " nil='true'", "4111 1111 "),
        *("<new_account_notification>", "</new_account_notification>", "<account>", "</account>"),
        *("<account_code>", "</account_code>", "<!DOCTYPE a [", "]>", "<!ENTITY a 'b'>"),
        *("<![CDATA[", "]]>", "<!--", "-->", "<?xml version='1.0'?>"),
    )
)


def at() -> Desk:
    return desk({("recurly", SITE): source("s3cret", users=[USER])})


@given(st.binary(max_size=200), HEADER, HEADER, HEADER, HEADER)
def test_unsigned_bytes_are_refused(body: bytes, sign: str, ident: str, auth: str, content_type: str) -> None:
    there = at()
    headers = {"recurly-signature": sign, "recurly-notification-id": ident, "authorization": auth}
    answer = there.client.post(
        "/webhooks/recurly", data=body, headers={**headers, "content-type": content_type}
    )
    assert answer.status_code == 401
    assert not there.inbox.events


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_address_has_an_answer(name: str, site: str) -> None:
    answer = at().client.post(f"/webhooks/{name}/{site}", data=b"{}")
    assert answer.status_code in (401, 404, 308)


@given(st.binary(max_size=200))
def test_signed_bytes_are_always_kept(body: bytes) -> None:
    there = at()
    answer = there.client.post("/webhooks/recurly", data=body, headers={**signed(body, "s3cret"), **basic()})
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_field_may_hold_anything(kind: str, fields: dict[str, object]) -> None:
    there = at()
    body = thin(kind, **fields)
    json.loads(body)
    answer = there.client.post("/webhooks/recurly", data=body, headers=signed(body, "s3cret"))
    assert answer.status_code == 200
    event = there.inbox.only
    assert bool(event.pointers) == (event.fate is Fate.HANDLED)
    for text in (
        event.kind,
        event.event_id,
        event.body,
        event.note,
        *(r for p in event.pointers for r in p.refs),
    ):
        assert "\x00" not in text
        text.encode()


@given(st.lists(XML_PARTS, max_size=20).map("".join))
def test_any_xml_has_a_fate(text: str) -> None:
    there = at()
    answer = there.client.post("/webhooks/recurly", data=f"<{text}".encode(), headers=basic())
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
    assert bool(there.inbox.only.pointers) == (there.inbox.only.fate is Fate.HANDLED)
