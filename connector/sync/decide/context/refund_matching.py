"""Refunds, matched between the billing system and the processor, which each report a part of the same refund.

The billing system knows who requested it and for which payment; the processor knows its outcome at the bank, often
days later. If both report a refund, its state is that of the processor.
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
"""Maximal difference between the two dates of one refund."""


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """One refund. ``root`` groups the attempts for one payment: the payment id, or a substitute if it is unknown.
    ``recorded``: in the billing system; ``processed``: at the processor; at least one of them is set."""

    root: str
    payment: Payment | None
    recorded: Payment | None
    processed: ProcessorObject | None
    began_at: datetime | None

    @property
    def state(self) -> State:
        billed = _RECORDED.get(self.recorded.status, State.UNDER_WAY) if self.recorded else None
        reported = self.processed.status if self.processed else None
        if billed is State.VOID or reported is None:
            return billed or State.UNDER_WAY
        return _PROCESSED.get(reported, State.UNDER_WAY)

    @property
    def stands(self) -> bool:
        """Whether the customer has the money or will get it."""
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
        """When the refund failed or was voided; None if neither."""
        if self.stands:
            return None
        if self.processed and (self.state is State.FAILED or not self.recorded):
            return self.processed.at
        billed = self.recorded
        return (billed.voided_at or billed.updated_at or billed.created_at) if billed else None


@dataclass(frozen=True, slots=True)
class _ProcessorRefund:
    """A refund at a processor, with the payment that it was matched to."""

    item: ProcessorObject
    root: str
    payment: Payment | None

    @property
    def key(self) -> tuple[str, str]:
        return self.item.source, self.item.id


def of(index: FactsIndex) -> tuple[RefundFacts, ...]:
    """Every refund of the account, each once, the oldest first."""
    recorded = recorded_by_the_billing_system(index)
    reported = [_processor_refund(item, index) for item in index.facts.of(Kind.REFUND)]
    pairs = _pairs(recorded, reported)
    paired = {one.key for one in pairs.values()}
    found = [
        *(_billed(one, pairs.get(one.uuid), index) for one in recorded),
        *(_alone(one) for one in reported if one.key not in paired),
    ]
    return tuple(sorted(found, key=_order))


def settling(failed: RefundFacts, refunds: Sequence[RefundFacts]) -> RefundFacts | None:
    """A later successful refund of the same payment that replaces the failed one."""
    later = (
        one
        for one in refunds
        if one is not failed and one.root == failed.root and one.state is State.DONE
        if moment(one.began_at) >= moment(_failed_at(failed)) and _is_enough(one, failed)
    )
    return next(later, None)


def _failed_at(one: RefundFacts) -> datetime | None:
    """When it failed. The billing system records failures at the time of the attempt."""
    if one.failed_at_the_processor or one.recorded is None:
        return one.ended_at
    return one.recorded.created_at


def _is_enough(one: RefundFacts, failed: RefundFacts) -> bool:
    paid, owed = one.money, failed.money
    if paid is None or owed is None:
        return True
    return paid.currency == owed.currency and paid.amount >= owed.amount


def recorded_by_the_billing_system(index: FactsIndex) -> list[Payment]:
    """Refunds of the billing system, without chargebacks."""
    found = (
        p for p in index.facts.payments if p.type == "refund" and "chargeback" not in (p.origin, p.status)
    )
    return sorted(found, key=lambda p: (moment(p.created_at), p.uuid))


def _billed(one: Payment, reported: _ProcessorRefund | None, index: FactsIndex) -> RefundFacts:
    item = reported.item if reported else None
    began = earliest(one.created_at, item.opened_at if item else None)
    return RefundFacts(_root_of(one), index.payment(one.original_id), one, item, began)


def _alone(reported: _ProcessorRefund) -> RefundFacts:
    return RefundFacts(
        reported.root, reported.payment, None, reported.item, reported.item.opened_at or reported.item.at
    )


def _root_of(refund: Payment) -> str:
    return refund.original_id or refund.uuid


def _processor_refund(item: ProcessorObject, index: FactsIndex) -> _ProcessorRefund:
    behind = index.payment_behind(item)
    if behind is None:
        return _ProcessorRefund(item, f"{item.source}:{item.id}", None)
    if behind.type == "refund":
        return _ProcessorRefund(item, _root_of(behind), index.payment(behind.original_id))
    return _ProcessorRefund(item, behind.id, behind)


def _order(one: RefundFacts) -> tuple[float, str]:
    return moment(
        one.began_at
    ), one.recorded.uuid if one.recorded else one.processed.id if one.processed else ""


# Matching both sides ----------------------------------------------------------------------------------------------


def _pairs(recorded: Sequence[Payment], reported: Sequence[_ProcessorRefund]) -> dict[str, _ProcessorRefund]:
    """Billing uuid → refund at the processor. Matched by the processor's id, else by payment, amount and time."""
    by_id, by_root = (
        _grouped((one.item.id, one) for one in reported),
        _grouped((one.root, one) for one in reported),
    )
    found: dict[str, _ProcessorRefund] = {}
    for one in recorded:
        _pair(one, (t for ref in gateway_references(one) for t in by_id.get(ref, ())), found)
    for one in recorded:
        _pair(one, (t for t in by_root.get(_root_of(one), ()) if _resembles(one, t.item)), found)
    return found


def _grouped(reported: Iterable[tuple[str, _ProcessorRefund]]) -> Mapping[str, list[_ProcessorRefund]]:
    found: dict[str, list[_ProcessorRefund]] = defaultdict(list)
    for name, one in reported:
        found[name].append(one)
    return found


def _pair(one: Payment, near: Iterable[_ProcessorRefund], found: dict[str, _ProcessorRefund]) -> None:
    """Pair with the nearest refund in time that is not paired yet."""
    if one.uuid in found:
        return
    free = [reported for reported in near if not any(reported is other for other in found.values())]
    if free:
        found[one.uuid] = min(free, key=lambda reported: (_apart(one, reported.item), reported.item.id))


def _resembles(one: Payment, item: ProcessorObject) -> bool:
    """Whether both can be the same refund. An attempt that failed at once is not a refund that succeeded, and a success
    after the failure is another refund."""
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
