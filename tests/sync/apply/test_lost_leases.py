"""A process that stood still may have lost its leases: then others have written what is true now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import SITE, SOURCE, due, one, rows, subject
from sqlalchemy import Engine

from connector.ledger import snapshots, subjects
from connector.models.facts import Facts
from connector.models.plan import Change, Plan
from connector.sync.apply import record_writer
from connector.sync.apply.applier import Applier, Outcome
from sync.fake_crm import FakeCrm, Org, RowAnswer
from sync.world import account

ANN, BOB = subject("ann"), subject("bob")


def decide(facts: Facts) -> Plan:
    """An account with its name, and a dispute that has it too."""
    assert facts.account is not None
    return Plan(
        facts.subject,
        (
            Change("Account", facts.subject, "account", "is", {"Name": facts.account.company}),
            Change("Billing_Dispute__c", facts.subject, "dispute", "is", {"State__c": facts.account.company}),
        ),
    )


@dataclass
class Slow(FakeCrm):
    """``meanwhile``: what others do while the next call for accounts is under way."""

    meanwhile: Callable[[], object] | None = None

    def update(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> list[RowAnswer]:
        """They are linked, so they are written by their ids."""
        then, self.meanwhile = self.meanwhile, None
        if then is not None:
            then()
        return super().update(object_, rows)


def learn(engine: Engine, company: str, *codes: str) -> None:
    with engine.begin() as connection:
        known = [account(id=code, code=code, company=company) for code in codes]
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), known)
        subjects.mark_due(connection, [due(code) for code in codes])


@pytest.fixture
def crm(engine: Engine) -> Slow:
    """Both are as they were first."""
    crm = Slow()
    learn(engine, "First", "ann", "bob")
    applied(engine, crm)
    learn(engine, "Old", "ann", "bob")
    return crm


def applied(engine: Engine, crm: FakeCrm, decide: Callable[[Facts], Plan] = decide, **how: Any) -> Outcome:
    return Applier(engine, crm, Org, decide, lambda: datetime.now(UTC), "w").run(**how)


def other_takes_bob(engine: Engine, crm: FakeCrm) -> None:
    """His lease has run out, and there is something new about him."""
    rows(engine, "UPDATE subject SET ready_at = now() - interval '1 second' WHERE key = :key", key=BOB)
    learn(engine, "New", "bob")
    assert applied(engine, crm, only=[BOB]).written == 2


def names(crm: FakeCrm, object_: str, field: str) -> list[str]:
    return [crm.of(object_)[key][field] for key in (ANN, BOB)]


def told(engine: Engine) -> list[str]:
    """What the ledger says that was written for Bob: one attempt of the first time, one of the other's."""
    found = rows(engine, "SELECT outcome FROM attempt WHERE subject = :key ORDER BY id", key=BOB)
    return [row.outcome for row in found]


def test_what_was_lost_while_it_was_decided_is_not_sent(engine: Engine, crm: Slow) -> None:
    taken: list[str] = []

    def slowly(facts: Facts) -> Plan:
        if not taken:
            taken.append(BOB)
            other_takes_bob(engine, crm)
        return decide(facts)

    outcome = applied(engine, crm, slowly)
    assert (outcome.claimed, outcome.written) == (1, 2)
    assert names(crm, "Account", "Name") == ["Old", "New"]
    assert told(engine) == ["applied", "applied"]
    assert rows(engine, "SELECT key FROM subject WHERE status <> 'idle'") == []


def test_of_what_was_lost_while_it_was_written_the_rest_is_not_sent_and_it_is_written_whole(
    engine: Engine, crm: Slow
) -> None:
    crm.meanwhile = lambda: other_takes_bob(engine, crm)
    assert applied(engine, crm).claimed == 1
    assert names(crm, "Account", "Name") == ["Old", "Old"], "the call that was under way came last"
    assert names(crm, "Billing_Dispute__c", "State__c") == ["Old", "New"]
    assert told(engine) == ["applied", "applied"]
    assert rows(engine, "SELECT key FROM mirror WHERE subject = :key", key=BOB) == []
    assert applied(engine, crm).written == 2
    assert names(crm, "Account", "Name") == ["Old", "New"]


def test_what_was_lost_with_the_last_call_is_not_kept_as_written(engine: Engine, crm: Slow) -> None:
    def only_the_account(facts: Facts) -> Plan:
        return Plan(facts.subject, decide(facts).changes[:1])

    crm.meanwhile = lambda: other_takes_bob(engine, crm)
    assert applied(engine, crm, only_the_account).claimed == 1
    assert told(engine) == ["applied", "applied"]
    assert names(crm, "Account", "Name") == ["Old", "Old"]
    assert applied(engine, crm).written == 2
    assert names(crm, "Account", "Name") == ["Old", "New"]


def test_rows_of_a_job_that_are_lost_are_written_whole_when_it_is_over(
    engine: Engine, crm: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_writer, "IN_BULK", 2)
    coming = iter([lambda: other_takes_bob(engine, crm)])
    applied(engine, crm, bulk_wait=lambda _: next(coming, lambda: None)())
    assert names(crm, "Account", "Name") == ["Old", "Old"]
    assert names(crm, "Billing_Dispute__c", "State__c") == ["Old", "New"]
    assert applied(engine, crm).written == 2
    assert names(crm, "Account", "Name") == ["Old", "New"]
    assert rows(engine, "SELECT job FROM bulk_job") == []


def test_a_lease_that_ran_out_and_that_nobody_took_is_held_on_to(engine: Engine, crm: Slow) -> None:
    def runs_out() -> None:
        rows(engine, "UPDATE subject SET ready_at = now() - interval '1 second'")

    leases: list[bool] = []

    def slowly(facts: Facts) -> Plan:
        runs_out()
        return decide(facts)

    crm.meanwhile = lambda: leases.append(
        one(engine, "SELECT bool_and(ready_at > now()) AS held FROM subject").held
    )
    assert applied(engine, crm, slowly).claimed == 2
    assert leases == [True]
