"""What happens to one case: it is opened, reopened, resolved, escalated, joined to its account, or only kept true."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connector.models.facts import ExistingCase, Facts
from connector.models.plan import Transition
from connector.policy import CaseRule, Policy
from connector.sync.decide.lifecycle.problem import RESOLVED, Problem, Step, lasts, split


def window_of(policy: Policy, settings: CaseRule) -> int:
    """How many days a closed case may be reopened."""
    own = settings.reopen_window_days
    return policy.cases.reopen_window_days if own is None else own


def absent(problem: Problem, policy: Policy, window: timedelta, now: datetime) -> Step | None:
    """A problem without a case; None where it needs none."""
    if not problem.evident or problem.held:
        return None
    if problem.open:
        old = problem.lasting and _is_old(problem.last_signal_at, window, now)
        return None if old else Step(1, Transition.OPEN, policy.statuses.open, is_new=True)
    if not policy.cases.record_already_resolved or _is_old(problem.resolved_at, window, now):
        return None
    return Step(1, Transition.OPEN, policy.statuses.closed, is_new=True)


def present(problem: Problem, case: ExistingCase, policy: Policy, window: timedelta, now: datetime) -> Step:
    """A problem with a case."""
    cycle = split(case.key)[1]
    if not lasts(problem):
        ours = case.state != RESOLVED and not case.closed
        return Step(cycle, Transition.RESOLVE, policy.statuses.closed) if ours else Step(cycle)
    if not case.closed or not _is_back(problem, case):
        return Step(cycle)
    if policy.cases.after_close == "reopen" and _soon_enough(problem, case, window, now):
        return Step(cycle, Transition.REOPEN, policy.statuses.reopened)
    return Step(cycle + 1, Transition.OPEN, policy.statuses.open, is_new=True, follows=case.key)


def escalated(
    step: Step, problem: Problem, case: ExistingCase | None, facts: Facts, settings: CaseRule
) -> Step:
    """With the step of the escalation that is reached, none once it is over, and whether the account has just become
    known.

    The step follows from the facts and the time alone, up and down: a dispute that was answered in its last hour and
    one that was first heard of a week later end in the same queue, with the same priority (decision 33)."""
    known = case if case is not None and not step.is_new else None
    joins = known is not None and bool(known.subject) and known.subject != facts.subject
    before = known.escalation if known else 0
    step = replace(
        step,
        transition=step.transition or (Transition.JOIN if joins else None),
        escalation=before if lasts(problem) else 0,
        joins=joins,
        in_queue=case is None or case.in_queue,
    )
    moves = (Transition.REOPEN, Transition.OPEN, Transition.RESOLVE)
    if known is not None and known.closed and step.transition not in moves:
        return step
    reached = settings.reached(problem.due_at, facts.now) if lasts(problem) else 0
    return _moved(step, known, before, reached, settings)


def _moved(step: Step, known: ExistingCase | None, before: int, reached: int, settings: CaseRule) -> Step:
    """A case that exists changes hands when a step is reached or left; a new one begins at the step that is reached."""
    escalates = known is not None and reached > before
    deescalates = known is not None and reached < before
    transition = step.transition
    if transition is None and escalates:
        transition = Transition.ESCALATE
    elif transition is None and deescalates:
        transition = Transition.DEESCALATE
    return replace(
        step,
        transition=transition,
        escalation=reached,
        escalates=escalates,
        deescalates=deescalates,
        priority_before=settings.priority_at(before) if deescalates else None,
        queue_before=settings.queue_at(before) if deescalates else None,
    )


def _is_back(problem: Problem, case: ExistingCase) -> bool:
    """We had resolved it, or something failed anew after an agent closed it."""
    if case.state == RESOLVED:
        return not problem.lasting or _signalled_after(problem, case)
    return _signalled_after(problem, case)


def _signalled_after(problem: Problem, case: ExistingCase) -> bool:
    signal, closed = problem.last_signal_at, case.closed_at
    return signal is not None and closed is not None and signal > closed


def _soon_enough(problem: Problem, case: ExistingCase, window: timedelta, now: datetime) -> bool:
    if case.closed_at is None:
        return True
    back_at = problem.last_signal_at if _signalled_after(problem, case) and problem.last_signal_at else now
    return back_at - case.closed_at <= window


def _is_old(moment: datetime | None, window: timedelta, now: datetime) -> bool:
    return moment is not None and now - moment > window
