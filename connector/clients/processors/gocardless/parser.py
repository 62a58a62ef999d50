"""Maps GoCardless's payments, refunds, mandates and payouts. Customers and bank accounts are never read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.clients.processors.parsing import amount, currency, moment, part, word
from connector.mappers import money
from connector.models.facts import Kind, ProcessorObject, Status

NAME: Final = "gocardless"

_INVOICE_KEYS: Final = ("invoiceNumber", "invoice_number")

Attributes = Mapping[str, Any]


def told(kind: Kind, found: Attributes, **more: Any) -> ProcessorObject | None:
    """An object without how it stands. None where its id or its time is missing."""
    id_, at = word(found.get("id")), moment(found.get("created_at"))
    if id_ is None or at is None:
        return None
    code = currency(found.get("currency"))
    return ProcessorObject(
        kind=kind,
        source=NAME,
        id=id_,
        at=at,
        amount=amount(found.get("amount"), code, money.exponent(code)) if code else None,
        currency=code,
        invoice_number=_invoice_number(found),
        **more,
    )


def payment(found: Attributes) -> ProcessorObject | None:
    """A payment with its status. Its customer comes from its mandate, by another call."""
    id_ = word(found.get("id"))
    return told(Kind.CHARGE, found, status=PAYMENTS.get(str(found.get("status"))), references=_given(id_))


def refund(found: Attributes) -> ProcessorObject | None:
    """A refund with its status and the refunded payment."""
    of = word(part(found.get("links")).get("payment"))
    return told(Kind.REFUND, found, status=REFUNDS.get(str(found.get("status"))), references=_given(of))


def _given(id_: str | None) -> tuple[str, ...]:
    return (id_,) if id_ else ()


def _invoice_number(found: Attributes) -> str | None:
    metadata = part(found.get("metadata"))
    return next((number for key in _INVOICE_KEYS if (number := word(metadata.get(key)))), None)


PAYMENTS: Final[Mapping[str, Status]] = {
    "pending_customer_approval": Status.PENDING,
    "pending_submission": Status.PENDING,
    "submitted": Status.PENDING,
    "confirmed": Status.SUCCEEDED,
    "paid_out": Status.SUCCEEDED,
    "customer_approval_denied": Status.FAILED,
    "cancelled": Status.FAILED,
    "failed": Status.FAILED,  # whether it had been collected before, the status does not say
    "charged_back": Status.RETURNED,
}
"""https://developer.gocardless.com/api-reference/#core-endpoints-payments"""

REFUNDS: Final[Mapping[str, Status]] = {
    "created": Status.PENDING,
    "pending_submission": Status.PENDING,
    "submitted": Status.PENDING,
    "paid": Status.SUCCEEDED,
    "cancelled": Status.CANCELED,
    "bounced": Status.FAILED,
    "funds_returned": Status.FAILED,
}
"""https://developer.gocardless.com/api-reference/#core-endpoints-refunds"""
