from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.webhooks.cards import spans
from connector.webhooks.scrub import REMOVED, scrub

from .recurly_deliveries import UUID, fat, thin

# The networks' published test numbers.
VISA, MASTERCARD, AMEX, DISCOVER = (
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
)
VISA_13 = "4222222222222"


@pytest.mark.parametrize(
    "body",
    [
        thin("payment.failed", uuid=UUID),
        b'{"invoice_number": 1000, "last_four": "1111", "note": "a \\"quoted\\" number: 12"}',
        b'{"total": 12345678901234, "at": 1663103925004}',
        b'{"token": null, "number": true, "secret": false}',
        b'{"quantity": 1e400, "big": 99999999999999999999999999}',
        '{"name": "Zoë Ångström", "emoji": "\\ud83d\\ude00", "path": "C:\\\\u0000"}'.encode(),
        b"",
        b"plain words",
    ],
)
def test_a_body_without_secrets_is_stored_as_it_came(body: bytes) -> None:
    assert scrub(body, "json") == body.decode()


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ('{"hosted_login_token": "abc", "a": 1}', '{"hosted_login_token": "[removed]", "a": 1}'),
        ('{"hostedLoginToken":"a\\"b\\\\"}', '{"hostedLoginToken":"[removed]"}'),
        ('{"t\\u006fken" : "abc"}', '{"t\\u006fken" : "[removed]"}'),
        ('{"number": 41, "cvv": "123"}', '{"number": "[removed]", "cvv": "[removed]"}'),
        ('{"verification_value": "1"}', '{"verification_value": "[removed]"}'),
        (
            '{"newBankAccountNumber":"1","iban":"DE"}',
            '{"newBankAccountNumber":"[removed]","iban":"[removed]"}',
        ),
        ('{"routing_number": "021000021"}', '{"routing_number": "[removed]"}'),
        ('{"Authorization": "Bearer x"}', '{"Authorization": "[removed]"}'),
        ('{"api_key": "x", "client-secret": "y"}', '{"api_key": "[removed]", "client-secret": "[removed]"}'),
        ('{"secret": {"a": ["}", {}]}, "b": 2}', '{"secret": "[removed]", "b": 2}'),
        ('{"tokens": [["a"], "b"], "c": 3}', '{"tokens": "[removed]", "c": 3}'),
        ('[{"x": {"password": ""}}]', '[{"x": {"password": "[removed]"}}]'),
        ('{"cvv": "12', '{"cvv": "[removed]"'),
        ('{"cvv": {"a": [1', '{"cvv": "[removed]"'),
        ('{"cvv":', '{"cvv":'),
        ('{"cvv": 123\\', '{"cvv": "[removed]"'),
    ],
)
def test_the_values_of_secret_keys_are_removed_from_json(body: str, stored: str) -> None:
    assert scrub(body.encode(), "json") == stored


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ("<a><number>4111</number><b>1</b></a>", "<a><number>[removed]</number><b>1</b></a>"),
        ("<n:cvv x='1'>123</n:cvv>", "<n:cvv x='1'>[removed]</n:cvv>"),
        ("<token><![CDATA[x]]></token >", "<token>[removed]</token >"),
        ("<token><id>1</id></token><id>2</id>", "<token>[removed]</token><id>2</id>"),
        ("<token nil='true'></token><token/>", "<token nil='true'></token><token/>"),
        ("<verification-value>1", "<verification-value>[removed]"),
        (
            "<card number='4111' cvv = \"1\" kind='x'/>",
            '<card number="[removed]" cvv = "[removed]" kind=\'x\'/>',
        ),
        ("<invoice_number>1000</invoice_number>", "<invoice_number>1000</invoice_number>"),
        ("<cvv_result code='M'>Match</cvv_result>", "<cvv_result code='M'>Match</cvv_result>"),
        (f"<message>card {VISA}!</message>", "<message>card [removed]!</message>"),
        (fat("new_account_notification").decode(), fat("new_account_notification").decode()),
    ],
)
def test_secret_elements_and_attributes_are_removed_from_xml(body: str, stored: str) -> None:
    assert scrub(body.encode(), "xml") == stored


@pytest.mark.parametrize("number", [VISA, MASTERCARD, AMEX, DISCOVER, VISA_13, "30569309025904"])
def test_card_numbers_are_removed_wherever_they_stand(number: str) -> None:
    for text in (number, f"paid by {number}.", f"({number})", f"{number},{number}", f"nr:{number}\n"):
        stored = scrub(json.dumps({"note": text}).encode(), "json")
        assert number not in stored
        assert "note" in json.loads(stored)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("4111 1111 1111 1111", REMOVED),
        ("4111-1111-1111-1111 ok", f"{REMOVED} ok"),
        ("3782 822463 10005", REMOVED),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", REMOVED),
        ("4111\u00a01111\u00a01111\u00a01111", REMOVED),
        ("99 4111 1111 1111 1111 99", f"99 {REMOVED} 99"),
        ("4111111111111112", "4111111111111112"),
        ("1111111111111117", "1111111111111117"),
        ("id4111111111111111", "id4111111111111111"),
        ("4111111111111111b", "4111111111111111b"),
        ("a4111 1111 1111 1111", "a4111 1111 1111 1111"),
        ("41111111111111111111", "41111111111111111111"),
        ("4111  1111  1111  1111", "4111  1111  1111  1111"),
        (UUID, UUID),
    ],
)
def test_a_card_number_is_a_word_or_groups_and_passes_luhns_check(text: str, left: str) -> None:
    assert scrub(text.encode(), "xml") == left


def test_a_card_number_that_is_a_json_number_leaves_valid_json() -> None:
    stored = scrub(f'{{"a": {VISA}, "b": ["x {VISA}", {AMEX}]}}'.encode(), "json")
    assert json.loads(stored) == {"a": REMOVED, "b": [f"x {REMOVED}", REMOVED]}


@pytest.mark.parametrize("number", ["-4111111111111111", "4111111111111111.5"])
def test_a_json_number_that_holds_a_card_number_goes_whole(number: str) -> None:
    assert scrub(f'{{"a": {number}, "b": 1}}'.encode(), "json") == '{"a": "[removed]", "b": 1}'


def test_an_escape_before_a_card_number_is_not_a_letter() -> None:
    stored = scrub(json.dumps({"note": f"card:\n{VISA}\t{AMEX}"}).encode(), "json")
    assert json.loads(stored) == {"note": f"card:\n{REMOVED}\t{REMOVED}"}


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        (b"a\x00b", "a\ufffdb"),
        (b'{"a": "\\u0000", "b": "\\\\u0000"}', '{"a": "\\ufffd", "b": "\\\\u0000"}'),
        (b'"\\ud83d\\ude00 \\ud83d \\ude00"', '"\\ud83d\\ude00 \\ufffd \\ufffd"'),
        (b"caf\xe9 \xff", "caf\ufffd \ufffd"),
        ('{"cvv": "123"}'.encode("utf-16"), '{"cvv": "[removed]"}'),
        ("<cvv>123</cvv>".encode("utf-16-le"), "<cvv>[removed]</cvv>"),
    ],
)
def test_what_postgresql_refuses_is_replaced(body: bytes, stored: str) -> None:
    assert scrub(body, "xml" if b"<" in body else "json") == stored


MIB = 1 << 20


HOSTILE = (
    *(b'"', b'"\\', b"\\", b'"cvv":', b'{"cvv":[', b'"a"   ', b'"4111111111111111",', b"\\ud800"),
    *(b"<a", b"<token>", b"<token>x</token>", b"<a a='", b"<a number='1'/>"),
    *(b"4 ", b"4444 ", b"4", b"\x00", b"\xff"),
)


@pytest.mark.parametrize("pattern", HOSTILE)
@pytest.mark.parametrize("format_", ["json", "xml"])
def test_a_mebibyte_of_anything_is_scrubbed(pattern: bytes, format_: str) -> None:
    # Would not end within a day if the time grew with the square of the length.
    assert isinstance(scrub(pattern * (MIB // len(pattern)), format_), str)


@given(st.binary(max_size=300), st.sampled_from(["json", "xml"]))
def test_scrubbing_never_raises_and_leaves_text_for_postgresql(body: bytes, format_: str) -> None:
    stored = scrub(body, format_)
    assert "\x00" not in stored
    stored.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "token", "number", "cvv", "x y"]) | st.text(max_size=5), inner
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_scrubbed_json_is_json_of_the_same_shape(value: object) -> None:
    stored = json.loads(scrub(json.dumps(value).encode(), "json"))
    assert type(stored) is type(value) or stored == REMOVED


@given(st.text("0123456789 -", min_size=10, max_size=60))
def test_nothing_left_is_a_card_number(text: str) -> None:
    for start, end in spans(text):
        text = text[:start] + "x" * (end - start) + text[end:]
    assert spans(text) == []
