"""A problem as a rule tells of it, what happens to its case, and how its cases are called."""

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
    """What a rule knows of one problem. ``object``, ``id`` and ``name`` are the stem of its cases' keys.

    ``open``: it lasts. ``evident``: it deserves a case where there is none. ``lasting``: nothing but a person ends
    it, so it never gets a case once it is older than the reopen window. ``last_signal_at``: the newest evidence of
    a *new* failure, which reopens a case that an agent closed. ``stable`` texts never change while it lasts: the
    subject is made of them alone. ``fresh`` texts may. ``why`` is for the audit trail. ``source``: the processor
    whose object it is about; the billing site's otherwise. ``due_at``: the deadline, by which it escalates.
    ``held``: it lasts, but belongs to something larger (an incident) that has a case of its own: meanwhile it has
    none, and a case it had is resolved as ``held``. ``queue``: instead of the rule's.
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
    held: str | None = None
    queue: str | None = None
    amount: Money | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    parents: Mapping[str, Parent] = field(default_factory=dict)
    stable: Mapping[str, Told] = field(default_factory=dict)
    fresh: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one case: which cycle, which transition, which Status with it. ``escalation``: the step of the
    escalation that is reached. ``priority_before``, ``queue_before``: what the step that it leaves gave the case."""

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
    """The case with the highest cycle for each stem of a rule; the ones before it are history."""
    found: dict[str, ExistingCase] = {}
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


def stem(problem: Problem, facts: Facts) -> str:
    """What the keys of all cases of a problem begin with."""
    return split(key_of(problem, facts, 1))[0]


def key_of(problem: Problem, facts: Facts, cycle: int) -> str:
    """The key of its cycle-th case."""
    source, site = (problem.source, "") if problem.source else (facts.source, facts.site)
    return external_ids.case(source, site, problem.object, problem.id, problem.name, cycle)


def lasts(problem: Problem) -> bool:
    """Whether it needs a case of its own now."""
    return problem.open and not problem.held
