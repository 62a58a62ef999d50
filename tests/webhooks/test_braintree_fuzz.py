"""Whatever comes in, the answer is one of a few, and never a 500."""

from __future__ import annotations

from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from connector.models.events import Fate
from connector.webhooks.braintree.kinds import HANDLED

from .braintree_deliveries import FORM, PRIVATE, PUBLIC, pair, signed, source, xml
from .memory import SITE, Desk, desk

PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>&"), max_size=30)
ELEMENTS = (
    *(
        "id",
        "kind",
        "status",
        "amount",
        "currency-iso-code",
        "reply-by-date",
        "order-id",
        "token",
        "payment-id",
    ),
    *(
        "success",
        "transaction-id",
        "disbursement-date",
        "transaction",
        "merchant-account",
        "follow-up-action",
    ),
)
TREE = st.recursive(
    PLAIN,
    lambda inner: st.dictionaries(st.sampled_from(ELEMENTS), inner, max_size=6).map(
        lambda found: "".join(f"<{name}>{value}</{name}>" for name, value in found.items())
    ),
    max_leaves=12,
)
XML_PARTS = st.sampled_from(
    (
        *("<", ">", "/", "x", "é", "\x00", "&a;", "&amp;", ' nil="true"', "4111 1111 "),
        *(
            "<notification>",
            "</notification>",
            "<kind>",
            "dispute_opened",
            "</kind>",
            "<subject>",
            "</subject>",
        ),
        *("<timestamp>2026-11-03T11:59:58Z</timestamp>", "<dispute>", "</dispute>", "<!DOCTYPE a [", "]>"),
        *("<![CDATA[", "]]>", "<!--", "-->", "<?xml version='1.0' encoding='x'?>"),
    )
)


def at() -> Desk:
    return desk({("braintree", SITE): source()})


@given(st.binary(max_size=300))
def test_unsigned_bytes_are_refused(body: bytes) -> None:
    there = at()
    assert there.client.post("/webhooks/braintree", data=body, headers=FORM).status_code == 401
    assert not there.inbox.events


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_fields_that_are_not_signed_are_refused(signature: str, payload: str) -> None:
    body = urlencode({"bt_signature": signature, "bt_payload": payload}, errors="replace").encode()
    assert at().client.post("/webhooks/braintree", data=body, headers=FORM).status_code == 401


@given(st.from_regex(r"[A-Za-z0-9+/=\n]{0,60}", fullmatch=True))
def test_any_signed_text_is_kept_but_for_a_challenge(payload: str) -> None:
    body = urlencode({"bt_signature": pair(payload, PRIVATE, PUBLIC), "bt_payload": payload}).encode()
    answer = at().client.post("/webhooks/braintree", data=body, headers=FORM)
    assert answer.status_code == 200 or (answer.json and answer.json["error"] == "challenge_replayed")


@given(st.text(max_size=60))
def test_any_challenge_has_an_answer(challenge: str) -> None:
    query = urlencode({"bt_challenge": challenge}, errors="replace")
    assert at().client.get(f"/webhooks/braintree?{query}").status_code in (200, 400)


def kept(content: bytes) -> None:
    there = at()
    answer = there.client.post("/webhooks/braintree", data=signed(content), headers=FORM)
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
    event = there.inbox.only
    assert bool(event.carried) == bool(event.pointers) == (event.fate is Fate.HANDLED)
    for text in (event.kind, event.event_id, event.body, event.note, repr(event.carried)):
        assert "\x00" not in text
        text.encode()


@given(st.binary(max_size=200))
def test_signed_bytes_are_always_kept(content: bytes) -> None:
    kept(content)


@given(
    st.sampled_from(sorted(HANDLED)), st.sampled_from(["dispute", "transaction", "disbursement", "x"]), TREE
)
def test_any_element_may_hold_anything(kind: str, root: str, inside: str) -> None:
    kept(xml(kind, f"<{root}>{inside}</{root}>"))


@given(st.lists(XML_PARTS, max_size=25).map("".join))
def test_any_xml_has_a_fate(text: str) -> None:
    kept(text.encode())
