"""The life of a case: absent → open → resolved, perhaps reopened, perhaps followed by the next one.

A rule says what is true of a problem (``Problem``); here it meets what Salesforce has (``CaseSeen``) and becomes a
change. Status, owner, priority and subject are the agents' own: they are written when a case is made, and Status
again only by reopening and resolving.

Whether an outcome was watched or found out later makes no difference to the record: a problem that began and ended
unseen gets its case too, closed from the start, if it is certain (``evident``) and ended within the reopen window.
What is older is history, and a backfill makes no cases of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connector.errors import SetupError
from connector.facts import CaseSeen, Facts, Money
from connector.mappers import keys, words
from connector.mappers.fields import Case as F
from connector.mappers.records import contact, links
from connector.mappers.salesforce import ADVICE, CODE, LINE, WORD, amount, line, page
from connector.plan import Change, CreateValue, Parent, Queue, RecordType, Transition, Value
from connector.policy import CaseRule, Policy, Told
from connector.sync.evidence import as_of, latest

OPEN = "open"
RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a rule knows of one problem. ``object``, ``id`` and ``name`` are the stem of its cases' keys.

    ``open``: it lasts. ``evident``: it deserves a case where there is none. ``lasting``: nothing but a person ends
    it, so it never gets a case once it is older than the reopen window. ``last_signal_at``: the newest evidence of
    a *new* failure, which reopens a case that an agent closed. ``stable`` texts never change while it lasts: the
    subject is made of them alone. ``fresh`` texts may. ``why`` is for the audit trail.
    """

    object: str
    id: str
    name: str
    open: bool
    evident: bool
    why: str
    lasting: bool = False
    opened_at: datetime | None = None
    last_signal_at: datetime | None = None
    resolved_at: datetime | None = None
    outcome: str | None = None
    priority: str | None = None
    amount: Money | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    parents: Mapping[str, Parent] = field(default_factory=dict)
    stable: Mapping[str, Told] = field(default_factory=dict)
    fresh: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Step:
    """What happens to one case: which cycle, which transition, which Status with it."""

    cycle: int
    transition: Transition | None = None
    status: str | None = None
    is_new: bool = False
    follows: str | None = None


def changes(
    rule: str, problems: Iterable[Problem], facts: Facts, policy: Policy, settings: CaseRule
) -> list[Change]:
    """What to write about the problems of one rule, and about its cases whose problem is not there any more."""
    seen = newest(facts.cases, rule)
    made: list[Change] = []
    for problem in problems:
        case = seen.pop(_stem(problem, facts), None)
        made += _written(rule, problem, case, facts, policy, settings)
    ended = (
        _ended(case, facts, policy, "No longer found", "its object is not there any more")
        for case in seen.values()
    )
    return [*made, *filter(None, ended)]


def account_removed(facts: Facts, policy: Policy) -> list[Change]:
    """Every case of an account its source no longer has is resolved; what it says otherwise stays."""
    rules = {case.rule for case in facts.cases}
    cases = [case for rule in sorted(rules) for case in newest(facts.cases, rule).values()]
    ended = (_ended(case, facts, policy, "Account removed", "the account was removed") for case in cases)
    return [change for change in ended if change]


def newest(cases: Iterable[CaseSeen], rule: str) -> dict[str, CaseSeen]:
    """The case with the highest cycle for each stem of a rule; the ones before it are history."""
    found: dict[str, CaseSeen] = {}
    for case in cases:
        stem, cycle = split(case.key)
        known = found.get(stem)
        if case.rule == rule and cycle and (known is None or split(known.key)[1] < cycle):
            found[stem] = case
    return found


def split(key: str) -> tuple[str, int]:
    """A case's key as stem and cycle; cycle 0 for a key that is none of ours."""
    stem, _, cycle = key.rpartition(":")
    return (stem, int(cycle)) if cycle.isascii() and cycle.isdigit() else (key, 0)


def _stem(problem: Problem, facts: Facts) -> str:
    return split(_key(problem, facts, 1))[0]


def _key(problem: Problem, facts: Facts, cycle: int) -> str:
    return keys.case(facts.source, facts.site, problem.object, problem.id, problem.name, cycle)


def _written(
    rule: str, problem: Problem, case: CaseSeen | None, facts: Facts, policy: Policy, settings: CaseRule
) -> list[Change]:
    step = _absent(problem, policy, facts.now) if case is None else _present(problem, case, policy, facts.now)
    if step is None:
        return []
    change = _change(rule, problem, step, facts, policy, settings)
    if case is None or step.follows is None:
        return [change]
    return [_continued(case, problem), change]


def _absent(problem: Problem, policy: Policy, now: datetime) -> _Step | None:
    if not problem.evident:
        return None
    if problem.open:
        old = problem.lasting and _is_old(problem.last_signal_at, policy, now)
        return None if old else _Step(1, Transition.OPEN, policy.statuses.open, is_new=True)
    if not policy.cases.record_already_resolved or _is_old(problem.resolved_at, policy, now):
        return None
    return _Step(1, Transition.OPEN, policy.statuses.closed, is_new=True)


def _present(problem: Problem, case: CaseSeen, policy: Policy, now: datetime) -> _Step:
    cycle = split(case.key)[1]
    if not problem.open:
        ours = case.state != RESOLVED and not case.closed
        return _Step(cycle, Transition.RESOLVE, policy.statuses.closed) if ours else _Step(cycle)
    if not case.closed or not _is_back(problem, case):
        return _Step(cycle)
    if policy.cases.after_close == "reopen" and _soon_enough(problem, case, policy, now):
        return _Step(cycle, Transition.REOPEN, policy.statuses.reopened)
    return _Step(cycle + 1, Transition.OPEN, policy.statuses.open, is_new=True, follows=case.key)


def _is_back(problem: Problem, case: CaseSeen) -> bool:
    """We had resolved it, or something failed anew after an agent closed it."""
    if case.state == RESOLVED:
        return not problem.lasting or _signalled_after(problem, case)
    return _signalled_after(problem, case)


def _signalled_after(problem: Problem, case: CaseSeen) -> bool:
    signal, closed = problem.last_signal_at, case.closed_at
    return signal is not None and closed is not None and signal > closed


def _soon_enough(problem: Problem, case: CaseSeen, policy: Policy, now: datetime) -> bool:
    if case.closed_at is None:
        return True
    back_at = problem.last_signal_at if _signalled_after(problem, case) and problem.last_signal_at else now
    return back_at - case.closed_at <= timedelta(days=policy.cases.reopen_window_days)


def _is_old(moment: datetime | None, policy: Policy, now: datetime) -> bool:
    return moment is not None and now - moment > timedelta(days=policy.cases.reopen_window_days)


def _change(
    rule: str, problem: Problem, step: _Step, facts: Facts, policy: Policy, settings: CaseRule
) -> Change:
    change = Change(
        object=F.OBJECT,
        key=_key(problem, facts, step.cycle),
        rule=rule,
        reason=_reason(problem, step),
        fields=_fields(rule, problem, facts, policy, settings),
        parents={F.ACCOUNT: Parent("Account", facts.subject), **_contact(facts), **problem.parents},
        transition=step.transition,
    )
    if step.is_new:
        return replace(change, on_create=_on_create(problem, step, policy, settings))
    return replace(change, transition_fields={F.STATUS: step.status}) if step.status else change


def _fields(
    rule: str, problem: Problem, facts: Facts, policy: Policy, settings: CaseRule
) -> Mapping[str, Value]:
    money = problem.amount
    always: dict[str, Value] = dict.fromkeys(
        (F.REASON, F.ACTION, F.DECLINE_CATEGORY, F.ATTEMPTS, F.DUNNING_STEP, F.DEADLINE), None
    )
    always |= problem.fields
    link = always.get(F.LINK) or links.account(facts, policy)
    ours: dict[str, Value] = {
        F.ACCOUNT_KEY: facts.subject,
        F.RULE: rule,
        F.STATE: OPEN if problem.open else RESOLVED,
        F.OUTCOME: None if problem.open else line(problem.outcome, WORD),
        F.OPENED_AT: problem.opened_at,
        F.RESOLVED_AT: None if problem.open else problem.resolved_at,
        F.AMOUNT: amount(money.amount, money.currency) if money else None,
        F.CURRENCY: line(money.currency, 3) if money else None,
        F.AMOUNT_TEXT: line(words.money(money.amount, money.currency)) if money else None,
        F.REASON: line(_str(always[F.REASON])),
        F.ACTION: page(_str(always[F.ACTION]), ADVICE) if problem.open else None,
        F.DECLINE_CATEGORY: line(_str(always[F.DECLINE_CATEGORY]), CODE),
        F.LINK: link,
    }
    ours |= {lookup: None for lookup in (F.INVOICE, F.SUBSCRIPTION) if lookup not in problem.parents}
    return {**always, **ours, F.SUMMARY: page(_summary(problem, _str(link), settings))}


def _summary(problem: Problem, link: str | None, settings: CaseRule) -> str:
    common: Mapping[str, Told] = {
        "link": link,
        "opened_on": words.day(problem.opened_at),
        "resolved_on": None if problem.open else words.day(problem.resolved_at),
        "outcome": None if problem.open else problem.outcome,
    }
    return _rendered(settings, "summary", {**problem.stable, **common, **problem.fresh})


def _rendered(settings: CaseRule, key: str, values: Mapping[str, Told]) -> str:
    try:
        text: str = getattr(settings, key).render(values)
    except Exception as error:
        raise SetupError(f"The policy's {key} template cannot be rendered: {error}") from error
    return text


def _on_create(
    problem: Problem, step: _Step, policy: Policy, settings: CaseRule
) -> Mapping[str, CreateValue]:
    values: dict[str, CreateValue] = {
        F.STATUS: step.status,
        F.SUBJECT: line(_rendered(settings, "subject", problem.stable), LINE),
        F.PRIORITY: problem.priority or settings.priority,
        F.ORIGIN: policy.cases.origin,
        F.OWNER: Queue(settings.queue),
        F.RECORD_TYPE: RecordType(policy.cases.record_type),
    }
    return {**values, F.PARENT: Parent(F.OBJECT, step.follows)} if step.follows else values


def _contact(facts: Facts) -> Mapping[str, Parent]:
    return {F.CONTACT: Parent("Contact", contact.key(facts))} if contact.is_known(facts.account) else {}


def _reason(problem: Problem, step: _Step) -> str:
    match step.transition:
        case Transition.OPEN if not problem.open:
            return f"{problem.why}; it was over before anyone had to act"
        case Transition.OPEN if step.follows:
            return f"{problem.why}; a new case after {step.follows}"
        case Transition.REOPEN:
            return f"{problem.why}; it is back"
        case _:
            return problem.why


def _continued(case: CaseSeen, problem: Problem) -> Change:
    """The old case stops counting as open once the next one stands."""
    return Change(
        object=F.OBJECT,
        key=case.key,
        rule=case.rule,
        reason=f"{problem.why}; it goes on in a new case",
        fields={F.STATE: RESOLVED} if case.state == RESOLVED else _end("Continued", case.closed_at),
    )


def _ended(case: CaseSeen, facts: Facts, policy: Policy, outcome: str, why: str) -> Change | None:
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
