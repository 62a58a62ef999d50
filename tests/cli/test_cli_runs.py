"""``casewire runs``: an admin, or an auditor, sees who did what, when, why, and what came of it."""

from __future__ import annotations

import json
import os
import pwd
from datetime import UTC, datetime

import pytest
from samples import subject
from sqlalchemy import Engine

from connector import settings
from connector.cli.audit import audited_run
from connector.container import Container
from connector.ledger import attempts, missed_changes, runs, subjects
from connector.ledger.attempts import Attempt, Cause, RowChange
from connector.ledger.missed_changes import MissedChange

from .conftest import Run

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def change(key: str, **changed: object) -> RowChange:
    usual: dict[str, object] = {
        "object": "Case",
        "key": key,
        "rule": "payment_failed",
        "reason": "invoice 1001 [is] paid",
        "before": {"Status": "New", "Billing_Amount__c": "49"},
        "after": {"Status": "Closed", "Billing_Amount__c": None},
        "transition": "resolve",
        "salesforce_id": "500A",
    }
    return RowChange(**usual | changed)  # type: ignore[arg-type]


def attempted(engine: Engine, run: int | None, outcome: str, *changes: RowChange, error: str = "") -> None:
    cause = Cause("resync", "lead", run) if run else Cause()
    made = Attempt(subject(), cause, AT, AT, outcome, error=error, changes=changes)
    with engine.begin() as connection:
        attempts.record(connection, [made])


@pytest.fixture
def resynced(engine: Engine) -> int:
    """A run that wrote a case and was refused another."""
    with engine.begin() as connection:
        subjects.mark_due(connection, [subjects.Due(subject(), "recurly", "acme", "bob", 2)])  # type: ignore[arg-type]
        other = runs.begin(connection, "purge", "ops", "", {})
        runs.end(connection, other, runs.DONE)
        run = runs.begin(connection, "resync", "lead", "ticket [4711]", {"state": "past_due"})
        runs.progress(connection, run, {"accounts": 1, "accounts_in_all": 2})
    attempted(engine, run, "applied", change("c1"))
    attempted(engine, run, "dead", change("c2", error="Mend it.", written=False), error="Mend it.")
    return run


def test_the_login_name_stays_beside_the_name_an_operator_gives(
    connected: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither CASEWIRE_OPERATOR nor LOGNAME can pass something off as another's doing."""
    login = pwd.getpwuid(os.getuid()).pw_name
    for operator in ("", login, "anna", "anna (login bert)"):
        monkeypatch.setenv("CASEWIRE_OPERATOR", operator)
        monkeypatch.setenv("LOGNAME", "bert")
        wires = Container(settings.load())
        with audited_run(wires, "purge", "", {}):
            pass
        wires.engine.dispose()
    with engine.connect() as connection:
        kept = [one.who for one in runs.listed(connection, None, None, None, 9)]
        assert kept == [
            f"anna (login bert) (login {login})",
            f"anna (login {login})",
            login,
            login,
        ]
        found = {
            who: len(runs.listed(connection, None, who, None, 9)) for who in ("anna", login, "bert", "ann")
        }
    assert found == {"anna": 2, login: 4, "bert": 0, "ann": 0}


def test_runs_are_listed_newest_first_and_chosen(connected: Run, resynced: int) -> None:
    cells = [line.split("\t") for line in connected("runs", "list").stdout.splitlines()]
    last_heard = cells[0][4].removeprefix("running, last seen ")
    assert datetime.fromisoformat(last_heard)
    assert [row[2:] for row in cells] == [
        ["resync", "lead", cells[0][4], "accounts 1, accounts in all 2", "ticket [4711]"],
        ["purge", "ops", "done", "", ""],
    ]
    assert len(json.loads(connected("runs", "list", "--command", "resync", "--json").stdout)) == 1
    assert len(json.loads(connected("runs", "list", "--who", "ops", "--since", "1h", "--json").stdout)) == 1
    none = connected("runs", "list", "--command", "link")
    assert (none.exit_code, none.stdout) == (0, "")
    assert "No such runs." in none.stderr


def test_a_run_is_shown_with_what_its_attempts_came_to(connected: Run, resynced: int) -> None:
    told = connected("runs", "show", resynced).stdout
    for said in (
        "resync by lead at",
        "why        ticket [4711]",
        "options    state past_due",
        "state      running, last seen",
        "progress   accounts 1, accounts in all 2",
        "applied    1 attempts: 1 records written, 0 refused",
        "dead       1 attempts: 0 records written, 1 refused",
        f"dead       {subject()}: Mend it.",
    ):
        assert said in told
    document = json.loads(connected("runs", "show", resynced, "--json").stdout)
    assert [one["outcome"] for one in document["outcomes"]] == ["applied", "dead"]


def test_what_a_run_did_to_one_account_is_told_field_by_field(connected: Run, resynced: int) -> None:
    told = connected("runs", "show", resynced, "--account", "bob").stdout
    assert f"(resync by lead, run {resynced}) applied" in told
    assert "reason: ticket [4711]" in told
    assert "written  Case 500A  c1 [resolve]" in told
    assert "payment_failed: invoice 1001 [is] paid" in told
    assert "Status: New → Closed" in told
    assert "Billing_Amount__c: 49 → –" in told
    assert "refused  Case 500A  c2 [resolve]" in told
    assert "attempt" not in connected("runs", "show", resynced, "--account", "eve").stdout.partition("\n")[0]


def test_what_a_run_filled_in_is_listed(connected: Run, resynced: int, engine: Engine) -> None:
    there = [MissedChange("invoice", f"i{number}", AT, subject()) for number in range(22)]
    with engine.begin() as connection:
        missed_changes.record(connection, ("recurly", "acme"), there, resynced)
    told = connected("runs", "show", resynced).stdout.splitlines()
    assert told[-21] == f"  missed     invoice i0 of {subject()}, 2026-11-20 12:00:00"
    assert told[-1] == f"  missed     … and 2 more: casewire runs show {resynced} --json"
    found = json.loads(connected("runs", "show", resynced, "--json").stdout)
    assert (len(found["missed"]), found["missed_in_all"]) == (22, 22)
    assert found["missed"][0] == {
        "object": "invoice",
        "id": "i0",
        "version": "2026-11-20T12:00:00Z",
        "subject": subject(),
    }


def test_an_unknown_run_is_said_to_be_unknown(connected: Run, engine: Engine) -> None:
    result = connected("runs", "show", 4711)
    assert result.exit_code == 1
    assert "There is no run 4711. See: casewire runs list" in result.stderr
