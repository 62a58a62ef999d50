"""Maps resources of PayPal events to objects: captures, sales, refunds, payouts and agreements.

The kind of the event gives the state of the resource. There are two generations: Payments v2 (captures, ``status``,
``currency_code``) and v1 (sales, ``state``, ``currency``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from connector.models.facts import Kind, ProcessorObject, Status
from connector.webhooks.paypal.object_context import Body, ObjectContext, money, references
from connector.webhooks.processor_event import items, moment, need, part, word

_PAYMENT: Final = re.compile(r"https?://[^/?#]+/v[0-9]/payments/(?:captures?|sale)/([A-Za-z0-9-]{1,64})/?")
_TO_PAYMENT: Final = frozenset({"up", "sale", "capture"})

# Payments and refunds --------------------------------------------------------------------------------------

_CHARGE: Final[Mapping[str, Status]] = {
    "COMPLETED": Status.SUCCEEDED,
    "PENDING": Status.PENDING,
    "DECLINED": Status.FAILED,
    "DENIED": Status.FAILED,
    "REVERSED": Status.RETURNED,
}
_REFUND: Final[Mapping[str, Status]] = {
    "COMPLETED": Status.SUCCEEDED,
    "PENDING": Status.PENDING,
    "FAILED": Status.FAILED,
    "CANCELLED": Status.CANCELED,
}


def charge(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A capture or sale. A reversal can come as a refund of it, whose amount is not the amount of the payment."""
    found = context.object
    own_id = need(found.get("id"), "which payment it is about")
    paid = _refunded_payment(found) or own_id
    amount = money(found.get("amount")) if paid == own_id else {}
    order = part(part(found.get("supplementary_data")).get("related_ids")).get("order_id")
    one = context.about(
        Kind.CHARGE,
        id=paid,
        status=_CHARGE.get(context.last),
        reason=_reason(found),
        **amount,
        references=references(paid, found.get("parent_payment"), order),
        invoice_number=_invoice_number(found),
        method="PayPal" if "network_transaction_reference" not in found else None,
    )
    return (one,)


def refund(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A refund, and its payment, marked as refunded if the refund succeeded."""
    found = context.object
    paid = _refunded_payment(found)
    status = _refund_status(context)
    one = context.about(
        Kind.REFUND,
        id=need(found.get("id"), "which refund it is"),
        status=status,
        reason=_reason(found),
        reason_text=word(found.get("note_to_payer")) or word(found.get("description")),
        **money(found.get("amount")),
        opened_at=moment(found.get("create_time")),
        references=references(paid, found.get("parent_payment")),
        invoice_number=_invoice_number(found),
    )
    if paid is None or status is not Status.SUCCEEDED:
        return (one,)
    return (one, context.about(Kind.CHARGE, id=paid, refunded=True, references=(paid,)))


def _refund_status(context: ObjectContext) -> Status | None:
    """Status by the kind; for ``REFUNDED`` the refund itself can be pending or failed."""
    if context.last != "REFUNDED":
        return _REFUND.get(context.last)
    own = context.object.get("status") or context.object.get("state")
    return _REFUND.get(str(own).upper()) if own else Status.SUCCEEDED


def _refunded_payment(found: Body) -> str | None:
    """Id of the refunded capture or sale. In v2 only a link has it: its last part is read, the link is not followed."""
    named = word(found.get("sale_id")) or word(found.get("capture_id"))
    links = (
        str(link.get("href")) for link in items(found.get("links")) if str(link.get("rel")) in _TO_PAYMENT
    )
    linked = (match[1] for href in links if (match := _PAYMENT.fullmatch(href)))
    return named or next(linked, None)


def _reason(found: Body) -> str | None:
    return word(part(found.get("status_details")).get("reason")) or word(found.get("reason_code"))


def _invoice_number(found: Body) -> str | None:
    return word(found.get("invoice_id")) or word(found.get("invoice_number"))


# Payouts and agreements ------------------------------------------------------------------------------------

_PAYOUT: Final[Mapping[str, Status]] = {
    "SUCCEEDED": Status.PAID,
    "HELD": Status.PENDING,
    "UNCLAIMED": Status.PENDING,
    "CANCELED": Status.CANCELED,
    "BLOCKED": Status.FAILED,
    "DENIED": Status.FAILED,
    "FAILED": Status.FAILED,
    "REFUNDED": Status.FAILED,
    "RETURNED": Status.FAILED,
}


def payout_item(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    found = context.object
    item = part(found.get("payout_item"))
    errors = part(found.get("errors"))
    stands = context.last if context.last != "SUCCEEDED" else None
    one = context.about(
        Kind.PAYOUT,
        id=need(found.get("payout_item_id"), "which payout it is"),
        status=_PAYOUT.get(context.last),
        reason=word(errors.get("name")) or stands,
        reason_text=word(errors.get("message")),
        **money(item.get("amount")),
        opened_at=moment(found.get("time_processed")),
        references=references(found.get("transaction_id")),
        payee=_payee(item),
        method="PayPal",
    )
    return (one,)


def _payee(item: Body) -> str | None:
    """PayPal's id of the payee, else a digest of the e-mail address, phone number or handle, which must not be
    shown."""
    receiver = word(item.get("receiver"))
    if receiver is None or item.get("recipient_type") == "PAYPAL_ID":
        return receiver
    return f"receiver-{hashlib.sha256(receiver.lower().encode()).hexdigest()[:32]}"


def payout_batch(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A denied batch: none of its payees was paid."""
    header = part(context.object.get("batch_header"))
    one = context.about(
        Kind.PAYOUT,
        id=need(header.get("payout_batch_id"), "which batch it is"),
        status=_PAYOUT.get(context.last),
        reason=context.last,
        **money(header.get("amount")),
        opened_at=moment(header.get("time_created")),
        payee="",
        method="PayPal",
    )
    return (one,)


def agreement(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A cancelled agreement by which the merchant could charge the buyer."""
    found = context.object
    payer = part(part(found.get("payer")).get("payer_info"))
    one = context.about(
        Kind.MANDATE,
        id=need(found.get("id"), "which agreement it is"),
        status=Status.INACTIVE,
        reason=context.last,
        network="paypal",
        customer=word(part(found.get("customer")).get("id")) or word(payer.get("payer_id")),
        method="PayPal",
    )
    return (one,)
