"""A refund failed, is outside the refund policy, or is of a disputed payment.

A failure that a processor reports has the case of the processor object: its key is the refund id, so it can exist
before the account is known. Recurly's record of the same failure belongs to that case; a case that Recurly's record
had opened before continues there. A failure that only Recurly reports has one case for each payment, for all attempts.
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
    index = FactsIndex(facts)
    account_refunds = refund_matching.of(index)
    problems = [
        *_failed(account_refunds, index, policy),
        *_failed_at_processors(account_refunds, index, policy),
        *policy_review.problems(account_refunds, index, policy),
        *double_refund.problems(account_refunds, index, policy),
    ]
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.refund)


def look_again_at(facts: Facts, policy: Policy) -> datetime | None:
    """End of the wait for a match or for Recurly's report, or next escalation step."""
    index, settings = FactsIndex(facts), policy.rules.refund
    account_refunds = refund_matching.of(index)
    failed = [one.processed for one in account_refunds if one.processed and one.failed_at_the_processor]
    dues = double_refund.dues(account_refunds, index, policy)
    moments = (
        policy_review.next_reviewed(account_refunds, facts, policy),
        processor_helpers.next_asked(failed, facts, policy),
        *(settings.next_step_at(due, facts.now) for due in dues),
    )
    return min((at for at in moments if at), default=None)


# Reported by Recurly --------------------------------------------------------------------------------------------


def _failed(account_refunds: Sequence[RefundFacts], index: FactsIndex, policy: Policy) -> Iterator[Problem]:
    """A problem for each payment whose refund failed, for all its attempts."""
    tries: dict[str, list[RefundFacts]] = defaultdict(list)
    for one in account_refunds:
        tries[one.root].append(one)
    for root, found in sorted(tries.items()):
        failed = [one for one in found if one.recorded and one.recorded.status in FAILED]
        if failed and failed[-1].recorded:
            problem = _failure(root, failed, failed[-1].recorded, found, index, policy)
            at_processor = any(one.failed_at_the_processor for one in found)
            yield _continued(root, failed[-1], problem) if at_processor else problem


def _failure(
    root: str,
    failed: list[RefundFacts],
    last: Payment,
    account_refunds: Sequence[RefundFacts],
    index: FactsIndex,
    policy: Policy,
) -> Problem:
    decline, done = declines.of(last), _settled(failed[-1], account_refunds)
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
    problem = _with_texts(problem, failed[-1], reason, action, account_refunds, index, policy)
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


def _settled(failed: RefundFacts, account_refunds: Sequence[RefundFacts]) -> RefundFacts | None:
    """The refund that succeeded later; the same one, if its processor reports success."""
    return failed if failed.state is State.DONE else refund_matching.settling(failed, account_refunds)


def _done_at(done: RefundFacts | None) -> datetime | None:
    if done is None or done.recorded is None:
        return done.processed.at if done and done.processed else None
    return done.recorded.collected_at or done.recorded.created_at


# Reported by the processor --------------------------------------------------------------------------------------


def _failed_at_processors(
    account_refunds: Sequence[RefundFacts], index: FactsIndex, policy: Policy
) -> Iterator[Problem]:
    for one in account_refunds:
        if one.processed:
            yield _processed(one, one.processed, account_refunds, index, policy)


def _processed(
    refund: RefundFacts,
    item: ProcessorObject,
    account_refunds: Sequence[RefundFacts],
    index: FactsIndex,
    policy: Policy,
) -> Problem:
    """A refund that has not failed, or no longer, resolves its case and never opens one."""
    facts, reason = index.facts, reasons.explain(item)
    failed, done = refund.state is State.FAILED, refund_matching.settling(refund, account_refunds)
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
            else f"is {phrases.plain(item.status or 'not at_processor of')}"
        ),
        opened_at=item.at if failed else processor_helpers.began_at(item, facts),
        last_signal_at=refund.began_at,
        resolved_at=_done_at(done) if failed and done else item.at,
        outcome=_outcome(refund, item),
        queue=processor_helpers.queue(facts, policy),
    )
    problem = _with_texts(problem, refund, reason.text, reason.action, account_refunds, index, policy)
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


def _with_texts(
    problem: Problem,
    refund: RefundFacts,
    reason: str | None,
    action: str | None,
    account_refunds: Sequence[RefundFacts],
    index: FactsIndex,
    policy: Policy,
) -> Problem:
    """The problem with its texts. A dispute changes the advice, because the bank may pay the customer back."""
    payment, settings = refund.payment, policy.rules.refund
    disputed = [one for one in open_disputes.of(payment, index) if one.over_at is None] if payment else []
    action = _DISPUTED if disputed else action
    judged = policy_review.judged(refund, account_refunds, index, policy)
    texts = refund_texts.of(refund, payment, index)
    money = refund.money
    return replace(
        problem,
        priority=settings.priority_of(money.amount if money else None),
        amount=money,
        fields={
            F.REASON: reason,
            F.ACTION: action,
            F.REFUND_POLICY: judged.sentence if judged else None,
            F.LINK: refund_texts.link(refund, index, policy),
        },
        parents=refund_texts.lookups(refund, payment, index),
        stable={"account": processor_helpers.code(index.facts), "problem": "Refund failed"},
        fresh={
            **texts,
            "reason": reason,
            "action": action,
            "attempts": None,
            "policy": judged.sentence if judged else None,
            "dispute": disputed[-1].description if disputed else None,
        },
    )
