"""PayPal's captures, sales, refunds, payouts and agreements: the resource of an event → what it says.

The kind of the event says how the resource stands. There are two generations: Payments v2 (captures, ``status``,
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


def charge(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A capture or sale. A reversal may come as a refund of it: then that is the sum taken, not the payment's."""
    found = told.object
    own_id = need(found.get("id"), "which payment it is about")
    paid = _refunded_payment(found) or own_id
    amount = money(found.get("amount")) if paid == own_id else {}
    order = part(part(found.get("supplementary_data")).get("related_ids")).get("order_id")
    one = told.about(
        Kind.CHARGE,
        id=paid,
        status=_CHARGE.get(told.last),
        reason=_reason(found),
        **amount,
        references=references(paid, found.get("parent_payment"), order),
        invoice_number=_invoice_number(found),
        method="PayPal" if "network_transaction_reference" not in found else None,
    )
    return (one,)


def refund(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A refund, and that its payment was given back (in part) where it was."""
    found = told.object
    paid = _refunded_payment(found)
    status = _refund_status(told)
    one = told.about(
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
    return (one, told.about(Kind.CHARGE, id=paid, refunded=True, references=(paid,)))


def _refund_status(told: ObjectContext) -> Status | None:
    """The kind says it, but for ``REFUNDED``, which the refund itself may put off or deny."""
    if told.last != "REFUNDED":
        return _REFUND.get(told.last)
    own = told.object.get("status") or told.object.get("state")
    return _REFUND.get(str(own).upper()) if own else Status.SUCCEEDED


def _refunded_payment(found: Body) -> str | None:
    """The capture or sale a refund is of. In v2 only a link says it: its last part is read, it is never followed."""
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


def payout_item(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    found = told.object
    item = part(found.get("payout_item"))
    errors = part(found.get("errors"))
    stands = told.last if told.last != "SUCCEEDED" else None
    one = told.about(
        Kind.PAYOUT,
        id=need(found.get("payout_item_id"), "which payout it is"),
        status=_PAYOUT.get(told.last),
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
    """PayPal's own id of the payee; of an e-mail address, phone number or handle only a digest: an id is shown."""
    receiver = word(item.get("receiver"))
    if receiver is None or item.get("recipient_type") == "PAYPAL_ID":
        return receiver
    return f"receiver-{hashlib.sha256(receiver.lower().encode()).hexdigest()[:32]}"


def payout_batch(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A batch that was denied: nobody in it was paid."""
    header = part(told.object.get("batch_header"))
    one = told.about(
        Kind.PAYOUT,
        id=need(header.get("payout_batch_id"), "which batch it is"),
        status=_PAYOUT.get(told.last),
        reason=told.last,
        **money(header.get("amount")),
        opened_at=moment(header.get("time_created")),
        payee="",
        method="PayPal",
    )
    return (one,)


def agreement(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """What let the merchant charge the buyer again, taken away."""
    found = told.object
    payer = part(part(found.get("payer")).get("payer_info"))
    one = told.about(
        Kind.MANDATE,
        id=need(found.get("id"), "which agreement it is"),
        status=Status.INACTIVE,
        reason=told.last,
        network="paypal",
        customer=word(part(found.get("customer")).get("id")) or word(payer.get("payer_id")),
        method="PayPal",
    )
    return (one,)
