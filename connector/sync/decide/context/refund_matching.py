"""What was given back, or was to be: the billing system and the processor tell of the same refund, each its part.

The billing system knows who asked and for which payment; the processor knows what became of it at the bank, often days
later. So where both tell of one refund, how it stands is the processor's word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from connector.models.facts import Kind, Money, Payment, ProcessorObject, Status
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex, earliest, gateway_references, moment


class State(StrEnum):
    DONE = "done"
    UNDER_WAY = "under_way"
    FAILED = "failed"
    VOID = "void"


_RECORDED: Final[Mapping[str, State]] = {
    "success": State.DONE,
    "declined": State.FAILED,
    "error": State.FAILED,
    "void": State.VOID,
}
_PROCESSED: Final[Mapping[Status, State]] = {
    Status.SUCCEEDED: State.DONE,
    Status.PENDING: State.UNDER_WAY,
    Status.REQUIRES_ACTION: State.UNDER_WAY,
    Status.FAILED: State.FAILED,
    Status.CANCELED: State.VOID,
}
_NEAR: Final = timedelta(days=1)
"""How far apart the two may date one refund."""


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """One refund. ``root`` groups the tries for one payment: its id, or what stands for it where it is not known.
    ``recorded``: the billing system's; ``processed``: the processor's; at least one of them is there."""

    root: str
    payment: Payment | None
    recorded: Payment | None
    processed: ProcessorObject | None
    began_at: datetime | None

    @property
    def state(self) -> State:
        billed = _RECORDED.get(self.recorded.status, State.UNDER_WAY) if self.recorded else None
        told = self.processed.status if self.processed else None
        if billed is State.VOID or told is None:
            return billed or State.UNDER_WAY
        return _PROCESSED.get(told, State.UNDER_WAY)

    @property
    def stands(self) -> bool:
        """The customer has the money, or will."""
        return self.state in (State.DONE, State.UNDER_WAY)

    @property
    def money(self) -> Money | None:
        if self.recorded:
            return Money(abs(self.recorded.amount), self.recorded.currency)
        return processor_helpers.money(self.processed) if self.processed else None

    @property
    def failed_at_the_processor(self) -> bool:
        return self.processed is not None and self.processed.status is Status.FAILED

    @property
    def ended_at(self) -> datetime | None:
        """When it turned out that nothing is given back."""
        if self.stands:
            return None
        if self.processed and (self.state is State.FAILED or not self.recorded):
            return self.processed.at
        billed = self.recorded
        return (billed.voided_at or billed.updated_at or billed.created_at) if billed else None


@dataclass(frozen=True, slots=True)
class _Told:
    """A processor's refund, and the payment it is found to be of."""

    item: ProcessorObject
    root: str
    payment: Payment | None

    @property
    def key(self) -> tuple[str, str]:
        return self.item.source, self.item.id


def of(evidence: FactsIndex) -> tuple[RefundFacts, ...]:
    """Every refund of the account, each once, the oldest first."""
    recorded = recorded_by_the_billing_system(evidence)
    told = [_told(item, evidence) for item in evidence.facts.of(Kind.REFUND)]
    pairs = _pairs(recorded, told)
    paired = {one.key for one in pairs.values()}
    found = [
        *(_billed(one, pairs.get(one.uuid), evidence) for one in recorded),
        *(_alone(one) for one in told if one.key not in paired),
    ]
    return tuple(sorted(found, key=_order))


def settling(failed: RefundFacts, known: Sequence[RefundFacts]) -> RefundFacts | None:
    """The later refund of the same payment by which the customer did get the money."""
    later = (
        one
        for one in known
        if one is not failed and one.root == failed.root and one.state is State.DONE
        if moment(one.began_at) >= moment(_failed_at(failed)) and _is_enough(one, failed)
    )
    return next(later, None)


def _failed_at(one: RefundFacts) -> datetime | None:
    """The billing system's failures are those of the moment they were tried in."""
    if one.failed_at_the_processor or one.recorded is None:
        return one.ended_at
    return one.recorded.created_at


def _is_enough(one: RefundFacts, failed: RefundFacts) -> bool:
    paid, owed = one.money, failed.money
    if paid is None or owed is None:
        return True
    return paid.currency == owed.currency and paid.amount >= owed.amount


def recorded_by_the_billing_system(evidence: FactsIndex) -> list[Payment]:
    """Its refunds, without what chargebacks took."""
    found = (
        p for p in evidence.facts.payments if p.type == "refund" and "chargeback" not in (p.origin, p.status)
    )
    return sorted(found, key=lambda p: (moment(p.created_at), p.uuid))


def _billed(one: Payment, told: _Told | None, evidence: FactsIndex) -> RefundFacts:
    item = told.item if told else None
    began = earliest(one.created_at, item.opened_at if item else None)
    return RefundFacts(_root_of(one), evidence.payment(one.original_id), one, item, began)


def _alone(told: _Told) -> RefundFacts:
    return RefundFacts(told.root, told.payment, None, told.item, told.item.opened_at or told.item.at)


def _root_of(refund: Payment) -> str:
    return refund.original_id or refund.uuid


def _told(item: ProcessorObject, evidence: FactsIndex) -> _Told:
    behind = evidence.payment_behind(item)
    if behind is None:
        return _Told(item, f"{item.source}:{item.id}", None)
    if behind.type == "refund":
        return _Told(item, _root_of(behind), evidence.payment(behind.original_id))
    return _Told(item, behind.id, behind)


def _order(one: RefundFacts) -> tuple[float, str]:
    return moment(
        one.began_at
    ), one.recorded.uuid if one.recorded else one.processed.id if one.processed else ""


# Which two are one ----------------------------------------------------------------------------------------------


def _pairs(recorded: Sequence[Payment], told: Sequence[_Told]) -> dict[str, _Told]:
    """By the billing system's uuid. The processor's own id decides; without it payment, amount and time."""
    by_id, by_root = _grouped((one.item.id, one) for one in told), _grouped((one.root, one) for one in told)
    found: dict[str, _Told] = {}
    for one in recorded:
        _pair(one, (t for ref in gateway_references(one) for t in by_id.get(ref, ())), found)
    for one in recorded:
        _pair(one, (t for t in by_root.get(_root_of(one), ()) if _resembles(one, t.item)), found)
    return found


def _grouped(told: Iterable[tuple[str, _Told]]) -> Mapping[str, list[_Told]]:
    found: dict[str, list[_Told]] = defaultdict(list)
    for name, one in told:
        found[name].append(one)
    return found


def _pair(one: Payment, near: Iterable[_Told], found: dict[str, _Told]) -> None:
    """With the nearest in time that is not another's."""
    if one.uuid in found:
        return
    free = [told for told in near if not any(told is other for other in found.values())]
    if free:
        found[one.uuid] = min(free, key=lambda told: (_apart(one, told.item), told.item.id))


def _resembles(one: Payment, item: ProcessorObject) -> bool:
    """A try that failed at once is never a refund that did not; one recorded as done after the failure is another."""
    failed = item.status is Status.FAILED
    if _RECORDED.get(one.status) is State.FAILED and not failed:
        return False
    if _RECORDED.get(one.status) is State.DONE and failed and moment(one.created_at) >= moment(item.at):
        return False
    money = processor_helpers.money(item)
    same = money is None or money == Money(abs(one.amount), one.currency)
    return same and _apart(one, item) <= _NEAR


def _apart(one: Payment, item: ProcessorObject) -> timedelta:
    if one.created_at is None:
        return timedelta.max
    return abs(one.created_at - (item.opened_at or item.at))
