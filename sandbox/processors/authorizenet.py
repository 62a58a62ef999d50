"""Authorize.Net: one event a delivery, ``X-ANET-Signature: sha512=…`` over the raw body, in capitals.

https://developer.authorize.net/api/reference/features/webhooks.html (looked at in November 2026)
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from sandbox.processors.events import Event, Moment, Signed, Source, Telling
from sandbox.processors.objects import Charge, Refund

Json = dict[str, Any]
NAME: Final = "authorizenet"
WEBHOOK: Final = "5a4db0c2-0000-4000-8000-000000000001"

_TRANSACTION_STATUS: Final = {
    "pending": "capturedPendingSettlement",
    "succeeded": "settledSuccessfully",
    "failed": "declined",
    "held": "FDSPendingReview",
    "returned": "returnedItem",
}
_REFUND_STATUS: Final = {
    "pending": "refundPendingSettlement",
    "succeeded": "refundSettledSuccessfully",
    "failed": "declined",
}
_RESPONSE: Final = {"pending": 1, "succeeded": 1, "failed": 2, "held": 4, "returned": 2}
UNSETTLED: Final = frozenset({"pending", "held"})
"""What waits for a batch."""
_ORDER_LENGTH: Final = 20


def details(row: Charge) -> Json:
    """The answer to ``getTransactionDetailsRequest``. The invoice number is cut from the left to 20 characters."""
    told: Json = {
        "transId": row.id,
        "submitTimeUTC": _utc(row.created_at),
        "submitTimeLocal": f"{row.created_at:%Y-%m-%dT%H:%M:%S}",
        "transactionType": "authCaptureTransaction",
        "transactionStatus": _TRANSACTION_STATUS[row.status],
        "responseCode": _RESPONSE[row.status],
        "authAmount": float(row.amount),
        "settleAmount": float(row.amount),
        "payment": {"creditCard": {"cardNumber": f"XXXX{row.last_four}", "cardType": row.brand}},
        "customer": {"id": row.customer},
    }
    if row.invoice is not None:
        told["order"] = {"invoiceNumber": str(row.invoice)[-_ORDER_LENGTH:]}
    return told


def refund_details(row: Refund) -> Json:
    """A refund is a transaction too, and names the one it gives back."""
    return {
        "transId": row.id,
        "refTransId": row.charge_id,
        "submitTimeUTC": _utc(row.created_at),
        "submitTimeLocal": f"{row.created_at:%Y-%m-%dT%H:%M:%S}",
        "transactionType": "refundTransaction",
        "transactionStatus": _REFUND_STATUS[row.status],
        "responseCode": _RESPONSE[row.status],
        "authAmount": float(row.amount),
        "settleAmount": float(row.amount),
    }


def line(row: Charge | Refund) -> Json:
    """A transaction in a list. It tells neither the currency nor, of a refund, what it gives back; nor, of one that
    was declined, which of the two it was."""
    told: Json = {
        "transId": row.id,
        "submitTimeUTC": _utc(row.created_at),
        "submitTimeLocal": f"{row.created_at:%Y-%m-%dT%H:%M:%S}",
        "settleAmount": float(row.amount),
        "marketType": "eCommerce",
        "product": "Card Not Present",
    }
    if isinstance(row, Refund):
        return {**told, "transactionStatus": _REFUND_STATUS[row.status]}
    told |= {
        "transactionStatus": _TRANSACTION_STATUS[row.status],
        "accountType": row.brand,
        "accountNumber": f"XXXX{row.last_four}",
        "hasReturnedItems": row.status == "returned",
    }
    return told if row.invoice is None else {**told, "invoiceNumber": str(row.invoice)[-_ORDER_LENGTH:]}


def batch(day: date, settled: datetime) -> Json:
    """All that was submitted on one day; it is settled when the last of it was, so never in the time to come."""
    return {
        "batchId": batch_id(day),
        "settlementTimeUTC": _utc(settled),
        "settlementTimeLocal": f"{settled:%Y-%m-%dT%H:%M:%S}",
        "settlementState": "settledSuccessfully",
        "paymentMethod": "creditCard",
        "marketType": "eCommerce",
        "product": "Card Not Present",
    }


def batch_id(day: date) -> str:
    return f"{day:%Y%m%d}"


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _event(kind: str, moment: Moment, more: Json) -> Event:
    row = moment.payment()
    id_ = str(uuid.UUID(moment.draw(32, "0123456789abcdef")))
    payload = {
        "notificationId": id_,
        "eventType": f"net.authorize.payment.{kind}",
        "eventDate": _time(moment.at),
        "webhookId": WEBHOOK,
        "payload": {
            "responseCode": _RESPONSE[row.status],
            "authCode": "SANDBX" if row.status == "succeeded" else "",
            "avsResponse": "Y",
            "authAmount": float(row.amount),
            **more,
            "entityName": "transaction",
            "id": row.id,
        },
    }
    name = payload["eventType"]
    assert isinstance(name, str)
    return Event(source=NAME, kind=name, id=id_, object_id=row.id, at=moment.at, payload=payload)


def _time(moment: datetime) -> str:
    """With seven decimals of a second."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.0000000Z"


def _about_charge(kind: str, more: Json | None = None) -> Telling:
    return lambda moment: _event(kind, moment, more or {})


_FILTER: Final[Json] = {
    "fraudList": [{"fraudFilter": "AmountFilter", "fraudAction": "authAndHold"}],
}


def request(events: tuple[Event, ...], endpoint: Mapping[str, str]) -> Signed:
    (event,) = events
    body = json.dumps(event.payload, separators=(",", ":")).encode()
    signature = sign(body, endpoint["signature_key"])
    return {"Content-Type": "application/json; charset=utf-8", "X-ANET-Signature": signature}, body


def sign(body: bytes, key: str) -> str:
    """The key is its text, 128 hex digits that are not decoded."""
    return "sha512=" + hmac.new(key.encode(), body, hashlib.sha512).hexdigest().upper()


AUTHORIZENET: Final = Source(
    name=NAME,
    keys=frozenset({"signature_key"}),
    request=request,
    says={
        "charge_succeeded": _about_charge("authcapture.created"),
        "fraud_held": _about_charge("fraud.held", _FILTER),
        "fraud_approved": _about_charge("fraud.approved", _FILTER),
    },
)
