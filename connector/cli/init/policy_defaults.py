"""Questions about the policy: statuses and queues of the org, and the thresholds that are changed most."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from connector.cli.init import policy_file
from connector.cli.init.policy_file import value_of
from connector.cli.init.prompts import Answers, Problem
from connector.doctor.salesforce.cases import keys_of, queues_for_cases, statuses_of
from connector.doctor.salesforce.org_context import OrgContext
from connector.errors import SetupError
from connector.policy import Policy

_THRESHOLDS: Final[Mapping[str, str]] = {
    "rules.payment_failed.dunning_step": "Dunning step from which a past due invoice gets a case",
    "rules.refund.review_amount": "Refunds of this amount and more get a case for approval",
    "rules.refund.policy.window_days": "Days after a payment in which a refund is within policy",
    "rules.payment_method.days_before": "Days before a renewal in which an expiring card gets a case",
}


def ask(answers: Answers, context: OrgContext | None, policy: Policy, path: Path) -> dict[str, object]:
    """Answered keys of the policy, dotted; each answer is valid for the policy in ``path``."""
    given = [name for name in answers.given if "." in name and name.islower()]
    answered = {name: value_of(answers.ask(name, name, problem=_fits(path, name))) for name in given}
    if context is not None:
        answered |= _statuses(answers, context, policy) | _queues(answers, context, policy)
    if answers.yes("thresholds", "Change the usual thresholds now?", default=False, unasked=False):
        for name, question in _THRESHOLDS.items():
            default, fits = str(_value_of_key(policy, name)), _fits(path, name)
            answered[name] = value_of(answers.ask(name, question, default=default, needed=True, problem=fits))
    return {name: value for name, value in answered.items() if value != _value_of_key(policy, name)}


def _statuses(answers: Answers, context: OrgContext, policy: Policy) -> dict[str, object]:
    closed = statuses_of(context)
    answered: dict[str, object] = {}
    for key, question, must_close in (
        ("closed", "Status that ends a case", True),
        ("open", "Status of a new case", False),
        ("reopened", "Status of a case that comes back", False),
    ):
        fitting = [name for name, closes in closed.items() if closes is must_close]
        name, value = f"statuses.{key}", str(getattr(policy.statuses, key))
        wrong = policy.statuses.is_given(key) and value not in fitting
        several = must_close and not policy.statuses.is_given(key) and len(fitting) > 1
        if fitting and wrong:
            answered[name] = answers.ask(name, question, default=fitting[0], choices=fitting, needed=True)
        elif several and (
            chosen := answers.ask(name, f"{question}; empty for the org's own", choices=fitting)
        ):
            answered[name] = chosen
    return answered


def _queues(answers: Answers, context: OrgContext, policy: Policy) -> dict[str, object]:
    """Ask for keys with one queue. The steps of an escalation are a list, and are not asked for."""
    usable = sorted(queues_for_cases(context)[0])
    answered: dict[str, object] = {}
    for queue in sorted(policy.queues() - set(usable)) if usable else ():
        chosen = ""
        for name in keys_of(policy, queue, "queue"):
            if ".escalation." not in name:
                question = (
                    f"The org has no queue {queue} ({name}). Which one instead (empty: I will create it)"
                )
                chosen = answers.ask(name, question, default=chosen, choices=usable)
                answered |= {name: chosen} if chosen else {}
    return answered


def _fits(path: Path, dotted: str) -> Problem:
    """Validates with the policy itself, which knows the values that a key allows."""

    def problem(answer: str) -> str:
        try:
            policy_file.checked(path, {dotted: value_of(answer)})
        except SetupError as error:
            return str(error).partition("\n")[0]
        return ""

    return problem


def _value_of_key(policy: Policy, dotted: str) -> object:
    value: object = policy
    for key in dotted.split("."):
        value = getattr(value, key, None)
    return value
