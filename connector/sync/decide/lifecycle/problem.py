"""A problem that a rule describes, the next step of its case, and the keys of its cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.mappers import external_ids
from connector.models.facts import ExistingCase, Facts, Money
from connector.models.plan import Parent, Transition, Value
from connector.policy import Told

OPEN = "open"
RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem as a rule describes it. ``object``, ``id`` and ``name`` are the stem of its cases' keys.

    ``open``: it exists now. ``evident``: it is certain enough for a new case. ``lasting``: only a person can end it,
    so it gets no new case if it is older than the reopen window. ``last_signal_at``: time of the newest failure, which
    reopens a case that an agent closed. ``stable`` texts never change while it lasts; the subject uses only these.
    ``fresh`` texts may change. ``why`` is for the audit trail. ``source``: the processor of its object; None: the
    billing site. ``due_at``: the deadline, for escalation.
    ``suppressed``: it exists, but another case (of an incident) covers it. It gets no case meanwhile, and an open case
    is resolved with this outcome. ``queue``: instead of the queue of the rule.
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
    source: str | None = None
    due_at: datetime | None = None
    suppressed: str | None = None
    queue: str | None = None
    amount: Money | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    parents: Mapping[str, Parent] = field(default_factory=dict)
    stable: Mapping[str, Told] = field(default_factory=dict)
    fresh: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Next step of one case: its cycle, transition and status. ``escalation``: the reached escalation step.
    ``priority_before``, ``queue_before``: values that the escalation step it leaves had set."""

    cycle: int
    transition: Transition | None = None
    status: str | None = None
    is_new: bool = False
    follows: str | None = None
    escalation: int = 0
    escalates: bool = False
    deescalates: bool = False
    priority_before: str | None = None
    queue_before: str | None = None
    joins: bool = False
    in_queue: bool = True


def newest(cases: Iterable[ExistingCase], rule: str) -> dict[str, ExistingCase]:
    """The case with the highest cycle for each stem of a rule; earlier cycles are history."""
    found: dict[str, ExistingCase] = {}
    for case in cases:
        stem, cycle = split(case.key)
        best = found.get(stem)
        if case.rule == rule and cycle and (best is None or split(best.key)[1] < cycle):
            found[stem] = case
    return found


def split(key: str) -> tuple[str, int]:
    """Stem and cycle of a case key; cycle 0 for a key that is not ours."""
    stem, _, cycle = key.rpartition(":")
    return (stem, int(cycle)) if cycle.isascii() and cycle.isdigit() else (key, 0)


def stem(problem: Problem, facts: Facts) -> str:
    """The common beginning of the keys of all cases of a problem."""
    return split(key_of(problem, facts, 1))[0]


def key_of(problem: Problem, facts: Facts, cycle: int) -> str:
    """Key of the case with this cycle."""
    source, site = (problem.source, "") if problem.source else (facts.source, facts.site)
    return external_ids.case(source, site, problem.object, problem.id, problem.name, cycle)


def lasts(problem: Problem) -> bool:
    """Whether it needs a case of its own now."""
    return problem.open and not problem.suppressed
