"""Disputes of a payment by which the customer can get the money back, from processors or from Recurly.

An inquiry does not count while nothing was taken: a refund is a way to end it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.mappers import phrases
from connector.models.facts import Kind, Payment, ProcessorObject, Stage, Status
from connector.sync.decide.context.facts_index import FactsIndex, moment

_LOST: Final = frozenset({Status.LOST, Status.ACCEPTED, Status.EXPIRED})
_OVER: Final = frozenset({Status.WON, Status.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class CustomerDispute:
    """``over_at``: end of a dispute that was won or withdrawn. ``lost``: the customer has the money. ``due_at``:
    deadline for evidence. ``item``: the processor object, if a processor reports it."""

    description: str
    opened_at: datetime | None
    over_at: datetime | None
    lost: bool
    due_at: datetime | None = None
    item: ProcessorObject | None = None

    def stands_at(self, at: datetime | None) -> bool:
        """Whether it was open at this time."""
        return moment(self.opened_at) <= moment(at) and (
            self.over_at is None or moment(at) < moment(self.over_at)
        )


def of(payment: Payment, index: FactsIndex) -> list[CustomerDispute]:
    """Disputes that processors report, else Recurly's chargebacks: Recurly learns of a dispute late, and of no
    reversal."""
    description = [_of_processor(item) for item in index.objects_of(Kind.DISPUTE, payment) if _counts(item)]
    return description or [_recorded(one) for one in _taken_back(payment, index.facts.payments)]


def _counts(item: ProcessorObject) -> bool:
    return item.stage is not Stage.INQUIRY or item.status in _LOST


def _of_processor(item: ProcessorObject) -> CustomerDispute:
    due = item.due_at if item.status is Status.NEEDS_RESPONSE else None
    until = f", evidence due on {phrases.day(due)}" if due else ""
    return CustomerDispute(
        description=f"{item.id} at {phrases.source_title(item.source)}, {phrases.plain(item.status or 'open')}{until}",
        opened_at=item.opened_at or item.at,
        over_at=item.at if item.status in _OVER else None,
        lost=item.status in _LOST,
        due_at=due,
        item=item,
    )


def _taken_back(payment: Payment, payments: Iterable[Payment]) -> list[Payment]:
    """The chargeback that Recurly recorded, once: Recurly can mark the payment, add another payment, or both."""
    found = [
        one
        for one in payments
        if (one.original_id or one.id) == payment.id and "chargeback" in (one.status, one.origin)
    ]
    return sorted(found, key=lambda p: (p.origin != "chargeback", moment(p.created_at), p.uuid))[:1]


def _recorded(one: Payment) -> CustomerDispute:
    void = one.status == "void"
    return CustomerDispute(
        description="a chargeback that Recurly recorded" + (" and voided" if void else ""),
        opened_at=one.created_at,
        over_at=(one.voided_at or one.updated_at or one.created_at) if void else None,
        lost=not void,
    )
