"""Repair drift. Records that are gone are forgotten or searched again; all other rows are written by the applier."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine

from connector.ledger import mirror, subject_status
from connector.ledger.attempts import Cause
from connector.sync.apply.applier import Applier, Linker
from connector.sync.apply.row_diff import Record

MOST_RUNS: Final = 4
"""An account that was merged, or whose row was refused for what it rests on, is tried again at once."""


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """Drift of some subjects. ``unlinked``: those whose linked record is not there; ``lost``: records that nothing
    makes again."""

    subjects: Sequence[str]
    unlinked: frozenset[str] = frozenset()
    lost: frozenset[Record] = frozenset()


@dataclass(slots=True)
class RepairResult:
    """``left``: subjects that a worker has leased, or that are due again. ``dead``: dead letters. ``open``: Salesforce
    became unavailable. ``left_out``: fields of records whose value Salesforce does not take: they drift again."""

    written: int = 0
    left: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    open: bool = False
    left_out: dict[Record, frozenset[str]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return not (self.left or self.dead or self.open or self.left_out)

    def add(self, other: RepairResult) -> None:
        self.written += other.written
        self.left |= other.left
        self.dead |= other.dead
        self.open = self.open or other.open
        self.left_out |= other.left_out


def repair_accounts(applier: Applier, wanted: RepairRequest, cause: Cause) -> RepairResult:
    """Make these subjects' records say what they should. ``applier``: one that compares with what Salesforce holds."""
    if wanted.unlinked and applier.linker is not None:
        _look_anew(applier.engine, applier.linker, wanted.unlinked)
    with applier.engine.begin() as connection:
        mirror.drop(connection, wanted.lost)
    done, left = RepairResult(), list(wanted.subjects)
    for _ in range(MOST_RUNS):
        outcome = applier.run(only=left, limit=len(left), cause=cause)
        done.written += outcome.written
        done.open = outcome.open
        done.left_out |= outcome.left_out
        left = _not_quiet(applier, left)
        if not left or not outcome.again or outcome.open:
            break
    done.left = set(left)
    with applier.engine.connect() as connection:
        done.dead = subject_status.unsettled(connection, wanted.subjects) - set(left)
    return done


def _look_anew(engine: Engine, linker: Linker, subjects: Collection[str]) -> None:
    """For the accounts' records. Whoever looks anew forgets what was last written; but it alone tells of a record
    whose key was typed over which one it is."""
    with engine.connect() as connection:
        known = mirror.of(connection, subjects)
    linker.gone(frozenset(subjects))
    with engine.begin() as connection:
        mirror.restore(connection, known)


def _not_quiet(applier: Applier, keys: Sequence[str]) -> list[str]:
    with applier.engine.connect() as connection:
        return sorted(set(keys) - subject_status.quiet(connection, keys).keys())
