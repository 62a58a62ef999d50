"""A JSON body → its events. Thin: ids under ``links``, a cause under ``details``, never an amount.

The tables at the end map events to states of their object. ``details.cause`` is reliable; ``details.reason_code`` is
from the bank and differs between schemes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from connector.models.events import Event
from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.webhooks import processor_event
from connector.webhooks.gocardless.kinds import KINDS
from connector.webhooks.processor_event import (
    ParsedEvent,
    Unreadable,
    content_digest,
    moment,
    need,
    part,
    word,
)
from connector.webhooks.source import Delivery

Item = Mapping[str, Any]

_PAGES: Final = {
    True: "https://manage.gocardless.com",
    False: "https://manage-sandbox.gocardless.com",
}
_INVOICE_KEYS: Final = ("invoiceNumber", "invoice_number")
_TRIES_AGAIN: Final = "GoCardless will try again automatically."


def read(delivery: Delivery, *, live: bool) -> tuple[Event, ...]:
    """One event for each of the batch. Never raises: an event that cannot be read is UNREADABLE, the others are
    processed."""
    try:
        batch = _batch(delivery.body)
    except Unreadable as error:
        return (processor_event.unreadable(delivery, _digest(delivery.body), str(error), "json"),)
    return tuple(_event(replace(delivery, body=alone), item, live) for item, alone in batch)


def _batch(body: bytes) -> list[tuple[object, bytes]]:
    """Each event with a delivery that contains only this event, to be stored."""
    found = processor_event.json_object(body)
    batch, meta = found.get("events"), part(found.get("meta"))
    if not isinstance(batch, list):
        raise Unreadable("It holds no list of events.")
    beside = {"meta": meta} if meta else {}
    try:
        return [(item, json.dumps({"events": [item], **beside}).encode()) for item in batch]
    except RecursionError:
        raise Unreadable("It is nested too deeply.") from None


def _event(delivery: Delivery, item: object, live: bool) -> Event:
    try:
        parsed = _parsed(part(item), live)
    except Unreadable as error:
        return processor_event.unreadable(delivery, _digest(delivery.body), str(error), "json")
    return processor_event.event(delivery, parsed, KINDS, delivery.body, "json", live=live)


def _parsed(item: Item, live: bool) -> ParsedEvent:
    kind = f"{need(item.get('resource_type'), 'of which type it is')}.{need(item.get('action'), 'what happened')}"
    return ParsedEvent(
        event_id=need(item.get("id"), "its id"),
        kind=need(kind, "a kind of sensible length"),
        occurred_at=moment(item.get("created_at")),
        live=None,
        carry=partial(_carried, item, kind, live),
        content=content_digest(item),
    )


def _digest(body: bytes) -> str:
    return f"sha256-{hashlib.sha256(body).hexdigest()}"


# Objects of an event -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObjectContext:
    """Attributes that all objects of one event share."""

    item: Item
    action: str
    common: Mapping[str, Any]
    page: str

    def link(self, name: str) -> str | None:
        """Id of a linked object."""
        return word(part(self.item.get("links")).get(name))


def _carried(item: Item, kind: str, live: bool) -> tuple[ProcessorObject, ...]:
    resource_type, _, action = kind.partition(".")
    at = moment(item.get("created_at"))
    if at is None:
        raise Unreadable("It does not say when it happened.")
    details = part(item.get("details"))
    common = {
        "source": "gocardless",
        "at": at,
        "network": _scheme(details),
        "customer": word(part(item.get("links")).get("customer")),
        **({} if action in _BOOKKEEPING else _why(details)),
    }
    return _READERS[resource_type](ObjectContext(item, action, common, _PAGES[live]))


def _payment(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """The payment, and for a chargeback also a dispute, which has no id of its own at GoCardless."""
    if (payment := context.link("payment")) is None:
        return ()
    attributes = {
        **context.common,
        "id": payment,
        "references": (payment,),
        "invoice_number": _invoice_number(context.item),
        "link": f"{context.page}/payments/{payment}",
    }
    charge = ProcessorObject(kind=Kind.CHARGE, status=_PAYMENTS[context.action], **attributes)
    if context.action not in _CHARGEBACKS:
        return (charge,)
    dispute = ProcessorObject(
        kind=Kind.DISPUTE,
        stage=Stage.CHARGEBACK,
        status=_CHARGEBACKS[context.action],
        opened_at=charge.at if context.action == "charged_back" else None,
        **attributes,
    )
    return (dispute, charge)


def _refund(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    if (refund := context.link("refund")) is None:
        return ()
    payment = context.link("payment")
    return (
        ProcessorObject(
            kind=Kind.REFUND,
            id=refund,
            status=_REFUNDS[context.action],
            references=(payment,) if payment else (),
            invoice_number=_invoice_number(context.item),
            opened_at=context.common["at"] if context.action == "created" else None,
            **context.common,
        ),
    )


def _payout(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """GoCardless pays out to the merchant itself. A returned payout may name only the creditor."""
    payout = context.link("payout")
    if (id_ := payout or context.link("creditor")) is None:
        return ()
    link = f"{context.page}/payouts/{payout}" if payout else None
    status = _PAYOUTS[context.action]
    return (ProcessorObject(kind=Kind.PAYOUT, id=id_, status=status, payee="", link=link, **context.common),)


def _mandate(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    if (mandate := context.link("mandate")) is None:
        return ()
    attributes = {**context.common, "link": f"{context.page}/mandates/{mandate}"}
    if replaced_by := context.link("new_mandate"):
        attributes["reason_text"] = f"Replaced by the mandate {replaced_by}."
    return (ProcessorObject(kind=Kind.MANDATE, id=mandate, status=_MANDATES[context.action], **attributes),)


def _why(details: Item) -> dict[str, str | None]:
    return {
        "reason": word(details.get("cause")),
        "reason_text": _in_words(details),
        "network_code": word(details.get("reason_code")),
    }


def _in_words(details: Item) -> str | None:
    description = word(details.get("description"))
    if details.get("will_attempt_retry") is not True:
        return description
    return f"{description} {_TRIES_AGAIN}" if description else _TRIES_AGAIN


def _scheme(details: Item) -> str | None:
    found = word(details.get("scheme"))
    return found.lower() if found and found != "-" else None


def _invoice_number(item: Item) -> str | None:
    """Recurly documents no field for GoCardless; a merchant's own metadata may hold the number."""
    metadata = part(item.get("resource_metadata"))
    return next((found for key in _INVOICE_KEYS if (found := word(metadata.get(key)))), None)


_BOOKKEEPING: Final = frozenset(
    {"chargeback_cancelled", "chargeback_settled", "late_failure_settled", "refund_settled", "funds_returned"}
)
"""Actions whose cause only repeats the action: it must not replace an earlier cause."""

_PAYMENTS: Final[Mapping[str, Status | None]] = {
    "created": Status.PENDING,
    "customer_approval_granted": Status.PENDING,
    "customer_approval_denied": Status.FAILED,
    "submitted": Status.PENDING,
    "resubmission_requested": Status.PENDING,
    "confirmed": Status.SUCCEEDED,
    "paid_out": Status.SUCCEEDED,
    "cancelled": Status.FAILED,
    "failed": Status.FAILED,  # also if GoCardless will try again: this attempt failed
    "late_failure_settled": Status.RETURNED,
    "charged_back": Status.RETURNED,
    "chargeback_cancelled": Status.SUCCEEDED,
    "chargeback_settled": Status.RETURNED,
}
_CHARGEBACKS: Final[Mapping[str, Status]] = {
    # Under the schemes' refund guarantees the bank asks nobody: there is no evidence to send.
    "charged_back": Status.LOST,
    "chargeback_cancelled": Status.WON,
    "chargeback_settled": Status.LOST,
}
_REFUNDS: Final[Mapping[str, Status | None]] = {
    "created": Status.PENDING,
    "paid": Status.SUCCEEDED,
    "refund_settled": None,  # deducted from a payout; without meaning for the customer, and can follow a failure
    "failed": Status.FAILED,
    "funds_returned": Status.FAILED,
}
_PAYOUTS: Final[Mapping[str, Status]] = {
    "paid": Status.PAID,
    "bounced_payout": Status.FAILED,
}
_MANDATES: Final[Mapping[str, Status | None]] = {
    "created": Status.PENDING,
    "customer_approval_granted": Status.PENDING,
    "customer_approval_skipped": Status.PENDING,
    "submitted": Status.PENDING,
    "resubmission_requested": Status.PENDING,
    "active": Status.ACTIVE,
    "reinstated": Status.ACTIVE,
    "transferred": None,  # the customer's bank account changed, the mandate stands
    "replaced": None,  # debits continue under another mandate: nothing is lost
    "consumed": None,  # it was for one payment, which was taken: nothing is lost
    "cancelled": Status.INACTIVE,
    "failed": Status.INACTIVE,
    "expired": Status.INACTIVE,
    "blocked": Status.INACTIVE,
}
_READERS: Final[Mapping[str, Callable[[ObjectContext], tuple[ProcessorObject, ...]]]] = {
    "payments": _payment,
    "refunds": _refund,
    "payouts": _payout,
    "creditors": _payout,
    "mandates": _mandate,
}
