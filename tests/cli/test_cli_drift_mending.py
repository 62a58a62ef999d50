"""``casewire drift`` beside an org in which people typed: what it mends, what it names, what it says when it can't."""

from __future__ import annotations

import json
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
from connector.ledger import snapshots, subjects
from connector.mappers import fields
from connector.mappers.fields import Account, Case, Contact
from connector.mappers.fields import Invoice as F
from connector.sync.drift import looking
from connector.wiring import wiring
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
            if case[Case.CONTACT] == second["Id"]:
                self.desk.edit(Case.OBJECT, case["Id"], {Case.CONTACT: None})
        self.desk.delete(object_, second["Id"])
        self.desk.edit(object_, first["Id"], {fields.KEY: second[fields.KEY]})
        return first, second


def document_of(done: Result) -> str:
    """What is on stdout beside the log, which goes there in tests."""
    return "".join(line for line in done.stdout.splitlines(True) if not line.startswith("subject="))


def learn(code: str, number: int, **told: Any) -> None:
    known = [
        account(code=code, id=f"acc-{code}", company=f"{code} & Co", email=f"{code}@example.com"),
        invoice(id=f"inv-{code}", number=str(number), account_code=code, dunning_events_sent=1, **told),
    ]
    with wiring().engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), known)
        subjects.mark_due(connection, [due(code)])


@pytest.fixture
def world(connected: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    org, control = Org(default_metadata(), assignment_rule=False), Control()
    with serve(create_app(org, control)) as server:
        given = {"CLIENT_ID": "sandbox", "CLIENT_SECRET": "sandbox", "LOGIN_URL": server.url}
        for name, value in given.items():
            monkeypatch.setenv(f"SALESFORCE_{name}", value)
        monkeypatch.setenv("RECURLY_SITE", SITE)
        monkeypatch.setenv("RECURLY_API_KEY", "key")
        for number, code in enumerate(CUSTOMERS, 1000):
            learn(code, number)
        wiring().applier().run()
        rows(wiring().engine, "UPDATE subject SET history = 'done'")
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
        monkeypatch.setattr(looking, "BATCH", 1)
        monkeypatch.setattr(command, "BATCH", 1)
    first, second = world.swap(object_)
    found = world.told(code=1)
    told = {(entry["key"], entry["missing"]) for entry in found["drift"] if entry["object"] == object_}
    assert {(first[fields.KEY], False), (second[fields.KEY], True)} <= told
    done = world.told("--fix", "--apply", code=0)
    assert done["mended"]["complete"] is True
    now = world.by_key(object_)
    assert now[first[fields.KEY]]["Id"] == first["Id"]
    for was in (first, second):
        assert own(now[was[fields.KEY]]) == own(was)
    assert len(now) == len(CUSTOMERS)
    assert world.told(code=0)["drift"] == []


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
    wiring().applier().run()
    letter = one(wiring().engine, "SELECT key, error, error_code FROM subject WHERE status = 'dead'")
    assert (letter.key, letter.error_code) == ("recurly:acme:account:bob", "KEY_ASTRAY")
    assert f"the record {first['Id']}, which is that of {first[fields.KEY]}" in letter.error
    assert world.told("--fix", "--apply", code=0)["mended"]["complete"] is True
    now = world.by_key(object_)
    assert own(now[first[fields.KEY]]) == own(first)
    assert (now[first[fields.KEY]]["Id"], len(now)) == (first["Id"], len(CUSTOMERS))
    assert world.by_key(F.OBJECT)["recurly:acme:invoice:1001"][F.TOTAL] == Decimal("50.00")
    assert world.told(code=0)["drift"] == []
    assert one(wiring().engine, "SELECT count(*) AS n FROM subject WHERE status = 'dead'").n == 0
