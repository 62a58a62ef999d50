"""``casewire plan`` and ``resync`` from a sandbox Recurly to a sandbox Salesforce, typed: what they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from samples import one, rows
from sqlalchemy import Engine

from cli.conftest import Run
from cli.vendors import Vendors
from connector.cli.audit import login_name
from connector.clients.salesforce import SalesforceClient, SalesforceConfig
from connector.clients.salesforce.jobs import PollSchedule
from connector.ledger import api_usage, subjects
from connector.sync.apply.applier import Applier, Outcome
from connector.sync.apply.call_estimate import A_BULK_JOB

from .telling import done, key, told


def test_it_stops_at_the_plan_unless_told(casewire: Run, bob: str, both: Vendors, engine: Engine) -> None:
    result = done(casewire("resync", bob))
    assert "Nothing was written. Add --apply to do it." in result.stderr
    assert both.records("Account") == []
    assert rows(engine, "SELECT 1 FROM run") == []


def test_what_is_done_is_a_run_with_who_and_why(
    casewire: Run, bob: str, both: Vendors, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASEWIRE_OPERATOR", "lead")
    result = done(casewire("resync", bob, "--apply", "--reason", "ticket 4711"))
    assert "8 records written, 0 refused; the plan was 8." in result.stderr
    run, who = one(engine, "SELECT * FROM run"), f"lead (login {login_name()})"
    assert (run.command, run.who, run.reason, run.state) == ("resync", who, "ticket 4711", "done")
    assert run.options == {"accounts": [key(bob)], "accounts_named": 1}
    assert run.progress == {"accounts": 1, "accounts_in_all": 1, "written": 8, "refused": 0}
    assert one(engine, "SELECT trigger, who, run_id FROM attempt") == ("resync", who, run.id)
    assert len(both.records("Case")) == 1


def test_the_second_plan_is_empty(casewire: Run, bob: str) -> None:
    done(casewire("resync", bob, "--apply"))
    document = told(done(casewire("plan", bob, "--json")))
    assert document["accounts"] == [{"account": key(bob), "error": None, "changes": []}]
    assert (document["totals"]["up_to_date"], document["calls"]["total"]) == (1, 0)
    result = done(casewire("resync", bob, "--apply"))
    assert "Nothing differs from what was last written. casewire drift reads Salesforce." in result.stdout
    assert "There is nothing to write." in result.stderr


def test_a_document_tells_what_was_done(casewire: Run, bob: str, engine: Engine) -> None:
    document = told(done(casewire("resync", bob, "--apply", "--json")))
    run = one(engine, "SELECT id FROM run").id
    expected = {"run": run, "accounts": 1, "written": 8, "refused": 0, "deferred": 0}
    assert document["applied"] == expected


def test_writing_takes_the_calls_it_was_said_to(casewire: Run, bob: str, both: Vendors) -> None:
    both.play("population", accounts=20)
    planned = told(done(casewire("plan", "--all", "--json")))["calls"]
    both.forget_calls()
    done(casewire("resync", "--all", "--apply", "--yes", "1000"))
    counted = {name: both.calls("salesforce", "PATCH", f"/{name}/") for name in planned["objects"]}
    assert counted == planned["objects"]
    assert both.calls("salesforce", "PATCH") == planned["total"]


def test_a_bulk_job_takes_no_more_calls_than_it_was_said_to(both: Vendors) -> None:
    client = SalesforceClient(SalesforceConfig(both.salesforce.url, "sandbox", client_secret="sandbox"))
    both.reset()
    rows_ = [{"Billing_Key__c": key(code), "Name": "" if code == "eve" else code} for code in ("ann", "eve")]
    answers = client.bulk_upsert("Account", "Billing_Key__c", rows_, wait=lambda _: None)
    client.close()
    assert [answer.error is None for answer in answers] == [True, False]
    looks = both.calls("salesforce", "GET", "jobs/ingest/<id>") - both.calls("salesforce", "Results")
    pauses: list[float] = []
    patience = PollSchedule(pauses.append, lambda: 0.0, within=60.0)
    while patience.pause():
        pass
    assert both.calls("salesforce", "jobs/ingest") - looks + 1 + len(pauses) == A_BULK_JOB, (
        "one file more, if need be"
    )


def test_more_changes_than_the_policy_says_are_not_done_unasked(
    casewire: Run, bob: str, both: Vendors, engine: Engine
) -> None:
    Path("policy.toml").write_text("[admin]\nconfirm_above = 7\n")
    result = casewire("resync", bob, "--apply")
    assert result.exit_code == 2
    assert "8 changes: to do them without being asked, add --yes 8." in result.stderr
    assert (both.records("Account"), rows(engine, "SELECT 1 FROM run")) == ([], [])
    assert casewire("resync", bob, "--apply", "--yes", "7").exit_code == 2
    done(casewire("resync", bob, "--apply", "--yes", "8"))


def test_an_account_in_a_workers_hands_is_left_to_it(casewire: Run, bob: str, engine: Engine) -> None:
    done(casewire("resync", bob, "--apply"))
    rows(engine, "DELETE FROM mirror WHERE object = 'Account'")
    with engine.begin() as connection:
        assert len(subjects.claim(connection, "worker:1", 1, [key(bob)])) == 1
    result = done(casewire("resync", bob, "--apply"))
    assert "0 records written, 0 refused; the plan was 1." in result.stderr
    assert "1 accounts are being worked by a worker, and are left to it." in result.stderr


def test_a_record_that_is_refused_is_exit_code_1(casewire: Run, bob: str, both: Vendors) -> None:
    both.told("salesforce", "POST", "faults", {"kind": "validation_rule", "match": "Case"})
    result = casewire("resync", bob, "--apply")
    assert result.exit_code == 1
    assert "1 refused" in result.stderr


def test_a_dead_letter_gets_another_chance_where_nothing_differs(
    casewire: Run, bob: str, engine: Engine
) -> None:
    done(casewire("resync", bob, "--apply"))
    rows(engine, "UPDATE subject SET status = 'dead'")
    done(casewire("resync", bob, "--apply"))
    assert one(engine, "SELECT status FROM subject").status == "idle"


def test_ctrl_c_stops_the_run_and_holds_nothing(
    casewire: Run, bob: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        assert one(engine, "SELECT lease FROM subject").lease
        raise KeyboardInterrupt

    done(casewire("plan", bob))
    monkeypatch.setattr(Applier, "_record_call_results", interrupted)
    assert casewire("resync", bob, "--apply").exit_code != 0
    assert one(engine, "SELECT state FROM run").state == "stopped"
    assert one(engine, "SELECT status, lease, tries FROM subject") == ("due", None, 0)


def test_when_salesforce_goes_away_the_run_failed_and_says_how_far_it_came(
    casewire: Run, bob: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Applier, "run", lambda applier, **_: Outcome(claimed=1, open=True))
    result = casewire("resync", bob, "--apply")
    assert result.exit_code == 1
    assert "Salesforce is not available: 0 of 1 accounts were worked." in result.stderr
    run = one(engine, "SELECT state, progress FROM run")
    assert (run.state, run.progress["accounts"]) == ("failed", 0)


def test_what_was_written_until_salesforce_went_away_is_in_the_document(
    casewire: Run, both: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.play("population", accounts=4)
    monkeypatch.setattr("connector.cli.resync.apply.AT_ONCE", 2)
    run, outcomes = Applier.run, iter((None, Outcome(claimed=2, open=True)))
    monkeypatch.setattr(Applier, "run", lambda applier, **how: next(outcomes) or run(applier, **how))
    result = casewire("resync", "--all", "--apply", "--json")
    assert result.exit_code == 1
    document = told(result)
    assert (document["complete"], document["totals"]["accounts"]) == (False, 4)
    assert document["applied"]["accounts"] == 2
    assert document["applied"]["written"] > 2


def test_an_account_that_was_deleted_in_salesforce_is_made_anew_and_no_failure(
    casewire: Run, both: Vendors, engine: Engine
) -> None:
    (code,) = both.play("population", accounts=1)
    done(casewire("resync", code, "--apply"))
    (account,) = both.records("Account")
    both.told("salesforce", "DELETE", f"records/Account/{account['Id']}")
    rows(engine, "DELETE FROM mirror WHERE object = 'Account'")
    result = done(casewire("resync", code, "--apply"))
    assert ", 0 refused; the plan was 1." in result.stderr
    assert len(both.records("Account")) == 1
    assert done(casewire("resync", code, "--apply")).stderr.endswith("There is nothing to write.\n")


def test_many_accounts_stop_where_few_calls_are_left(
    casewire: Run, both: Vendors, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.play("population", accounts=4)
    monkeypatch.setattr("connector.cli.resync.apply.AT_ONCE", 2)
    run = Applier.run

    def spent(applier: Applier, **how: Any) -> Outcome:
        """As if other systems had used the rest meanwhile."""
        outcome = run(applier, **how)
        with engine.begin() as connection:
            api_usage.note(connection, "salesforce", 85_000, 100_000)
        return outcome

    monkeypatch.setattr(Applier, "run", spent)
    result = casewire("resync", "--all", "--apply")
    assert result.exit_code == 1
    assert "Few API calls of the org are left" in result.stderr
    assert "2 of 4 accounts were worked." in result.stderr
    assert len(both.records("Account")) == 2


def test_very_many_go_in_bulk_one_process_at_a_time(
    casewire: Run, both: Vendors, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.play("population", accounts=3)
    locked: list[bool] = []
    run = Applier.run

    def watched(applier: Applier, **how: Any) -> Outcome:
        (row,) = rows(engine, "SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory'")
        locked.append(row.locks == 1 and how["bulk_wait"] is not None)
        return run(applier, **how)

    monkeypatch.setattr(Applier, "run", watched)
    monkeypatch.setattr("connector.cli.resync.summary.Totals.in_bulk", True)
    done(casewire("resync", "--all", "--apply"))
    assert locked == [True]
