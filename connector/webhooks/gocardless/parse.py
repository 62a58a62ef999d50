"""A JSON body → its events. Thin: ids under ``links``, a cause under ``details``, never an amount.

What an event means for its object is in the tables at the end. ``details.cause`` is the word to rely on;
``details.reason_code`` is the bank's and differs between schemes.
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
_TRIES_AGAIN: Final = "GoCardless will try again by itself."


def read(delivery: Delivery, *, live: bool) -> tuple[Event, ...]:
    """One event for each of the batch. Never raises: what cannot be read is UNREADABLE, the others are not lost."""
    try:
        batch = _batch(delivery.body)
    except Unreadable as error:
        return (processor_event.unreadable(delivery, _digest(delivery.body), str(error), "json"),)
    return tuple(_event(replace(delivery, body=alone), item, live) for item, alone in batch)


def _batch(body: bytes) -> list[tuple[object, bytes]]:
    """Each event, and what is stored of it: a delivery that holds no other."""
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
        said = _said(part(item), live)
    except Unreadable as error:
        return processor_event.unreadable(delivery, _digest(delivery.body), str(error), "json")
    return processor_event.event(delivery, said, KINDS, delivery.body, "json", live=live)


def _said(item: Item, live: bool) -> ParsedEvent:
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


# What an event carries ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObjectContext:
    """What every object of one event has in common."""

    item: Item
    action: str
    common: Mapping[str, Any]
    page: str

    def link(self, name: str) -> str | None:
        """The id of what the event links to."""
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


def _payment(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """The payment, and for a chargeback the dispute beside it: GoCardless gives it no id of its own."""
    if (payment := told.link("payment")) is None:
        return ()
    known = {
        **told.common,
        "id": payment,
        "references": (payment,),
        "invoice_number": _invoice_number(told.item),
        "link": f"{told.page}/payments/{payment}",
    }
    charge = ProcessorObject(kind=Kind.CHARGE, status=_PAYMENTS[told.action], **known)
    if told.action not in _CHARGEBACKS:
        return (charge,)
    dispute = ProcessorObject(
        kind=Kind.DISPUTE,
        stage=Stage.CHARGEBACK,
        status=_CHARGEBACKS[told.action],
        opened_at=charge.at if told.action == "charged_back" else None,
        **known,
    )
    return (dispute, charge)


def _refund(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    if (refund := told.link("refund")) is None:
        return ()
    payment = told.link("payment")
    return (
        ProcessorObject(
            kind=Kind.REFUND,
            id=refund,
            status=_REFUNDS[told.action],
            references=(payment,) if payment else (),
            invoice_number=_invoice_number(told.item),
            opened_at=told.common["at"] if told.action == "created" else None,
            **told.common,
        ),
    )


def _payout(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """GoCardless pays out to the merchant itself. A bounce may name only whose payout it was."""
    payout = told.link("payout")
    if (id_ := payout or told.link("creditor")) is None:
        return ()
    link = f"{told.page}/payouts/{payout}" if payout else None
    status = _PAYOUTS[told.action]
    return (ProcessorObject(kind=Kind.PAYOUT, id=id_, status=status, payee="", link=link, **told.common),)


def _mandate(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    if (mandate := told.link("mandate")) is None:
        return ()
    known = {**told.common, "link": f"{told.page}/mandates/{mandate}"}
    if replaced_by := told.link("new_mandate"):
        known["reason_text"] = f"Replaced by the mandate {replaced_by}."
    return (ProcessorObject(kind=Kind.MANDATE, id=mandate, status=_MANDATES[told.action], **known),)


def _why(details: Item) -> dict[str, str | None]:
    return {
        "reason": word(details.get("cause")),
        "reason_text": _in_words(details),
        "network_code": word(details.get("reason_code")),
    }


def _in_words(details: Item) -> str | None:
    said = word(details.get("description"))
    if details.get("will_attempt_retry") is not True:
        return said
    return f"{said} {_TRIES_AGAIN}" if said else _TRIES_AGAIN


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
"""Their cause only repeats the action: it must not take the place of the cause that was told before."""

_PAYMENTS: Final[Mapping[str, Status | None]] = {
    "created": Status.PENDING,
    "customer_approval_granted": Status.PENDING,
    "customer_approval_denied": Status.FAILED,
    "submitted": Status.PENDING,
    "resubmission_requested": Status.PENDING,
    "confirmed": Status.SUCCEEDED,
    "paid_out": Status.SUCCEEDED,
    "cancelled": Status.FAILED,
    "failed": Status.FAILED,  # also where GoCardless will try again: this attempt did fail
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
    "refund_settled": None,  # deducted from a payout; says nothing of the customer, and may follow a failure
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
    "replaced": None,  # debits go on under another mandate: nothing is lost
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
