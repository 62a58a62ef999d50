"""``casewire backfill`` from a sandbox Recurly into a sandbox Salesforce, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result
from openpyxl import load_workbook
from samples import one, rows
from sqlalchemy import Engine
from structlog.testing import capture_logs

from connector.cli.audit import login_name
from connector.container import Container, container_from_environment
from connector.sync.backfill import BackfillLock

from .conftest import Run
from .vendors import SITE, Vendors, vendors

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "backfill.schema.json"


@pytest.fixture(scope="module")
def both() -> Iterator[Vendors]:
    with vendors() as running:
        yield running


@pytest.fixture
def casewire(connected: Run, both: Vendors, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """``casewire`` for vendors of whom the one has four customers and the other nothing."""
    both.reset()
    both.name_in(monkeypatch)
    both.play("population", accounts=4, invoices=2)
    with capture_logs():
        yield connected
    if container_from_environment.cache_info().currsize:
        _hang_up(container_from_environment())


def _hang_up(wires: Container) -> None:
    client = wires.__dict__.get("salesforce")
    if client is not None:
        client.close()


def _begin_anew() -> None:
    """As in a process of its own, which reads its settings."""
    wires = container_from_environment()
    _hang_up(wires)
    wires.engine.dispose()
    container_from_environment.cache_clear()


def document(result: Result) -> Any:
    found = json.loads(result.stdout)
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))
    return found


def test_without_apply_it_counts_and_writes_nothing_and_then_what_was_read_is_written(
    casewire: Run, both: Vendors, engine: Engine
) -> None:
    looked = casewire("backfill", "--reason", "moving in", "--json")
    assert looked.exit_code == 0, looked.output
    planned = document(looked)["planned"]
    assert (planned["accounts"], planned["changed"], planned["new"]) == (4, 4, 4)
    assert planned["records"]["Billing_Invoice__c"] == {"create": 8, "update": 0}
    assert "Nothing was written. To do it: casewire backfill --resume --run " in looked.stderr
    assert both.records("Account") == []
    assert one(engine, "SELECT state FROM run") == ("stopped",)
    both.forget_calls()
    done = casewire("backfill", "--resume", "--apply", "--json")
    assert done.exit_code == 0, done.output
    assert "Sites: acme. Objects: account, subscription, invoice" in done.stderr
    assert "Since: everything." in done.stderr
    found = document(done)
    assert (found["accounts"]["written"], found["accounts"]["made"], found["planned"]) == (4, 4, None)
    assert found["records"]["Billing_Invoice__c"] == {"created": 8, "updated": 0, "refused": 0}
    assert (found["reason"], found["phase"], found["read"]["invoice"]) == ("moving in", "over", 8)
    assert both.calls("recurly", "GET") == 5  # whether anything has changed since
    assert len(both.records("Billing_Payment__c")) == 8
    assert one(engine, "SELECT command, state, reason FROM run") == ("backfill", "done", "moving in")
    assert one(engine, "SELECT DISTINCT trigger FROM attempt") == ("backfill",)


def test_what_is_done_is_said_in_lines_and_in_a_file(casewire: Run) -> None:
    result = casewire("backfill", "--apply", "--report", "moved.xlsx")
    assert result.exit_code == 0, result.output
    assert "Read: 4 accounts, 4 subscriptions, 8 invoices, 8 payments." in result.stdout
    assert "4  written" in result.stdout
    assert "can't be decided" not in result.stdout
    assert "Billing_Invoice__c: 8 created, 0 updated" in result.stdout
    book = load_workbook("moved.xlsx", read_only=True)
    assert book.sheetnames == ["Totals", "Sessions", "Records", "Reasons", "Failed", "Not read"]
    told = {row[0]: row[1:] for row in book["Records"].iter_rows(values_only=True)}
    assert told["Billing_Payment__c"] == (8, 0, 0)
    book.close()


def test_who_looked_and_who_wrote_are_told_apart_with_their_reasons(
    casewire: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASEWIRE_OPERATOR", "anna")
    casewire("backfill", "--reason", "how much is it?")
    monkeypatch.setenv("CASEWIRE_OPERATOR", "bert")
    _begin_anew()
    done = document(casewire("backfill", "--resume", "--apply", "--reason", "approved", "--json"))
    anna, bert = (f"{name} (login {login_name()})" for name in ("anna", "bert"))
    told = [(anna, "how much is it?", False), (bert, "approved", True)]
    assert [(one["who"], one["reason"], one["applies"]) for one in done["sessions"]] == told
    assert rows(engine, "SELECT DISTINCT who FROM attempt") == [(bert,)]
    code = rows(engine, "SELECT code FROM subject ORDER BY code LIMIT 1")[0].code
    shown = casewire("runs", "show", done["run"], "--account", code)
    assert "session" in shown.stdout
    assert f"by {bert}, to write: approved" in shown.stdout
    assert "reason: approved" in shown.stdout


def test_a_look_says_how_many_of_the_org_s_calls_are_left(casewire: Run) -> None:
    assert "calls used in 24 hours" in casewire("backfill").stdout


def test_the_report_of_a_run_can_be_had_again(casewire: Run, both: Vendors) -> None:
    first = document(casewire("backfill", "--apply", "--json"))
    both.forget_calls()
    again = casewire("backfill", "--show", "--json", "--report", "again.xlsx")
    assert again.exit_code == 0, again.output
    assert document(again) == first
    assert "4  written" in casewire("backfill", "--show", "--run", first["run"]).stdout
    assert load_workbook("again.xlsx", read_only=True).sheetnames[0] == "Totals"
    assert (both.calls("recurly"), both.calls("salesforce")) == (0, 0)


def test_much_is_written_only_if_its_number_is_given(
    casewire: Run, both: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[admin]\nconfirm_above = 3\n")
    monkeypatch.setenv("CASEWIRE_POLICY", str(policy))
    at_once = casewire("backfill", "--apply")
    assert (at_once.exit_code, both.records("Account")) == (1, [])
    assert "4 accounts that may be written: to do them without being asked, add --yes 4." in at_once.stderr
    assert "Continue it: casewire backfill --resume --run " in at_once.stderr
    assert casewire("backfill", "--resume", "--yes", 4).exit_code == 0
    assert len(both.records("Account")) == 4


def test_what_was_looked_at_is_written_if_the_planned_number_is_given(
    casewire: Run, both: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[admin]\nconfirm_above = 3\n")
    monkeypatch.setenv("CASEWIRE_POLICY", str(policy))
    looked = casewire("backfill", "--json")
    kinds = document(looked)["planned"]["records"].values()
    many = sum(one["create"] + one["update"] for one in kinds)
    assert f" --apply --yes {many}\n" in looked.stderr
    assert casewire("backfill", "--resume", "--apply", "--yes", many - 1).exit_code == 2
    assert both.records("Account") == []
    assert casewire("backfill", "--resume", "--apply", "--yes", many).exit_code == 0
    assert len(both.records("Account")) == 4


def test_an_older_look_is_not_gone_on_with_unasked_after_a_newer_one_is_done(
    casewire: Run, engine: Engine
) -> None:
    casewire("backfill", "--since", "2026-11-19")
    casewire("backfill", "--apply")
    older, newer = (row.id for row in rows(engine, "SELECT id FROM run ORDER BY id"))
    refused = casewire("backfill", "--resume", "--apply")
    assert refused.exit_code == 2
    said = " ".join(refused.stderr.split())
    assert f"Backfill {newer}, begun after {older}, is done already." in said
    assert f"--resume --run {older}, or begin a new one" in said
    named = casewire("backfill", "--resume", "--run", older)
    assert named.exit_code == 0, named.output
    assert "Since: what changed since 2026-11-19 00:00 UTC." in named.stderr
    done = casewire("backfill", "--resume", "--run", newer)
    assert done.exit_code == 2
    assert f"casewire backfill --show --run {newer}" in done.stderr


def test_a_site_without_a_key_is_named_with_its_setting_and_how_to_do_without(
    casewire: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECURLY_SITES", "acme-eu")
    result = casewire("backfill")
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert (
        "Site acme-eu has no API key: set RECURLY_API_KEY__ACME_EU, or read only another: --site acme."
        in said
    )
    assert rows(engine, "SELECT 1 FROM run") == []


def test_an_account_that_fails_is_told_with_the_reason_and_the_exit_code(
    casewire: Run, both: Vendors, engine: Engine
) -> None:
    code = both.play("card_update_fails", seed=5)[0]
    rule = {"kind": "validation_rule", "match": f":account:{code}$"}
    both.told("salesforce", "POST", "faults", rule)
    result = casewire("backfill", "--apply", "--json")
    both.told("salesforce", "DELETE", "faults")
    found = document(result)
    assert result.exit_code == 1
    assert found["accounts"]["failed"] == 1
    ((reason,), (account,)) = found["failures"]["reasons"], found["failures"]["accounts"]
    assert (reason["accounts"], reason["example"]) == (1, account["error"])


def test_since_and_objects_read_only_that(casewire: Run, both: Vendors) -> None:
    found = document(casewire("backfill", "--since", "2026-11-19", "--objects", "invoice,account", "--json"))
    assert found["options"]["objects"] == ["account", "invoice"]
    assert found["read"].keys() == {"account", "invoice"}
    assert found["read"]["invoice"] < 8


def test_with_nothing_to_resume_it_says_what_to_do(casewire: Run) -> None:
    result = casewire("backfill", "--resume")
    assert result.exit_code == 2
    assert "There is no backfill to resume; begin one without --resume." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--resume", "--since", "7d"), "--resume uses the options of the first start"),
        (("--show", "--apply"), "--show only shows a report"),
        (("--show",), "There is no backfill yet."),
        (("--show", "--run", "7"), "Run 7 is no backfill."),
        (("--run", "7"), "--run names the run to continue"),
        (("--objects", "invoice,cheese"), "'cheese' is not one of account, subscription, invoice"),
        (("--objects", ","), "name at least one of account"),
        (("--site", "other"), f"'other' is not one of {SITE}."),
        (("--since", "yesterday"), "is not a time"),
        (("--report", "nowhere/file.xlsx"), "There is no folder"),
    ],
)
def test_a_bad_argument_gets_one_line_that_says_what_to_do(
    casewire: Run, engine: Engine, arguments: tuple[str, ...], said: str
) -> None:
    result = casewire("backfill", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert rows(engine, "SELECT 1 FROM run") == []


def test_a_second_one_beside_it_is_refused(casewire: Run, engine: Engine) -> None:
    turn = BackfillLock(engine)
    turn.acquire()
    result = casewire("backfill", "--apply")
    turn.release()
    assert result.exit_code == 1
    assert result.stderr.strip() == (
        "Error: Another backfill is under way: let it end, or stop it. See: casewire runs list"
    )
    assert rows(engine, "SELECT 1 FROM run") == []


def test_where_recurly_does_not_answer_it_says_so_and_how_to_go_on(
    casewire: Run, both: Vendors, engine: Engine
) -> None:
    both.told("recurly", "POST", "faults", {"kind": "unavailable"})
    result = casewire("backfill", "--apply")
    both.told("recurly", "DELETE", "faults")
    assert result.exit_code == 1
    assert "Recurly is unavailable (503)." in result.stderr
    assert "Continue it: casewire backfill --resume --run " in result.stderr
    assert one(engine, "SELECT state, error FROM run") == ("failed", "Recurly is unavailable (503).")
    shown = casewire("backfill", "--show")
    assert shown.exit_code == 1
    assert "is not done (failed: Recurly is unavailable (503).). Its report so far:" in shown.stderr
    assert casewire("backfill", "--resume").exit_code == 0
    assert len(both.records("Account")) == 4


def test_a_wait_for_recurly_s_rate_limit_is_explained(
    casewire: Run, both: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("connector.cli.backfill.container"), "EXPLAIN_FROM", 0.0)
    both.told("recurly", "PUT", "rate_limit", {"limit": 12, "seconds": 2})
    result = casewire("backfill")
    both.told("recurly", "PUT", "rate_limit", {})
    assert result.exit_code == 0, result.output
    assert (
        "Half of Recurly's rate limit is left to live work, and the other half is used up." in result.stderr
    )
