"""STAGES 3 and 4: decide what Salesforce should say about the due accounts, and write what differs.

One run claims up to 200 accounts under a lease, reads their facts in a fixed number of statements and one SOQL
query, decides each for itself, and writes all their rows together. Whatever happens to one account (a rule that
fails, a row that is refused) is that account's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import uuid4

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, SetupError, Transient
from connector.events import Urgency
from connector.facts import About, Facts, Incident, Link
from connector.ledger import attempts, bulk_jobs, circuits, links, subjects
from connector.ledger.attempts import Cause
from connector.ledger.subjects import Claimed
from connector.plan import Plan, Transition
from connector.sync import astray, outages, relinking
from connector.sync import bulk_jobs as jobs
from connector.sync.answers import Results
from connector.sync.bulk_jobs import Aborts, Held
from connector.sync.destination import DESTINATION, unavailable
from connector.sync.holding import Holding, LetGo
from connector.sync.known import Fit, Known, LastWritten, unfitted
from connector.sync.reading import Crm, Reading, read
from connector.sync.rows import OrgIds, Record
from connector.sync.settling import Decision, Settlement, let_go, settle_one
from connector.sync.spending import Spending
from connector.sync.waiting import hold
from connector.sync.writing import Upserts, Wait, write

log = structlog.get_logger("connector.apply")

BATCH = 200


class Salesforce(Crm, Upserts, Aborts, Protocol):
    """What stage 4 needs of the Salesforce client."""


class Linker(Protocol):
    """Which record of the CRM an account is (``sync/linking``)."""

    def find(self, readings: Sequence[Reading]) -> Mapping[str, Link]:
        """The links of those subjects whose record is not known yet, asked for now."""

    def duplicates(self, named: Mapping[str, Mapping[str, Sequence[str]]]) -> Set[str]:
        """Subject → object → the records that a duplicate rule says it would double. The subjects for which that
        was an answer: they are tried again with it."""

    def gone(self, subjects: Set[str]) -> None:
        """Their records are not what they were thought to be: those that were merged are followed, the others are
        looked for anew."""


Decide = Callable[[Facts], Plan]
_LEVELS = {"retry": "warning", "dead": "error"}
"""How loudly an outcome is logged; the others are news, not trouble."""


@dataclass(slots=True)
class Outcome:
    """What one run did. ``more``: there is more to claim; ``again``: an account is to be tried again at once;
    ``refused_for_now``: of the refused records those of such an account. ``left_out``: fields of records whose value
    Salesforce does not take."""

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
        """What came of trying again what was to be tried again at once."""
        self.written += then.written
        self.refused += then.refused - self.refused_for_now
        self.refused_for_now, self.again, self.open = then.refused_for_now, then.again, then.open


@dataclass(frozen=True, slots=True)
class Applier:
    """Everything a run needs; ``org`` is asked for late, so that building one costs no call. ``known``: what rows are
    compared with, where that is not what was last written."""

    engine: Engine
    crm: Salesforce
    org: Callable[[], OrgIds]
    decide: Decide
    clock: Callable[[], datetime]
    worker: str
    linker: Linker | None = None
    fit: Fit = unfitted
    spending: Spending | None = None
    known: Known | None = None

    def run(
        self,
        *,
        limit: int = BATCH,
        only: Sequence[str] | None = None,
        cause: Cause | None = None,
        most: Urgency = Urgency.ROUTINE,
        least: Urgency = Urgency.DISPUTE,
        wait: Wait | None = None,
    ) -> Outcome:
        """Claim due subjects and bring them up to date, those that the org's budget allows. With ``only``, those, due
        or not, even while Salesforce's circuit is open: a person wants to know now, and if it works everything else
        goes on too. ``cause``: None where it is for each subject what made it due. ``wait``: what is done while
        Salesforce works on a bulk job."""
        token = f"{self.worker}:{uuid4().hex}"
        try:
            most = self._affordable(most, only)
            claimed = self._claimed(token, limit, only, most, least)
        except (Transient, Permanent) as error:
            hold(self.engine, unavailable(error))
            return Outcome(open=True)
        if not claimed:
            return Outcome(open=claimed is None)
        started_at = self.clock()
        causes = {one.key: cause or Cause(run_id=one.run_id) for one in claimed}
        results, decisions = Results(), [Decision(one) for one in claimed]

        def give_back(some: Sequence[Decision], so_far: Results) -> None:
            astray.after(self.engine, some, so_far)
            self._relinked(some, so_far)
            self._settle(token, [let_go(one, so_far) for one in some], started_at, causes, over=False)
            self._touched(some, so_far)

        try:
            decisions = self.decisions(claimed)
            decisions = self._written(decisions, results, token, wait, give_back)
        except (SetupError, Permanent, Transient) as error:
            results.unavailable = unavailable(error)
        astray.after(self.engine, decisions, results)
        self._circuit(results)
        if self.spending is not None:
            self.spending.note()
        relinked = self._relinked(decisions, results)
        looked = self.known is not None
        settlements = [
            settle_one(one, results, relinked=one.subject.key in relinked, looked=looked) for one in decisions
        ]
        self._settle(token, settlements, started_at, causes)
        touched = self._touched(decisions, results)
        return Outcome(
            claimed=len(decisions),
            written=len(results.written),
            refused=len(results.refused),
            refused_for_now=sum(one.refused for one in settlements if one.at_once),
            more=len(claimed) == limit or any(one.tries > subjects.WORN for one in claimed),
            again=any(one.at_once for one in settlements) or touched > 0,
            open=results.unavailable is not None,
            plans=decisions,
            left_out=results.left_out,
        )

    def _affordable(self, most: Urgency, only: Sequence[str] | None) -> Urgency:
        """The least urgent work that may be done now; what a person asks for always is."""
        if self.spending is None or only is not None:
            return most
        return min(most, self.spending.level())

    def _written(
        self, decisions: list[Decision], results: Results, token: str, wait: Wait | None, give_back: LetGo
    ) -> list[Decision]:
        """Those that were held to the end. In bulk that takes a while: what became urgent meanwhile is let go."""
        rows = [row for one in decisions for row in one.rows]
        results.refused.update(astray.before(self.engine, self.crm, decisions))
        if wait is None:
            write(self.crm, rows, results=results)
            return decisions
        bulk = Held(self.engine, token, decisions[0].subject.key, wait)
        holding = Holding(self.engine, token, decisions, results, give_back, bulk)
        write(self.crm, rows, holding, results, holding.dropped)
        return holding.kept()

    def _claimed(
        self, token: str, limit: int, only: Sequence[str] | None, most: Urgency, least: Urgency
    ) -> list[Claimed] | None:
        """None while Salesforce's circuit is open. Nothing is claimed before every bulk job that was left behind has
        ended; a job is left behind in the very moment in which its accounts can be claimed."""
        with self.engine.connect() as connection:
            if only is None and DESTINATION in circuits.open_circuits(connection):
                return None
            claimed = subjects.claim(connection, token, limit, only, most=most, least=least)
            left = bulk_jobs.left_behind(connection) if claimed else []
            if not left:
                connection.commit()
                return claimed
        jobs.end(self.engine, self.crm, left)
        return self._claimed(token, limit, only, most, least)

    def decisions(self, claimed: Sequence[Claimed]) -> list[Decision]:
        """What each subject's records should say, and the rows that would make them so. Writes nothing."""
        org = self.org()
        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            readings = read(connection, claimed, self.clock())
            former = attempts.former_subjects(connection, [one.key for one in claimed])
        known = self.known or LastWritten(self.crm)
        cases = known.cases(readings, former)
        told = {one.key: readings[one.key].with_cases(cases.get(one.key, ())) for one in claimed}
        for key, link in (self.linker.find(list(told.values())) if self.linker else {}).items():
            told[key] = told[key].with_link(link)
        decisions = [self._decide(one, told[one.key]) for one in claimed]
        for decision, rows in zip(decisions, known.rows(decisions, self.fit, org), strict=True):
            decision.rows = rows
        return decisions

    def _decide(self, subject: Claimed, reading: Reading) -> Decision:
        """A rule that fails is a dead letter for its account, never for the batch."""
        decision = Decision(subject, reading)
        try:
            decision.plan = self.decide(reading.facts)
        except Exception as error:
            log.exception("decide_failed", subject=subject.key, outcome="dead")
            decision.failure = f"A rule failed on this account's facts: {type(error).__name__}: {error}"
        return decision

    def _relinked(self, decisions: Sequence[Decision], results: Results) -> Set[str]:
        """Keep which records were made, and look again for those that are not what they were thought to be."""
        lost = relinking.lost(decisions, results)
        with self.engine.begin() as connection:
            links.save(connection, relinking.made(decisions, results))
            if self.linker is None:
                links.forget(connection, sorted(lost))
        named = relinking.duplicates(decisions, results)
        return lost if self.linker is None else self._looked_up(self.linker, lost, named)

    def _looked_up(
        self, linker: Linker, lost: Set[str], named: Mapping[str, Mapping[str, Sequence[str]]]
    ) -> Set[str]:
        """Where Salesforce can't be asked about them now, they are tried again when it can."""
        try:
            if lost:
                linker.gone(lost)
            return lost | (linker.duplicates(named) if named else set())
        except (SetupError, Permanent, Transient) as error:
            hold(self.engine, unavailable(error))
            return lost | named.keys()

    def _touched(self, decisions: Sequence[Decision], results: Results) -> int:
        """How many accounts became due because an incident has its case now."""
        return sum(outages.tell_touched(self.engine, one) for one in _opened(decisions, results))

    def _circuit(self, results: Results) -> None:
        """Open or close Salesforce's circuit. Nothing is claimed while it is open."""
        if results.unavailable is not None:
            hold(self.engine, results.unavailable)
            return
        with self.engine.begin() as connection:
            circuits.close_circuit(connection, DESTINATION)

    def _settle(
        self,
        token: str,
        settlements: Sequence[Settlement],
        started_at: datetime,
        causes: Mapping[str, Cause],
        *,
        over: bool = True,
    ) -> None:
        """Let go of these subjects; ``over``: of the last. Waiting for a destination that is out is no attempt: an
        outage of a day must not fill the audit trail."""
        ended_at = self.clock()
        tried = [one for one in settlements if one.outcome != "waiting" or one.changes]
        with self.engine.begin() as connection:
            if over:
                bulk_jobs.settle(connection, token)
            attempts.forget(connection, [one.settled.key for one in settlements if one.forget])
            attempts.record(
                connection,
                [one.attempt(causes[one.settled.key], started_at, ended_at) for one in tried],
            )
            subjects.settle(connection, token, [one.settled for one in settlements])
        for one in tried:
            getattr(log, _LEVELS.get(one.outcome, "info"))(
                "subject_settled",
                subject=one.settled.key,
                written=len(one.changes),
                outcome=one.outcome,
                **({"error": one.settled.error} if one.settled.error else {}),
            )


def _opened(decisions: Sequence[Decision], results: Results) -> Iterator[Incident]:
    """The incidents whose case has just been made."""
    for decision in decisions:
        made = (row for row in decision.rows if row.change.transition is Transition.OPEN)
        if any(row.record in results.written for row in made) and decision.facts.about is About.GATEWAY:
            yield decision.facts.incidents[-1]
