"""``casewire plan`` and ``resync`` from a sandbox Recurly to a sandbox Salesforce, typed: what is shown."""

from __future__ import annotations

import json

import jsonschema
import pytest
from samples import rows
from sqlalchemy import Engine

from cli.conftest import Run
from cli.vendors import Vendors
from connector.errors import Unavailable
from connector.sync.apply.applier import Applier

from .telling import SCHEMA, done, key, told


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_a_plan_is_read_record_by_record_and_added_up(casewire: Run, bob: str) -> None:
    lines = done(casewire("plan", bob)).stdout.splitlines()
    assert lines[0] == key(bob)
    assert f"  create Account {key(bob)}" in lines
    assert "    Billing_State__c: – → active" in lines
    assert any(line.startswith("  create Case ") and line.endswith(" [open]") for line in lines)
    assert any(line.startswith("    payment_failed: ") for line in lines)
    assert "1 account: 1 to change, 0 up to date, 0 failed. 8 changes." in lines
    assert "  Case: create 1, open 1" in lines
    assert "  by rule: account 2, invoices 2, payment_failed 1, payments 2, subscriptions 1" in lines
    assert lines[-1].startswith("Writing takes 6 calls to Salesforce: Account 1, Contact 1, ")


def test_a_plan_writes_nothing_and_tells_the_budget(casewire: Run, bob: str, both: Vendors) -> None:
    result = done(casewire("plan", bob))
    assert "calls used in 24 hours" in result.stderr
    assert "kept for people" in result.stderr
    assert both.calls("salesforce", "PATCH") == 0
    assert both.records("Account") == []


def test_two_plans_are_the_same_byte_for_byte(casewire: Run, bob: str, both: Vendors) -> None:
    both.play("population", accounts=3)
    for arguments in (["--all"], ["--all", "--json"], [bob, "nobody", "--json"]):
        first, second = (casewire("plan", *arguments).stdout for _ in range(2))
        assert first == second
        assert first


def test_a_document_follows_its_schema(casewire: Run, bob: str) -> None:
    document = told(casewire("plan", bob, "nobody", "--json"))
    assert [account["account"] for account in document["accounts"]] == [key(bob), key("nobody")]
    assert document["accounts"][1]["error"] == "Recurly site acme has no account 'nobody'."
    assert (document["totals"]["changed"], document["totals"]["failed"]) == (1, 1)
    assert document["calls"] | {"objects": {}} == {"total": 6, "objects": {}, "fit": True}
    assert document["complete"] is True


def test_one_that_does_not_exist_stops_no_other(casewire: Run, bob: str) -> None:
    result = casewire("plan", "nobody", bob)
    assert result.exit_code == 1
    assert "failed: Recurly site acme has no account 'nobody'." in result.stdout
    assert f"create Account {key(bob)}" in result.stdout


def test_a_document_that_is_cut_short_says_so(
    casewire: Run, bob: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(applier: Applier, claimed: object) -> None:
        raise Unavailable("salesforce", "Salesforce is away.")

    monkeypatch.setattr(Applier, "decisions", away)
    result = casewire("plan", bob, "--json")
    assert result.exit_code == 1
    assert told(result)["complete"] is False
    assert result.stderr == "Error: Salesforce is away.\n"


@pytest.mark.parametrize(("free", "fit"), [(6, True), (5, False), (None, None)])
def test_whether_the_calls_that_are_left_are_enough_is_told(
    casewire: Run, bob: str, monkeypatch: pytest.MonkeyPatch, free: int | None, fit: bool | None
) -> None:
    monkeypatch.setattr("connector.sync.availability.api_budget.free", lambda *_: free)
    assert told(done(casewire("plan", bob, "--json")))["calls"]["fit"] is fit


def test_one_that_was_removed_before_it_was_known_is_no_failure_of_all(
    casewire: Run, bob: str, engine: Engine
) -> None:
    rows(
        engine,
        "INSERT INTO subject (key, source, site, code, status, urgency) "
        "VALUES (:key, 'recurly', 'acme', 'gone', 'idle', 2)",
        key=key("gone"),
    )
    result = done(casewire("plan", "--all"))
    assert "2 accounts: 1 to change, 0 up to date, 1 gone at Recurly, 0 failed." in result.stdout
    assert key("gone") not in result.stdout
    totals = told(done(casewire("resync", "--all", "--apply", "--json")))["totals"]
    assert (totals["gone"], totals["failed"], totals["up_to_date"]) == (1, 0, 0)
    assert casewire("plan", "gone").exit_code == 1, "who names it is told"
