"""Card and bank data in running text and in references, however they are written."""

from __future__ import annotations

import json
import random
import string
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.errors import Permanent
from connector.mappers import match_keys
from connector.models.facts import Account, Candidate, Invoice, Kind, Payment, ProcessorObject
from connector.redaction import (
    REMOVED,
    redact_body,
    redact_reference,
    redact_text,
    redact_value,
    redacted_before,
)
from connector.redaction.card_numbers import find

CARDS = (
    *("4111111111111111", "4012888888881881", "5555555555554444", "2223003122003222", "378282246310005"),
    *("371449635398431", "6011111111111117", "3056930009020004", "36227206271667", "3566002020360505"),
    *("6205500000000000004", "6200000000000005", "4000002500001001"),
)
"""The networks' published test numbers."""
IBANS = ("DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606", "NO9386011117947")
"""Published examples."""
SEPARATORS = (
    *(
        "",
        " ",
        "  ",
        "-",
        "--",
        ".",
        "/",
        "_",
        "+",
        "*",
        "\t",
        "\n",
        "\u00a0",
        "\u2009",
        "\u202f",
        "\u3000",
        "\u200b",
    ),
    *("\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212", "\uff0d", "\u00ad", " - ", "\ufeff"),
)


def grouped(number: str, sizes: tuple[int, ...], separator: str) -> str:
    parts, rest = [], number
    for size in sizes:
        parts.append(rest[:size])
        rest = rest[size:]
    return separator.join(part for part in (*parts, rest) if part)


def digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdecimal())


WRITTEN = {
    "plain": lambda text: text,
    "quoted": quote,
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json twice": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "json, every character": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    "html": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "full width": lambda text: text.translate({ord(d): 0xFF10 + int(d) for d in string.digits}),
}


@given(
    number=st.sampled_from(CARDS),
    separator=st.sampled_from(SEPARATORS),
    sizes=st.sampled_from(((4, 4, 4, 4), (4, 6, 5), (6,), (2,) * 10, (1,) * 19, (20,))),
    form=st.sampled_from(sorted(WRITTEN)),
    before=st.sampled_from(("", "card ", "PAN", "nr.:", "(", "99 ", "é", "x=")),
    after=st.sampled_from(("", " exp 12/29", "EXP", ")", ",", "…", " 99", "é")),
)
def test_no_way_of_writing_hides_a_card_number(
    number: str, separator: str, sizes: tuple[int, ...], form: str, before: str, after: str
) -> None:
    if separator and separator in "./_*" and len(number) != 15:
        assume(sizes != (4, 6, 5))  # also the shape of amounts, dates and versions
    written = WRITTEN[form](f"{before}{grouped(number, sizes, separator)}{after}")
    for left in (
        redact_text(written),
        json.loads(redact_body(json.dumps({"note": written}).encode(), "json"))["note"],
    ):
        assert REMOVED in left
        assert number not in digits(left)


@pytest.mark.parametrize("iban", IBANS)
@pytest.mark.parametrize("separator", ["", " ", "-", "\u00a0"])
@pytest.mark.parametrize("before", ["", "IBAN: ", "iban"])
def test_an_iban_is_removed_from_text_and_masked_in_references(
    iban: str, separator: str, before: str
) -> None:
    written = before + grouped(iban, (4,) * 9, separator)
    assert redact_text(f"{written} ok") == f"{before}{REMOVED} ok"
    assert redact_text(written.lower()) == f"{before.lower()}{REMOVED}"
    masked = redact_reference(written)
    assert iban[4:-4] not in masked
    assert masked.endswith(f"{iban[:4]}xxxx{iban[-4:]}")


def test_an_iban_needs_its_check_digits_and_its_countrys_shape() -> None:
    for text in (
        "DE88370400440532013000",
        "DE8937040044053201300",
        "ZZ89370400440532013000",
        "De89370400440532013000",
    ):
        assert redact_text(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a %B4111111111111111^DOE/JOHN^25121010000000000? b", f"a {REMOVED} b"),
        ("%25B4111111111111111%5EDOE%2FJOHN%5E25121010000?", REMOVED),
        ("x ;4111111111111111=25121010000012345678? y", f"x {REMOVED} y"),
        ("4111111111111111D25121010000012345678", REMOVED),
        ("CVV: 123, ok", f"CVV: {REMOVED}, ok"),
        ("the security code is 1234.", f"the security code is {REMOVED}."),
        ("cvc2=987", f"cvc2={REMOVED}"),
        ("key sk_live_4eC39HqLyjWDarjtT1zdp7dc", f"key sk_live_{REMOVED}"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", REMOVED),
        ("Authorization: Bearer abc.def-123456", f"Authorization: Bearer {REMOVED}"),
        ("Basic dXNlcjpwYXNzd29yZA==", f"Basic {REMOVED}"),
        ("password=hunter22&a=1", f"password={REMOVED}&a=1"),
        ("redis://user:geheim@host/0", f"redis://user:{REMOVED}@host/0"),
        ("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----", REMOVED),
        ("4111111111111111 5555555555554444", f"{REMOVED} {REMOVED}"),
        ("4111 1111 1111 1111, 5555 5555 5555 4444", f"{REMOVED}, {REMOVED}"),
        ("12 4111111111111111 33", f"12 {REMOVED} 33"),
        ("ref +4111111111111111", f"ref +{REMOVED}"),
    ],
)
def test_what_is_removed_from_text(text: str, left: str) -> None:
    assert redact_text(text) == left
    assert redact_text(left) == left


@pytest.mark.parametrize(
    "text",
    [
        *(
            "+49 30 1234567890",
            "2026-11-30 12:34:56",
            "0.4111111111111111",
            "63abcf80-6e29-4bfb-8ec9-c84e658777be",
        ),
        *(
            "63abcf806e29cbfb3ec9c84e658777be",
            "USD 4,111.11",
            "HTTP Basic authentication",
            "Bearer authentication",
        ),
        *(
            '"client_secret": null',
            "cvv_result M",
            "version 4.11.1",
            "1663103925004",
            "9999888877776666",
            "Zoë",
        ),
    ],
)
def test_what_is_kept_in_text(text: str) -> None:
    assert redact_text(text) == text


# References ------------------------------------------------------------------------------------------------


def random_references(count: int) -> list[str]:
    """References as processors and merchants make them: long digits, hexadecimal, base 62, and with a prefix."""
    chance = random.Random(30)
    alphabet = string.ascii_letters + string.digits
    shapes = (
        lambda: "".join(chance.choices(string.digits, k=chance.randint(12, 23))),
        lambda: "4" + "".join(chance.choices(string.digits, k=15)),
        lambda: uuid.UUID(int=chance.getrandbits(128)).hex,
        lambda: str(uuid.UUID(int=chance.getrandbits(128))),
        lambda: f"ch_{''.join(chance.choices(alphabet, k=24))}",
        lambda: "".join(
            chance.choices(string.ascii_uppercase + string.digits, k=chance.choice((16, 17, 20)))
        ),
        lambda: f"INV-{chance.getrandbits(52)}",
        lambda: f"2026-{chance.randint(10**11, 10**12)}",
    )
    return [shapes[n % len(shapes)]() for n in range(count)]


def test_no_reference_of_ten_thousand_is_lost() -> None:
    found = random_references(10_000)
    assert sum(bool(find(one)) for one in found) > 50, "many look like card numbers"
    assert [one for one in found if redact_reference(one) != one] == []
    body = json.dumps([{"pspReference": one, "id": one, "arn": one} for one in found]).encode()
    assert redact_body(body, "json") == body.decode()


@given(st.sampled_from((*CARDS, *IBANS)), st.sampled_from(SEPARATORS), st.sampled_from(("", "pay ", "x-")))
def test_references_stay_equal_on_both_sides(number: str, separator: str, before: str) -> None:
    """A billing payment and a processor's object are joined by what both call the payment."""
    written = before + grouped(number, (4, 4, 4, 4), separator)
    at = datetime(2026, 11, 30, tzinfo=UTC)
    charge = ProcessorObject(
        kind=Kind.CHARGE, source="adyen", id=written, at=at, invoice_number=written, customer=written
    )
    money = {"amount": 1, "currency": "EUR"}
    payment = Payment(
        id="p", uuid="u", account_code="a", type="purchase", status="success", origin="api", gateway_reference=written,
        **money,
    )  # fmt: skip
    invoice = Invoice(
        id="i", uuid="u", number=written, account_code="a", type="charge", state="open", origin="purchase",
        currency="EUR", total=1, paid=0, balance=1,
    )  # fmt: skip
    account = Account(id="a", code="a", state="active", gateway_customers=(written,))
    theirs = set(match_keys.of_processor(charge))
    for ours in (payment, account):
        assert set(match_keys.of_billing(ours)) <= theirs
    assert set(match_keys.of_billing(invoice)) & theirs
    grouped_number = separator and number in CARDS and len(number) == 16
    assert not grouped_number or all(number not in digits(one) for one in theirs)


def test_facts_and_errors_are_redacted_when_they_are_made() -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    card = "4111 1111 1111 1111"
    item = ProcessorObject(
        kind=Kind.DISPUTE, source="x", id="d", at=at, reason_text=f"Card {card}.", references=(card,)
    )
    assert item.reason_text == f"Card {REMOVED}."
    assert item.references == ("411111xxxxxx1111",)
    account = Account(
        "a", "a", "active", company=f"Acme {card}", custom_fields=(("iban", "x"), ("note", card))
    )
    assert account.company == f"Acme {REMOVED}"
    assert account.custom_fields == (("iban", REMOVED), ("note", REMOVED))
    assert Candidate("001", f"Acme {card}", (f"name {card}",)).reasons == (f"name {REMOVED}",)
    assert str(Permanent(f"It refuses {card}.")) == f"It refuses {REMOVED}."


def test_a_value_is_redacted_by_its_key() -> None:
    value = {
        "account": "4111111111111111",
        "id": "4111111111111111",
        "cvv": "1",
        "list": [{"note": 4111111111111111}],
    }
    redacted = {"account": REMOVED, "id": "4111111111111111", "cvv": REMOVED, "list": [{"note": REMOVED}]}
    assert redact_value("options", value) == redacted


@pytest.mark.parametrize(
    "key", ["id", "pspReference", "tracking_number", "invoiceNumber", "Psp_Reference__c"]
)
@pytest.mark.parametrize("value", ["4111111111111111", 4111111111111111])
def test_digits_under_the_key_of_a_reference_are_kept(key: str, value: object) -> None:
    assert redact_value(key, value) == value


@pytest.mark.parametrize("key", ["Number__c", "Sort_Code__c", "acme:cvv", "passwd", "sortcode"])
def test_a_secret_is_known_by_its_key_however_that_is_written(key: str) -> None:
    assert redact_value(key, "x1") == REMOVED


def test_a_key_is_redacted_as_text_is() -> None:
    assert redact_value("counts", {"4111 1111 1111 1111": 1, "a": True}) == {REMOVED: 1, "a": True}


def test_a_row_of_the_ledger_is_not_redacted_again_and_every_other_value_is() -> None:
    """Rows are redacted when they are written; even an error while one is read must not switch redaction off."""
    card = "4111 1111 1111 1111"
    with redacted_before():
        assert _dispute(card).reason == card
    with suppress(RuntimeError), redacted_before():
        raise RuntimeError
    assert _dispute(card).reason == REMOVED


def _dispute(reason: str) -> ProcessorObject:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return ProcessorObject(kind=Kind.DISPUTE, source="stripe", id="dp_1", at=at, reason=reason)
