"""Adyen deliveries as Adyen sends them; bodies are our own, in the documented shapes."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.models.events import Event
from connector.models.facts import ProcessorObject
from connector.webhooks import adyen
from connector.webhooks.source import Delivery, Source

from .memory import NOW, SITE

KEY = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
USER = "adyen:open-sesame"
PSP, PAYMENT = "DSP0000000000001", "PAY0000000000001"
DATE = "2026-11-03T12:59:58+01:00"
SIGNED = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


@dataclass(frozen=True)
class Settings:
    live: bool = True
    hmac_keys: Sequence[str] = (KEY,)
    webhook_basic_auth: Sequence[str] = ()


def source(settings: Settings = Settings()) -> Source:
    made = adyen.configured(settings)
    assert made
    return made


def text_of(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def item_signature(item: Mapping[str, Any], key: str = KEY) -> str:
    amount = item.get("amount") or {}
    values = [item.get(name) for name in SIGNED]
    values += [amount.get("value"), amount.get("currency"), item.get("eventCode"), item.get("success")]
    message = ":".join(text_of(value) for value in values).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(bytes.fromhex(key), message, "sha256")).decode()


def sign_item(item: Mapping[str, Any], key: str = KEY) -> dict[str, Any]:
    more = item.get("additionalData") or {}
    return {**item, "additionalData": {**more, "hmacSignature": item_signature(item, key)}}


def item(code: str, success: object = "true", **fields: object) -> dict[str, Any]:
    """An item of a standard webhook, not signed yet; a field that is None is left out."""
    usual: dict[str, Any] = {
        "amount": {"currency": "EUR", "value": 4900},
        "eventCode": code,
        "eventDate": DATE,
        "merchantAccountCode": "AcmeECOM",
        "merchantReference": "r-uuid-1",
        "originalReference": PAYMENT,
        "paymentMethod": "visa",
        "pspReference": PSP,
        "reason": "",
        "success": success,
    }
    return {name: value for name, value in {**usual, **fields}.items() if value is not None}


def batch(*items: Mapping[str, Any], live: object = "true") -> bytes:
    wrapped = [{"NotificationRequestItem": one} for one in items]
    return json.dumps({"live": live, "notificationItems": wrapped}).encode()


def signed(*items: Mapping[str, Any], live: object = "true") -> bytes:
    return batch(*(sign_item(one) for one in items), live=live)


def body_signature(body: bytes, key: str = KEY) -> dict[str, str]:
    digest = hmac.digest(bytes.fromhex(key), body, "sha256")
    return {"hmacsignature": base64.b64encode(digest).decode()}


def basic(user: str = USER) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}


def read(
    body: bytes, headers: Mapping[str, str] | None = None, settings: Settings = Settings()
) -> tuple[Event, ...]:
    return source(settings).read(Delivery("adyen", SITE, body, headers or {}, NOW))


def event(code: str, success: object = "true", **fields: object) -> Event:
    (found,) = read(signed(item(code, success, **fields)))
    return found


def carried(code: str, success: object = "true", **fields: object) -> ProcessorObject:
    found = event(code, success, **fields)
    assert found.fate == "handled", found.note
    (one,) = found.carried
    return one


def notice(type_: str = "ach.notificationOfChange", environment: str = "live", **change: str) -> bytes:
    """A webhook of the newer shape."""
    told = {"reasonCode": "C01", "newBankAccountNumber": "000123456789", "newBranchCode": "110000000"}
    data = {
        "pspReference": PAYMENT,
        "shopperReference": "wren-42",
        "notificationOfChange": {**told, **change},
    }
    found = {
        "type": type_,
        "version": "1",
        "createdAt": DATE,
        "environment": environment,
        "data": data,
    }
    return json.dumps(found).encode()
