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
from connector.ledger import attempts, circuits, links, subjects
from connector.ledger.attempts import Cause
from connector.ledger.subjects import Claimed
from connector.plan import Plan, Transition
from connector.sync import outages, relinking
from connector.sync.destination import DESTINATION, unavailable
from connector.sync.known import Fit, Known, LastWritten, unfitted
from connector.sync.reading import Crm, Reading, read
from connector.sync.rows import OrgIds
from connector.sync.settling import Decision, Settlement, settle_one
from connector.sync.spending import Spending
from connector.sync.waiting import hold
from connector.sync.writing import Results, Upserts, Wait, write

log = structlog.get_logger("connector.apply")

BATCH = 200


class Salesforce(Crm, Upserts, Protocol):
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
    ``refused_for_now``: of the refused records those of such an account."""

    claimed: int = 0
    written: int = 0
    refused: int = 0
    refused_for_now: int = 0
    more: bool = False
    again: bool = False
    open: bool = False
    plans: list[Decision] = field(default_factory=list)

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
        except (Transient, Permanent) as error:
            hold(self.engine, unavailable(error))
            return Outcome(open=True)
        with self.engine.begin() as connection:
            if only is None and DESTINATION in circuits.open_circuits(connection):
                return Outcome(open=True)
            claimed = subjects.claim(connection, token, limit, only, most=most, least=least)
        if not claimed:
            return Outcome()
        started_at = self.clock()
        results, decisions = Results(), [Decision(one) for one in claimed]
        try:
            decisions = self.decisions(claimed)
            results = write(
                self.crm, [row for one in decisions for row in one.rows], self._holding(token, wait)
            )
        except (SetupError, Permanent, Transient) as error:
            results.unavailable = unavailable(error)
        self._circuit(results)
        if self.spending is not None:
            self.spending.note()
        relinked = self._relinked(decisions, results)
        looked = self.known is not None
        settlements = [
            settle_one(one, results, relinked=one.subject.key in relinked, looked=looked) for one in decisions
        ]
        causes = {one.key: cause or Cause(run_id=one.run_id) for one in claimed}
        self._settle(token, settlements, started_at, causes)
        touched = sum(outages.tell_touched(self.engine, one) for one in _opened(decisions, results))
        return Outcome(
            claimed=len(claimed),
            written=len(results.written),
            refused=len(results.refused),
            refused_for_now=sum(one.refused for one in settlements if one.at_once),
            more=len(claimed) == limit or any(one.tries > subjects.WORN for one in claimed),
            again=any(one.at_once for one in settlements) or touched > 0,
            open=results.unavailable is not None,
            plans=decisions,
        )

    def _affordable(self, most: Urgency, only: Sequence[str] | None) -> Urgency:
        """The least urgent work that may be done now; what a person asks for always is."""
        if self.spending is None or only is not None:
            return most
        return min(most, self.spending.level())

    def _holding(self, token: str, wait: Wait | None) -> Wait | None:
        """The same wait, at each of which the leases are renewed."""
        if wait is None:
            return None

        def held(seconds: float) -> None:
            with self.engine.begin() as connection:
                subjects.renew(connection, token)
            wait(seconds)

        return held

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
    ) -> None:
        """Let go of every subject. Waiting for a destination that is out is no attempt: an outage of a day must
        not fill the audit trail."""
        ended_at = self.clock()
        tried = [one for one in settlements if one.outcome != "waiting" or one.changes]
        with self.engine.begin() as connection:
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
