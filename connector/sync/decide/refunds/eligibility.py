"""Checks whether a refund is within the refund policy, with a sentence for the reason. Pure.

Each term that a refund does not meet gives a verdict. The strictest verdict counts; of several, the first. A term about
an unknown value (the plan, the day of the payment) counts as met.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.mappers import phrases
from connector.models.facts import Payment
from connector.policy import Refund
from connector.policy.refunds import Judgement
from connector.sync.decide.context import open_disputes
from connector.sync.decide.context.facts_index import FactsIndex, moment
from connector.sync.decide.context.refund_matching import RefundFacts

_WORDS: Final[dict[Judgement, str]] = {
    "eligible": "Eligible",
    "needs_approval": "Needs approval",
    "not_eligible": "Not eligible",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``disputed``: it is not eligible because of a dispute, which has its own case."""

    judgement: Judgement
    why: str
    disputed: bool = False

    @property
    def sentence(self) -> str:
        """``Needs approval: 4th refund in 12 months``."""
        return f"{_WORDS[self.judgement]}: {self.why}"


def verdict(
    refund: RefundFacts,
    payment: Payment | None,
    account_refunds: Sequence[RefundFacts],
    index: FactsIndex,
    settings: Refund,
) -> Verdict:
    """``payment``: the refunded payment, if known. ``account_refunds``: all refunds of the account."""
    found = [
        *_disputed(refund, payment, index),
        *_plan(payment, index, settings),
        *_window(refund, payment, settings),
        *_amount(refund, settings),
        *_method(refund, payment, settings),
        *_prior(refund, account_refunds, settings),
    ]
    strictest = sorted(found, key=lambda one: one.judgement != "not_eligible")
    return (
        strictest[0] if strictest else Verdict("eligible", _fine(refund, payment, account_refunds, settings))
    )


def _disputed(refund: RefundFacts, payment: Payment | None, index: FactsIndex) -> Iterator[Verdict]:
    found = open_disputes.of(payment, index) if payment else []
    if any(one.stands_at(refund.began_at) for one in found):
        yield Verdict("not_eligible", "the payment is disputed", disputed=True)


def _plan(payment: Payment | None, index: FactsIndex, settings: Refund) -> Iterator[Verdict]:
    allowed, excluded = settings.policy.plans_allowed, settings.policy.plans_excluded
    for plan in _plans(payment, index):
        if plan in excluded:
            yield Verdict("not_eligible", f"the plan {plan} is excluded")
        elif allowed and plan not in allowed:
            yield Verdict("not_eligible", f"the plan {plan} is not among those allowed")


def _plans(payment: Payment | None, index: FactsIndex) -> list[str]:
    invoice = index.invoice_of(payment) if payment else None
    ids = invoice.subscription_ids if invoice else ()
    return sorted({s.plan_code for s in index.facts.subscriptions if s.id in ids or s.uuid in ids})


def _window(refund: RefundFacts, payment: Payment | None, settings: Refund) -> Iterator[Verdict]:
    passed, window = _days_after(refund, payment), settings.policy.window_days
    if passed is not None and passed > window:
        text = phrases.count(passed, "day")
        yield Verdict(
            "not_eligible", f"{text} after the payment, the window is {phrases.count(window, 'day')}"
        )


def _amount(refund: RefundFacts, settings: Refund) -> Iterator[Verdict]:
    money = refund.money
    if money is None:
        return
    limits = [(tier.amount, tier.verdict) for tier in settings.policy.tiers]
    for limit, judgement in sorted([(settings.review_amount, "needs_approval"), *limits], reverse=True):
        if money.amount >= limit:
            text = phrases.money(money.amount, money.currency)
            why = f"{text} reaches the limit of {phrases.money(limit, money.currency)}"
            yield Verdict("not_eligible" if judgement == "not_eligible" else "needs_approval", why)


def _method(refund: RefundFacts, payment: Payment | None, settings: Refund) -> Iterator[Verdict]:
    method, paid, passed = _paid_by(payment), _paid_at(payment), _days_after(refund, payment)
    for one in settings.policy.methods:
        if method != one.method.casefold():
            continue
        if one.days is None:
            yield Verdict(one.verdict, f"paid by {one.method}")
        elif paid is not None and passed is not None and passed <= one.days:
            until = phrases.day(paid + timedelta(days=one.days))
            yield Verdict(one.verdict, f"paid by {one.method}, which can still be returned until {until}")


def _prior(
    refund: RefundFacts, account_refunds: Sequence[RefundFacts], settings: Refund
) -> Iterator[Verdict]:
    prior, months = _count_prior(refund, account_refunds, settings), settings.policy.prior_refund_months
    if prior > settings.policy.max_prior_refunds:
        yield Verdict("needs_approval", f"{_ordinal(prior + 1)} refund in {phrases.count(months, 'month')}")


def _count_prior(refund: RefundFacts, account_refunds: Sequence[RefundFacts], settings: Refund) -> int:
    """Number of valid refunds in the months before this one."""
    if refund.began_at is None:
        return 0
    start = _months_before(refund.began_at, settings.policy.prior_refund_months)
    earlier = (
        account_refunds[: account_refunds.index(refund)] if refund in account_refunds else account_refunds
    )
    return sum(
        one.stands and moment(start) <= moment(one.began_at) <= moment(refund.began_at) for one in earlier
    )


def _fine(
    refund: RefundFacts, payment: Payment | None, account_refunds: Sequence[RefundFacts], settings: Refund
) -> str:
    passed, prior = _days_after(refund, payment), _count_prior(refund, account_refunds, settings)
    after = f"{phrases.count(passed, 'day')} after the payment, " if passed is not None else ""
    return f"{after}{_ordinal(prior + 1)} refund in {phrases.count(settings.policy.prior_refund_months, 'month')}"


def _paid_at(payment: Payment | None) -> datetime | None:
    return (payment.collected_at or payment.created_at) if payment else None


def _paid_by(payment: Payment | None) -> str | None:
    return payment.payment_method.brand.casefold() if payment and payment.payment_method else None


def _days_after(refund: RefundFacts, payment: Payment | None) -> int | None:
    """Full days between the payment and its refund."""
    paid = _paid_at(payment)
    return max((refund.began_at - paid).days, 0) if paid and refund.began_at else None


def _months_before(at: datetime, months: int) -> datetime:
    """The same day ``months`` earlier, or the last day of that month."""
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}th" if number % 100 in (11, 12, 13) else f"{number}{ending}"
