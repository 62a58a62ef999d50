"""Which cases Casewire reopened, escalated and closed, and when: what Salesforce does not keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Transitions:
    """By the keys of the cases. ``closed`` holds only what was closed since the moment that was asked for."""

    reopened: Mapping[str, tuple[datetime, ...]]
    escalated: Set[str]
    closed: Set[str]


def written(connection: Connection, since: datetime) -> Transitions:
    """The transitions that were written, read as a stream; only keys are kept."""
    rows = connection.execution_options(yield_per=5000).execute(
        text(
            "SELECT change.key, change.transition, attempt.ended_at FROM change "
            "JOIN attempt ON attempt.id = change.attempt_id "
            "WHERE change.object = 'Case' AND change.outcome = 'written' "
            "AND (change.transition IN ('reopen', 'escalate') "
            "OR (change.transition = 'resolve' AND attempt.ended_at >= :since)) ORDER BY change.id"
        ),
        {"since": since},
    )
    reopened: dict[str, tuple[datetime, ...]] = defaultdict(tuple)
    others: dict[str, set[str]] = {"escalate": set(), "resolve": set()}
    for key, transition, at in rows:
        if transition == "reopen":
            reopened[key] += (at,)
        else:
            others[transition].add(key)
    return Transitions(dict(reopened), others["escalate"], others["resolve"])
