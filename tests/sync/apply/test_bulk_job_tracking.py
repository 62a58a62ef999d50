"""A bulk job whose process was killed ends before its accounts are written again, and they are written whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import SITE, SOURCE, due, make_ready, one, rows, subject
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import circuit_breakers, leases, snapshots, subjects
from connector.models.events import Urgency
from connector.models.facts import Facts
from connector.models.plan import Change, Plan
from connector.sync.apply import record_writer
from connector.sync.apply.applier import Applier, Outcome
from connector.sync.apply.bulk_job_tracking import TrackedJobs
from connector.sync.availability.api_budget import ApiBudget
from sync.fake_crm import FakeCrm, Org, RowAnswer
from sync.world import account

CODES = ("ann", "bob", "eve")
OUT = Unavailable("salesforce", "Salesforce is unavailable (503).", code="503")


class Killed(BaseException):
    """The process ends here; nothing of it is tidied up."""


@dataclass
class Bulk(FakeCrm):
    """``before`` and ``after``: what happens at a job before and after it has written ``written`` of its rows;
    ``gives_up``: whether who waits for it can still end it."""

    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    written: int = 99
    gives_up: bool = True

    def bulk_upsert(
        self, object_: str, key_field: str, rows: Sequence[Mapping[str, Any]], *, wait: Any, jobs: Any
    ) -> list[RowAnswer]:
        self.jobs.append((object_, len(rows)))
        job = f"job-{len(self.jobs)}"
        jobs.begun(job, object_, rows)
        try:
            self.before()
            answers = self._of_job(object_, key_field, rows[: self.written])
            self.after()
        except Exception:
            if self.gives_up and self.abort_bulk_job(job):
                jobs.ended(job, results_read=False)
            raise
        jobs.ended(job, results_read=True)
        return answers


def decide(facts: Facts) -> Plan:
    assert facts.account is not None
    named = {"Name": facts.account.company, "Phone": "1"}
    return Plan(facts.subject, (Change("Account", facts.subject, "account", "is", named),))


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> Bulk:
    monkeypatch.setattr(record_writer, "IN_BULK", 3)
    return Bulk()


def applier(engine: Engine, crm: FakeCrm, worker: str) -> Applier:
    return Applier(engine, crm, Org, decide, lambda: datetime.now(UTC), worker)


def learn(engine: Engine, company: str, *codes: str) -> None:
    with engine.begin() as connection:
        known = [account(code=code, id=code, company=company) for code in codes or CODES]
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), known)
        subjects.mark_due(connection, [due(code, Urgency.DISPUTE) for code in codes or CODES])


def in_bulk(engine: Engine, crm: FakeCrm, **how: Any) -> Outcome:
    return applier(engine, crm, "first").run(bulk_wait=lambda _: None, **how)


def next_comes(engine: Engine, crm: FakeCrm, **how: Any) -> Outcome:
    """A worker that knows nothing of the first, once the first one's leases are gone."""
    return applier(engine, crm, "second").run(**how)


def killed(engine: Engine, crm: Bulk, *, written: int = 0) -> None:
    """A job at which its process is killed."""

    def kill() -> None:
        raise Killed

    crm.after, crm.written = kill, written
    with pytest.raises(Killed):
        in_bulk(engine, crm)
    crm.after, crm.written = (lambda: None), 99


def free(engine: Engine) -> None:
    with engine.begin() as connection:
        leases.release_all(connection, "first")


def names(crm: FakeCrm) -> list[str]:
    return [crm.of("Account")[subject(code)]["Name"] for code in CODES]


def jobs_kept(engine: Engine) -> list[str]:
    return [row.job for row in rows(engine, "SELECT job FROM bulk_job ORDER BY job")]


def circuit(engine: Engine) -> circuit_breakers.OpenCircuit:
    with engine.connect() as connection:
        return circuit_breakers.open_circuits(connection)["salesforce"]


# ── a run that ends by itself ─────────────────────────────────────────────────────────────────────────────────


def test_a_job_is_known_while_salesforce_works_on_it_and_no_longer(engine: Engine, crm: Bulk) -> None:
    seen: list[list[str]] = []
    crm.before = lambda: seen.append(jobs_kept(engine))
    learn(engine, "New")
    in_bulk(engine, crm)
    assert (seen, jobs_kept(engine)) == ([["job-1"]], [])
    assert names(crm) == ["New"] * 3


def test_others_go_on_beside_a_job_whose_process_lives(engine: Engine, crm: Bulk) -> None:
    def meanwhile() -> None:
        learn(engine, "Other", "joe")
        assert next_comes(engine, crm).written == 1

    crm.before = meanwhile
    learn(engine, "New")
    in_bulk(engine, crm)
    assert crm.aborted == []


def test_what_a_job_that_was_given_up_may_have_written_is_written_whole(engine: Engine, crm: Bulk) -> None:
    """It had written a value that is not true any more, and which the ledger never knew of."""
    learn(engine, "Old")
    in_bulk(engine, crm)

    def out() -> None:
        raise Transient("Too slow.", code="bulk_too_slow")

    crm.after, crm.written = out, 2
    learn(engine, "Between")
    in_bulk(engine, crm)
    assert sorted(names(crm)) == ["Between", "Between", "Old"]
    crm.after, crm.written = (lambda: None), 99
    learn(engine, "Old")
    in_bulk(engine, crm)
    assert names(crm) == ["Old"] * 3
    assert jobs_kept(engine) == []


# ── one that was killed ───────────────────────────────────────────────────────────────────────────────────────


def test_a_job_left_behind_is_aborted_before_its_accounts_are_written_again(
    engine: Engine, crm: Bulk
) -> None:
    learn(engine, "Old")
    killed(engine, crm, written=1)
    learn(engine, "New")
    assert next_comes(engine, crm).claimed == 0, "they are held"
    assert crm.aborted == []
    free(engine)
    assert next_comes(engine, crm).written == 3
    assert (crm.aborted, names(crm), jobs_kept(engine)) == (["job-1"], ["New"] * 3, [])


def test_it_is_aborted_as_well_when_nobody_frees_the_lease(engine: Engine, crm: Bulk) -> None:
    learn(engine, "New")
    killed(engine, crm)
    make_ready(engine, "subject")
    next_comes(engine, crm)
    assert (crm.aborted, names(crm)) == (["job-1"], ["New"] * 3)


def test_what_it_was_about_is_written_whole(engine: Engine, crm: Bulk) -> None:
    learn(engine, "Old")
    in_bulk(engine, crm)
    learn(engine, "Between")
    killed(engine, crm, written=2)
    free(engine)
    learn(engine, "Old")
    next_comes(engine, crm)
    assert names(crm) == ["Old"] * 3
    assert {frozenset(row) for row in crm.sent("Account")[-3:]} == {frozenset({"Name", "Phone"})}


def test_one_that_ended_before_what_it_wrote_was_kept_needs_no_abort(engine: Engine, crm: Bulk) -> None:
    learn(engine, "Old")
    in_bulk(engine, crm)
    learn(engine, "Between")

    with pytest.raises(Killed):
        replace(applier(engine, crm, "first"), spending=_KilledThen()).run(bulk_wait=lambda _: None)
    free(engine)
    learn(engine, "Old")
    next_comes(engine, crm)
    assert (crm.aborted, names(crm), jobs_kept(engine)) == ([], ["Old"] * 3, [])


# ── where it cannot be known to have ended ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", [{}, {"only": [subject("bob")]}])
def test_until_it_has_ended_nothing_is_claimed(engine: Engine, crm: Bulk, how: dict[str, Any]) -> None:
    learn(engine, "New")
    killed(engine, crm)
    free(engine)
    crm.unstoppable.add("job-1")
    outcome = next_comes(engine, crm, **how)
    assert (outcome.open, outcome.claimed, crm.of("Account")) == (True, 0, {})
    assert "job-1 of Account was left behind" in circuit(engine).reason
    assert one(engine, "SELECT count(*) AS n FROM subject WHERE lease IS NOT NULL OR tries > 1").n == 0
    crm.unstoppable.clear()
    rows(engine, "DELETE FROM circuit")
    assert next_comes(engine, crm).written == 3


def test_while_salesforce_is_out_it_is_waited_for(engine: Engine, crm: Bulk) -> None:
    learn(engine, "New")
    killed(engine, crm)
    free(engine)
    crm.abort_outage = OUT
    assert next_comes(engine, crm).open
    assert circuit(engine).reason == str(OUT)
    assert jobs_kept(engine) == ["job-1"]


def test_what_a_person_must_mend_is_said(engine: Engine, crm: Bulk) -> None:
    learn(engine, "New")
    killed(engine, crm)
    free(engine)
    crm.abort_outage = Permanent("Insufficient access.", code="INSUFFICIENT_ACCESS")
    assert next_comes(engine, crm).open
    assert (circuit(engine).code, "Bulk Data Load Jobs" in circuit(engine).reason) == ("NOT_SET_UP", True)


def test_one_that_could_not_be_ended_by_who_gave_it_up_is_ended_by_who_comes_next(
    engine: Engine, crm: Bulk
) -> None:
    def out() -> None:
        raise OUT

    crm.after, crm.written, crm.gives_up = out, 1, False
    learn(engine, "Old")
    assert in_bulk(engine, crm).open
    assert jobs_kept(engine) == ["job-1"]
    crm.after, crm.written = (lambda: None), 99
    rows(engine, "DELETE FROM circuit")
    learn(engine, "New")
    assert next_comes(engine, crm).written == 3
    assert (crm.aborted, names(crm), jobs_kept(engine)) == (["job-1"], ["New"] * 3, [])


def test_what_the_ledger_cannot_be_told_is_asked_of_salesforce_later(engine: Engine) -> None:
    class Away:
        def begin(self) -> Any:
            raise OperationalError("UPDATE", {}, Exception("the server closed the connection"))

    TrackedJobs(Away(), "w:1", "bob", lambda _: None).ended("job-1", results_read=True)  # type: ignore[arg-type]


class _KilledThen(ApiBudget):
    """The process is killed between what was written and what is kept of it."""

    def __init__(self) -> None: ...

    def level(self) -> Urgency:
        return Urgency.ROUTINE

    def note(self) -> None:
        raise Killed
