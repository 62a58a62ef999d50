"""Classify how the systems differ about one transfer, and whether timing explains it. Pure.

Only money that moved or is on its way is compared: a transfer that every system calls failed or void is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from connector.models.facts import Difference, DiscrepancyState, Money, Movement, Status
from connector.policy import Compare
from connector.sync.reconcile.models import Finding, Observation, Outcome, System, Transfer

VOID: Final = "void"
OF_RECURLY: Final = {
    "success": Outcome.MOVED,
    "pending": Outcome.PENDING,
    "processing": Outcome.PENDING,
    "scheduled": Outcome.PENDING,
    "declined": Outcome.NOT_MOVED,
    "error": Outcome.NOT_MOVED,
    VOID: Outcome.NOT_MOVED,
    "chargeback": Outcome.MOVED,
}
"""A transaction with the status chargeback is the money going back."""
_COMMON: Final = {
    Status.PENDING: Outcome.PENDING,
    Status.REQUIRES_ACTION: Outcome.PENDING,
    Status.AUTHORIZED: Outcome.NOT_MOVED,
    Status.SUCCEEDED: Outcome.MOVED,
    Status.FAILED: Outcome.NOT_MOVED,
    Status.CANCELED: Outcome.NOT_MOVED,
    Status.RETURNED: Outcome.TAKEN_BACK,
}
OF_PROCESSOR: Final = {
    **_COMMON,
    Status.NEEDS_RESPONSE: Outcome.PENDING,
    Status.UNDER_REVIEW: Outcome.PENDING,
    Status.WON: Outcome.NOT_MOVED,
    Status.WITHDRAWN: Outcome.NOT_MOVED,
    Status.LOST: Outcome.MOVED,
    Status.ACCEPTED: Outcome.MOVED,
    Status.EXPIRED: Outcome.MOVED,
}

_MATTERS: Final = frozenset({Outcome.MOVED, Outcome.PENDING, Outcome.TAKEN_BACK})
_NOTHING: Final[tuple[object, ...]] = (None, ())
_MISSING: Final = {
    System.RECURLY: Difference.MISSING_IN_RECURLY,
    System.PROCESSOR: Difference.MISSING_AT_PROCESSOR,
    System.SALESFORCE: Difference.MISSING_IN_SALESFORCE,
}


def findings(transfer: Transfer, policy: Compare, now: datetime) -> list[Finding]:
    """Each way in which its sides differ, in the order of the classes."""
    if not any(seen.standing in _MATTERS for seen in transfer.sides.values()):
        return []
    return [_explained(one, policy, now) for one in _found(transfer, policy)]


def _found(transfer: Transfer, policy: Compare) -> Iterator[Finding]:
    for side, difference in _MISSING.items():
        if side in transfer.asked and transfer.side(side) is None and _needed(side, transfer, policy):
            yield _finding(transfer, difference, _amounts(transfer)[:1])
    amounts = _amounts(transfer)
    if len({code for _, code in amounts}) > 1 or _lacks(transfer, lambda seen: seen.currency):
        yield _finding(transfer, Difference.CURRENCY, amounts[:1])
    elif _lacks(transfer, lambda seen: seen.amount):
        yield _finding(transfer, Difference.AMOUNT, amounts[:1])
    elif amounts and (apart := _apart(amounts)) > policy.amount_tolerance:
        yield _finding(transfer, Difference.AMOUNT, [(apart, amounts[0][1])])
    if _statuses_differ(transfer) or _word_differs(transfer):
        yield _finding(transfer, Difference.STATUS, amounts[:1])
    if _dates_differ(transfer, timedelta(days=policy.date_tolerance_days)):
        yield _finding(transfer, Difference.DATE, amounts[:1])


def _finding(transfer: Transfer, difference: Difference, stake: list[tuple[Decimal, str]]) -> Finding:
    money = Money(*stake[0]) if stake else None
    return Finding(transfer, difference, DiscrepancyState.OPEN, stake=money)


def _needed(side: System, transfer: Transfer, policy: Compare) -> bool:
    """Whether this side must know of it, by what the others say."""
    recurly, processor = transfer.recurly, transfer.at_processor
    if side is System.SALESFORCE:
        return recurly is not None or transfer.kind is Movement.DISPUTE
    if side is System.PROCESSOR:
        return recurly is not None and recurly.standing in (Outcome.MOVED, Outcome.PENDING)
    if processor is None or processor.standing not in (Outcome.MOVED, Outcome.PENDING):
        return False
    if transfer.kind is Movement.DISPUTE:
        lost = processor.standing is Outcome.MOVED
        return lost and transfer.processor in policy.chargebacks_in_recurly
    if transfer.item is None or transfer.item.invoice_number or transfer.account:
        return True
    return not policy.only_invoiced


def _lacks(transfer: Transfer, value: Callable[[Observation], object]) -> bool:
    """Whether Salesforce's record is there and has nothing where the side it is written from says something."""
    origin, seen = transfer.origin, transfer.salesforce
    if origin is None or seen is None:
        return False
    return value(seen) in _NOTHING and value(origin) not in _NOTHING


def _amounts(transfer: Transfer) -> list[tuple[Decimal, str]]:
    """What each side that says an amount says, Recurly first."""
    return [
        (abs(seen.amount), seen.currency)
        for seen in transfer.sides.values()
        if seen.amount is not None and seen.currency is not None
    ]


def _apart(amounts: list[tuple[Decimal, str]]) -> Decimal:
    values = [amount for amount, _ in amounts]
    return max(values) - min(values)


def _statuses_differ(transfer: Transfer) -> bool:
    standings = {_equivalent(seen, transfer) for seen in transfer.sides.values()}
    return len(standings - {None}) > 1


def _equivalent(seen: Observation, transfer: Transfer) -> Outcome | None:
    """Money that was taken back has not moved in the end: Recurly calls a returned debit declined. A chargeback it
    keeps beside the payment, which stays as it was; and what it calls void a processor may only have given back."""
    if seen.standing is Outcome.TAKEN_BACK:
        return Outcome.MOVED if transfer.charged_back else Outcome.NOT_MOVED
    if seen is transfer.at_processor and _is_given_back(transfer):
        return Outcome.NOT_MOVED
    return seen.standing


def _is_given_back(transfer: Transfer) -> bool:
    """Whether a processor gave all of it back that Recurly calls void."""
    recurly, item = transfer.recurly, transfer.item
    return bool(recurly and recurly.status == VOID and item and item.refunded)


def _word_differs(transfer: Transfer) -> bool:
    """Whether Salesforce has a word, or none, that tells nothing and that the side it is written from does not say."""
    origin, seen = transfer.origin, transfer.salesforce
    return bool(origin and origin.standing and seen and not seen.standing and seen.status != origin.status)


def _dates_differ(transfer: Transfer, tolerance: timedelta) -> bool:
    """Salesforce has its date from one side, which may be when the money arrived: it is compared with that one alone.
    Of a dispute Recurly learns the end only."""
    recurly = None if transfer.kind is Movement.DISPUTE else transfer.recurly
    if recurly and _lacks(transfer, lambda seen: seen.moments):
        return True
    pairs = ((recurly, transfer.at_processor), (transfer.salesforce, recurly or transfer.at_processor))
    return any(_far(one.moments, other.moments, tolerance) for one, other in pairs if one and other)


def _far(one: tuple[datetime, ...], other: tuple[datetime, ...], tolerance: timedelta) -> bool:
    return bool(one and other) and all(abs(a - b) > tolerance for a in one for b in other)


def _explained(found: Finding, policy: Compare, now: datetime) -> Finding:
    why = _reason(found, policy, now)
    return replace(found, state=DiscrepancyState.EXPLAINED, why=why) if why else found


def _reason(found: Finding, policy: Compare, now: datetime) -> str:
    """Why it is none yet, or nothing."""
    transfer = found.transfer
    if _only_salesforce(found, policy):
        return transfer.waits
    if found.difference is Difference.MISSING_IN_RECURLY and transfer.unheard:
        return transfer.unheard
    hours = policy.bank_debit_hours if transfer.bank else policy.settlement_hours
    if _settles(found) and now - transfer.at < timedelta(hours=hours):
        return f"settlement delay: younger than {hours} hours"
    return ""


def _settles(found: Finding) -> bool:
    """Whether it may be that one side only learns of it, or of its end, when the money arrives."""
    if found.difference is Difference.STATUS:
        two = (found.transfer.recurly, found.transfer.at_processor)
        return any(seen is not None and _is_under_way(seen) for seen in two)
    return found.difference in (Difference.MISSING_AT_PROCESSOR, Difference.MISSING_IN_RECURLY)


def _is_under_way(seen: Observation) -> bool:
    return seen.standing is Outcome.PENDING or seen.status == Status.AUTHORIZED


def _only_salesforce(found: Finding, policy: Compare) -> bool:
    """Whether the others agree about it."""
    without = replace(found.transfer, salesforce=None, asked=found.transfer.asked - {System.SALESFORCE})
    return found.difference not in {one.difference for one in _found(without, policy)}
