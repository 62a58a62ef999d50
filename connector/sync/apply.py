"""STAGES 3 and 4: decide what Salesforce should say about the due accounts, and write what differs.

One run claims up to 200 accounts under a lease, reads their facts in a fixed number of statements and one SOQL
query, decides each for itself, and writes all their rows together. Whatever happens to one account (a rule that
fails, a row that is refused) is that account's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import uuid4

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.facts import About, Facts, Incident
from connector.ledger import attempts, circuits, subjects
from connector.ledger.subjects import Claimed
from connector.mappers import fields
from connector.plan import Plan, Transition
from connector.sync import outages
from connector.sync.reading import Crm, Reading, read, read_cases
from connector.sync.rows import OrgIds, Row, row_for
from connector.sync.settling import Decision, Settlement, settle_one
from connector.sync.writing import Results, Upserts, write

log = structlog.get_logger("connector.apply")

BATCH = 200
DESTINATION = "salesforce"
MENDED_BY_HAND = 300.0
"""Seconds after which a set-up that was refused is looked at again: each look costs API calls."""
EXISTENCE_CHECKED = ("Account", "Contact")
"""Records whose ``on_create`` fields are the CRM users' afterwards: asked for where the mirror is silent."""


class Salesforce(Crm, Upserts, Protocol):
    """What stage 4 needs of the Salesforce client."""


Decide = Callable[[Facts], Plan]

_LEVELS = {"retry": "warning", "dead": "error"}
"""How loudly an outcome is logged; the others are news, not trouble."""


@dataclass(slots=True)
class Outcome:
    """What one run did. ``more``: there is more to claim; ``again``: an account is to be tried again at once."""

    claimed: int = 0
    written: int = 0
    refused: int = 0
    more: bool = False
    again: bool = False
    open: bool = False
    plans: list[Decision] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Applier:
    """Everything a run needs; ``org`` is asked for late, so that building one costs no call."""

    engine: Engine
    crm: Salesforce
    org: Callable[[], OrgIds]
    decide: Decide
    clock: Callable[[], datetime]
    worker: str

    def run(
        self,
        *,
        limit: int = BATCH,
        only: Sequence[str] | None = None,
        trigger: str = "webhook",
        who: str = "",
    ) -> Outcome:
        """Claim due subjects and bring them up to date. With ``only``, those, due or not, even while Salesforce's
        circuit is open: a person wants to know now, and if it works everything else goes on too."""
        token = f"{self.worker}:{uuid4().hex}"
        with self.engine.begin() as connection:
            if only is None and DESTINATION in circuits.open_circuits(connection):
                return Outcome(open=True)
            claimed = subjects.claim(connection, token, limit, only)
        if not claimed:
            return Outcome()
        started_at = self.clock()
        results, decisions = Results(), [Decision(one) for one in claimed]
        try:
            decisions = self.decisions(claimed)
            results = write(self.crm, [row for one in decisions for row in one.rows])
        except Unavailable as error:
            results.unavailable = error
        except Transient as error:
            results.unavailable = Unavailable(
                DESTINATION, str(error), code=error.code, retry_after=error.retry_after
            )
        except (SetupError, Permanent) as error:
            results.unavailable = not_set_up(error)
        self._circuit(results)
        settlements = [settle_one(one, results) for one in decisions]
        self._settle(token, settlements, started_at, trigger, who)
        touched = sum(outages.tell_touched(self.engine, one) for one in _opened(decisions, results))
        return Outcome(
            claimed=len(claimed),
            written=len(results.written),
            refused=len(results.refused),
            more=len(claimed) == limit or any(one.tries > subjects.WORN for one in claimed),
            again=any(one.at_once for one in settlements) or touched > 0,
            open=results.unavailable is not None,
            plans=decisions,
        )

    def decisions(self, claimed: Sequence[Claimed]) -> list[Decision]:
        """What each subject's records should say, and the rows that would make them so. Writes nothing."""
        org = self.org()
        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            readings = read(connection, claimed, self.clock())
            former = attempts.former_subjects(connection, [one.key for one in claimed])
        cases = read_cases(self.crm, [one.key for one in claimed], former)
        decisions = [
            self._decide(one, readings[one.key].with_cases(cases.get(one.key, ()))) for one in claimed
        ]
        existing = self._existing(decisions)
        for decision in decisions:
            decision.rows = _rows(decision, existing, org)
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

    def _existing(self, decisions: Sequence[Decision]) -> set[tuple[str, str]]:
        """Which of the records that the mirror does not know does Salesforce have?"""
        found: set[tuple[str, str]] = set()
        for object_ in EXISTENCE_CHECKED:
            unknown = [
                change.key
                for decision in decisions
                for change in decision.plan.changes
                if change.object == object_ and (object_, change.key) not in decision.mirror
            ]
            if unknown:
                rows = self.crm.query_keys(f"SELECT {fields.KEY} FROM {object_}", fields.KEY, unknown)
                found |= {(object_, row[fields.KEY]) for row in rows}
        return found

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
        trigger: str,
        who: str,
    ) -> None:
        """Let go of every subject. Waiting for a destination that is out is no attempt: an outage of a day must
        not fill the audit trail."""
        ended_at = self.clock()
        tried = [one for one in settlements if one.outcome != "waiting" or one.changes]
        with self.engine.begin() as connection:
            attempts.forget(connection, [one.settled.key for one in settlements if one.forget])
            attempts.record(connection, [one.attempt(trigger, who, started_at, ended_at) for one in tried])
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


def not_set_up(error: SetupError | Permanent) -> Unavailable:
    """What is wrong with the installation or the org as a whole is no account's fault: everything waits until a
    person has mended it, and ``casewire status`` says what."""
    return Unavailable(DESTINATION, str(error), code=circuits.NOT_SET_UP, retry_after=MENDED_BY_HAND)


def hold(engine: Engine, error: Unavailable) -> None:
    """Open the circuit of a destination."""
    with engine.begin() as connection:
        seconds = circuits.open_circuit(
            connection, error.destination, str(error), error.code, error.retry_after
        )
    log.warning(
        "circuit_open",
        destination=error.destination,
        seconds=round(seconds, 1),
        error=str(error),
        outcome="waiting",
    )


def _rows(decision: Decision, existing: set[tuple[str, str]], org: OrgIds) -> tuple[Row, ...]:
    cases = {("Case", case.key) for case in decision.facts.cases}
    rows = []
    for change in decision.plan.changes:
        record = (change.object, change.key)
        mirrored = decision.mirror.get(record)
        exists = record in cases if change.object == "Case" else mirrored is not None or record in existing
        row = row_for(change, mirrored, exists=exists, org=org)
        if row is not None:
            rows.append(row)
    return tuple(rows)
