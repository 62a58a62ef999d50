"""PayPal deliveries as PayPal sends them, signed by a key made for the tests; bodies are our own, in the documented
shapes."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from connector.models.events import Event
from connector.webhooks import paypal
from connector.webhooks.source import Delivery, Source

from .memory import NOW, SITE

WEBHOOK = "1JE4291016473214C"
CERT_URL = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270"
SANDBOX_CERT_URL = CERT_URL.replace("api.", "api.sandbox.")
NAME = "messageverificationcerts.paypal.com"


@dataclass(frozen=True)
class Settings:
    """PayPal's settings, as ``connector.settings`` has them."""

    webhook_ids: Sequence[str] = ()
    cert_hosts: Sequence[str] | None = None
    live: bool = True


@dataclass
class Host:
    """PayPal's certificate host: what it answers, and what it was asked. ``fault`` is raised instead."""

    pem: bytes = b""
    fault: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def __call__(self, address: str) -> bytes:
        self.asked.append(address)
        if self.fault:
            raise self.fault
        return self.pem or certificate()


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    """A key of its own for each number."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def certificate(
    name: str = NAME,
    *,
    also: str = "",
    begins: datetime = NOW - timedelta(days=100),
    ends: datetime = NOW + timedelta(days=100),
    elliptic: bool = False,
) -> bytes:
    """A self-signed certificate of ``key(0)``, in PEM."""
    signer = ec.generate_private_key(ec.SECP256R1()) if elliptic else key(0)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, signer.public_key(), 42, begins, ends)
    if also:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(also)]), critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def at_once(run: Callable[[], None]) -> None:
    """Fetch before the delivery is answered, in its own thread: no test waits for another one."""
    run()


def source(
    *ids: str, host: Host | None = None, live: bool = True, cert_hosts: Sequence[str] | None = None
) -> Source:
    made = paypal.configured(Settings(ids or (WEBHOOK,), cert_hosts, live), host or Host(), at_once)
    assert made
    return made


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def signed(
    body: bytes, webhook: str = WEBHOOK, at: datetime = NOW, cert_url: str = CERT_URL, signer: int = 0
) -> dict[str, str]:
    transmission, time = "47964f20-d72b-11ea-9349-29bf1500b5a9", stamp(at)
    message = f"{transmission}|{time}|{webhook}|{zlib.crc32(body)}".encode()
    signature = key(signer).sign(message, padding.PKCS1v15(), hashes.SHA256())
    return {
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-auth-version": "v2",
        "paypal-cert-url": cert_url,
        "paypal-transmission-id": transmission,
        "paypal-transmission-sig": base64.b64encode(signature).decode(),
        "paypal-transmission-time": time,
    }


def delivery(body: bytes, headers: Mapping[str, str], at: datetime = NOW) -> Delivery:
    return Delivery("paypal", SITE, body, headers, at)


def event(kind: str, resource: object, /, **fields: Any) -> bytes:
    """An event about a resource."""
    body = {
        "id": "WH-4M0448861G563140B-9EX36365822141321",
        "event_version": "1.0",
        "create_time": "2026-11-03T11:59:58.000Z",
        "resource_type": "dispute",
        "event_type": kind,
        "summary": "Something happened",
        "resource": resource,
        "links": [link("self", "v1/notifications/webhooks-events/WH-1")],
    }
    return json.dumps(body | fields).encode()


def link(rel: str, path: str, host: str = "api.paypal.com") -> dict[str, str]:
    return {"href": f"https://{host}/{path}", "rel": rel, "method": "GET"}


def read(body: bytes, *, live: bool = True, cert_url: str = CERT_URL) -> Event:
    """The one event of a delivery of this body."""
    (found,) = source(live=live).read(delivery(body, signed(body, cert_url=cert_url)))
    return found


def dispute(**fields: Any) -> dict[str, Any]:
    transaction = {
        "seller_transaction_id": "6T496768GW863311H",
        "invoice_number": "INV-1042",
        "buyer": {"name": "Wren Example", "payer_id": "PAYER1"},
        "seller": {"merchant_id": "MERCHANT1"},
    }
    usual = {
        "dispute_id": "PP-D-4012",
        "create_time": "2026-11-03T10:00:00.000Z",
        "update_time": "2026-11-03T11:59:00.000Z",
        "disputed_transactions": [transaction],
        "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_amount": {"currency_code": "USD", "value": "49.00"},
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_channel": "INTERNAL",
        "seller_response_due_date": "2026-11-13T10:00:00.000Z",
        "links": [link("self", "v1/customer/disputes/PP-D-4012")],
    }
    return usual | fields


def capture(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "3C679366HH908993F",
        "amount": {"currency_code": "USD", "value": "49.00"},
        "final_capture": True,
        "invoice_id": "INV-1042",
        "status": "COMPLETED",
        "supplementary_data": {"related_ids": {"order_id": "5O190127TN364715T"}},
        "create_time": "2026-11-03T11:59:50Z",
        "links": [
            link("self", "v2/payments/captures/3C679366HH908993F"),
            link("refund", "v2/payments/captures/3C679366HH908993F/refund"),
            link("up", "v2/checkout/orders/5O190127TN364715T"),
        ],
    }
    return usual | fields


def refund(**fields: Any) -> dict[str, Any]:
    """A refund of Payments v2: only a link says of which capture."""
    usual = {
        "id": "1JU08902781691411",
        "amount": {"currency_code": "USD", "value": "19.00"},
        "note_to_payer": "Sorry",
        "status": "COMPLETED",
        "invoice_id": "INV-1042",
        "create_time": "2026-11-03T11:59:50Z",
        "links": [
            link("self", "v2/payments/refunds/1JU08902781691411"),
            link("up", "v2/payments/captures/3C679366HH908993F"),
        ],
    }
    return usual | fields


def sale(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "9T0916710M1105906",
        "amount": {"total": "49.00", "currency": "USD"},
        "state": "completed",
        "parent_payment": "PAY-5437236047802405NKRJ22UA",
        "invoice_number": "INV-1042",
    }
    return usual | fields


def sale_refund(**fields: Any) -> dict[str, Any]:
    usual = {
        "id": "6YX43824R4443062K",
        "amount": {"total": "-19.00", "currency": "USD"},
        "state": "completed",
        "sale_id": "9T0916710M1105906",
        "parent_payment": "PAY-5437236047802405NKRJ22UA",
    }
    return usual | fields


def payout_item(**fields: Any) -> dict[str, Any]:
    item = {
        "amount": {"currency": "USD", "value": "120.50"},
        "receiver": "Author@example.com",
        "recipient_type": "EMAIL",
        "sender_item_id": "royalty-7",
    }
    usual = {
        "payout_item_id": "AYNYWNCHBD8KS",
        "payout_batch_id": "Q8B9WFS7ZZJ4Q",
        "payout_item": item,
        "time_processed": "2026-11-03T11:59:40Z",
        "transaction_id": "57J64166G9424913F",
        "transaction_status": "SUCCESS",
    }
    return usual | fields


def payout_batch(**fields: Any) -> dict[str, Any]:
    header = {
        "amount": {"currency": "USD", "value": "500.00"},
        "batch_status": "DENIED",
        "payout_batch_id": "Q8B9WFS7ZZJ4Q",
        "time_created": "2026-11-03T11:00:00Z",
    }
    return {"batch_header": header} | fields


def token(**fields: Any) -> dict[str, Any]:
    return {"id": "8kk8451t", "customer": {"id": "CUSTOMER1"}} | fields


def agreement(**fields: Any) -> dict[str, Any]:
    return {"id": "B-50V812176H0783741", "payer": {"payer_info": {"payer_id": "PAYER1"}}} | fields
