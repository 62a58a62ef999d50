"""Turns a step of a case into a change: our fields always, agents' fields only if the step sets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from connector.errors import SetupError
from connector.mappers import phrases
from connector.mappers.field_limits import ADVICE, CODE, LINE, WORD, amount, line, page, url
from connector.mappers.fields import Case as F
from connector.mappers.records import contact, recurly_links
from connector.models.facts import ExistingCase, Facts, SubjectKind
from connector.models.plan import Change, CreateValue, Parent, Queue, RecordType, Transition, Value
from connector.policy import CaseRule, Policy, Told
from connector.policy.templates import RenderError
from connector.sync.decide.context.facts_index import as_of, latest
from connector.sync.decide.lifecycle.problem import OPEN, RESOLVED, Problem, Step, key_of, lasts


def change_for(
    rule: str,
    problem: Problem,
    step: Step,
    case: ExistingCase | None,
    facts: Facts,
    policy: Policy,
    settings: CaseRule,
) -> Change:
    """The change that brings the case to this step."""
    change = Change(
        object=F.OBJECT,
        key=key_of(problem, facts, step.cycle),
        rule=rule,
        reason=_reason(problem, step, facts),
        fields=_fields(rule, problem, step, facts, policy, settings),
        parents={**_account(facts), **_contact(facts), **problem.parents},
        clears=_clears(facts),
        transition=step.transition,
    )
    if step.is_new:
        return replace(change, on_create=_on_create(problem, step, policy, settings))
    return replace(change, transition_fields=_transition_fields(problem, step, case, settings))


def _transition_fields(
    problem: Problem, step: Step, case: ExistingCase | None, settings: CaseRule
) -> Mapping[str, CreateValue]:
    """Agents' fields that this transition changes."""
    values: dict[str, CreateValue] = {F.STATUS: step.status} if step.status else {}
    opening = _opening(problem, settings, step.escalation)
    if step.joins:
        values |= {F.SUBJECT: opening[F.SUBJECT], F.OWNER: opening[F.OWNER]}
    if step.escalates:
        values |= _escalation(settings, step.escalation)
    if step.deescalates and step.queue_before not in (None, settings.queue_at(step.escalation)):
        values[F.OWNER] = opening[F.OWNER]
    if _resets_priority(step, case):
        values[F.PRIORITY] = opening[F.PRIORITY]
    if not step.in_queue:
        values.pop(F.OWNER, None)
    return values


def _resets_priority(step: Step, case: ExistingCase | None) -> bool:
    """Whether the case leaves the escalation step that set its priority, and no person has changed it since."""
    given = step.priority_before if step.deescalates else None
    return given is not None and case is not None and case.priority == given


def _opening(problem: Problem, settings: CaseRule, reached: int) -> dict[str, CreateValue]:
    """Owner, priority and subject of a new case."""
    return {
        F.SUBJECT: line(_rendered(settings, "subject", problem.stable), LINE),
        F.PRIORITY: problem.priority or settings.priority,
        F.OWNER: Queue(problem.queue or settings.queue),
        **_escalation(settings, reached),
    }


def _escalation(settings: CaseRule, reached: int) -> dict[str, CreateValue]:
    """Priority and queue after the reached escalation steps; the last step wins."""
    values: dict[str, CreateValue] = {}
    for step in settings.steps[:reached]:
        values |= {F.PRIORITY: step.priority} if step.priority else {}
        values |= {F.OWNER: Queue(step.queue)} if step.queue else {}
    return values


_OPTIONAL: Final = (
    *(F.REASON, F.ACTION, F.DECLINE_CATEGORY, F.ATTEMPTS, F.DUNNING_STEP, F.DEADLINE, F.STAGE, F.REASON_CODE),
    *(F.EVIDENCE, F.REFUND_POLICY, F.GATEWAY, F.AFFECTED, F.SUCCESS_RATE),
)
_LOOKUPS: Final = (F.INVOICE, F.SUBSCRIPTION, F.PAYMENT, F.DISPUTE, F.REFUND, F.PAYOUT)


def _fields(
    rule: str, problem: Problem, step: Step, facts: Facts, policy: Policy, settings: CaseRule
) -> Mapping[str, Value]:
    money, still = problem.amount, lasts(problem)
    always: dict[str, Value] = dict.fromkeys(_OPTIONAL, None)
    always |= problem.fields
    link = url(_str(always.get(F.LINK))) or (recurly_links.account(facts, policy) if facts.account else None)
    outcome = None if still else problem.suppressed or problem.outcome
    ours: dict[str, Value] = {
        F.ACCOUNT_KEY: facts.subject,
        F.RULE: rule,
        F.STATE: OPEN if still else RESOLVED,
        F.OUTCOME: line(outcome, WORD),
        F.OPENED_AT: problem.opened_at,
        F.RESOLVED_AT: None if still else problem.resolved_at,
        F.ESCALATION: step.escalation,
        F.AMOUNT: amount(money.amount, money.currency) if money else None,
        F.CURRENCY: line(money.currency, 3) if money else None,
        F.AMOUNT_TEXT: line(phrases.money(money.amount, money.currency)) if money else None,
        F.REASON: line(_str(always[F.REASON])),
        F.ACTION: page(_str(always[F.ACTION]), ADVICE) if still else None,
        F.DECLINE_CATEGORY: line(_str(always[F.DECLINE_CATEGORY]), CODE),
        F.STAGE: line(_str(always[F.STAGE]), WORD),
        F.REASON_CODE: line(_str(always[F.REASON_CODE]), CODE),
        F.EVIDENCE: page(_str(always[F.EVIDENCE])),
        F.REFUND_POLICY: line(_str(always[F.REFUND_POLICY])),
        F.GATEWAY: line(_str(always[F.GATEWAY]), CODE),
        F.LINK: link,
    }
    ours |= {lookup: None for lookup in _LOOKUPS if lookup not in problem.parents}
    return {**always, **ours, F.SUMMARY: page(_summary(problem, link, settings))}


def _summary(problem: Problem, link: str | None, settings: CaseRule) -> str:
    common: Mapping[str, Told] = {
        "link": link,
        "opened_on": phrases.day(problem.opened_at),
        "resolved_on": None if lasts(problem) else phrases.day(problem.resolved_at),
        "outcome": None if lasts(problem) else problem.suppressed or problem.outcome,
    }
    return _rendered(settings, "summary", {**problem.stable, **common, **problem.fresh})


def _rendered(settings: CaseRule, key: str, values: Mapping[str, Told]) -> str:
    try:
        text: str = getattr(settings, key).render(values)
    except RenderError as error:
        raise SetupError(f"The policy's {key} template cannot be rendered: {error}") from error
    return text


def _on_create(problem: Problem, step: Step, policy: Policy, settings: CaseRule) -> Mapping[str, CreateValue]:
    values: dict[str, CreateValue] = {
        **_opening(problem, settings, step.escalation),
        F.STATUS: step.status,
        F.ORIGIN: policy.cases.origin,
        F.RECORD_TYPE: RecordType(settings.record_type or policy.cases.record_type),
    }
    return {**values, F.PARENT: Parent(F.OBJECT, step.follows)} if step.follows else values


def _account(facts: Facts) -> Mapping[str, Parent]:
    has_account = facts.about is SubjectKind.ACCOUNT
    return {F.ACCOUNT: Parent("Account", facts.subject)} if has_account else {}


def _clears(facts: Facts) -> Mapping[str, str | None]:
    """Lookups to clear, so that a case that moves does not keep account and contact of its former account."""
    match facts.about:
        case SubjectKind.OBJECT:
            return {F.ACCOUNT: None, F.CONTACT: None}
        case SubjectKind.ACCOUNT:
            return {F.CONTACT: contact.key(facts)}
        case _:
            return {}


def _contact(facts: Facts) -> Mapping[str, Parent]:
    return {F.CONTACT: Parent("Contact", contact.key(facts))} if contact.is_known(facts.account) else {}


def _reason(problem: Problem, step: Step, facts: Facts) -> str:
    match step.transition:
        case Transition.OPEN if not problem.open:
            return f"{problem.why}; it was over before anyone had to act"
        case Transition.OPEN if step.follows:
            return f"{problem.why}; a new case after {step.follows}"
        case Transition.REOPEN:
            return f"{problem.why}; it is back"
        case Transition.ESCALATE:
            return f"{problem.why}; step {step.escalation} of the escalation is reached"
        case Transition.JOIN if facts.about is SubjectKind.OBJECT:
            return f"{problem.why}; its account is not known any more"
        case Transition.DEESCALATE:
            return f"{problem.why}; the deadline is not near any more"
        case Transition.JOIN:
            return f"{problem.why}; its account is known now"
        case _:
            return problem.why


def continued(case: ExistingCase, problem: Problem) -> Change:
    """The change that resolves the old case when the next one is created."""
    return Change(
        object=F.OBJECT,
        key=case.key,
        rule=case.rule,
        reason=f"{problem.why}; it goes on in a new case",
        fields={F.STATE: RESOLVED} if case.state == RESOLVED else _end("Continued", case.closed_at),
    )


def ended(case: ExistingCase, facts: Facts, policy: Policy, outcome: str, why: str) -> Change | None:
    """The change that resolves a case whose problem no longer exists; None if it is resolved already."""
    if case.state == RESOLVED:
        return None
    change = Change(
        object=F.OBJECT,
        key=case.key,
        rule=case.rule,
        reason=why,
        fields=_end(outcome, latest(as_of(facts)) or facts.now),
    )
    if case.closed:
        return change
    return replace(
        change, transition=Transition.RESOLVE, transition_fields={F.STATUS: policy.statuses.closed}
    )


def _end(outcome: str, at: datetime | None) -> Mapping[str, Value]:
    return {F.STATE: RESOLVED, F.OUTCOME: outcome, F.RESOLVED_AT: at}


def _str(value: Value) -> str | None:
    return value if isinstance(value, str) else None
