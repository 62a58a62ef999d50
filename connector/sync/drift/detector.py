"""Detect drift subject by subject, in the order of their keys, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, cast

from sqlalchemy import Connection

from connector.errors import Transient
from connector.ledger import mirror, subject_query, subject_status
from connector.ledger.subject_query import SubjectFilter
from connector.ledger.subjects import Claimed, Due
from connector.retry import AWAY, RetryPolicy, attempts
from connector.sync.apply.applier import BATCH, Applier
from connector.sync.apply.outcomes import Decision
from connector.sync.apply.row_diff import Row
from connector.sync.drift import orphan_records as unknown
from connector.sync.drift.org_baseline import OrgBaseline
from connector.sync.drift.org_reader import BulkReader
from connector.sync.drift.orphan_records import OrphanRecord
from connector.sync.drift.owned_fields import MADE_BY_PLANS

UNKNOWN_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class DriftedRecord:
    """One record that differs from what it should be. ``row``: the row that would repair it. ``is_lost``: the record is
    gone, no plan creates it again, and the ledger does not know enough to create it: it is forgotten."""

    subject: str
    row: Row
    is_lost: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """Those that differ, none for a record that is missing. What a transition changes is the agents' own."""
        ours = {*self.row.change.fields, *self.row.change.parents}
        return tuple(name for name in self.row.after if name in ours) if self.row.exists else ()


@dataclass(slots=True)
class DriftScan:
    """What was found among some subjects. ``pending``: those that were left out, as there is something to be done for
    them or somebody is at it. ``unapplied``: how many drift although nobody edited them, perhaps, as the ledger has
    learnt what was never written. ``undecided``: subject → why its plan could not be made. ``unknown``: records beside
    theirs of which the ledger knows nothing."""

    scanned: int = 0
    pending: int = 0
    unapplied: int = 0
    drifted: list[DriftedRecord] = field(default_factory=list)
    undecided: dict[str, str] = field(default_factory=dict)
    unknown: list[OrphanRecord] = field(default_factory=list)


def scan_drift(
    applier: Applier, which: SubjectFilter, patience: RetryPolicy | None = None
) -> Iterator[DriftScan]:
    """``applier``: one that compares with what Salesforce holds. ``patience``: for Salesforce and the ledger."""
    after = ""
    while True:
        with applier.engine.connect() as connection:
            some = subject_query.walk(connection, which, after, BATCH)
        if not some:
            break
        yield _patiently(applier, some, patience)
        after = some[-1].key
    yield from _rest(applier, which)


def _patiently(applier: Applier, some: Sequence[Due], patience: RetryPolicy | None) -> DriftScan:
    """What was read whole goes with the connection to the ledger: only Salesforce is waited for then."""
    away = (Transient,) if _loaded(applier) else AWAY
    look = attempts(patience, away)(_scan_batch, applier, some)
    if patience is not None:
        patience.done()
    return look


def _scan_batch(applier: Applier, some: Sequence[Due]) -> DriftScan:
    """A subject for which anything was done meanwhile was looked at in the middle of it."""
    keys = [one.key for one in some]
    with applier.engine.connect() as connection:
        before = subject_status.quiet(connection, keys)
    quiet = [
        Claimed(one.key, one.source, one.site, one.code, one.urgency, 0, 0)
        for one in some
        if one.key in before
    ]
    decisions = _decided(applier, quiet) if quiet else []
    beside = _beside(applier, decisions)
    with applier.engine.connect() as connection:
        still = _still(connection, before)
        settled = [one for one in decisions if one.subject.key in still]
        drifted = [found for one in settled for found in _drifted(one)]
        unapplied = subject_status.unapplied(connection, sorted({one.subject for one in drifted}))
    return DriftScan(
        scanned=len(settled),
        pending=len(some) - len(settled),
        unapplied=len(unapplied),
        drifted=drifted,
        undecided={one.subject.key: one.failure for one in settled if one.failure},
        unknown=[one for one in beside if one.account in still],
    )


def _decided(applier: Applier, quiet: Sequence[Claimed]) -> list[Decision]:
    """What was read whole may be older than what a worker has written since: who drifts by such a record is looked at
    once more, and now."""
    decisions, loaded = applier.decisions(quiet), _loaded(applier)
    if loaded is None:
        return decisions
    drifted = {row.record: one.subject.key for one in decisions for row in one.rows}
    with applier.engine.connect() as connection:
        since = mirror.written_since(connection, drifted.keys(), loaded.began)
    stale = {drifted[record] for record in since}
    if not stale:
        return decisions
    now = replace(applier, known=replace(_known(applier), reader=loaded.asking))
    anew = {one.subject.key: one for one in now.decisions([one for one in quiet if one.key in stale])}
    return [anew.get(one.subject.key, one) for one in decisions]


def _still(connection: Connection, before: Mapping[str, object]) -> set[str]:
    after = subject_status.quiet(connection, list(before))
    return {key for key, told in before.items() if after.get(key) == told}


def _drifted(decision: Decision) -> Iterator[DriftedRecord]:
    planned = {(change.object, change.key) for change in decision.plan.changes}
    for row in decision.rows:
        lost = not row.exists and row.change.object in MADE_BY_PLANS and row.record not in planned
        found = DriftedRecord(decision.subject.key, row, lost)
        if found.fields or not row.exists:
            yield found


def _beside(applier: Applier, decisions: Sequence[Decision]) -> list[OrphanRecord]:
    """Nothing where only what a rule speaks of is meant: none speaks of what is unknown."""
    known = _known(applier)
    if known.only.rule is not None:
        return []
    return unknown.beside(applier.engine, known.reader, known.objects, decisions)


def _rest(applier: Applier, which: SubjectFilter) -> Iterator[DriftScan]:
    known = _known(applier)
    if known.only.rule is not None:
        return
    found = unknown.rest(applier.engine, known.reader, known.owned, which)
    while some := list(islice(found, UNKNOWN_AT_ONCE)):
        yield DriftScan(unknown=some)


def _known(applier: Applier) -> OrgBaseline:
    return cast(OrgBaseline, applier.known)


def _loaded(applier: Applier) -> BulkReader | None:
    reader = _known(applier).reader
    return reader if isinstance(reader, BulkReader) else None
