"""The life of a case: absent → open → resolved, perhaps reopened, perhaps followed by the next one.

A rule says what is true of a problem (``Problem``); here it meets what Salesforce has (``CaseSeen``) and becomes a
change. Status, owner, priority and subject are the agents' own: they are written when a case is made, and again only
by an explicit transition: Status by reopening and resolving, priority and queue by the policy's escalation as the
deadline nears, and back when it is met or over, subject and queue when the account of a case becomes known. A case that
a person has taken is never given to a queue.

Whether an outcome was watched or found out later makes no difference to the record: a problem that began and ended
unseen gets its case too, closed from the start, if it is certain (``evident``) and ended within the reopen window.
What is older is history, and a backfill makes no cases of it.
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
    """What to write about the problems of one rule, and about its cases whose problem is not there any more."""
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
    """Every case of an account its source no longer has is resolved; what it says otherwise stays."""
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
