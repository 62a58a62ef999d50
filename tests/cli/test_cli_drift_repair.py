"""``casewire drift`` beside an org in which people typed: what it mends, what it names, what it says when it can't."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from jsonschema import Draft202012Validator
from samples import SITE, SOURCE, due, one, rows
from sync.world import account, invoice

from connector.cli import drift as command
from connector.cli.drift import repair
from connector.container import container_from_environment
from connector.ledger import snapshots, subjects
from connector.mappers import fields
from connector.mappers.fields import Account, Case, Contact
from connector.mappers.fields import Invoice as F
from connector.sync.drift import detector
from connector.sync.drift.repair import RepairResult, repair_accounts
from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.salesforce.desk import Desk
from sandbox.salesforce.metadata import default_metadata
from sandbox.server import serve

from .conftest import Run

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "drift.schema.json"
CUSTOMERS = ("amy", "bob", "eve")
Rows = dict[str, dict[str, Any]]


@dataclass
class World:
    """Some customers with an invoice past due each, all written to an org, and somebody at a desk."""

    org: Org
    desk: Desk
    control: Control
    run: Run

    def by_key(self, object_: str) -> Rows:
        return {row[fields.KEY]: dict(row) for row in self.org.records(object_) if row[fields.KEY]}

    def drift(self, *arguments: str, code: int) -> Result:
        done = self.run("drift", *arguments)
        assert done.exit_code == code, done.output
        return done

    def told(self, *arguments: str, code: int) -> dict[str, Any]:
        document = document_of(self.drift(*arguments, "--json", code=code))
        found: dict[str, Any] = json.loads(document)
        Draft202012Validator(json.loads(SCHEMA.read_text())).validate(found)
        return found

    def swap(self, object_: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Deletes the second record and types its key onto the first: both as they were."""
        first, second = (row for _, row in sorted(self.by_key(object_).items())[:2])
        for case in self.org.records(Case.OBJECT):
            if case[Case.ACCOUNT] == second["Id"]:
                self.desk.delete(Case.OBJECT, case["Id"])
            elif case[Case.CONTACT] == second["Id"]:
                self.desk.edit(Case.OBJECT, case["Id"], {Case.CONTACT: None})
        self.desk.delete(object_, second["Id"])
        self.desk.edit(object_, first["Id"], {fields.KEY: second[fields.KEY]})
        return first, second


def document_of(done: Result) -> str:
    """What is on stdout beside the log, which goes there in tests."""
    return done.stdout[done.stdout.index('{"schema"') :]


def learn(code: str, number: int, **told: Any) -> None:
    known = [
        account(code=code, id=f"acc-{code}", company=f"{code} & Co", email=f"{code}@example.com"),
        invoice(id=f"inv-{code}", number=str(number), account_code=code, dunning_events_sent=1, **told),
    ]
    with container_from_environment().engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), known)
        subjects.mark_due(connection, [due(code)])


@pytest.fixture
def world(connected: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    org, control = Org(default_metadata(), assignment_rule=False), Control()
    with serve(create_app(org, control)) as server:
        given = {"CLIENT_ID": "sandbox", "CLIENT_SECRET": "sandbox", "LOGIN_URL": server.url}
        for name, value in given.items():
            monkeypatch.setenv(f"SALESFORCE_{name}", value)
        monkeypatch.setattr(command, "WAIT", lambda seconds: time.sleep(seconds / 100))
        monkeypatch.setenv("RECURLY_SITE", SITE)
        monkeypatch.setenv("RECURLY_API_KEY", "key")
        for number, code in enumerate(CUSTOMERS, 1000):
            learn(code, number)
        container_from_environment().applier().run()
        rows(container_from_environment().engine, "UPDATE subject SET history = 'done'")
        yield World(org, Desk(org), control, connected)


def own(row: dict[str, Any]) -> dict[str, Any]:
    """What a record says but for when it was written, and under which id."""
    of_the_org = {"Id", "CreatedDate", "LastModifiedDate", "SystemModstamp", "CaseNumber", "LastModifiedById"}
    leads = {"CreatedById", F.ACCOUNT, Case.INVOICE, "ContactId"}
    return {name: value for name, value in row.items() if name not in of_the_org | leads}


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("object_", [F.OBJECT, Contact.OBJECT, Case.OBJECT])
def test_a_deleted_record_s_key_on_another_record_moves_nothing_onto_that(
    world: World, object_: str, apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if apart:
        monkeypatch.setattr(detector, "BATCH", 1)
        monkeypatch.setattr(repair, "BATCH", 1)
    first, second = world.swap(object_)
    found = world.told(code=1)
    told = {(entry["key"], entry["missing"]) for entry in found["drift"] if entry["object"] == object_}
    assert {(first[fields.KEY], False), (second[fields.KEY], True)} <= told
    done = world.told("--fix", "--apply", code=0)
    assert done["repaired"]["complete"] is True
    now = world.by_key(object_)
    assert now[first[fields.KEY]]["Id"] == first["Id"]
    for was in (first, second):
        assert own(now[was[fields.KEY]]) == own(was)
    assert len(now) == len(CUSTOMERS)
    assert world.told(code=0)["drift"] == []


def test_a_case_that_says_all_of_another_one_is_still_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector, "BATCH", 1)
    monkeypatch.setattr(repair, "BATCH", 1)
    first, second = world.swap(Case.OBJECT)
    world.desk.edit(Case.OBJECT, first["Id"], {Case.ACCOUNT_KEY: second[Case.ACCOUNT_KEY]})
    world.drift("--fix", "--apply", code=0)
    now = world.by_key(Case.OBJECT)
    for was in (first, second):
        assert own(now[was[fields.KEY]]) == own(was)
    world.drift(code=0)


@pytest.mark.parametrize("object_", [F.OBJECT, Case.OBJECT, Contact.OBJECT, Account.OBJECT])
def test_two_records_whose_keys_were_exchanged_get_their_own_again(world: World, object_: str) -> None:
    (a, first), (b, second) = sorted(world.by_key(object_).items())[:2]
    for id_, key in ((first["Id"], "typed"), (second["Id"], a), (first["Id"], b)):
        world.desk.edit(object_, id_, {fields.KEY: key})
    world.drift("--fix", "--apply", code=0)
    now = world.by_key(object_)
    assert (own(now[a]), own(now[b])) == (own(first), own(second))
    assert (now[a]["Id"], now[b]["Id"]) == (first["Id"], second["Id"])
    world.drift(code=0)


@pytest.mark.parametrize("object_", [F.OBJECT, Case.OBJECT])
def test_news_that_come_before_anybody_looks_are_told_to_have_gone_astray_and_both_are_put_right(
    world: World, object_: str
) -> None:
    first, _ = world.swap(object_)
    learn("bob", 1001, total=Decimal("50.00"), balance=Decimal("50.00"))
    container_from_environment().applier().run()
    letter = one(
        container_from_environment().engine,
        "SELECT key, error, error_code FROM subject WHERE status = 'dead'",
    )
    assert (letter.key, letter.error_code) == ("recurly:acme:account:bob", "KEY_ASTRAY")
    assert f"the record {first['Id']}, which is that of {first[fields.KEY]}" in letter.error
    assert world.told("--fix", "--apply", code=0)["repaired"]["complete"] is True
    now = world.by_key(object_)
    assert own(now[first[fields.KEY]]) == own(first)
    assert (now[first[fields.KEY]]["Id"], len(now)) == (first["Id"], len(CUSTOMERS))
    assert world.by_key(F.OBJECT)["recurly:acme:invoice:1001"][F.TOTAL] == Decimal("50.00")
    assert world.told(code=0)["drift"] == []
    assert (
        one(container_from_environment().engine, "SELECT count(*) AS n FROM subject WHERE status = 'dead'").n
        == 0
    )


@pytest.mark.parametrize("way", ["--no-bulk", "--bulk"])
def test_a_record_with_a_key_that_nobody_knows_is_named_and_never_touched(world: World, way: str) -> None:
    bob = world.by_key(Account.OBJECT)["recurly:acme:account:bob"]["Id"]
    typed = {fields.KEY: "recurly:acme:invoice:9999", F.ACCOUNT: bob, F.STATE: "past_due", F.TOTAL: 500}
    (id_,) = world.desk.write(F.OBJECT, [typed])
    world.desk.write(Contact.OBJECT, [{"LastName": "An agent's own", "AccountId": bob}])
    found = world.told(way, code=1)
    unknown = {"account": "recurly:acme:account:bob", "object": F.OBJECT, "id": id_, "key": typed[fields.KEY]}
    assert (found["unknown"], found["drift"]) == ([unknown], [])
    assert world.told(way, "bob", code=1)["unknown"] == [unknown]
    assert world.told(way, "amy", code=0)["unknown"] == []
    assert world.told(way, "--object", "Case", code=0)["unknown"] == []
    assert world.told(way, "--rule", "account", code=0)["unknown"] == []
    before = world.org.records(F.OBJECT)
    world.drift(way, "--fix", "--apply", code=1)
    assert world.org.records(F.OBJECT) == before
    rows(
        container_from_environment().engine,
        "UPDATE subject SET status = 'due' WHERE key = 'recurly:acme:account:bob'",
    )
    assert world.told(way, code=0)["unknown"] == []


@pytest.mark.parametrize("way", ["--no-bulk", "--bulk"])
def test_a_record_whose_key_was_moved_to_a_new_one_is_still_ours_and_the_other_is_named(
    world: World, way: str
) -> None:
    key = "recurly:acme:invoice:1001"
    ours = world.by_key(F.OBJECT)[key]
    world.desk.edit(F.OBJECT, ours["Id"], {fields.KEY: None})
    (id_,) = world.desk.write(F.OBJECT, [{fields.KEY: key, F.ACCOUNT: ours[F.ACCOUNT], F.TOTAL: 1}])
    found = world.told(way, code=1)
    (entry,) = found["drift"]
    assert [one["field"] for one in entry["fields"]] == [fields.KEY]
    assert f"its key is on the record {id_}" in entry["reason"]
    unknown = {"account": "recurly:acme:account:bob", "object": F.OBJECT, "id": id_, "key": key}
    assert found["unknown"] == [unknown]
    done = world.told(way, "--fix", "--apply", code=1)
    assert done["repaired"]["complete"] is True
    assert own(world.by_key(F.OBJECT)[key]) == own(ours)
    assert world.by_key(F.OBJECT)[key]["Id"] == ours["Id"]
    left = world.told(way, code=1)
    assert (left["drift"], left["unknown"]) == ([], [{**unknown, "key": None}])
    world.desk.delete(F.OBJECT, id_)
    world.drift(way, code=0)


@pytest.mark.parametrize("way", ["--no-bulk", "--bulk"])
def test_what_was_once_written_and_is_forgotten_is_not_unknown(world: World, way: str) -> None:
    rows(container_from_environment().engine, "DELETE FROM mirror WHERE object = 'Billing_Invoice__c'")
    rows(container_from_environment().engine, "DELETE FROM snapshot WHERE object = 'invoice'")
    assert world.told(way, "--object", F.OBJECT, code=0)["unknown"] == []


def test_what_was_found_is_told_before_the_number_is_asked_for(world: World, tmp_path: Path) -> None:
    for row in world.by_key(F.OBJECT).values():
        world.desk.edit(F.OBJECT, row["Id"], {F.STATE: "typed"})
    done = world.drift("--fix", "--apply", "--yes", "2", code=2)
    assert "update Billing_Invoice__c recurly:acme:invoice:1001" in done.stdout
    assert "to do them without being asked, add --yes 3" in done.stderr
    file = tmp_path / "d.csv"
    world.drift("--fix", "--apply", "--yes", "2", "--csv", str(file), code=2)
    assert "recurly:acme:invoice:1002" in file.read_text(encoding="utf-8-sig")
    assert (world.told("--fix", "--apply", "--yes", "2", code=2))["repaired"] is None


def test_where_salesforce_goes_away_it_is_told_what_was_found_and_how_far_it_came(world: World) -> None:
    for row in world.by_key(F.OBJECT).values():
        world.desk.edit(F.OBJECT, row["Id"], {F.STATE: "typed"})
    world.control.add_fault("server_unavailable", "composite")
    done = world.told("--fix", "--apply", code=1)
    assert (len(done["drift"]), done["repaired"]["complete"], done["repaired"]["written"]) == (3, False, 0)
    run = one(container_from_environment().engine, "SELECT state FROM run ORDER BY id DESC LIMIT 1")
    assert run.state == "failed"


@pytest.mark.parametrize("for_ever", [False, True])
def test_what_was_given_up_on_is_tried_once_more_after_all_the_others(world: World, for_ever: bool) -> None:
    """What refused it may have been another account's record, which is right only after that was mended."""
    for row in world.by_key(F.OBJECT).values():
        world.desk.edit(F.OBJECT, row["Id"], {F.STATE: "typed"})
    world.control.add_fault("validation_rule", F.OBJECT, times=None if for_ever else 1)
    told = world.told("--fix", "--apply", code=1 if for_ever else 0)["repaired"]
    assert (told["dead"], told["complete"]) == ((3, False) if for_ever else (0, True))


def test_an_account_that_a_worker_has_leased_is_repaired_when_the_worker_has_finished(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker writes what differs from the mirror: it does not repair drift."""
    for row in world.by_key(F.OBJECT).values():
        world.desk.edit(F.OBJECT, row["Id"], {F.STATE: "typed"})
    engine = container_from_environment().engine
    pauses: list[float] = []

    def leased_by_a_worker(*arguments: Any) -> RepairResult:
        if not pauses:
            rows(
                engine,
                "UPDATE subject SET status = 'due', lease = 'w:1', ready_at = now() + interval '1 hour'",
            )
        return repair_accounts(*arguments)

    def finish(seconds: float) -> None:
        pauses.append(seconds)
        rows(engine, "UPDATE subject SET status = 'idle', lease = NULL, ready_at = now()")

    monkeypatch.setattr("connector.cli.drift.repair.repair_accounts", leased_by_a_worker)
    monkeypatch.setattr("connector.retry.time.sleep", finish)
    repaired = world.told("--fix", "--apply", code=0)["repaired"]
    assert (repaired["deferred"], repaired["complete"], pauses) == (0, True, [2.0])
    assert world.told(code=0)["drift"] == []


def test_an_account_that_was_mistyped_is_said_to_be_unknown(world: World) -> None:
    done = world.drift("nobody", "bob", "someone", code=1)
    assert "0 records drift, in 0 of 1 account." in done.stderr
    for code in ("nobody", "someone"):
        assert f"recurly:acme:account:{code}: The ledger does not know it." in done.stderr
    (left, _) = world.told("nobody", "someone", code=1)["undecided"]
    assert left["account"] == "recurly:acme:account:nobody"


def test_one_record_is_one_record(world: World) -> None:
    world.desk.edit(F.OBJECT, world.by_key(F.OBJECT)["recurly:acme:invoice:1001"]["Id"], {F.STATE: "typed"})
    done = world.drift("--fix", "--apply", code=0)
    assert "1 record drifts, in 1 of 3 accounts." in done.stderr
    assert "1 record written." in done.stderr
