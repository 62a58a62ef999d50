"""Match the payments of Recurly with the objects of a processor. Pure: both sides are arguments.

By reference first. A refund that has only its payment's reference, and a charge that has only its invoice, is matched
by amount and time; after that the remaining ones of both sides are matched with each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connector.ledger.payment_lookup import KnownPayment
from connector.mappers.match_keys import could_be
from connector.models.facts import Movement, ProcessorObject
from connector.sync.reconcile.adapters import KINDS, began, movement_of, of_item, of_payment
from connector.sync.reconcile.models import Outcome

Id = tuple[str, str]
"""A payment of Recurly: its site and its id."""


@dataclass(frozen=True, slots=True)
class UnmatchedObject:
    """A processor's object for which nothing fits exactly. ``originals``: the payments that it is about; ``account``:
    whose they are."""

    item: ProcessorObject
    originals: frozenset[Id] = frozenset()
    account: str | None = None
    site: str | None = None


@dataclass(slots=True)
class MatchedPairs:
    """``taken``: what has its other half, with its moment. ``failed``: charges that failed under a payment's reference:
    its other half only if there is no better one. ``over``: what was told of without another half."""

    taken: dict[Id, datetime] = field(default_factory=dict)
    failed: dict[Id, ProcessorObject] = field(default_factory=dict)
    loose: list[UnmatchedObject] = field(default_factory=list)
    over: set[Id] = field(default_factory=set)

    def take(self, known: KnownPayment, item: ProcessorObject) -> KnownPayment:
        self.taken[known.id] = known.payment.created_at or began(item)
        self.failed.pop(known.id, None)
        return known

    def by_reference(self, item: ProcessorObject, named: Sequence[KnownPayment]) -> KnownPayment | None:
        """The payment of these that it is, whatever its amount; None also where it is only kept in mind."""
        found = self._best(item, named)
        if found is not None and _standing(item) is Outcome.NOT_MOVED:
            self.failed.setdefault(found.id, item)
            return None
        return self.take(found, item) if found else None

    def by_amount(
        self, item: ProcessorObject, known: Sequence[KnownPayment], within: timedelta
    ) -> KnownPayment | None:
        """The one of these with the same amount that is nearest in time, and near."""
        same = [one for one in known if _same_amount(item, one) and _apart(item, one) <= within]
        found = self._best(item, same)
        return self.take(found, item) if found else None

    def left_over(self, known: KnownPayment) -> ProcessorObject | None:
        """What fits a payment for which nothing came: the loose one of the same invoice or original, else a charge that
        failed."""
        fitting = [one for one in self.loose if _fits(one, known)]
        found = min(fitting, key=lambda one: (*_distance(one.item, known), one.item.id), default=None)
        if found is None:
            self.over.add(known.id)
            return self.failed.pop(known.id, None)
        self.loose.remove(found)
        self.take(known, found.item)
        return found.item

    def forget(self, before: datetime) -> None:
        """What happened so long ago is not asked about any more."""
        for id_ in [id_ for id_, at in self.taken.items() if at < before]:
            del self.taken[id_]
        self.failed = {id_: item for id_, item in self.failed.items() if began(item) >= before}

    def _best(self, item: ProcessorObject, known: Iterable[KnownPayment]) -> KnownPayment | None:
        kind = KINDS[item.kind]
        fits = [
            one
            for one in known
            if one.id not in self.taken
            and one.id not in self.over
            and movement_of(one.payment) is kind
            and could_be(item.source, one.payment.gateway)
        ]
        return min(fits, key=lambda one: (*_distance(item, one), one.id), default=None)


def _distance(item: ProcessorObject, known: KnownPayment) -> tuple[bool, bool, timedelta]:
    """The better it fits the smaller it is."""
    stands = of_payment(known.payment).standing is _standing(item)
    return not stands, not _same_amount(item, known), _apart(item, known)


def _same_amount(item: ProcessorObject, known: KnownPayment) -> bool:
    """Not every processor says its currency."""
    payment = known.payment
    same = item.amount is not None and abs(item.amount) == abs(payment.amount)
    return same and item.currency in (None, payment.currency)


def _apart(item: ProcessorObject, known: KnownPayment) -> timedelta:
    at = known.payment.created_at
    return abs(began(item) - at) if at else timedelta.max


def _standing(item: ProcessorObject) -> Outcome | None:
    return of_item(item).standing


def _fits(one: UnmatchedObject, known: KnownPayment) -> bool:
    payment, item = known.payment, one.item
    if movement_of(payment) is not KINDS[item.kind] or not could_be(item.source, payment.gateway):
        return False
    if KINDS[item.kind] is Movement.REFUND:
        return (known.site, payment.original_id) in one.originals
    number = payment.invoice_number
    if not item.invoice_number or not number:
        return False
    return number.endswith(item.invoice_number) if item.truncated else number == item.invoice_number
