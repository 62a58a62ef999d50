"""Resync: a person asks what would change for accounts, and has it done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from samples import SITE, SOURCE, due, one, rows, subject
from sqlalchemy import Engine

from connector.errors import Unavailable
from connector.ledger import circuit_breakers, runs, snapshots, subjects
from connector.ledger.attempts import Cause
from connector.ledger.subjects import Due
from connector.mappers import external_ids, fields
from connector.mappers.fields import Case
from connector.models.events import Urgency
from connector.models.facts import DeletedObject, Facts
from connector.models.plan import Change, Plan, Transition
from connector.policy import Policy
from connector.sync.apply.applier import Applier
from connector.sync.decide.decide import decide as deciding
from connector.sync.resync.resync import PlanPreview, look, resync_now
from sync.fake_crm import FakeCrm, Org
from sync.world import account


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


@pytest.fixture
def bob(engine: Engine) -> Due:
    """An account that the ledger knows."""
    know(engine, "bob")
    return due()


def know(engine: Engine, *codes: str, company: str = "Rivera Books") -> None:
    with engine.begin() as connection:
        found = [account(id=f"acc-{code}", code=code, company=company) for code in codes]
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), found)


def looked(applier: Applier, *wanted: Due, **troubles: str) -> list[PlanPreview]:
    """What a person sees who named them."""
    return list(look(applier, wanted, {subject(code): text for code, text in troubles.items()}, named=True))


def resync(applier: Applier, wanted: Sequence[Due], cause: Cause = Cause("resync", "lead")) -> int:
    return resync_now(applier, wanted, cause).claimed


def test_a_look_tells_the_changes_and_writes_nothing(
    engine: Engine, crm: FakeCrm, applier: Applier, bob: Due
) -> None:
    (found,) = looked(applier, bob)
    assert [(row.change.object, row.exists, row.after) for row in found.changes] == [
        ("Account", False, {"Name": "Rivera Books"})
    ]
    assert found.is_to_do
    assert crm.upserts == []
    assert rows(engine, "SELECT 1 FROM subject") == []
    assert rows(engine, "SELECT 1 FROM attempt") == []


def test_after_a_resync_a_look_finds_nothing_to_change(engine: Engine, applier: Applier, bob: Due) -> None:
    outcome = resync_now(applier, [bob], Cause("resync", "lead"))
    assert (outcome.claimed, outcome.written, outcome.refused, outcome.open) == (1, 1, 0, False)
    assert one(engine, "SELECT trigger, who FROM attempt") == ("resync", "lead")
    (found,) = looked(applier, bob)
    assert (found.changes, found.trouble, found.is_to_do) == ((), "", False)


def test_every_account_is_told_in_order_however_many_and_each_trouble_is_its_own(
    engine: Engine, applier: Applier
) -> None:
    codes = [f"c{number:03}" for number in range(205)]
    know(engine, *codes)
    know(engine, "odd", company="broken")
    wanted = [due(code) for code in [*codes, "odd", "nobody", "unread"]]
    found = looked(applier, *wanted, unread="Recurly is away.")
    assert [one.subject for one in found] == wanted
    assert sum(one.is_to_do for one in found) == 205
    odd, nobody, unread = found[-3:]
    assert "KeyError" in odd.trouble
    assert nobody.trouble == "Recurly site acme has no account 'nobody'."
    assert unread.trouble == "Recurly is away."


def test_one_that_nobody_named_and_is_not_there_was_removed(engine: Engine, applier: Applier) -> None:
    (found,) = look(applier, [due("nobody")], {})
    assert (found.gone, found.trouble, found.changes, found.is_to_do) == (True, "", (), False)


def test_an_account_that_was_removed_is_gone_with_what_is_to_be_said_of_it(
    engine: Engine, crm: FakeCrm, applier: Applier, bob: Due
) -> None:
    resync(applier, [bob])
    with engine.begin() as connection:
        gone = [DeletedObject("account", "code-bob")]
        snapshots.mark_gone(connection, SOURCE, SITE, snapshots.clock(connection), gone)
    key = external_ids.case(SOURCE, SITE, "payment", "pay1", "chargeback", 1)
    told = {fields.KEY: key, Case.ACCOUNT_KEY: subject("bob"), Case.RULE: "chargeback", Case.STATE: "open"}
    crm.records["Case", key] = {"Id": "500A", "IsClosed": False, "ClosedDate": None, **told}
    (found,) = look(replace(applier, decide=partial(deciding, policy=Policy())), [due()], {})
    assert found.gone
    assert [(row.change.object, row.change.transition) for row in found.changes] == [
        ("Account", None),
        ("Case", Transition.RESOLVE),
    ]


def test_what_is_due_or_dead_is_tried_even_where_nothing_differs(
    engine: Engine, applier: Applier, bob: Due
) -> None:
    resync(applier, [bob])
    rows(engine, "UPDATE subject SET status = 'dead'")
    (found,) = looked(applier, bob)
    assert (found.changes, found.is_to_do) == ((), True)


def test_what_is_no_account_needs_none(engine: Engine, applier: Applier) -> None:
    payee = Due("stripe:payee:p1", "stripe", "", "payee:p1", Urgency.ROUTINE)
    (found,) = looked(applier, payee)
    assert (found.trouble, found.changes) == ("", ())


def test_the_past_of_what_was_resynced_is_known(engine: Engine, applier: Applier, bob: Due) -> None:
    resync(applier, [bob])
    assert one(engine, "SELECT history FROM subject").history == "done"


def test_an_account_that_a_worker_holds_is_left_to_it_for_this_run(
    engine: Engine, applier: Applier, bob: Due
) -> None:
    with engine.begin() as connection:
        run = runs.begin(connection, "resync", "lead", "ticket 4711", {})
        subjects.mark_due(connection, [bob])
        (held,) = subjects.claim(connection, "w:1", 1)
    assert resync(applier, [bob], Cause("resync", "lead", run)) == 0
    with engine.begin() as connection:
        subjects.settle(connection, "w:1", [subjects.Settled(held.key, held.generation, "idle")])
    assert one(engine, "SELECT status, run_id FROM subject") == ("due", run)


def test_what_mends_itself_at_once_is_no_failure(
    engine: Engine, crm: FakeCrm, applier: Applier, bob: Due
) -> None:
    """The account was deleted in Salesforce: the update is refused, all of it is written anew."""
    resync(applier, [bob])
    crm.records.clear()
    know(engine, "bob", company="Rivera & Sons")
    outcome = resync_now(applier, [bob], Cause("resync"))
    assert (outcome.claimed, outcome.written, outcome.refused, outcome.again) == (1, 1, 0, False)
    assert one(engine, "SELECT status FROM subject").status == "idle"


def test_when_salesforce_is_out_that_is_said_and_the_account_stays_due(
    engine: Engine, crm: FakeCrm, applier: Applier, bob: Due
) -> None:
    crm.query_outage = Unavailable("salesforce", "503")
    assert resync_now(applier, [bob], Cause("resync")).open
    assert one(engine, "SELECT status, tries FROM subject") == ("due", 0)
    with engine.connect() as connection:
        assert "salesforce" in circuit_breakers.open_circuits(connection)
