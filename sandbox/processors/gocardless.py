"""GoCardless: batches of events that name ids and causes and no amounts; ``Webhook-Signature`` over the raw body.

https://developer.gocardless.com/api-reference/#appendix-webhooks (looked at in November 2026)
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sandbox.processors.events import Event, Moment, Signed, Source, Telling, minor
from sandbox.processors.objects import Charge, Mandate, Payout, Refund

Json = dict[str, Any]
NAME: Final = "gocardless"
CREDITOR: Final = "CR000SANDBOX"
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

_PAYMENT_STATUS: Final = {
    "pending": "submitted",
    "held": "submitted",
    "succeeded": "confirmed",
    "failed": "failed",
    "returned": "failed",
}
_REFUND_STATUS: Final = {"pending": "submitted", "succeeded": "paid", "failed": "bounced"}


def payment(row: Charge) -> Json:
    """It names no invoice: what Recurly sends to GoCardless is not documented."""
    return {
        "id": row.id,
        "created_at": _time(row.created_at),
        "charge_date": f"{row.created_at:%Y-%m-%d}",
        "amount": minor(row.amount, row.currency),
        "amount_refunded": minor(row.refunded, row.currency),
        "currency": row.currency,
        "description": None,
        "reference": None,
        "status": _PAYMENT_STATUS[row.status],
        "metadata": {},
        "retry_if_possible": False,
        "links": {"mandate": row.mandate, "creditor": CREDITOR},
    }


def refund(row: Refund) -> Json:
    return {
        "id": row.id,
        "created_at": _time(row.created_at),
        "amount": minor(row.amount, row.currency),
        "currency": row.currency,
        "reference": None,
        "status": _REFUND_STATUS[row.status],
        "metadata": {},
        "links": {"payment": row.charge_id},
    }


def mandate(row: Mandate) -> Json:
    return {
        "id": row.id,
        "created_at": _time(row.created_at),
        "reference": f"SANDBOX-{row.id[-5:]}",
        "scheme": row.scheme,
        "status": row.status,
        "next_possible_charge_date": None,
        "metadata": {},
        "links": {
            "creditor": CREDITOR,
            "customer": row.customer,
            "customer_bank_account": "BA" + row.customer.removeprefix("CU"),
        },
    }


def payout(row: Payout) -> Json:
    return {
        "id": row.id,
        "created_at": _time(row.created_at),
        "arrival_date": f"{row.arrives_at:%Y-%m-%d}",
        "amount": minor(row.amount, row.currency),
        "deducted_fees": 0,
        "currency": row.currency,
        "payout_type": "merchant",
        "reference": f"SANDBOX-{row.id[-5:]}",
        "status": "paid" if row.status == "paid" else "bounced",
        "metadata": {},
        "links": {"creditor": CREDITOR, "creditor_bank_account": "BA" + CREDITOR[2:]},
    }


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _event(resource: str, action: str, moment: Moment, details: Json) -> Event:
    id_ = "EV" + moment.draw(12, LETTERS)
    payload: Json = {
        "id": id_,
        "created_at": _time(moment.at),
        "resource_type": resource,
        "action": action,
        "links": {resource.removesuffix("s"): moment.thing.id},
        "details": details,
        "metadata": {},
        "resource_metadata": {},
    }
    kind = f"{resource}.{action}"
    return Event(source=NAME, kind=kind, id=id_, object_id=moment.thing.id, at=moment.at, payload=payload)


def _own(cause: str, description: str) -> Json:
    return {"origin": "gocardless", "cause": cause, "description": description}


def _confirmed(moment: Moment) -> Event:
    words = "Enough time has passed since the payment was submitted for the banks to return an error."
    return _event("payments", "confirmed", moment, _own("payment_confirmed", words))


def _failed(moment: Moment) -> Event:
    """What the bank says: its own code, of the scheme, and the cause GoCardless makes of it."""
    paid = moment.payment()
    details = {
        "origin": "bank",
        "cause": "refer_to_payer",
        "description": paid.words or "The customer's account had insufficient funds to make this payment.",
        "scheme": "ach",
        "reason_code": f"ACH_RETURN-{paid.code or 'R01'}",
        "will_attempt_retry": False,
    }
    return _event("payments", "failed", moment, details)


def _late_failure(moment: Moment) -> Event:
    words = "This late failed payment has been settled against a payout."
    return _event("payments", "late_failure_settled", moment, _own("late_failure_settled", words))


def _mandate_canceled(moment: Moment) -> Event:
    details = {
        "origin": "bank",
        "cause": "mandate_cancelled",
        "description": "The mandate was cancelled at a bank branch.",
        "scheme": moment.the(Mandate).scheme,
        "reason_code": "ACH_RETURN-R07",
    }
    return _event("mandates", "cancelled", moment, details)


def _about_payout(action: str, words: str) -> Telling:
    return lambda moment: _event("payouts", action, moment, _own(f"payout_{action}", words))


def _refund_failed(moment: Moment) -> Event:
    words = "The refund did not reach the customer; the funds will be returned."
    return _event("refunds", "failed", moment, _own("refund_failed", words))


def request(events: tuple[Event, ...], endpoint: Mapping[str, str]) -> Signed:
    told = [event.payload for event in events]
    # the delivery's id is the same for every attempt at it
    digest = hashlib.sha256("".join(one["id"] for one in told).encode()).hexdigest()
    body = json.dumps({"events": told, "meta": {"webhook_id": "WB" + digest[:12].upper()}}).encode()
    return {"Content-Type": "application/json", "Webhook-Signature": sign(body, endpoint["secret"])}, body


def sign(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


GOCARDLESS: Final = Source(
    name=NAME,
    keys=frozenset({"secret"}),
    request=request,
    batches=True,
    says={
        "charge_succeeded": _confirmed,
        "charge_failed": _failed,
        "debit_returned": _failed,
        "late_failure_settled": _late_failure,
        "mandate_canceled": _mandate_canceled,
        "payout_paid": _about_payout("paid", "GoCardless has transferred the payout."),
        "refund_failed": _refund_failed,
    },
)
