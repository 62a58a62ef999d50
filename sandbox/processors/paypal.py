"""PayPal: RSA over ``id|time|webhook id|crc32 of the body``; a header says where the certificate is.

The key pair is made when the first delivery is signed and lives as long as the process; this server shows its
certificate itself. https://developer.paypal.com/api/rest/webhooks/rest/ (looked at in November 2026)
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from sandbox.processors.events import Event, Moment, Signed, Source, Telling
from sandbox.processors.objects import Charge, Dispute

Json = dict[str, Any]
NAME: Final = "paypal"
API: Final = "https://api.sandbox.paypal.com"
CERTS: Final = "/v1/notifications/certs/"
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SELLER: Final = "SANDBOXSELLER"

_STATUS: Final = {
    "needs_response": "WAITING_FOR_SELLER_RESPONSE",
    "under_review": "UNDER_REVIEW",
    "won": "RESOLVED",
    "lost": "RESOLVED",
    "withdrawn": "RESOLVED",
}
_OUTCOME: Final = {
    "won": "RESOLVED_SELLER_FAVOUR",
    "lost": "RESOLVED_BUYER_FAVOUR",
    "withdrawn": "CANCELED_BY_BUYER",
}


def dispute(row: Dispute, paid: Charge) -> Json:
    told: Json = {
        "dispute_id": row.id,
        "create_time": _time(row.created_at),
        "update_time": _time(row.updated_at),
        "disputed_transactions": [_disputed(paid)],
        "reason": row.reason,
        # an inquiry is between buyer and seller: nobody waits for the seller's evidence yet
        "status": "OPEN" if _fresh_inquiry(row) else _STATUS[row.status],
        "dispute_amount": _money(row.amount, row.currency),
        "dispute_life_cycle_stage": row.stage.upper(),
        "dispute_channel": "INTERNAL",
        "seller_response_due_date": _time(row.due_at),
        "links": [_link(f"/v1/customer/disputes/{row.id}", "self")],
    }
    if row.status in _OUTCOME:
        del told["seller_response_due_date"]
        refunded = row.amount if row.status == "lost" else Decimal(0)
        told["dispute_outcome"] = {
            "outcome_code": _OUTCOME[row.status],
            "amount_refunded": _money(refunded, row.currency),
        }
    return told


def _fresh_inquiry(row: Dispute) -> bool:
    return row.stage == "inquiry" and row.status == "needs_response"


def _disputed(paid: Charge) -> Json:
    told: Json = {
        "seller_transaction_id": paid.id,
        "transaction_status": "COMPLETED",
        "gross_amount": _money(paid.amount, paid.currency),
        "create_time": _time(paid.created_at),
        "seller": {"merchant_id": SELLER, "name": "Casewire Sandbox"},
        "items": [],
        "seller_protection_eligible": True,
    }
    return told if paid.invoice is None else {**told, "invoice_number": str(paid.invoice)}


def capture(row: Charge) -> Json:
    told: Json = {
        "id": row.id,
        "amount": _money(row.amount, row.currency),
        "final_capture": True,
        "create_time": _time(row.created_at),
        "update_time": _time(row.created_at),
        "status": "COMPLETED" if row.status == "succeeded" else "DECLINED",
        "links": [_link(f"/v2/payments/captures/{row.id}", "self")],
    }
    return told if row.invoice is None else {**told, "invoice_id": str(row.invoice)}


def _money(amount: Decimal, currency: str) -> Json:
    return {"currency_code": currency, "value": f"{amount:.2f}"}


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _link(path: str, rel: str) -> Json:
    return {"href": API + path, "rel": rel, "method": "GET"}


def _event(kind: str, moment: Moment, type_: str, object_id: str, resource: Json) -> Event:
    id_ = f"WH-{moment.draw(17, LETTERS)}-{moment.draw(17, LETTERS)}"
    payload = {
        "id": id_,
        "event_version": "1.0",
        "create_time": _time(moment.at),
        "resource_type": type_,
        "event_type": kind,
        "summary": f"{type_.capitalize()} {object_id}",
        "resource": resource,
        "links": [_link(f"/v1/notifications/webhooks-events/{id_}", "self")],
    }
    return Event(source=NAME, kind=kind, id=id_, object_id=object_id, at=moment.at, payload=payload)


def _about_dispute(kind: str) -> Telling:
    def tell(moment: Moment) -> Event:
        row = moment.the(Dispute)
        return _event(kind, moment, "dispute", row.id, dispute(row, moment.payment()))

    return tell


def _about_charge(kind: str) -> Telling:
    def tell(moment: Moment) -> Event:
        row = moment.payment()
        return _event(kind, moment, "capture", row.id, capture(row))

    return tell


def request(events: tuple[Event, ...], endpoint: Mapping[str, str]) -> Signed:
    """``endpoint["server"]``: where this process serves the certificate."""
    (event,) = events
    body = json.dumps(event.payload, separators=(",", ":")).encode()
    # an id and a time of each attempt; the event's id stays
    transmission, now = str(uuid.uuid4()), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "Content-Type": "application/json",
        "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        "PAYPAL-AUTH-VERSION": "v2",
        "PAYPAL-CERT-URL": endpoint["server"].rstrip("/") + CERTS + cert_name(),
        "PAYPAL-TRANSMISSION-ID": transmission,
        "PAYPAL-TRANSMISSION-TIME": now,
        "PAYPAL-TRANSMISSION-SIG": sign(body, transmission, now, endpoint["webhook_id"]),
    }, body


def sign(body: bytes, transmission: str, moment: str, webhook_id: str) -> str:
    signed = f"{transmission}|{moment}|{webhook_id}|{zlib.crc32(body)}".encode()
    return base64.b64encode(_pair().key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()


def cert_name() -> str:
    """Another key has another address, so that nobody who keeps certificates keeps the wrong one."""
    return f"CERT-sandbox-{zlib.crc32(certificate()):08x}"


def certificate() -> bytes:
    """In PEM, for whoever checks a signature."""
    return _pair().certificate


@dataclass(frozen=True, slots=True)
class _Pair:
    key: rsa.RSAPrivateKey
    certificate: bytes


_making: Final = threading.Lock()


def _pair() -> _Pair:
    """One for all: two senders that sign their first at once must not make two."""
    with _making:
        return _made()


@cache
def _made() -> _Pair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "messageverificationcerts.sandbox.paypal.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return _Pair(key, made.public_bytes(serialization.Encoding.PEM))


PAYPAL: Final = Source(
    name=NAME,
    keys=frozenset({"webhook_id"}),
    may=frozenset({"server"}),
    request=request,
    says={
        "charge_succeeded": _about_charge("PAYMENT.CAPTURE.COMPLETED"),
        "charge_failed": _about_charge("PAYMENT.CAPTURE.DECLINED"),
        "dispute_opened": _about_dispute("CUSTOMER.DISPUTE.CREATED"),
        "evidence_sent": _about_dispute("CUSTOMER.DISPUTE.UPDATED"),
        "dispute_won": _about_dispute("CUSTOMER.DISPUTE.RESOLVED"),
        "dispute_lost": _about_dispute("CUSTOMER.DISPUTE.RESOLVED"),
        "dispute_withdrawn": _about_dispute("CUSTOMER.DISPUTE.RESOLVED"),
    },
)
