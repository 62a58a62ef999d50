"""The life of a case: absent → open → resolved, perhaps reopened, perhaps followed by the next one.

A rule describes a problem (``Problem``). Here it is compared with the case in Salesforce (``ExistingCase``) and becomes
a change. Status, owner, priority and subject belong to agents: they are written when a case is created, and later only
by an explicit transition. Reopening and resolving set the status. Escalation near the deadline sets priority and queue,
and resets them when the deadline is met or over. A match of the account sets subject and queue. A case that a person
owns is never moved to a queue.

The record does not depend on when a problem was noticed: a problem that began and ended unnoticed gets a closed case
too, if it is certain (``evident``) and ended within the reopen window. Older problems get no case, also in a backfill.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from connector.models.facts import ExistingCase, Facts
from connector.models.plan import Change
from connector.policy import CaseRule, Policy
from connector.sync.decide.lifecycle.case_changes import change_for, continued, ended
from connector.sync.decide.lifecycle.problem import OPEN, RESOLVED, Problem, newest, split, stem
from connector.sync.decide.lifecycle.transitions import absent, escalated, present, window_of

__all__ = ["OPEN", "RESOLVED", "Problem", "account_removed", "changes", "newest", "split"]


def changes(
    rule: str, problems: Iterable[Problem], facts: Facts, policy: Policy, settings: CaseRule
) -> list[Change]:
    """Changes for the problems of one rule, and for its cases whose problem no longer exists."""
    seen = newest(facts.cases, rule)
    made: list[Change] = []
    for problem in problems:
        case = seen.pop(stem(problem, facts), None)
        made += _written(rule, problem, case, facts, policy, settings)
    over = (
        ended(case, facts, policy, "No longer found", "its object is not there any more")
        for case in seen.values()
    )
    return [*made, *filter(None, over)]


def account_removed(facts: Facts, policy: Policy) -> list[Change]:
    """Resolve every case of an account that its source no longer has; other fields stay unchanged."""
    rules = {case.rule for case in facts.cases}
    cases = [case for rule in sorted(rules) for case in newest(facts.cases, rule).values()]
    over = (ended(case, facts, policy, "Account removed", "the account was removed") for case in cases)
    return [change for change in over if change]


def _written(
    rule: str, problem: Problem, case: ExistingCase | None, facts: Facts, policy: Policy, settings: CaseRule
) -> list[Change]:
    window = timedelta(days=window_of(policy, settings))
    step = (
        absent(problem, policy, max(window, timedelta(days=policy.cases.reopen_window_days)), facts.now)
        if case is None
        else present(problem, case, policy, window, facts.now)
    )
    if step is None:
        return []
    step = escalated(step, problem, case, facts, settings)
    change = change_for(rule, problem, step, case, facts, policy, settings)
    if case is None or step.follows is None:
        return [change]
    return [continued(case, problem), change]
