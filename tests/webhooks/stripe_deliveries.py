"""Stripe deliveries as Stripe sends them; bodies are our own, in the documented shapes."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.models.events import Event
from connector.webhooks import stripe
from connector.webhooks.source import Delivery, Source

from .memory import NOW, SITE

SECRET = "whsec_s3cret"
CREATED = int(NOW.timestamp()) - 2

VISA = {
    "type": "card",
    "card": {"brand": "visa", "network": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030},
}
ACH = {"type": "us_bank_account", "us_bank_account": {"bank_name": "STRIPE TEST BANK", "last4": "6789"}}


@dataclass(frozen=True)
class Settings:
    """Stripe's settings, as ``connector.settings`` has them."""

    webhook_secrets: Sequence[str] = ()
    live: bool = True


def source(*secrets: str, live: bool = True) -> Source:
    made = stripe.configured(Settings(secrets or (SECRET,), live))
    assert made
    return made


def signature(body: bytes, secret: str, time: int | str) -> str:
    return hmac.new(secret.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest()


def signed(body: bytes, secret: str = SECRET, at: datetime = NOW) -> dict[str, str]:
    time = int(at.timestamp())
    # Stripe adds a v0 signature to test events.
    return {"stripe-signature": f"t={time},v1={signature(body, secret, time)},v0={'0' * 64}"}


def delivery(body: bytes, headers: Mapping[str, str], at: datetime = NOW) -> Delivery:
    return Delivery("stripe", SITE, body, headers, at)


def event(kind: str, found: Mapping[str, Any], /, **fields: Any) -> bytes:
    """A snapshot event about an object."""
    body = {
        "id": "evt_1Casewire",
        "object": "event",
        "api_version": "2026-09-30.clover",
        "created": CREATED,
        "data": {"object": found},
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    return json.dumps(body | fields).encode()


def read(body: bytes, *, live: bool = True) -> Event:
    """The one event of a delivery of this body."""
    (found,) = source(live=live).read(delivery(body, signed(body)))
    return found


def charge(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "ch_1",
        "object": "charge",
        "amount": 4900,
        "amount_refunded": 0,
        "created": CREATED,
        "currency": "usd",
        "customer": "cus_1",
        "failure_code": None,
        "failure_message": None,
        "metadata": {"invoiceNumber": "INV-1042"},
        "outcome": {"network_status": "approved_by_network", "reason": None, "type": "authorized"},
        "payment_intent": "pi_1",
        "payment_method_details": VISA,
        "refunded": False,
        "status": "succeeded",
    }
    return usual | fields


def dispute(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "du_1",
        "object": "dispute",
        "amount": 4900,
        "charge": "ch_1",
        "created": CREATED - 3600,
        "currency": "usd",
        "evidence": {},
        "evidence_details": {"due_by": CREATED + 864000, "has_evidence": False, "submission_count": 0},
        "is_charge_refundable": False,
        "payment_intent": "pi_1",
        "payment_method_details": {
            "type": "card",
            "card": {"brand": "visa", "case_type": "chargeback", "network_reason_code": "10.4"},
        },
        "reason": "fraudulent",
        "status": "needs_response",
    }
    return usual | fields


def refund(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "re_1",
        "object": "refund",
        "amount": 1900,
        "charge": "ch_1",
        "created": CREATED,
        "currency": "usd",
        "payment_intent": "pi_1",
        "reason": "requested_by_customer",
        "status": "succeeded",
    }
    return usual | fields


def payout(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "po_1",
        "object": "payout",
        "amount": 12345,
        "arrival_date": CREATED + 86400,
        "created": CREATED,
        "currency": "eur",
        "failure_code": None,
        "failure_message": None,
        "status": "in_transit",
    }
    return usual | fields


def mandate(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "mandate_1",
        "object": "mandate",
        "payment_method": "pm_1",
        "payment_method_details": {"type": "sepa_debit", "sepa_debit": {"reference": "CW1"}},
        "status": "inactive",
        "type": "multi_use",
    }
    return usual | fields


def fraud_warning(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "issfr_1",
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": "ch_1",
        "created": CREATED,
        "fraud_type": "made_with_stolen_card",
        "payment_intent": "pi_1",
    }
    return usual | fields


def review(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "prv_1",
        "object": "review",
        "charge": "ch_1",
        "closed_reason": None,
        "created": CREATED,
        "open": True,
        "opened_reason": "rule",
        "payment_intent": "pi_1",
        "reason": "rule",
    }
    return usual | fields


def intent(**fields: Any) -> dict[str, Any]:
    error = {
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
        "payment_method": VISA,
    }
    usual = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 4900,
        "created": CREATED,
        "currency": "usd",
        "customer": "cus_1",
        "last_payment_error": error,
        "latest_charge": "ch_1",
        "metadata": {"invoiceNumber": "INV-1042"},
        "status": "requires_payment_method",
    }
    return usual | fields
