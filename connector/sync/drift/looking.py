"""Looking for drift: subject by subject in the order of their keys, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from connector.ledger import population, standing
from connector.ledger.population import Which
from connector.ledger.subjects import Claimed, Due
from connector.sync.apply import BATCH, Applier
from connector.sync.drift.should import MADE_BY_PLANS
from connector.sync.rows import Row
from connector.sync.settling import Decision


@dataclass(frozen=True, slots=True)
class Drifted:
    """One record that does not say what it should. ``row``: what would mend it. ``is_lost``: it is gone, no plan makes
    it again, and more would be needed for it than is known: it is let go."""

    subject: str
    row: Row
    is_lost: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """Those that differ, none for a record that is missing. What a transition changes is the agents' own."""
        ours = {*self.row.change.fields, *self.row.change.parents}
        return tuple(name for name in self.row.after if name in ours) if self.row.exists else ()


@dataclass(slots=True)
class Look:
    """What was found among some subjects. ``pending``: those that were left out, as there is something to be done for
    them or somebody is at it. ``undecided``: subject → why its plan could not be made."""

    looked: int = 0
    pending: int = 0
    drifted: list[Drifted] = field(default_factory=list)
    undecided: dict[str, str] = field(default_factory=dict)


def looks(applier: Applier, which: Which) -> Iterator[Look]:
    """``applier``: one that compares with what Salesforce holds."""
    after = ""
    while True:
        with applier.engine.connect() as connection:
            some = population.walk(connection, which, after, BATCH)
        if not some:
            return
        after = some[-1].key
        yield _look(applier, some)


def _look(applier: Applier, some: Sequence[Due]) -> Look:
    """A subject for which anything was done meanwhile was looked at in the middle of it."""
    keys = [one.key for one in some]
    with applier.engine.connect() as connection:
        before = standing.quiet(connection, keys)
    quiet = [
        Claimed(one.key, one.source, one.site, one.code, one.urgency, 0, 0)
        for one in some
        if one.key in before
    ]
    decisions = applier.decisions(quiet) if quiet else []
    with applier.engine.connect() as connection:
        still = _still(connection, before)
    settled = [one for one in decisions if one.subject.key in still]
    return Look(
        looked=len(settled),
        pending=len(some) - len(settled),
        drifted=[found for one in settled for found in _drifted(one)],
        undecided={one.subject.key: one.failure for one in settled if one.failure},
    )


def _still(connection: Connection, before: Mapping[str, object]) -> set[str]:
    after = standing.quiet(connection, list(before))
    return {key for key, told in before.items() if after.get(key) == told}


def _drifted(decision: Decision) -> Iterator[Drifted]:
    planned = {(change.object, change.key) for change in decision.plan.changes}
    for row in decision.rows:
        lost = not row.exists and row.change.object in MADE_BY_PLANS and row.record not in planned
        found = Drifted(decision.subject.key, row, lost)
        if found.fields or not row.exists:
            yield found
