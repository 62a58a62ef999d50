"""Disputes of a payment in which the customer may get the money back, whoever tells of them.

An inquiry is none while nothing was taken: giving the money back is a way to end it.
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
    """``over_at``: when the customer's claim ended, for one that was won or called off. ``lost``: the customer has
    the money. ``due_at``: until when evidence is taken. ``item``: where a processor tells of it."""

    told: str
    opened_at: datetime | None
    over_at: datetime | None
    lost: bool
    due_at: datetime | None = None
    item: ProcessorObject | None = None

    def stands_at(self, at: datetime | None) -> bool:
        """Whether it had been opened by then and was not over."""
        return moment(self.opened_at) <= moment(at) and (
            self.over_at is None or moment(at) < moment(self.over_at)
        )


def of(payment: Payment, evidence: FactsIndex) -> list[CustomerDispute]:
    """The processors' word, where they tell of it: the billing system learns of a dispute late, and of no reversal."""
    told = [_told(item) for item in evidence.objects_of(Kind.DISPUTE, payment) if _counts(item)]
    return told or [_recorded(one) for one in _taken_back(payment, evidence.facts.payments)]


def _counts(item: ProcessorObject) -> bool:
    return item.stage is not Stage.INQUIRY or item.status in _LOST


def _told(item: ProcessorObject) -> CustomerDispute:
    due = item.due_at if item.status is Status.NEEDS_RESPONSE else None
    until = f", evidence due on {phrases.day(due)}" if due else ""
    return CustomerDispute(
        told=f"{item.id} at {phrases.source_title(item.source)}, {phrases.plain(item.status or 'open')}{until}",
        opened_at=item.opened_at or item.at,
        over_at=item.at if item.status in _OVER else None,
        lost=item.status in _LOST,
        due_at=due,
        item=item,
    )


def _taken_back(payment: Payment, payments: Iterable[Payment]) -> list[Payment]:
    """The chargeback Recurly recorded, once: it may mark the payment, add one of its own, or both."""
    found = [
        one
        for one in payments
        if (one.original_id or one.id) == payment.id and "chargeback" in (one.status, one.origin)
    ]
    return sorted(found, key=lambda p: (p.origin != "chargeback", moment(p.created_at), p.uuid))[:1]


def _recorded(one: Payment) -> CustomerDispute:
    void = one.status == "void"
    return CustomerDispute(
        told="a chargeback that Recurly recorded" + (" and voided" if void else ""),
        opened_at=one.created_at,
        over_at=(one.voided_at or one.updated_at or one.created_at) if void else None,
        lost=not void,
    )
