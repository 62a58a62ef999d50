"""Braintree deliveries as Braintree sends them; bodies are our own, in the documented shapes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from braintree.util.crypto import Crypto

from connector.models.events import Event
from connector.models.facts import ProcessorObject
from connector.webhooks import braintree
from connector.webhooks.source import Delivery, Source

from .memory import NOW, SITE

PUBLIC, PRIVATE = "abcd1234publ1ckey", "f00dpr1vatekey"
FORM = {"content-type": "application/x-www-form-urlencoded"}
TIME = "2026-11-03T11:59:58Z"


@dataclass(frozen=True)
class Settings:
    live: bool = True
    merchant_id: str = "acme_merchant"
    public_key: str = PUBLIC
    private_key: str = PRIVATE
    environment: str = "production"
    currencies: Mapping[str, str] = field(default_factory=dict)


def source(settings: Settings = Settings()) -> Source:
    made = braintree.configured(settings)
    assert made
    return made


def pair(payload: str, private: str = PRIVATE, public: str = PUBLIC) -> str:
    return f"{public}|{Crypto.sha1_hmac_hash(private, payload)}"


def form(xml: bytes, private: str = PRIVATE, public: str = PUBLIC) -> dict[str, str]:
    payload = base64.encodebytes(xml).decode()
    return {"bt_signature": pair(payload, private, public), "bt_payload": payload}


def signed(xml: bytes, private: str = PRIVATE, public: str = PUBLIC) -> bytes:
    return urlencode(form(xml, private, public)).encode()


def xml(kind: str, subject: str, time: str = TIME) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><notification><timestamp type="datetime">{time}</timestamp>'
        f"<kind>{kind}</kind><subject>{subject}</subject></notification>"
    ).encode()


def event(content: bytes, settings: Settings = Settings()) -> Event:
    """What the source makes of a signed delivery."""
    (found,) = source(settings).read(Delivery("braintree", SITE, signed(content), FORM, NOW))
    return found


def carried(kind: str, subject: str, **currencies: str) -> tuple[ProcessorObject, ...]:
    """``currencies``: of merchant accounts, as the settings have them; ``any`` is that of all others."""
    settings = Settings(currencies={"" if name == "any" else name: code for name, code in currencies.items()})
    found = event(xml(kind, subject), settings)
    assert found.fate == "handled", found.note
    return found.carried


def dispute(status: str = "open", **elements: str) -> str:
    told = {
        "id": "dsp1",
        "amount": "49.00",
        "currency-iso-code": "USD",
        "kind": "chargeback",
        "status": status,
        "reason": "fraud",
        "reason-code": "10.4",
        "reason-description": "Other Fraud - Card Absent",
        "received-date": "2026-11-02",
        "reply-by-date": "2026-11-23",
        **{name.replace("_", "-"): value for name, value in elements.items()},
    }
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in told.items() if value)
    transaction = (
        "<transaction><id>txn1</id><amount>49.00</amount><order-id>1042</order-id>"
        "<payment-instrument-subtype>Visa</payment-instrument-subtype></transaction>"
    )
    return f"<dispute>{inside}{transaction}</dispute>"
