"""A notification → its event. Thin: the transaction's id, a response code, and an amount without a currency.

``payload.id`` is the id of the transaction (``transId``), also in events about its review. ``merchantReferenceId`` is
not read: it names a request (``refId``), and what Recurly sends there is not documented.
https://developer.authorize.net/api/reference/features/webhooks.html (2026-11)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from connector.models.facts import Kind, ProcessorObject, Status
from connector.webhooks.processor_event import ParsedEvent, Unreadable, items, moment, need, part, word

SOURCE: Final = "authorizenet"

CUT_AT: Final = 20
"""Maximal length of an invoice number; Recurly cuts a longer one from the left."""

Body = Mapping[str, Any]


def said(found: Body) -> ParsedEvent:
    """Parse a notification. Unreadable if it is none of Authorize.Net."""
    kind = need(found.get("eventType"), "of which type it is")
    return ParsedEvent(
        event_id=need(found.get("notificationId"), "its id"),
        kind=kind,
        occurred_at=moment(found.get("eventDate")),
        live=None,
        carry=partial(_carried, found, kind),
    )


# Objects of a notification ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TransactionContext:
    """The transaction of one notification."""

    kind: str
    at: datetime
    id: str
    payload: Body

    @property
    def code(self) -> str:
        return word(self.payload.get("responseCode")) or ""

    def about(self, kind: Kind, **more: Any) -> ProcessorObject:
        number = word(self.payload.get("invoiceNumber"))
        return ProcessorObject(
            kind=kind,
            source=SOURCE,
            id=self.id,
            at=self.at,
            references=(self.id,),
            invoice_number=number,
            truncated=number is not None and len(number) >= CUT_AT,
            **more,
        )


def _carried(found: Body, kind: str) -> tuple[ProcessorObject, ...]:
    at = moment(found.get("eventDate"))
    if at is None:
        raise Unreadable("It does not say when it happened.")
    payload = part(found.get("payload"))
    if (id_ := word(payload.get("id"))) is None:
        return ()
    context = TransactionContext(kind.removeprefix(_PREFIX), at, id_, payload)
    return _READERS[context.kind](context)


def _charge(context: TransactionContext) -> tuple[ProcessorObject, ...]:
    status = _outcome(context, _APPROVED[context.kind])
    return (context.about(Kind.CHARGE, status=status, reason=_REASONS.get(context.code)),)


def _void(context: TransactionContext) -> tuple[ProcessorObject, ...]:
    """A void before settlement: no money is taken. A refused void changes nothing."""
    done = {"refunded": True, "refundable": False} if context.code == "1" else {}
    return (context.about(Kind.CHARGE, **done),)


def _refund(context: TransactionContext) -> tuple[ProcessorObject, ...]:
    """A refund has its own transaction id; the refunded transaction is not named."""
    status = _outcome(context, _APPROVED[context.kind])
    reason = _REASONS.get(context.code)
    return (context.about(Kind.REFUND, status=status, reason=reason, opened_at=context.at),)


def _review(context: TransactionContext) -> tuple[ProcessorObject, ...]:
    """The review, which has the id of its transaction, and the transaction."""
    status, charged = _REVIEWS[context.kind]
    filters = [word(one.get("fraudFilter")) for one in items(context.payload.get("fraudList"))]
    warning = context.about(
        Kind.FRAUD_WARNING,
        status=status,
        reason=next((one for one in filters if one), None),
        opened_at=context.at if status is Status.OPEN else None,
    )
    return (warning, context.about(Kind.CHARGE, status=charged))


def _outcome(context: TransactionContext, approved: Status) -> Status | None:
    return approved if context.code == "1" else _NOT_APPROVED.get(context.code)


# Authorize.Net's terms to ours -------------------------------------------------------------------------------

_PREFIX: Final = "net.authorize.payment."

_APPROVED: Final[Mapping[str, Status]] = {
    "authorization.created": Status.PENDING,  # reserved, not taken
    "authcapture.created": Status.SUCCEEDED,
    "capture.created": Status.SUCCEEDED,
    "priorAuthCapture.created": Status.SUCCEEDED,
    "refund.created": Status.SUCCEEDED,  # pending; no later event reports its arrival
}
"""Kind → status of the object for response code 1 (approved)."""

_NOT_APPROVED: Final[Mapping[str, Status]] = {
    "2": Status.FAILED,
    "3": Status.FAILED,
    "4": Status.PENDING,  # held for review
}
_REASONS: Final[Mapping[str, str]] = {"2": "declined", "3": "error"}
"""Response code → its name in the documentation."""

_REVIEWS: Final[Mapping[str, tuple[Status, Status | None]]] = {
    "fraud.held": (Status.OPEN, Status.PENDING),
    "fraud.approved": (
        Status.CLOSED,
        None,
    ),  # the event does not show whether money was taken or only reserved
    "fraud.declined": (Status.CLOSED, Status.FAILED),
}
"""Kind → status of the review, and of the transaction."""

_READERS: Final[Mapping[str, Callable[[TransactionContext], tuple[ProcessorObject, ...]]]] = {
    **dict.fromkeys(_APPROVED, _charge),
    **dict.fromkeys(_REVIEWS, _review),
    "refund.created": _refund,
    "void.created": _void,
}
