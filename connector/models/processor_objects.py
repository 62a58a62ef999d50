"""What payment processors tell of: one shape for all of them, whatever each calls it.

A processor's event rarely says everything. So what one event says of an object is kept as it came, and what the
object is now is worked out from all of them together (``models/observation_merge.py``): the same whatever the order in
which they arrived, and however often.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from connector.redaction import redact_fields

_REFERENCES: Final = frozenset({"customer", "payee"})


class Kind(StrEnum):
    """What a processor's object is. ``charge``: the processor's side of a payment; it makes no record of its own,
    it joins the others to an account."""

    CHARGE = "charge"
    DISPUTE = "dispute"
    REFUND = "refund"
    PAYOUT = "payout"
    FRAUD_WARNING = "fraud_warning"
    MANDATE = "mandate"


class Stage(StrEnum):
    """How far a dispute has gone. A later stage never goes back to an earlier one."""

    INQUIRY = "inquiry"
    CHARGEBACK = "chargeback"
    PRE_ARBITRATION = "pre_arbitration"
    ARBITRATION = "arbitration"


class Status(StrEnum):
    """How an object stands, for every kind and every processor. Which belong to which kind: ``STATUSES``."""

    # disputes
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    # refunds, payouts, charges
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    SUCCEEDED = "succeeded"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"
    RETURNED = "returned"
    # fraud warnings
    OPEN = "open"
    CLOSED = "closed"
    # mandates
    ACTIVE = "active"
    INACTIVE = "inactive"


STATUSES: dict[Kind, frozenset[Status]] = {
    Kind.DISPUTE: frozenset(
        {
            Status.NEEDS_RESPONSE,
            Status.UNDER_REVIEW,
            Status.WON,
            Status.LOST,
            Status.ACCEPTED,
            Status.EXPIRED,
            Status.WITHDRAWN,
        }
    ),
    Kind.REFUND: frozenset(
        {Status.PENDING, Status.REQUIRES_ACTION, Status.SUCCEEDED, Status.FAILED, Status.CANCELED}
    ),
    Kind.PAYOUT: frozenset({Status.PENDING, Status.PAID, Status.FAILED, Status.CANCELED}),
    Kind.FRAUD_WARNING: frozenset({Status.OPEN, Status.CLOSED}),
    Kind.MANDATE: frozenset({Status.PENDING, Status.ACTIVE, Status.INACTIVE}),
    Kind.CHARGE: frozenset(
        {Status.PENDING, Status.AUTHORIZED, Status.SUCCEEDED, Status.FAILED, Status.RETURNED}
    ),
}
"""``charge/authorized``: held at the bank and not taken: no money has moved. ``charge/returned``: it had succeeded, or
was under way, and the bank took it back (an ACH return, a late failure). ``payout/failed``: also one that was paid and
bounced. ``mandate/inactive``: no debit can be taken."""

STATUS_ORDER: dict[Status, int] = {status: rank for rank, status in enumerate(Status)}
"""For two observations of one moment: the later in this list is the further on."""

SETTLED: frozenset[Status] = frozenset(
    {
        Status.WON,
        Status.LOST,
        Status.ACCEPTED,
        Status.EXPIRED,
        Status.WITHDRAWN,
        Status.SUCCEEDED,
        Status.PAID,
        Status.FAILED,
        Status.CANCELED,
        Status.RETURNED,
        Status.CLOSED,
    }
)
"""Statuses in which an object usually stays. One settled status may still follow another: a won dispute is lost
again, a refund that succeeded fails at the bank, a payout bounces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorObject:
    """A dispute, refund, payout, fraud warning, mandate or charge, as far as one event or answer says.

    None (and ``()``) means that it was not said. ``kind`` and ``id`` name it within ``source``; ids are the
    source's own (``dp_…``), and where a source has none for this kind, that of what it is about.

    - ``at``: the moment this is true of, by the source's clock: the event's time, or the object's own.
    - ``status`` may be None where an event tells other things only (an API's answer about the amount).
    - ``reason``: the source's own word or code, as it came but for blanks (``fraudulent``, ``4853``, ``R10``);
      ``reason_text``: what the source says about it in words, if it does. ``network``: the card network or scheme,
      lower case (``visa``, ``mastercard``, ``ach``, ``sepa_core``, ``bacs``); ``network_code``: its code (``10.4``).
    - ``amount`` in major units, never negative; ``currency`` ISO 4217, upper case. A source may tell an amount without
      its currency: it is then that of the payment behind it (``sync/evidence``).
    - ``due_at``: until when an answer (evidence) is taken. A day without a time ends with that day, UTC.
    - ``opened_at``: when it began. ``settles_at``: when a payout is to arrive; of a charge or refund in a processor's
      lists, when it was settled.
    - ``references``: every id under which a billing system may know the payment (``ch_…``, ``pi_…``, a PSP
      reference). ``invoice_number``: what the billing system sent as its invoice number; ``truncated`` where the
      source may have cut it from the left. ``customer``: the source's customer.
    - ``refundable``: whether the payment can still be given back. ``refunded``: whether all of it was.
    - ``answered``: whether evidence was ever sent against a dispute.
    - ``payee``: who gets a payout; its own id at the source, ``""`` where it is the merchant itself.
    - ``account``: the connected account that holds it (Stripe Connect); None where it is in the merchant's own account.
      A question about the object goes to that account.
    - ``method``: how it was paid, in words (``Visa ending 4242``). ``link``: its page at the source.
    - ``listed``: told by a list, which says how it stands at ``at`` and not since when.
    - ``joined_by``: how it was joined to its account; ``known_since``: when the ledger first heard of it. Both are
      set when it is read from the ledger, never by a source.
    """

    kind: Kind
    source: str
    id: str
    at: datetime
    status: Status | None = None
    stage: Stage | None = None
    reason: str | None = None
    reason_text: str | None = None
    network: str | None = None
    network_code: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    due_at: datetime | None = None
    opened_at: datetime | None = None
    settles_at: datetime | None = None
    references: tuple[str, ...] = ()
    invoice_number: str | None = None
    truncated: bool = False
    customer: str | None = None
    refundable: bool | None = None
    refunded: bool | None = None
    answered: bool | None = None
    payee: str | None = None
    account: str | None = None
    method: str | None = None
    link: str | None = None
    listed: bool = False
    joined_by: str = ""
    known_since: datetime | None = None

    def __post_init__(self) -> None:
        """Redact every text: whoever reads an event, an answer or a list, no observation holds card or bank data."""
        redact_fields(self, _REFERENCES)
