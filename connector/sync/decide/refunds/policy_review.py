"""Refunds that were made beyond the policy: a person looks, and closes the case.

Recurly's refunds at once. One that only a processor tells of was perhaps made there by hand; Recurly's own word gets
as long to come as an object's account does, for the two usually come within seconds of each other, in any order.
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
    refund: RefundFacts, known: Sequence[RefundFacts], evidence: FactsIndex, policy: Policy
) -> Verdict | None:
    """The policy's verdict, where there is an account to judge by."""
    if evidence.facts.about is not SubjectKind.ACCOUNT:
        return None
    return eligibility.verdict(refund, refund.payment, known, evidence, policy.rules.refund)


def problems(known: Sequence[RefundFacts], evidence: FactsIndex, policy: Policy) -> Iterator[Problem]:
    for refund in known:
        verdict = judged(refund, known, evidence, policy)
        if verdict is None:
            continue
        if refund.recorded and refund.recorded.status in ("success", "void"):
            yield _recorded(refund, refund.recorded, verdict, evidence, policy)
        if refund.processed:
            yield _processed(refund, refund.processed, verdict, evidence, policy)


def next_reviewed(known: Sequence[RefundFacts], facts: Facts, policy: Policy) -> datetime | None:
    """When the next refund has waited long enough for Recurly's own word."""
    waits = (_reviewed_from(one.processed, policy) for one in known if one.processed and not one.recorded)
    return min((at for at in waits if at and at > facts.now), default=None)


def _reviewed_from(item: ProcessorObject, policy: Policy) -> datetime | None:
    waited = timedelta(minutes=policy.joining.wait_minutes)
    return item.known_since + waited if item.known_since else None


def _recorded(
    refund: RefundFacts, billed: Payment, verdict: Verdict, evidence: FactsIndex, policy: Policy
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
    return _told(problem, refund, _ACTION, verdict, evidence, policy)


def _processed(
    refund: RefundFacts, item: ProcessorObject, verdict: Verdict, evidence: FactsIndex, policy: Policy
) -> Problem:
    waited = _reviewed_from(item, policy)
    beyond = _is_beyond(verdict) and refund.recorded is None
    problem = Problem(
        object="refund",
        id=item.id,
        name=STEM,
        source=item.source,
        open=beyond and refund.state is State.DONE,
        evident=beyond and refund.state is State.DONE and (waited is None or waited <= evidence.facts.now),
        why=_why(refund, verdict),
        lasting=True,
        opened_at=refund.began_at,
        last_signal_at=refund.began_at,
        resolved_at=item.at,
        outcome="Continued" if refund.recorded else _outcome(refund),
    )
    return _told(problem, refund, _OUTSIDE, verdict, evidence, policy)


def _is_beyond(verdict: Verdict) -> bool:
    """A refund of a disputed payment has a case already: the risk of paying twice."""
    return verdict.judgement != "eligible" and not verdict.disputed


def _why(refund: RefundFacts, verdict: Verdict) -> str:
    told = processor_helpers.told_money(refund.money) or "an amount that is not known"
    match refund.state:
        case State.VOID:
            return f"the refund of {told} was voided"
        case State.FAILED:
            return f"the refund of {told} failed"
        case _:
            return f"{told} was refunded ({verdict.sentence})"


def _outcome(refund: RefundFacts) -> str:
    match refund.state:
        case State.VOID:
            return "Voided"
        case State.FAILED:
            return "Refund failed"
        case _:
            return "Within policy"


def _told(
    problem: Problem, refund: RefundFacts, action: str, verdict: Verdict, evidence: FactsIndex, policy: Policy
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
            F.LINK: refund_texts.link(refund, evidence, policy),
        },
        parents=refund_texts.lookups(refund, refund.payment, evidence),
        stable={"account": evidence.facts.code, "problem": "Refund to review"},
        fresh={
            **refund_texts.of(refund, refund.payment, evidence),
            "reason": None,
            "action": action,
            "attempts": None,
            "policy": verdict.sentence,
            "dispute": None,
        },
    )
