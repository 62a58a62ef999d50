"""Stage 3: turns the facts of one subject and the policy into a plan for Salesforce. Pure.

The same facts always give the same plan, in the same order and words. How often and when it runs does not change
the final records in Salesforce.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from connector.mappers import fields
from connector.models.facts import Facts, SubjectKind
from connector.models.local_time import localised
from connector.models.plan import Change, Plan
from connector.policy import Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.context.facts_index import with_currencies
from connector.sync.decide.registry import PROCESSOR_CASES, RULES, Rule
from connector.sync.decide.rules import account, timeline

_RANK: Final = {name: rank for rank, name in enumerate(fields.ORDER)}


def decide(facts: Facts, policy: Policy) -> Plan:
    """The plan for one subject. Empty for an account that was not fetched yet. Days are in the time zone of the
    site."""
    facts = with_currencies(localised(facts, policy.zone_of(facts.site)))
    if facts.gone:
        made = [account.gone(facts), *lifecycle.account_removed(facts, policy)]
        return _plan(facts, made)
    if facts.about is SubjectKind.ACCOUNT and facts.account is None:
        return Plan(facts.subject)
    rules = [rule for rule in RULES if facts.about in rule.about and _is_enabled(rule, policy)]
    made = [change for rule in rules for change in rule.changes(facts, policy)]
    return _with_next_check(_plan(facts, made), rules, facts, policy)


def _is_enabled(rule: Rule, policy: Policy) -> bool:
    return rule.policy is None or policy.case_rules()[rule.name].enabled


def _with_next_check(plan: Plan, rules: Iterable[Rule], facts: Facts, policy: Policy) -> Plan:
    """The plan with its next check: the first date of any rule, with the highest urgency of all. Otherwise the date of
    a dispute could pass while a routine check waits for API calls."""
    asked = [(rule.look_again_at(facts, policy), rule.urgency) for rule in rules if rule.look_again_at]
    dates = [(moment, urgency) for moment, urgency in asked if moment]
    if not dates:
        return plan
    return replace(
        plan,
        look_again_at=min(moment for moment, _ in dates),
        look_again_as=min(urgency for _, urgency in dates),
    )


def _plan(facts: Facts, made: list[Change]) -> Plan:
    changes = _merged([*made, *timeline.changes(facts, made, PROCESSOR_CASES)])
    return Plan(facts.subject, tuple(sorted(changes, key=_position)))


def _merged(changes: Iterable[Change]) -> list[Change]:
    """One change for each record. If two rules set the same field, the later rule wins."""
    found: dict[tuple[str, str], Change] = {}
    for change in changes:
        existing = found.get((change.object, change.key))
        found[change.object, change.key] = _both(existing, change) if existing else change
    return list(found.values())


def _both(first: Change, second: Change) -> Change:
    return replace(
        second,
        rule=first.rule if first.rule == second.rule else f"{first.rule}, {second.rule}",
        reason=first.reason if first.reason == second.reason else f"{first.reason}; {second.reason}",
        fields={**first.fields, **second.fields},
        parents={**first.parents, **second.parents},
        clears={**first.clears, **second.clears},
        on_create={**first.on_create, **second.on_create},
        transition=second.transition or first.transition,
        transition_fields={**first.transition_fields, **second.transition_fields},
    )


def _position(change: Change) -> tuple[int, str]:
    return _RANK[change.object], change.key
