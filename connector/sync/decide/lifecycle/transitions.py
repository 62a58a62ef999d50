"""The next step of a case: open, reopen, resolve, escalate, de-escalate, join its account, or only update it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connector.models.facts import ExistingCase, Facts
from connector.models.plan import Transition
from connector.policy import CaseRule, Policy
from connector.sync.decide.lifecycle.problem import RESOLVED, Problem, Step, lasts, split


def window_of(policy: Policy, settings: CaseRule) -> int:
    """Days in which a closed case may be reopened."""
    own = settings.reopen_window_days
    return policy.cases.reopen_window_days if own is None else own


def absent(problem: Problem, policy: Policy, window: timedelta, now: datetime) -> Step | None:
    """Step for a problem without a case; None if it needs none."""
    if not problem.evident or problem.suppressed:
        return None
    if problem.open:
        old = problem.lasting and _is_old(problem.last_signal_at, window, now)
        return None if old else Step(1, Transition.OPEN, policy.statuses.open, is_new=True)
    if not policy.cases.record_already_resolved or _is_old(problem.resolved_at, window, now):
        return None
    return Step(1, Transition.OPEN, policy.statuses.closed, is_new=True)


def present(problem: Problem, case: ExistingCase, policy: Policy, window: timedelta, now: datetime) -> Step:
    """Step for a problem with a case."""
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
    """The step with its escalation (none if the problem is over), and with a join if the case was just matched.

    The escalation follows from facts and time alone, up and down: a dispute that was answered in its last hour and one
    that was first received a week later end in the same queue, with the same priority (decision 33)."""
    existing = case if case is not None and not step.is_new else None
    joins = existing is not None and bool(existing.subject) and existing.subject != facts.subject
    before = existing.escalation if existing else 0
    step = replace(
        step,
        transition=step.transition or (Transition.JOIN if joins else None),
        escalation=before if lasts(problem) else 0,
        joins=joins,
        in_queue=case is None or case.in_queue,
    )
    moves = (Transition.REOPEN, Transition.OPEN, Transition.RESOLVE)
    if existing is not None and existing.closed and step.transition not in moves:
        return step
    reached = settings.reached(problem.due_at, facts.now) if lasts(problem) else 0
    return _moved(step, existing, before, reached, settings)


def _moved(step: Step, existing: ExistingCase | None, before: int, reached: int, settings: CaseRule) -> Step:
    """An existing case escalates or de-escalates by transition; a new case begins at the reached step."""
    escalates = existing is not None and reached > before
    deescalates = existing is not None and reached < before
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
    """Whether the problem is back: we had resolved the case, or there was a new failure after an agent closed it."""
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
