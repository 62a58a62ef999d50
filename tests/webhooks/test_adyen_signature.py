"""The traps of Adyen's signatures: each is a refusal that says what to do, and none is a 500."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.errors import Rejected, SetupError
from connector.models.events import Fate
from connector.webhooks import adyen

from .adyen_deliveries import (
    KEY,
    PSP,
    USER,
    Settings,
    basic,
    batch,
    body_signature,
    event,
    item,
    item_signature,
    notice,
    read,
    sign_item,
    signed,
    source,
)
from .memory import SITE, desk

FIXTURES = Path(__file__).resolve().parents[2] / "../shared/fixtures/adyen"
PYTHON_KEY = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"
"""Published with the samples of Adyen's Python library."""

ITEM = item("CHARGEBACK")
GUARDED = Settings(webhook_basic_auth=(USER,))


def refusal(
    body: bytes, headers: Mapping[str, str] | None = None, settings: Settings = Settings()
) -> Rejected:
    with pytest.raises(Rejected) as raised:
        read(body, headers, settings)
    assert raised.value.status == 401
    return raised.value


def saved(name: str) -> dict[str, Any]:
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip("no samples of Adyen beside this checkout (../shared/fixtures/adyen)")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_adyens_published_example_is_accepted() -> None:
    """https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures"""
    told = {
        "amount": {"value": 1130, "currency": "EUR"},
        "pspReference": "7914073381342284",
        "eventCode": "AUTHORISATION",
        "eventDate": "2019-05-06T17:15:34.121+02:00",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704",
        "success": "true",
        "additionalData": {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
    }
    settings = Settings(hmac_keys=("44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",))
    (found,) = read(batch(told), settings=settings)
    assert (found.kind, found.fate) == ("AUTHORISATION", Fate.HANDLED)
    assert refusal(batch({**told, "amount": {"value": 1131, "currency": "EUR"}}), settings=settings)


def test_adyens_known_answer_is_accepted_and_one_byte_changed_is_not() -> None:
    known = saved("hmac-known-answer.json")
    settings = Settings(hmac_keys=(known["hmac_key"],))
    told = {**known["item"], "additionalData": {"hmacSignature": known["hmacSignature"]}}
    assert len(read(batch(told), settings=settings)) == 1
    for name in ("pspReference", "merchantAccountCode", "merchantReference", "eventCode", "success"):
        lie = {**told, name: told[name][:-1] + "x"}
        assert refusal(batch(lie), settings=settings).reason == "bad_signature", name


@pytest.mark.parametrize("name", ["backslash", "forwardslash", "mixed"])
def test_nothing_in_a_reference_is_escaped(name: str) -> None:
    """Signed by Adyen: references with backslashes, slashes and a colon."""
    told = saved(f"python-lib-tests/{name}_notification.json")
    settings = Settings(hmac_keys=(PYTHON_KEY,))
    assert len(read(batch(told), settings=settings)) == 1
    lie = {**told, "merchantReference": told["merchantReference"] + "!"}
    assert refusal(batch(lie), settings=settings).reason == "bad_signature"


def test_the_whole_batch_is_read() -> None:
    codes = ["CHARGEBACK", "REFUND", "AUTHORISATION"]
    assert [one.kind for one in read(signed(*(item(code) for code in codes)))] == codes


def spoiled(way: str) -> dict[str, Any]:
    good = sign_item(item("REFUND"))
    return {
        "tampered": {**good, "amount": {"currency": "EUR", "value": 1}},
        "unsigned": item("REFUND"),
        "empty signature": {**good, "additionalData": {"hmacSignature": ""}},
        "signature of another": {**good, "additionalData": sign_item(ITEM)["additionalData"]},
        "signature that is a number": {**good, "additionalData": {"hmacSignature": 1}},
        "no additionalData": {**good, "additionalData": None},
        "not an object": [],  # type: ignore[dict-item]
    }[way]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "way",
    [
        *("tampered", "unsigned", "empty signature", "signature of another"),
        *("signature that is a number", "no additionalData", "not an object"),
    ],
)
def test_one_bad_item_refuses_the_whole_delivery(way: str, place: int) -> None:
    items = [sign_item(ITEM), sign_item(item("CHARGEBACK_REVERSED"))]
    items.insert(place, spoiled(way))
    at = desk({("adyen", SITE): source()})
    answer = at.client.post("/webhooks/adyen", data=batch(*items))
    assert answer.status_code == 401
    assert not at.inbox.events


@pytest.mark.parametrize("wrapper", [None, 1, "x", [], {}, {"NotificationRequestItem": None}])
def test_an_item_of_no_known_shape_is_not_signed(wrapper: object) -> None:
    body = json.dumps({"live": "true", "notificationItems": [wrapper]}).encode()
    assert refusal(body).reason == "missing_signature"


def test_a_missing_signature_says_what_to_set_up() -> None:
    told = refusal(batch(ITEM))
    assert told.reason == "missing_signature"
    assert "ADYEN_HMAC_KEYS" in str(told)


@pytest.mark.parametrize("written", ["", None])
def test_a_reference_that_is_null_counts_as_nothing(written: str | None) -> None:
    told = {**item("AUTHORISATION", originalReference=None), "originalReference": written}
    (found,) = read(signed(told))
    assert found.carried[0].id == PSP


@pytest.mark.parametrize(("written", "status"), [(True, "succeeded"), (False, "failed")])
def test_success_may_be_a_boolean(written: bool, status: str) -> None:
    assert event("REFUND", success=written).carried[0].status == status
    alike = item_signature(item("REFUND", success=str(written).lower()))
    assert item_signature(item("REFUND", success=written)) == alike


@pytest.mark.parametrize("value", [49.0, [], {}, {"a": 1}])
def test_a_signed_value_of_another_type_is_refused(value: object) -> None:
    told = {**sign_item(ITEM), "amount": {"currency": "EUR", "value": value}}
    assert refusal(batch(told)).reason == "malformed_item"


def test_values_cannot_be_cut_anew() -> None:
    """The same text, cut at other colons: another payment, with a signature that would match."""
    honest = item("REFUND", originalReference=None, merchantReference="R:5")
    forged = {**honest, "pspReference": f"{PSP}:", "originalReference": "AcmeECOM"}
    forged = {**forged, "merchantAccountCode": "R", "merchantReference": "5"}
    assert item_signature(forged) == item_signature(honest)
    forged["additionalData"] = {"hmacSignature": item_signature(honest)}
    assert refusal(batch(forged)).reason == "malformed_item"


@pytest.mark.parametrize(
    "changed",
    [
        {"pspReference": "a:b"},
        {"originalReference": "a:b"},
        {"merchantAccountCode": "a:b"},
        {"amount": {"currency": "EU:R", "value": 1}},
        {"amount": {"currency": "EUR", "value": "1:2"}},
        {"eventCode": "REFUND:X"},
        {"success": "true:false"},
    ],
    ids=str,
)
def test_only_the_merchants_own_reference_may_hold_a_colon(changed: dict[str, object]) -> None:
    assert refusal(signed({**item("REFUND"), **changed})).reason == "malformed_item"
    assert event("REFUND", merchantReference="a:b").fate is Fate.HANDLED


def test_half_a_surrogate_pair_does_not_pass_for_another_letter() -> None:
    honest = item("REFUND", merchantReference="a?")
    forged = {**honest, "additionalData": {"hmacSignature": item_signature(honest)}}
    for other in ("a\ud800", "a\udfff"):
        assert refusal(batch({**forged, "merchantReference": other})).reason == "bad_signature"
    assert event("REFUND", merchantReference="a\ud800").fate is Fate.HANDLED


def test_a_signature_that_is_not_ascii_is_refused() -> None:
    for odd in ("é" * 44, "\ud800"):
        body = batch({**ITEM, "additionalData": {"hmacSignature": odd}})
        assert refusal(body).reason == "bad_signature"


# Webhooks that are signed as a whole ---------------------------------------------------------------------------


def test_a_newer_webhook_is_signed_over_its_raw_body() -> None:
    body = notice()
    (found,) = read(body, body_signature(body))
    assert found.kind == "ACH_NOTIFICATION_OF_CHANGE"
    assert refusal(body.replace(b"C01", b"C02"), body_signature(body)).reason == "bad_signature"
    assert refusal(body, body_signature(body, "00" * 32)).reason == "bad_signature"
    assert refusal(body).reason == "missing_signature"


def test_a_signed_body_does_not_stand_for_its_items() -> None:
    """Adyen signs the items of a standard webhook: a header beside them says nothing of them."""
    body = batch(ITEM)
    assert refusal(body, body_signature(body)).reason == "missing_signature"


def test_an_empty_batch_proves_nothing_unless_its_sender_does() -> None:
    body = batch()
    assert refusal(body).reason == "missing_signature"
    assert read(body, basic(), GUARDED) == ()
    assert refusal(body, basic("adyen:guess"), GUARDED).reason == "bad_auth"
    assert read(body, body_signature(body)) == ()


# Basic auth beside it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "reason"), [({}, "missing_auth"), (basic("adyen:guess"), "bad_auth")], ids=["none", "wrong"]
)
def test_a_user_and_password_are_asked_for_where_they_are_set(
    headers: Mapping[str, str], reason: str
) -> None:
    assert refusal(signed(ITEM), headers, GUARDED).reason == reason


def test_a_user_and_password_do_not_stand_for_a_signature() -> None:
    assert len(read(signed(ITEM), basic(), GUARDED)) == 1
    assert refusal(batch(ITEM), basic(), GUARDED).reason == "missing_signature"
    assert adyen.configured(Settings(hmac_keys=("",), webhook_basic_auth=(USER,))) is None


@pytest.mark.parametrize("pair", ["adyen", ":password", "adyen:"])
def test_a_user_without_a_password_is_a_mistake(pair: str) -> None:
    with pytest.raises(SetupError, match="user:password"):
        adyen.configured(Settings(webhook_basic_auth=(pair,)))


@pytest.mark.parametrize("key", ["not hex", KEY + "0", "é" * 32, "0x" + KEY])
def test_a_key_that_is_not_hex_says_so(key: str) -> None:
    with pytest.raises(SetupError, match="ADYEN_HMAC_KEYS"):
        adyen.configured(Settings(hmac_keys=(KEY, key)))


def test_the_key_may_be_in_small_letters() -> None:
    assert len(read(signed(ITEM), settings=Settings(hmac_keys=(KEY.lower(),)))) == 1


def test_the_keys_are_not_shown() -> None:
    shown = repr(source(GUARDED))
    assert "open-sesame" not in shown
    assert repr(bytes.fromhex(KEY)) not in shown
