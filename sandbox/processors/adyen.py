"""Adyen: items in a batch, each with its own HMAC over eight of its fields; HTTP Basic auth if wanted.

An item has no id: the PSP reference, the event code and ``success`` tell it apart. All items of one dispute have the
PSP reference of the dispute. https://docs.adyen.com/development-resources/webhooks/ (looked at in November 2026)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from sandbox.processors.events import Event, Moment, Signed, Source, Telling, minor
from sandbox.processors.objects import Charge, Dispute, FraudWarning, Refund

Json = dict[str, Any]
NAME: Final = "adyen"
MERCHANT: Final = "CasewireSandboxECOM"

_STATUS: Final = {"needs_response": "Undefended", "under_review": "Pending", "won": "Won", "lost": "Lost"}
_SCHEME: Final = {"visa": "visa", "mastercard": "mc", "american express": "amex"}


def item(kind: str, moment: Moment, id_: str, amount: Json, more: Json, **changes: Any) -> Event:
    """``more``: additional data. ``changes``: of the item's own fields."""
    paid = moment.payment()
    told: Json = {
        "additionalData": {**_data(paid), **more},
        "amount": amount,
        "eventCode": kind,
        "eventDate": moment.at.isoformat(),
        "merchantAccountCode": MERCHANT,
        "merchantReference": f"casewire-{paid.id.lower()}",
        "originalReference": paid.id,
        "paymentMethod": _scheme(paid),
        "pspReference": id_,
        "reason": "",
        "success": "true",
        **changes,
    }
    return Event(source=NAME, kind=kind, id=None, object_id=id_, at=moment.at, payload=told)


def _data(paid: Charge) -> Json:
    """Recurly sends its invoice number as the merchant's order reference."""
    found = {"shopperReference": paid.customer}
    return found if paid.invoice is None else {**found, "merchantOrderReference": str(paid.invoice)}


def _scheme(paid: Charge) -> str:
    return _SCHEME.get((paid.brand or "").lower(), "visa")


def _money(amount: Decimal, currency: str) -> Json:
    return {"currency": currency, "value": minor(amount, currency)}


def _authorisation(good: bool) -> Telling:
    def tell(moment: Moment) -> Event:
        paid = moment.payment()
        changes = {"success": "true" if good else "false", "reason": "" if good else paid.words or "Refused"}
        event = item("AUTHORISATION", moment, paid.id, _money(paid.amount, paid.currency), {}, **changes)
        del event.payload["originalReference"]  # it is the original
        return event

    return tell


def _about_dispute(kind: str, *, due: bool = False) -> Telling:
    """``due``: whether it says until when the merchant may defend."""

    def tell(moment: Moment) -> Event:
        row = moment.the(Dispute)
        more = {
            "chargebackReasonCode": row.code,
            "chargebackSchemeCode": _scheme(moment.payment()),
            "disputeStatus": _STATUS[row.status],
        }
        if due:
            more |= {
                "defensePeriodEndsAt": row.due_at.isoformat(),
                "defendable": "true",
                "autoDefended": "false",
            }
        return item(kind, moment, row.id, _money(row.amount, row.currency), more, reason=row.reason)

    return tell


def _about_refund(kind: str) -> Telling:
    """REFUND_FAILED arrives with ``success`` "true": what succeeded is the telling."""

    def tell(moment: Moment) -> Event:
        row = moment.the(Refund)
        return item(kind, moment, row.id, _money(row.amount, row.currency), {}, reason=row.why or "")

    return tell


def _fraud(moment: Moment) -> Event:
    row, paid = moment.the(FraudWarning), moment.payment()
    return item(
        "NOTIFICATION_OF_FRAUD",
        moment,
        row.id,
        _money(paid.amount, paid.currency),
        {},
        reason=row.fraud_type,
    )


def request(events: tuple[Event, ...], endpoint: Mapping[str, str]) -> Signed:
    items = [{"NotificationRequestItem": _signed(event.payload, endpoint["hmac_key"])} for event in events]
    headers = {"Content-Type": "application/json"}
    if "basic_auth" in endpoint:
        pair = base64.b64encode(endpoint["basic_auth"].encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    return headers, json.dumps({"live": "false", "notificationItems": items}).encode()


def _signed(told: Json, key: str) -> Json:
    data = {**told["additionalData"], "hmacSignature": sign(told, key)}
    return {**told, "additionalData": data}


def sign(told: Mapping[str, Any], key: str) -> str:
    """``key`` in hex, as Adyen shows it; decoded before use."""
    amount = told["amount"]
    parts = (
        told["pspReference"],
        told.get("originalReference") or "",
        told["merchantAccountCode"],
        told["merchantReference"],
        str(amount["value"]),
        amount["currency"],
        told["eventCode"],
        told["success"],
    )
    digest = hmac.new(bytes.fromhex(key), ":".join(parts).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


ADYEN: Final = Source(
    name=NAME,
    keys=frozenset({"hmac_key"}),
    may=frozenset({"basic_auth"}),
    request=request,
    batches=True,
    says={
        "charge_succeeded": _authorisation(True),
        "charge_failed": _authorisation(False),
        "dispute_opened": _about_dispute("NOTIFICATION_OF_CHARGEBACK", due=True),
        "funds_withdrawn": _about_dispute("CHARGEBACK", due=True),
        "evidence_sent": _about_dispute("INFORMATION_SUPPLIED"),
        "dispute_won": _about_dispute("CHARGEBACK_REVERSED"),
        "dispute_reversed": _about_dispute("SECOND_CHARGEBACK"),
        "refund_failed": _about_refund("REFUND_FAILED"),
        "fraud_warned": _fraud,
    },
)
