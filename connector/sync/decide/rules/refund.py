"""A refund failed, is beyond the refund policy, or meets a dispute about the same payment.

A failure that a processor tells of has the processor's case: it carries the refund's own id, may be there before the
account is known, and stays the same when that is found. What Recurly recorded of that failure belongs to it, whichever
came first; a case that Recurly's word had opened before then goes on there. A failure that only Recurly knows of has
one case for each payment, however often the refund was tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from connector.mappers import declines, phrases, reasons
from connector.mappers.fields import Case as F
from connector.models.facts import Facts, Payment, ProcessorObject, Status
from connector.models.plan import Change, Value
from connector.policy import Policy, Told
from connector.sync.decide import lifecycle
from connector.sync.decide.context import open_disputes, processor_helpers, refund_matching
from connector.sync.decide.context.facts_index import FAILED, FactsIndex
from connector.sync.decide.context.refund_matching import RefundFacts, State
from connector.sync.decide.lifecycle import Problem
from connector.sync.decide.refunds import double_refund, policy_review, refund_texts

NAME = "refund"
FAILED_STEM = "refund_failed"
_DISPUTED: Final = "The payment is disputed: do not pay it back by other means unless the dispute is won."


def changes(facts: Facts, policy: Policy) -> list[Change]:
    evidence = FactsIndex(facts)
    known = refund_matching.of(evidence)
    problems = [
        *_failed(known, evidence, policy),
        *_failed_at_processors(known, evidence, policy),
        *policy_review.problems(known, evidence, policy),
        *double_refund.problems(known, evidence, policy),
    ]
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.refund)


def look_again_at(facts: Facts, policy: Policy) -> datetime | None:
    """The end of a wait, for the account or for Recurly's own word, or the next step of an escalation."""
    evidence, settings = FactsIndex(facts), policy.rules.refund
    known = refund_matching.of(evidence)
    failed = [one.processed for one in known if one.processed and one.failed_at_the_processor]
    dues = double_refund.dues(known, evidence, policy)
    moments = (
        policy_review.next_reviewed(known, facts, policy),
        processor_helpers.next_asked(failed, facts, policy),
        *(settings.next_step_at(due, facts.now) for due in dues),
    )
    return min((at for at in moments if at), default=None)


# Recurly tells of it --------------------------------------------------------------------------------------------


def _failed(known: Sequence[RefundFacts], evidence: FactsIndex, policy: Policy) -> Iterator[Problem]:
    """One problem for each payment that could not be given back, however often it was tried."""
    tries: dict[str, list[RefundFacts]] = defaultdict(list)
    for one in known:
        tries[one.root].append(one)
    for root, found in sorted(tries.items()):
        failed = [one for one in found if one.recorded and one.recorded.status in FAILED]
        if failed and failed[-1].recorded:
            problem = _failure(root, failed, failed[-1].recorded, found, evidence, policy)
            told = any(one.failed_at_the_processor for one in found)
            yield _continued(root, failed[-1], problem) if told else problem


def _failure(
    root: str,
    failed: list[RefundFacts],
    last: Payment,
    known: Sequence[RefundFacts],
    evidence: FactsIndex,
    policy: Policy,
) -> Problem:
    decline, done = declines.of(last), _settled(failed[-1], known)
    reason, action = (decline.reason, decline.action) if decline else (None, None)
    problem = Problem(
        object="payment",
        id=root,
        name=FAILED_STEM,
        open=done is None,
        evident=True,
        why=f"the refund of payment {root} "
        + ("succeeded later" if done else f"failed ({last.code or 'no code'})"),
        opened_at=failed[0].recorded.created_at if failed[0].recorded else None,
        last_signal_at=last.created_at,
        resolved_at=_done_at(done),
        outcome="Refunded",
    )
    problem = _told(problem, failed[-1], reason, action, known, evidence, policy)
    category = decline.category if decline else None
    return _with(problem, {F.DECLINE_CATEGORY: category, F.ATTEMPTS: len(failed)}, {"attempts": len(failed)})


def _continued(root: str, last: RefundFacts, problem: Problem) -> Problem:
    return replace(
        problem,
        open=False,
        evident=False,
        why=f"the failed refund of payment {root} goes on in its processor's case",
        resolved_at=last.ended_at,
        outcome="Continued",
    )


def _settled(failed: RefundFacts, known: Sequence[RefundFacts]) -> RefundFacts | None:
    """What gave the money back after all; perhaps the same refund, if its processor says so."""
    return failed if failed.state is State.DONE else refund_matching.settling(failed, known)


def _done_at(done: RefundFacts | None) -> datetime | None:
    if done is None or done.recorded is None:
        return done.processed.at if done and done.processed else None
    return done.recorded.collected_at or done.recorded.created_at


# Its processor tells of it --------------------------------------------------------------------------------------


def _failed_at_processors(
    known: Sequence[RefundFacts], evidence: FactsIndex, policy: Policy
) -> Iterator[Problem]:
    for one in known:
        if one.processed:
            yield _processed(one, one.processed, known, evidence, policy)


def _processed(
    refund: RefundFacts,
    item: ProcessorObject,
    known: Sequence[RefundFacts],
    evidence: FactsIndex,
    policy: Policy,
) -> Problem:
    """A refund that has not failed, or not any more, ends the case it had and never makes one."""
    facts, reason = evidence.facts, reasons.explain(item)
    failed, done = refund.state is State.FAILED, refund_matching.settling(refund, known)
    problem = Problem(
        object="refund",
        id=item.id,
        name=FAILED_STEM,
        source=item.source,
        open=failed and done is None,
        evident=failed and processor_helpers.is_evident(item, facts, policy),
        why=f"refund {item.id} of {item.source} "
        + (
            "succeeded in another try"
            if failed and done
            else f"is {phrases.plain(item.status or 'not told of')}"
        ),
        opened_at=item.at if failed else processor_helpers.began_at(item, facts),
        last_signal_at=refund.began_at,
        resolved_at=_done_at(done) if failed and done else item.at,
        outcome=_outcome(refund, item),
        queue=processor_helpers.queue(facts, policy),
    )
    problem = _told(problem, refund, reason.text, reason.action, known, evidence, policy)
    return _with(problem, {F.REASON_CODE: reason.code, F.GATEWAY: item.source}, {})


def _with(problem: Problem, fields: Mapping[str, Value], texts: Mapping[str, Told]) -> Problem:
    return replace(problem, fields={**problem.fields, **fields}, fresh={**problem.fresh, **texts})


def _outcome(refund: RefundFacts, item: ProcessorObject) -> str:
    match refund.state:
        case State.UNDER_WAY:
            return "Tried again"
        case State.VOID:
            return "Canceled" if item.status is Status.CANCELED else "Voided"
        case _:
            return "Refunded"


def _told(
    problem: Problem,
    refund: RefundFacts,
    reason: str | None,
    action: str | None,
    known: Sequence[RefundFacts],
    evidence: FactsIndex,
    policy: Policy,
) -> Problem:
    """The problem with its texts. A dispute changes what to do: the bank may pay the customer back."""
    payment, settings = refund.payment, policy.rules.refund
    disputed = [one for one in open_disputes.of(payment, evidence) if one.over_at is None] if payment else []
    action = _DISPUTED if disputed else action
    judged = policy_review.judged(refund, known, evidence, policy)
    texts = refund_texts.of(refund, payment, evidence)
    money = refund.money
    return replace(
        problem,
        priority=settings.priority_of(money.amount if money else None),
        amount=money,
        fields={
            F.REASON: reason,
            F.ACTION: action,
            F.REFUND_POLICY: judged.sentence if judged else None,
            F.LINK: refund_texts.link(refund, evidence, policy),
        },
        parents=refund_texts.lookups(refund, payment, evidence),
        stable={"account": processor_helpers.code(evidence.facts), "problem": "Refund failed"},
        fresh={
            **texts,
            "reason": reason,
            "action": action,
            "attempts": None,
            "policy": judged.sentence if judged else None,
            "dispute": disputed[-1].told if disputed else None,
        },
    )
