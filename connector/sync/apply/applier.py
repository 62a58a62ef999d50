"""STAGES 3 and 4: the applier decides the due accounts and writes the rows that differ.

One batch claims up to 200 accounts under a lease, reads their facts in a fixed number of statements and one SOQL
query, decides each account separately, and writes all rows together. An error of one account (a failed rule, a refused
row) does not affect the others.

A batch is limited by its accounts and by the rows that it loads. It calls ``checkpoint`` between two pieces of work,
where the urgent lane runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar
from uuid import uuid4

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, SetupError, Transient
from connector.ledger import attempts, bulk_jobs, circuit_breakers, links, subjects
from connector.ledger.attempts import Cause
from connector.ledger.subjects import Claimed
from connector.models.events import Urgency
from connector.models.facts import Facts, Incident, Link, SubjectKind
from connector.models.plan import Plan, Transition
from connector.sync.apply import bulk_job_tracking as jobs
from connector.sync.apply import key_conflicts, link_updates
from connector.sync.apply.baseline import Baseline, Fit, MirrorBaseline, unfitted
from connector.sync.apply.bulk_job_tracking import JobAborter, TrackedJobs
from connector.sync.apply.facts_loader import LoadedFacts, SalesforceReader, read
from connector.sync.apply.lease_guard import LeaseGuard, became_dispute, is_more_urgent
from connector.sync.apply.outcomes import (
    BatchSettlement,
    Decision,
    Results,
    Settlement,
    settle_early,
    settle_one,
)
from connector.sync.apply.record_writer import Upserts, Wait, write
from connector.sync.apply.row_diff import OrgIds, Record
from connector.sync.availability.api_budget import ApiBudget
from connector.sync.availability.circuit_breaker import DESTINATION, hold, mark_available, unavailable
from connector.sync.monitoring import incident_detection
from connector.sync.refresh.object_fetcher import uninterrupted

log = structlog.get_logger("connector.apply")

BATCH = 200
ROWS = 12_000
"""Events and snapshots that one batch loads, new events counted threefold …"""
ROWS_IN_BULK = 40_000
"""… and a bulk run. A row takes one to five kilobytes of memory while its batch lasts."""


class Salesforce(SalesforceReader, Upserts, JobAborter, Protocol):
    """The methods of the Salesforce client that stage 4 uses."""


class Linker(Protocol):
    """Links billing accounts to Salesforce records (``sync/linking``)."""

    def find(self, readings: Sequence[LoadedFacts]) -> Mapping[str, Link]:
        """Search links for the subjects that have none yet."""

    def duplicates(self, named: Mapping[str, Mapping[str, Sequence[str]]]) -> Set[str]:
        """Use the records that a duplicate rule named (subject → object → record ids). Return the subjects for which
        they gave a link: these are tried again with it."""

    def gone(self, subjects: Set[str]) -> None:
        """Update the links of these subjects: follow records that were merged, search the others again."""


Decide = Callable[[Facts], Plan]


@dataclass(slots=True)
class Outcome:
    """The result of one batch. ``more``: more subjects can be claimed. ``again``: an account must be tried again at
    once. ``refused_for_now``: the refused records of such accounts. ``left_out``: fields by record that Salesforce
    refused and that were not written."""

    claimed: int = 0
    written: int = 0
    refused: int = 0
    refused_for_now: int = 0
    more: bool = False
    again: bool = False
    open: bool = False
    plans: list[Decision] = field(default_factory=list)
    left_out: Mapping[Record, frozenset[str]] = field(default_factory=dict)

    def go_on(self, then: Outcome) -> None:
        """Add the result of the accounts that were tried again at once."""
        self.written += then.written
        self.refused += then.refused - self.refused_for_now
        self.refused_for_now, self.again, self.open = then.refused_for_now, then.again, then.open


@dataclass(frozen=True, slots=True)
class SettledBatch:
    """The subjects of a batch that were still leased when they were settled. ``made_due``: how many others became due
    by what was written."""

    decisions: list[Decision]
    settlements: list[Settlement]
    made_due: int


@dataclass(frozen=True, slots=True)
class Scope:
    """The subjects that a batch may claim. ``only``: exactly these, due or not. ``most`` and ``least``: the least and
    the most urgent work. ``rows``: the maximum of events and snapshots to load."""

    limit: int
    only: Sequence[str] | None
    most: Urgency
    least: Urgency
    rows: int


@dataclass(frozen=True, slots=True)
class Applier:
    """Decides and writes batches of due subjects. ``org`` is a function, so that creating an applier costs no call.
    ``known``: the baseline that rows are compared with, if it is not the mirror. ``checkpoint``: called between two
    pieces of work."""

    engine: Engine
    crm: Salesforce
    org: Callable[[], OrgIds]
    decide: Decide
    clock: Callable[[], datetime]
    worker: str
    linker: Linker | None = None
    fit: Fit = unfitted
    spending: ApiBudget | None = None
    known: Baseline | None = None
    checkpoint: Callable[[], None] = uninterrupted

    def run(
        self,
        *,
        limit: int = BATCH,
        only: Sequence[str] | None = None,
        cause: Cause | None = None,
        most: Urgency = Urgency.ROUTINE,
        least: Urgency = Urgency.DISPUTE,
        rows: int | None = None,
        bulk_wait: Wait | None = None,
    ) -> Outcome:
        """Claim the due subjects that the API budget allows, decide them, write what differs and settle them.

        With ``only``, claim exactly these, due or not, even while Salesforce's circuit is open: a person needs the
        answer now, and a success closes the circuit for all. ``cause``: None if each subject's own run is the cause.
        ``rows``: the maximum of events and snapshots to load. ``bulk_wait``: allows Bulk API jobs, and is called while
        Salesforce works on one; without it, all rows are sent by collection calls."""
        in_bulk = bulk_wait is not None
        token = f"{self.worker}:{uuid4().hex}"
        try:
            most = self._affordable(most, only)
            scope = Scope(limit, only, most, least, rows or (ROWS_IN_BULK if in_bulk else ROWS))
            claimed = self._claim(token, scope)
        except (Transient, Permanent) as error:
            hold(self.engine, unavailable(error))
            return Outcome(open=True)
        if not claimed:
            return Outcome(open=claimed is None)
        subjects_by_key = {one.key: one for one in claimed}
        batch = BatchSettlement(self.engine, token, subjects_by_key, cause, self.clock, self.clock())
        guard = LeaseGuard(
            self.engine,
            token,
            [Decision(one) for one in claimed],
            Results(),
            partial(self._settle, batch, early=True),
            TrackedJobs(self.engine, token, claimed[0].key, bulk_wait or _never),
            is_more_urgent if in_bulk else became_dispute,
            self.checkpoint,
        )
        try:
            guard.decisions = self.decisions(claimed)
            self._write(guard, in_bulk=in_bulk)
        except (SetupError, Permanent, Transient) as error:
            guard.results.unavailable = unavailable(error)
        self._record_call_results(guard.results)
        return self._outcome(scope, guard, self._settle(batch, guard, guard.kept(), early=False))

    def _claim(self, token: str, scope: Scope) -> list[Claimed] | None:
        """Claim subjects; return None while Salesforce's circuit is open. Every orphaned bulk job must have ended
        first. A job becomes orphaned at the moment at which its accounts can be claimed."""
        with self.engine.connect() as connection:
            if scope.only is None and DESTINATION in circuit_breakers.open_circuits(connection):
                return None
            claimed = subjects.claim(
                connection,
                token,
                scope.limit,
                scope.only,
                most=scope.most,
                least=scope.least,
                rows=scope.rows,
            )
            orphaned = bulk_jobs.left_behind(connection) if claimed else []
            if not orphaned:
                connection.commit()
                return claimed
        jobs.end(self.engine, self.crm, orphaned)
        return self._claim(token, scope)

    def _affordable(self, most: Urgency, only: Sequence[str] | None) -> Urgency:
        """The least urgent work that the API budget allows now. Work that a person requested is always allowed."""
        if self.spending is None or only is not None:
            return most
        return min(most, self.spending.level())

    def _write(self, guard: LeaseGuard, *, in_bulk: bool) -> None:
        """Write the rows. In bulk this takes minutes, so subjects that become urgent meanwhile are released early."""
        rows = [row for one in guard.decisions for row in one.rows]
        guard.results.refused.update(key_conflicts.before(self.engine, self.crm, guard.decisions))
        write(self.crm, rows, guard if in_bulk else None, guard.results, guard.dropped)

    def _record_call_results(self, results: Results) -> None:
        """Open or close Salesforce's circuit, and save how many calls were used."""
        if results.unavailable is not None:
            hold(self.engine, results.unavailable)
        else:
            with self.engine.begin() as connection:
                mark_available(connection, DESTINATION)
        if self.spending is not None:
            self.spending.note()

    def _settle(
        self, batch: BatchSettlement, guard: LeaseGuard, decisions: Sequence[Decision], *, early: bool
    ) -> SettledBatch:
        """Save what the responses mean for these subjects and release their leases. ``early``: other subjects of the
        batch are still being written; these keep what was written so far, and a worker continues with the rest.
        Otherwise the batch ends, also for subjects whose lease was lost."""
        results = guard.results
        key_conflicts.after(self.engine, decisions, results)
        relinked = self._update_links(decisions, results)
        if early:
            settlements = [settle_early(one, results) for one in decisions]
        else:
            org_read = self.known is not None
            settlements = [
                settle_one(one, results, relinked=one.subject.key in relinked, org_read=org_read)
                for one in decisions
            ] + [settle_early(one, results) for one in guard.lost.values()]
        lost = batch.settle(settlements, last=not early or not guard.kept())
        kept = [one for one in decisions if one.subject.key not in lost]
        return SettledBatch(
            decisions=kept,
            settlements=[one for one in settlements if one.settled.key not in lost],
            made_due=self._mark_incident_accounts_due(kept, results),
        )

    def _outcome(self, scope: Scope, guard: LeaseGuard, settled: SettledBatch) -> Outcome:
        ours, results = settled.settlements, guard.results
        return Outcome(
            claimed=len(ours),
            written=len(results.written),
            refused=len(results.refused),
            refused_for_now=sum(one.refused for one in ours if one.at_once),
            more=len(guard.decisions) == scope.limit or self._is_more_due(scope),
            again=any(one.at_once for one in ours) or settled.made_due > 0,
            open=results.unavailable is not None,
            plans=settled.decisions,
            left_out=results.left_out,
        )

    def _is_more_due(self, scope: Scope) -> bool:
        """Query the backlog: a batch that was limited by its rows has fewer subjects than its limit."""
        if scope.only is not None:
            return False
        with self.engine.connect() as connection:
            return subjects.backlog(connection, 1, least=scope.least, most=scope.most).ready > 0

    def decisions(self, claimed: Sequence[Claimed]) -> list[Decision]:
        """Decide each subject and compute the rows that differ from the baseline. Writes nothing."""
        org = self.org()
        readings: dict[str, LoadedFacts] = {}
        moved: list[attempts.MovedCase] = []
        for some in _chunks(claimed):
            with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                readings |= read(connection, some, self.clock())
                moved += attempts.moved_cases(connection, [one.key for one in some])
            self.checkpoint()
        known = self.known or MirrorBaseline(self.crm)
        cases = known.cases(readings, moved)
        loaded = {one.key: readings[one.key].with_cases(cases.get(one.key, ())) for one in claimed}
        for key, link in (self.linker.find(list(loaded.values())) if self.linker else {}).items():
            loaded[key] = loaded[key].with_link(link)
        decisions = [self._decide(one, loaded[one.key]) for one in claimed]
        for chunk in _chunks(decisions):
            for decision, rows in zip(chunk, known.rows(chunk, self.fit, org), strict=True):
                decision.rows = rows
            self.checkpoint()
        return decisions

    def _decide(self, subject: Claimed, reading: LoadedFacts) -> Decision:
        """Decide one subject. A failed rule makes a dead letter of its account only. Facts that arrived between the
        claim and the read are included: the generation is the one that was read, so the account is not due again."""
        self.checkpoint()
        generation = subject.generation if reading.generation is None else reading.generation
        decision = Decision(replace(subject, generation=generation), reading)
        try:
            decision.plan = self.decide(reading.facts)
        except Exception as error:
            log.exception("decide_failed", subject=subject.key, outcome="dead")
            decision.failure = f"A rule failed on this account's facts: {type(error).__name__}: {error}"
        return decision

    def _update_links(self, decisions: Sequence[Decision], results: Results) -> Set[str]:
        """Save links to created records, and search again for linked records that are gone."""
        lost = link_updates.lost(decisions, results)
        with self.engine.begin() as connection:
            links.save(connection, link_updates.made(decisions, results))
            if self.linker is None:
                links.forget(connection, sorted(lost))
        named = link_updates.duplicates(decisions, results)
        return lost if self.linker is None else self._looked_up(self.linker, lost, named)

    def _looked_up(
        self, linker: Linker, lost: Set[str], named: Mapping[str, Mapping[str, Sequence[str]]]
    ) -> Set[str]:
        """Update links with the linker. If Salesforce is unavailable, the subjects are tried again later."""
        try:
            if lost:
                linker.gone(lost)
            return lost | (linker.duplicates(named) if named else set())
        except (SetupError, Permanent, Transient) as error:
            hold(self.engine, unavailable(error))
            return lost | named.keys()

    def _mark_incident_accounts_due(self, decisions: Sequence[Decision], results: Results) -> int:
        """Make accounts due whose incident just got its case. Return how many."""
        return sum(incident_detection.tell_touched(self.engine, one) for one in _opened(decisions, results))


def _opened(decisions: Sequence[Decision], results: Results) -> Iterator[Incident]:
    """Yield the incidents whose case was just created."""
    for decision in decisions:
        made = (row for row in decision.rows if row.change.transition is Transition.OPEN)
        if any(row.record in results.written for row in made) and decision.facts.about is SubjectKind.GATEWAY:
            yield decision.facts.incidents[-1]


T = TypeVar("T")


def _chunks(some: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(some), BATCH):
        yield some[start : start + BATCH]


def _never(seconds: float) -> None:
    """Do nothing: collection calls wait for no bulk job."""
