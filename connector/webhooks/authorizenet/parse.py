"""A notification → its event. Thin: the transaction's id, a response code, and an amount without a currency.

``payload.id`` is the transaction's (``transId``), also where the event is about its review. ``merchantReferenceId`` is
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
"""Authorize.Net takes no longer invoice number; Recurly cuts a longer one from the left."""

Body = Mapping[str, Any]


def said(found: Body) -> ParsedEvent:
    """Who, what, when. Raises Unreadable for what is no notification of Authorize.Net."""
    kind = need(found.get("eventType"), "of which type it is")
    return ParsedEvent(
        event_id=need(found.get("notificationId"), "its id"),
        kind=kind,
        occurred_at=moment(found.get("eventDate")),
        live=None,
        carry=partial(_carried, found, kind),
    )


# What a notification carries ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TransactionContext:
    """The transaction that one notification is about."""

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
    told = TransactionContext(kind.removeprefix(_PREFIX), at, id_, payload)
    return _READERS[told.kind](told)


def _charge(told: TransactionContext) -> tuple[ProcessorObject, ...]:
    status = _outcome(told, _APPROVED[told.kind])
    return (told.about(Kind.CHARGE, status=status, reason=_REASONS.get(told.code)),)


def _void(told: TransactionContext) -> tuple[ProcessorObject, ...]:
    """Called off before it was settled: nothing is taken. A void that is refused changes nothing."""
    done = {"refunded": True, "refundable": False} if told.code == "1" else {}
    return (told.about(Kind.CHARGE, **done),)


def _refund(told: TransactionContext) -> tuple[ProcessorObject, ...]:
    """A transaction of its own. Which one it gives back is not said."""
    status = _outcome(told, _APPROVED[told.kind])
    reason = _REASONS.get(told.code)
    return (told.about(Kind.REFUND, status=status, reason=reason, opened_at=told.at),)


def _review(told: TransactionContext) -> tuple[ProcessorObject, ...]:
    """The review, which goes by the transaction's id, and the transaction."""
    status, charged = _REVIEWS[told.kind]
    filters = [word(one.get("fraudFilter")) for one in items(told.payload.get("fraudList"))]
    warning = told.about(
        Kind.FRAUD_WARNING,
        status=status,
        reason=next((one for one in filters if one), None),
        opened_at=told.at if status is Status.OPEN else None,
    )
    return (warning, told.about(Kind.CHARGE, status=charged))


def _outcome(told: TransactionContext, approved: Status) -> Status | None:
    return approved if told.code == "1" else _NOT_APPROVED.get(told.code)


# Authorize.Net's words and ours -------------------------------------------------------------------------------

_PREFIX: Final = "net.authorize.payment."

_APPROVED: Final[Mapping[str, Status]] = {
    "authorization.created": Status.PENDING,  # reserved, not taken
    "authcapture.created": Status.SUCCEEDED,
    "capture.created": Status.SUCCEEDED,
    "priorAuthCapture.created": Status.SUCCEEDED,
    "refund.created": Status.SUCCEEDED,  # on its way; no later event tells of its arrival
}
"""What the response code 1 (approved) means for the object."""

_NOT_APPROVED: Final[Mapping[str, Status]] = {
    "2": Status.FAILED,
    "3": Status.FAILED,
    "4": Status.PENDING,  # held for review
}
_REASONS: Final[Mapping[str, str]] = {"2": "declined", "3": "error"}
"""What the documentation calls a code: more is not said."""

_REVIEWS: Final[Mapping[str, tuple[Status, Status | None]]] = {
    "fraud.held": (Status.OPEN, Status.PENDING),
    "fraud.approved": (Status.CLOSED, None),  # whether money was taken, or only reserved, is not said
    "fraud.declined": (Status.CLOSED, Status.FAILED),
}
"""Of the review, and of the transaction."""

_READERS: Final[Mapping[str, Callable[[TransactionContext], tuple[ProcessorObject, ...]]]] = {
    **dict.fromkeys(_APPROVED, _charge),
    **dict.fromkeys(_REVIEWS, _review),
    "refund.created": _refund,
    "void.created": _void,
}
