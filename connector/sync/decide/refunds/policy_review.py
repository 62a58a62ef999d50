"""Refunds outside the policy: a person reviews them and closes the case.

Recurly's refunds get a case at once. A refund that only a processor reports may have been made there by hand. It waits
for Recurly's report as long as an object waits for a match: both usually arrive within seconds, in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from connector.mappers.fields import Case as F
from connector.models.facts import Facts, Payment, ProcessorObject, SubjectKind
from connector.policy import Policy
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex
from connector.sync.decide.context.refund_matching import RefundFacts, State
from connector.sync.decide.lifecycle import Problem
from connector.sync.decide.refunds import eligibility, refund_texts
from connector.sync.decide.refunds.eligibility import Verdict

STEM: Final = "refund_review"
_ACTION: Final = "Check that the refund is within policy and was asked for, then close the case."
_OUTSIDE: Final = (
    "Recurly does not know of this refund: check who made it at the processor and why, record it in Recurly, then "
    "close the case."
)


def judged(
    refund: RefundFacts, account_refunds: Sequence[RefundFacts], index: FactsIndex, policy: Policy
) -> Verdict | None:
    """The verdict of the policy; None without an account."""
    if index.facts.about is not SubjectKind.ACCOUNT:
        return None
    return eligibility.verdict(refund, refund.payment, account_refunds, index, policy.rules.refund)


def problems(account_refunds: Sequence[RefundFacts], index: FactsIndex, policy: Policy) -> Iterator[Problem]:
    for refund in account_refunds:
        verdict = judged(refund, account_refunds, index, policy)
        if verdict is None:
            continue
        if refund.recorded and refund.recorded.status in ("success", "void"):
            yield _recorded(refund, refund.recorded, verdict, index, policy)
        if refund.processed:
            yield _processed(refund, refund.processed, verdict, index, policy)


def next_reviewed(account_refunds: Sequence[RefundFacts], facts: Facts, policy: Policy) -> datetime | None:
    """When the next refund has waited long enough for Recurly's report."""
    waits = (
        _reviewed_from(one.processed, policy) for one in account_refunds if one.processed and not one.recorded
    )
    return min((at for at in waits if at and at > facts.now), default=None)


def _reviewed_from(item: ProcessorObject, policy: Policy) -> datetime | None:
    waited = timedelta(minutes=policy.joining.wait_minutes)
    return item.known_since + waited if item.known_since else None


def _recorded(
    refund: RefundFacts, billed: Payment, verdict: Verdict, index: FactsIndex, policy: Policy
) -> Problem:
    problem = Problem(
        object="payment",
        id=billed.uuid,
        name=STEM,
        open=_is_beyond(verdict) and refund.state is State.DONE,
        evident=_is_beyond(verdict),
        why=_why(refund, verdict),
        lasting=True,
        opened_at=billed.created_at,
        last_signal_at=billed.created_at,
        resolved_at=billed.voided_at or refund.ended_at or billed.updated_at,
        outcome=_outcome(refund),
    )
    return _with_texts(problem, refund, _ACTION, verdict, index, policy)


def _processed(
    refund: RefundFacts, item: ProcessorObject, verdict: Verdict, index: FactsIndex, policy: Policy
) -> Problem:
    waited = _reviewed_from(item, policy)
    beyond = _is_beyond(verdict) and refund.recorded is None
    problem = Problem(
        object="refund",
        id=item.id,
        name=STEM,
        source=item.source,
        open=beyond and refund.state is State.DONE,
        evident=beyond and refund.state is State.DONE and (waited is None or waited <= index.facts.now),
        why=_why(refund, verdict),
        lasting=True,
        opened_at=refund.began_at,
        last_signal_at=refund.began_at,
        resolved_at=item.at,
        outcome="Continued" if refund.recorded else _outcome(refund),
    )
    return _with_texts(problem, refund, _OUTSIDE, verdict, index, policy)


def _is_beyond(verdict: Verdict) -> bool:
    """Whether it needs a review. A refund of a disputed payment has the case of the double refund instead."""
    return verdict.judgement != "eligible" and not verdict.disputed


def _why(refund: RefundFacts, verdict: Verdict) -> str:
    amount = processor_helpers.money_text(refund.money) or "an amount that is not known"
    match refund.state:
        case State.VOID:
            return f"the refund of {amount} was voided"
        case State.FAILED:
            return f"the refund of {amount} failed"
        case _:
            return f"{amount} was refunded ({verdict.sentence})"


def _outcome(refund: RefundFacts) -> str:
    match refund.state:
        case State.VOID:
            return "Voided"
        case State.FAILED:
            return "Refund failed"
        case _:
            return "Within policy"


def _with_texts(
    problem: Problem, refund: RefundFacts, action: str, verdict: Verdict, index: FactsIndex, policy: Policy
) -> Problem:
    money = refund.money
    return replace(
        problem,
        priority=policy.rules.refund.priority_of(money.amount if money else None),
        amount=money,
        fields={
            F.REASON: verdict.sentence,
            F.ACTION: action,
            F.REFUND_POLICY: verdict.sentence,
            F.LINK: refund_texts.link(refund, index, policy),
        },
        parents=refund_texts.lookups(refund, refund.payment, index),
        stable={"account": index.facts.code, "problem": "Refund to review"},
        fresh={
            **refund_texts.of(refund, refund.payment, index),
            "reason": None,
            "action": action,
            "attempts": None,
            "policy": verdict.sentence,
            "dispute": None,
        },
    )
