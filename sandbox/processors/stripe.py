"""Stripe: one event a delivery, ``Stripe-Signature: t=…,v1=…`` over the time and the raw body.

https://docs.stripe.com/webhooks and https://docs.stripe.com/api/events/object (looked at in November 2026)
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sandbox.processors.events import Event, Moment, Signed, Source, Telling, minor
from sandbox.processors.objects import Charge, Dispute, FraudWarning, Payout, Refund

Json = dict[str, Any]
NAME: Final = "stripe"
API_VERSION: Final = "2026-09-30.dahlia"
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def intent_id(charge_id: str) -> str:
    """Each charge here has one payment intent, with an id of the same letters."""
    return "pi_" + charge_id.removeprefix("ch_")


def charge(row: Charge) -> Json:
    good = row.status == "succeeded"
    amount = minor(row.amount, row.currency)
    return {
        "id": row.id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if good else 0,
        "amount_refunded": minor(row.refunded, row.currency),
        "captured": good,
        "created": _epoch(row.created_at),
        "currency": row.currency.lower(),
        "customer": row.customer,
        "description": None,
        "disputed": row.disputed,
        "failure_code": row.code,
        "failure_message": row.words,
        "livemode": False,
        "metadata": _metadata(row),
        "outcome": _outcome(row),
        "paid": good,
        "payment_intent": intent_id(row.id),
        "payment_method": "pm_" + row.id.removeprefix("ch_"),
        "payment_method_details": {"type": "card", "card": _card(row)},
        "refunded": good and row.refunded >= row.amount,
        "status": {"succeeded": "succeeded", "pending": "pending"}.get(row.status, "failed"),
    }


def intent(row: Charge) -> Json:
    good = row.status == "succeeded"
    amount = minor(row.amount, row.currency)
    return {
        "id": intent_id(row.id),
        "object": "payment_intent",
        "amount": amount,
        "amount_received": amount if good else 0,
        "created": _epoch(row.created_at),
        "currency": row.currency.lower(),
        "customer": row.customer,
        "latest_charge": row.id,
        "livemode": False,
        "metadata": _metadata(row),
        "status": {"succeeded": "succeeded", "pending": "processing"}.get(
            row.status, "requires_payment_method"
        ),
    }


def refund(row: Refund) -> Json:
    told: Json = {
        "id": row.id,
        "object": "refund",
        "amount": minor(row.amount, row.currency),
        "charge": row.charge_id,
        "created": _epoch(row.created_at),
        "currency": row.currency.lower(),
        "metadata": {},
        "payment_intent": intent_id(row.charge_id),
        "reason": "requested_by_customer",
        "status": row.status,
    }
    return told | ({"failure_reason": row.why} if row.status == "failed" else {})


def dispute(row: Dispute) -> Json:
    """No customer and no metadata: a dispute names its payment only."""
    return {
        "id": row.id,
        "object": "dispute",
        "amount": minor(row.amount, row.currency),
        "charge": row.charge_id,
        "created": _epoch(row.created_at),
        "currency": row.currency.lower(),
        "evidence_details": {
            "due_by": _epoch(row.due_at),
            "has_evidence": row.evidence,
            "past_due": False,
            "submission_count": int(row.evidence),
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": intent_id(row.charge_id),
        "payment_method_details": {
            "type": "card",
            "card": {"brand": "visa", "case_type": row.stage, "network_reason_code": row.code},
        },
        "reason": row.reason,
        # what is taken back before it is decided had been an inquiry
        "status": "warning_closed" if row.status == "withdrawn" else row.status,
    }


def payout(row: Payout) -> Json:
    return {
        "id": row.id,
        "object": "payout",
        "amount": minor(row.amount, row.currency),
        "arrival_date": _epoch(row.arrives_at),
        "automatic": False,
        "created": _epoch(row.created_at),
        "currency": row.currency.lower(),
        "destination": "ba_" + row.payee.removeprefix("acct_"),
        "failure_code": row.code,
        "failure_message": row.words,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "status": row.status,
        "type": "bank_account",
    }


def warning(row: FraudWarning) -> Json:
    return {
        "id": row.id,
        "object": "radar.early_fraud_warning",
        "actionable": row.actionable,
        "charge": row.charge_id,
        "created": _epoch(row.created_at),
        "fraud_type": row.fraud_type,
        "livemode": False,
        "payment_intent": intent_id(row.charge_id),
    }


def _metadata(row: Charge) -> Json:
    """Recurly sends its invoice number here."""
    return {} if row.invoice is None else {"invoiceNumber": str(row.invoice)}


def _outcome(row: Charge) -> Json:
    if row.status == "succeeded":
        return {"network_status": "approved_by_network", "reason": None, "type": "authorized"}
    return {"network_status": "declined_by_network", "reason": row.code, "type": "issuer_declined"}


def _card(row: Charge) -> Json:
    return {"brand": (row.brand or "visa").lower(), "last4": row.last_four, "funding": "credit"}


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def _event(kind: str, moment: Moment, told: Json, account: str | None = None) -> Event:
    """``account``: the connected account it happened in, where it is not the merchant's own."""
    id_ = "evt_1" + moment.draw(23, LETTERS)
    payload: Json = {
        "id": id_,
        "object": "event",
        "api_version": API_VERSION,
        "created": _epoch(moment.at),
        "data": {"object": told},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    if account is not None:
        payload["account"] = account
    return Event(source=NAME, kind=kind, id=id_, object_id=told["id"], at=moment.at, payload=payload)


def _account(moment: Moment) -> str | None:
    return moment.payment().account or None


def _about_charge(kind: str) -> Telling:
    return lambda moment: _event(kind, moment, charge(moment.payment()), _account(moment))


def _about_dispute(kind: str) -> Telling:
    return lambda moment: _event(kind, moment, dispute(moment.the(Dispute)), _account(moment))


def _about_refund(kind: str) -> Telling:
    return lambda moment: _event(kind, moment, refund(moment.the(Refund)), _account(moment))


def _about_warning(kind: str) -> Telling:
    return lambda moment: _event(kind, moment, warning(moment.the(FraudWarning)), _account(moment))


def _about_payout(kind: str) -> Telling:
    return lambda moment: _event(kind, moment, payout(moment.the(Payout)), moment.the(Payout).payee or None)


def request(events: tuple[Event, ...], endpoint: Mapping[str, str]) -> Signed:
    (event,) = events
    body = json.dumps(event.payload, indent=2).encode()
    return {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": sign(body, endpoint["secret"], int(time.time())),
    }, body


def sign(body: bytes, secret: str, seconds: int) -> str:
    """The key is the secret's text, ``whsec_`` and all."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


STRIPE: Final = Source(
    name=NAME,
    keys=frozenset({"secret"}),
    request=request,
    says={
        "charge_succeeded": _about_charge("charge.succeeded"),
        "charge_failed": _about_charge("charge.failed"),
        "dispute_opened": _about_dispute("charge.dispute.created"),
        "evidence_sent": _about_dispute("charge.dispute.updated"),
        "funds_withdrawn": _about_dispute("charge.dispute.funds_withdrawn"),
        "dispute_won": _about_dispute("charge.dispute.closed"),
        "dispute_lost": _about_dispute("charge.dispute.closed"),
        "funds_reinstated": _about_dispute("charge.dispute.funds_reinstated"),
        "refund_made": _about_refund("refund.created"),
        "charge_refunded": _about_charge("charge.refunded"),
        "refund_failed": _about_refund("refund.failed"),
        "payout_paid": _about_payout("payout.paid"),
        "payout_failed": _about_payout("payout.failed"),
        "fraud_warned": _about_warning("radar.early_fraud_warning.created"),
        "fraud_warning_closed": _about_warning("radar.early_fraud_warning.updated"),
    },
)
