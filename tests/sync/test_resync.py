"""Resync: a person asks what would change for an account, and has it done."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from samples import SITE, SOURCE, due, one, rows, subject
from sqlalchemy import Engine

from connector.errors import Permanent, SetupError, Unavailable
from connector.facts import Facts
from connector.ledger import circuits, subjects
from connector.ledger.attempts import Cause
from connector.plan import Change, Plan
from connector.sync.apply import Applier
from connector.sync.resync import look, resync_now

from .fake_api import FakeApi
from .fake_crm import FakeCrm, Org
from .world import account

HERE = (SOURCE, SITE)


def decide(facts: Facts) -> Plan:
    if facts.account is None:
        return Plan(facts.subject)
    if facts.account.company == "broken":
        raise KeyError("currency")
    return Plan(
        facts.subject, (Change("Account", facts.subject, "account", "is", {"Name": facts.account.company}),)
    )


@pytest.fixture
def crm() -> FakeCrm:
    return FakeCrm()


@pytest.fixture
def applier(engine: Engine, crm: FakeCrm) -> Applier:
    return Applier(engine, crm, Org, decide, lambda: datetime.now(UTC), "cli")


def test_a_look_fetches_the_account_anew_and_writes_nothing(
    engine: Engine, crm: FakeCrm, applier: Applier
) -> None:
    looked = look(engine, {HERE: FakeApi([account()])}, applier, due())
    assert [(row.change.object, row.exists, row.after) for row in looked.changes] == [
        ("Account", False, {"Name": "Rivera Books"})
    ]
    assert crm.upserts == []
    assert rows(engine, "SELECT 1 FROM subject") == []
    assert rows(engine, "SELECT 1 FROM attempt") == []


def test_after_a_resync_a_look_finds_nothing_to_change(engine: Engine, applier: Applier) -> None:
    apis = {HERE: FakeApi([account()])}
    looked = look(engine, apis, applier, due())
    outcome = resync_now(applier, [looked.subject], Cause("resync", "ticket 4711"))
    assert (outcome.claimed, outcome.written, outcome.refused, outcome.open) == (1, 1, 0, False)
    assert one(engine, "SELECT trigger, who FROM attempt") == ("resync", "ticket 4711")
    assert look(engine, apis, applier, due()).changes == ()


def test_many_accounts_go_two_hundred_at_a_time(engine: Engine, applier: Applier) -> None:
    outcome = resync_now(applier, [due(f"c{number}") for number in range(250)], Cause("resync"))
    assert outcome.claimed == 250
    assert one(engine, "SELECT count(*) AS n FROM subject WHERE status = 'idle'").n == 250


def test_an_account_that_a_worker_holds_is_left_to_it_and_stays_due(engine: Engine, applier: Applier) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due()])
        (held,) = subjects.claim(connection, "w:1", 1)
    assert resync_now(applier, [due()], Cause("resync")).claimed == 0
    with engine.begin() as connection:
        subjects.settle(connection, "w:1", [subjects.Settled(held.key, held.generation, "idle")])
    assert one(engine, "SELECT status FROM subject").status == "due"


def test_when_salesforce_is_out_that_is_said_and_the_account_stays_due(
    engine: Engine, crm: FakeCrm, applier: Applier
) -> None:
    crm.query_outage = Unavailable("salesforce", "503")
    assert resync_now(applier, [due()], Cause("resync")).open
    assert one(engine, "SELECT status, tries FROM subject") == ("due", 0)
    with engine.connect() as connection:
        assert "salesforce" in circuits.open_circuits(connection)


def test_an_unknown_account_is_said_to_be_unknown(engine: Engine, applier: Applier) -> None:
    with pytest.raises(Permanent, match="no account 'bob'"):
        look(engine, {HERE: FakeApi()}, applier, due())


def test_a_site_without_a_key_is_said_to_need_one(engine: Engine, applier: Applier) -> None:
    with pytest.raises(SetupError, match="RECURLY_API_KEY"):
        look(engine, {}, applier, due())


def test_facts_that_cannot_be_decided_are_said_to_be(engine: Engine, applier: Applier) -> None:
    with pytest.raises(Permanent, match="KeyError"):
        look(engine, {HERE: FakeApi([account(company="broken")])}, applier, due())
    assert rows(engine, "SELECT 1 FROM subject WHERE key = :key", key=subject()) == []
