from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks.recurly_deliveries import UUID, fat, thin

from connector.redaction import REMOVED, redact_body
from connector.redaction.card_numbers import find

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
    assert redact_body(body, "json") == body.decode()


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
        *(
            (f'{{"{key}": "x"}}', f'{{"{key}": "[removed]"}}')
            for key in (
                *(
                    "cardCode",
                    "card_cvc",
                    "cvv_code",
                    "csc",
                    "track_data",
                    "trackData",
                    "track2",
                    "newIban",
                    "IBAN",
                ),
                *("iban_code", "pin_block", "pinBlock", "pwd", "ssn", "customer_ssn", "card.pan", "cvv2Code"),
            )
        ),
        *(
            (f'{{"{key}": "M"}}', f'{{"{key}": "M"}}')
            for key in (
                "cvvResultCode",
                "cvc_check",
                "cardCodeResponse",
                "tracking_number",
                "pending",
                "panel",
            )
        ),
    ],
)
def test_the_values_of_secret_keys_are_removed_from_json(body: str, stored: str) -> None:
    assert redact_body(body.encode(), "json") == stored


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ("<a><number>4111</number><b>1</b></a>", "<a><number>[removed]</number><b>1</b></a>"),
        ("<n:cvv x='1'>123</n:cvv>", "<n:cvv x='1'>[removed]</n:cvv>"),
        ("<token><![CDATA[x]]></token >", "<token>[removed]</token >"),
        ("<token><id>1</id></token><id>2</id>", "<token>[removed]</token><id>2</id>"),
        ("<token nil='true'></token><token/>", "<token nil='true'></token><token/>"),
        ("<a><token/><b>1</b></a>", "<a><token/><b>1</b></a>"),
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
    assert redact_body(body.encode(), "xml") == stored


@pytest.mark.parametrize("number", [VISA, MASTERCARD, AMEX, DISCOVER, VISA_13, "30569309025904"])
def test_card_numbers_are_removed_wherever_they_stand(number: str) -> None:
    for text in (number, f"paid by {number}.", f"({number})", f"{number},{number}", f"nr:{number}\n"):
        stored = redact_body(json.dumps({"note": text}).encode(), "json")
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
        ("id4111111111111111", f"id{REMOVED}"),
        ("4111111111111111b", f"{REMOVED}b"),
        ("a4111 1111 1111 1111", f"a{REMOVED}"),
        ("41111111111111111111", "41111111111111111111"),
        ("4111  1111  1111  1111", REMOVED),
        (UUID, UUID),
    ],
)
def test_a_card_number_is_a_word_or_groups_and_passes_luhns_check(text: str, left: str) -> None:
    assert redact_body(text.encode(), "xml") == left


REFERENCE = "4726080277811003"
"""A reference of a processor that passes the Luhn check and begins like a Visa card."""


@pytest.mark.parametrize(
    ("body", "format_", "stored"),
    [
        (f'{{"pspReference": "{REFERENCE}"}}', "json", f'{{"pspReference": "{REFERENCE}"}}'),
        (f'{{"id": {REFERENCE}, "n": 1}}', "json", f'{{"id": {REFERENCE}, "n": 1}}'),
        (f'{{"refs": ["a", "{REFERENCE}"]}}', "json", f'{{"refs": ["a", "{REFERENCE}"]}}'),
        (f'{{"id": "a", "reason": "{REFERENCE}"}}', "json", '{"id": "a", "reason": "[removed]"}'),
        (f'{{"id": "to {REFERENCE}"}}', "json", '{"id": "to [removed]"}'),
        ('{"id": "4726-0802-7781-1003"}', "json", '{"id": "[removed]"}'),
        (f"<arn>{REFERENCE}</arn>", "xml", f"<arn>{REFERENCE}</arn>"),
        (f"<id>1</id><note>{REFERENCE}</note>", "xml", "<id>1</id><note>[removed]</note>"),
        ('<html>{"cvv": "123"} <pwd>x</pwd>', "json", '<html>{"cvv": "[removed]"} <pwd>[removed]</pwd>'),
        (f"<id>PAN{REFERENCE}EXP please</id>", "xml", "<id>PAN[removed]EXP please</id>"),
        (f"<id>a {REFERENCE}</id>", "xml", "<id>a [removed]</id>"),
        ("<a>&#52;111&#160;1111&#x20;1111 1111</a>", "xml", "<a>[removed]</a>"),
        (
            '{"p": "{\\"pan\\": \\"4111\\\\u00a01111 1111 1111\\"}"}',
            "json",
            '{"p": "{\\"pan\\": \\"[removed]\\"}"}',
        ),
    ],
)
def test_the_key_decides_whether_digits_are_a_reference(body: str, format_: str, stored: str) -> None:
    assert redact_body(body.encode(), format_) == stored


def test_a_card_number_that_is_a_json_number_leaves_valid_json() -> None:
    stored = redact_body(f'{{"a": {VISA}, "b": ["x {VISA}", {AMEX}]}}'.encode(), "json")
    assert json.loads(stored) == {"a": REMOVED, "b": [f"x {REMOVED}", REMOVED]}


@pytest.mark.parametrize("number", ["-4111111111111111", "4111111111111111.5"])
def test_a_json_number_that_holds_a_card_number_goes_whole(number: str) -> None:
    assert redact_body(f'{{"a": {number}, "b": 1}}'.encode(), "json") == '{"a": "[removed]", "b": 1}'


def test_an_escape_before_a_card_number_is_not_a_letter() -> None:
    stored = redact_body(json.dumps({"note": f"card:\n{VISA}\t{AMEX}"}).encode(), "json")
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
    assert redact_body(body, "xml" if b"<" in body else "json") == stored


# One body of each shape, long enough that work which grows with the square of the length would not end.
HOSTILE = (
    *(
        b'"',
        b'"\\',
        b'"cvv":',
        b'{"cvv":[',
        b'"4111111111111111",',
        b"\\ud800",
        b"\\\\u0034",
        b"4%20",
        b"&#52;",
    ),
    *(
        b"<a",
        b"<token>x</token>",
        b"<a a='",
        b"<id>4111111111111111",
        b"4 ",
        b"4444 ",
        b"4",
        b"\x00",
        b"\xff",
    ),
    *(
        b"DE89 ",
        b"DE89",
        b"4111111111111111=2512101",
        b"^4111111111111111^AB",
        b"cvv:",
        b"password=",
        b"bearer=",
    ),
    *(
        b"eyJ",
        b".eyJ",
        b"whsec_",
        b"access_token$",
        b"://a:",
        b"-----BEGIN PRIVATE KEY-----",
        b"00D000000000000!",
    ),
)


@pytest.mark.parametrize("format_", ["json", "xml"])
@pytest.mark.parametrize("pattern", HOSTILE)
def test_the_work_grows_no_faster_than_the_body(pattern: bytes, format_: str) -> None:
    size = 1 << 16
    assert isinstance(redact_body(pattern * (size // len(pattern)), format_), str)


@given(st.binary(max_size=300), st.sampled_from(["json", "xml"]))
def test_scrubbing_never_raises_and_leaves_text_for_postgresql(body: bytes, format_: str) -> None:
    stored = redact_body(body, format_)
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
    stored = json.loads(redact_body(json.dumps(value).encode(), "json"))
    assert type(stored) is type(value) or stored == REMOVED


@given(st.text("0123456789 -./_\u00a0", min_size=10, max_size=60))
def test_nothing_left_is_a_card_number(text: str) -> None:
    for number in find(text):
        text = text[: number.start] + "x" * (number.end - number.start) + text[number.end :]
    assert find(text) == []
