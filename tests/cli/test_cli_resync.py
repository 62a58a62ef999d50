"""``casewire plan`` and ``resync`` from a sandbox Recurly to a sandbox Salesforce, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from samples import one, rows
from sqlalchemy import Engine
from structlog.testing import capture_logs

from connector.cli import casewire as group
from connector.clients.salesforce import SalesforceClient, SalesforceConfig
from connector.clients.salesforce.patience import Patience
from connector.errors import Unavailable
from connector.ledger import budgets, subjects
from connector.sync.anew import Reader
from connector.sync.apply import Applier, Outcome
from connector.sync.costing import A_BULK_JOB
from connector.wiring import Wiring, wiring

from .conftest import Run
from .vendors import SITE, Vendors, vendors

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "plan.schema.json"
PAST_DUE = "renewal_fails_hard"


@pytest.fixture(scope="module")
def both() -> Iterator[Vendors]:
    with vendors() as running:
        yield running


@pytest.fixture
def casewire(connected: Run, engine: Engine, both: Vendors, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """``casewire`` for empty vendors, with an empty ledger; without a terminal."""
    both.reset()
    both.name_in(monkeypatch)
    with capture_logs():
        yield connected
    if wiring.cache_info().currsize:
        hang_up(wiring())


def hang_up(wires: Wiring) -> None:
    made = [wires.__dict__.get("salesforce"), *wires.__dict__.get("_recurly", {}).values()]
    for client in filter(None, made):
        client.close()


@pytest.fixture
def bob(casewire: Run, both: Vendors) -> str:
    """An account whose last payment failed."""
    (code,) = both.play(PAST_DUE)
    return code


def key(code: str) -> str:
    return f"recurly:{SITE}:account:{code}"


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def told(result: Result) -> dict[str, Any]:
    """The one document on stdout, which is as its schema says."""
    document: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()), jsonschema.Draft202012Validator)
    return document


def stdin(text: str | bytes, *arguments: str) -> Result:
    return CliRunner().invoke(group, arguments, input=text)


# ── what is shown ─────────────────────────────────────────────────────────────────────────────────────────────


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
    monkeypatch.setattr("connector.sync.spending.free", lambda *_: free)
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


# ── doing it ──────────────────────────────────────────────────────────────────────────────────────────────────


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
    run = one(engine, "SELECT * FROM run")
    assert (run.command, run.who, run.reason, run.state) == ("resync", "lead", "ticket 4711", "done")
    assert run.options == {"accounts": [key(bob)], "accounts_named": 1}
    assert run.progress == {"accounts": 1, "accounts_in_all": 1, "written": 8, "refused": 0}
    assert one(engine, "SELECT trigger, who, run_id FROM attempt") == ("resync", "lead", run.id)
    assert len(both.records("Case")) == 1


def test_the_second_plan_is_empty(casewire: Run, bob: str) -> None:
    done(casewire("resync", bob, "--apply"))
    document = told(done(casewire("plan", bob, "--json")))
    assert document["accounts"] == [{"account": key(bob), "error": None, "changes": []}]
    assert (document["totals"]["up_to_date"], document["calls"]["total"]) == (1, 0)
    result = done(casewire("resync", bob, "--apply"))
    assert "Nothing differs from what was last written. casewire drift asks Salesforce." in result.stdout
    assert "There is nothing to write." in result.stderr


def test_a_document_tells_what_was_done(casewire: Run, bob: str, engine: Engine) -> None:
    document = told(done(casewire("resync", bob, "--apply", "--json")))
    run = one(engine, "SELECT id FROM run").id
    expected = {"run": run, "accounts": 1, "written": 8, "refused": 0, "left_to_workers": 0}
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
    patience = Patience(pauses.append, lambda: 0.0, within=60.0)
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
    assert "1 accounts are in a worker's hands and left to it." in result.stderr


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
    monkeypatch.setattr(Applier, "_circuit", interrupted)
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
    monkeypatch.setattr("connector.cli.resync.applying.AT_ONCE", 2)
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
    monkeypatch.setattr("connector.cli.resync.applying.AT_ONCE", 2)
    run = Applier.run

    def spent(applier: Applier, **how: Any) -> Outcome:
        """As if other systems had used the rest meanwhile."""
        outcome = run(applier, **how)
        with engine.begin() as connection:
            budgets.note(connection, "salesforce", 85_000, 100_000)
        return outcome

    monkeypatch.setattr(Applier, "run", spent)
    result = casewire("resync", "--all", "--apply")
    assert result.exit_code == 1
    assert "The org's API calls are short" in result.stderr
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
        locked.append(row.locks == 1 and how["wait"] is not None)
        return run(applier, **how)

    monkeypatch.setattr(Applier, "run", watched)
    monkeypatch.setattr("connector.cli.resync.totals.Totals.in_bulk", True)
    done(casewire("resync", "--all", "--apply"))
    assert locked == [True]


# ── which accounts ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def crowd(casewire: Run, bob: str, both: Vendors) -> list[str]:
    """Bob, who owes, and three who do not; all in Salesforce."""
    others = both.play("population", accounts=3)
    done(casewire("resync", "--all", "--apply", "--yes", "1000"))
    return [bob, *others]


def looked_at(result: Result) -> int:
    return int(told(done(result))["totals"]["accounts"])


def test_accounts_are_chosen_by_what_is_known_of_them(casewire: Run, crowd: list[str]) -> None:
    assert looked_at(casewire("plan", "--all", "--json")) == 4
    assert looked_at(casewire("plan", "--state", "past_due", "--json")) == 1
    assert looked_at(casewire("plan", "--rule", "payment_failed", "--json")) == 1
    assert looked_at(casewire("plan", "--state", "disputed", "--json")) == 0
    assert looked_at(casewire("plan", *crowd, "--rule", "payment_failed", "--json")) == 1, "filters combine"
    assert looked_at(casewire("plan", *crowd[1:], "--rule", "payment_failed", "--json")) == 0


def test_a_chargeback_is_a_dispute_also_where_only_recurly_tells_of_it(casewire: Run, both: Vendors) -> None:
    both.play("chargeback_recorded")
    assert looked_at(casewire("plan", "--all", "--state", "disputed", "--json")) == 1
    done(casewire("resync", "--all", "--apply"))
    assert looked_at(casewire("plan", "--state", "disputed", "--json")) == 1


def test_where_the_ledger_chooses_it_is_said_from_what(casewire: Run, bob: str) -> None:
    result = done(casewire("plan", "--state", "past_due"))
    assert "The ledger knows no account to choose from." in result.stderr
    assert "casewire backfill" in result.stderr
    done(casewire("resync", bob, "--apply"))
    assert "Chosen from the 1 accounts the ledger knows." in casewire("plan", "--rule", "refund").stderr
    for said in (["--all"], ["--all", "--state", "past_due"], [bob], ["--since", "1d"]):
        assert "ledger knows" not in casewire("plan", *said).stderr


def test_a_site_alone_is_all_that_the_ledger_knows_of_it(casewire: Run, crowd: list[str]) -> None:
    assert looked_at(casewire("plan", "--site", SITE, "--json")) == 4


def test_what_changed_since_is_read_from_the_change_feed(
    casewire: Run, crowd: list[str], both: Vendors
) -> None:
    both.forget_calls()
    assert looked_at(casewire("plan", "--since", "2026-11-20", "--json")) == 1, "bob was dunned"
    assert (both.calls("recurly", "GET"), both.calls("recurly", "{id}")) == (5, 0)
    assert looked_at(casewire("plan", "--since", "2020-01-01", "--json")) == 4
    assert looked_at(casewire("plan", *crowd[1:3], "--since", "2020-01-01", "--json")) == 2


def test_the_whole_population_costs_a_call_for_a_page(casewire: Run, crowd: list[str], both: Vendors) -> None:
    both.forget_calls()
    done(casewire("plan", "--all"))
    assert (both.calls("recurly", "GET"), both.calls("recurly", "{id}")) == (5, 0)


def test_codes_come_from_a_file_and_from_stdin_each_once(casewire: Run, crowd: list[str]) -> None:
    listed = f"account_code,email\n# ours\n\n  {crowd[0]}  ,x@example.com\n{crowd[1]}\r\n{crowd[0]}\n"
    Path("codes.csv").write_text(listed)
    result = casewire("plan", "--file", "codes.csv", "--json")
    assert [account["account"] for account in told(done(result))["accounts"]] == [
        key(crowd[0]),
        key(crowd[1]),
    ]
    assert "account_code, is taken for a heading." in result.stderr
    assert looked_at(stdin("\n".join(crowd), "plan", "--file", "-", "--json")) == 4
    assert looked_at(stdin("\n".join(crowd[:2]), "plan", "-", crowd[2], "--json")) == 3


def test_what_is_no_account_goes_by_its_whole_key(casewire: Run, both: Vendors, engine: Engine) -> None:
    payee = "stripe:payee:acct_1"
    rows(
        engine,
        "INSERT INTO subject (key, source, site, code, status, urgency) "
        "VALUES (:key, 'stripe', '', 'payee:acct_1', 'idle', 2)",
        key=payee,
    )
    both.forget_calls()
    (account,) = told(done(casewire("plan", payee, "--json")))["accounts"]
    assert (account["account"], account["changes"]) == (payee, [])
    assert both.calls("recurly", "GET") == 0, "there is nothing to fetch"
    assert casewire("plan", "stripe:payee:acct_2").exit_code == 1


def test_a_whole_key_names_its_site(casewire: Run, bob: str) -> None:
    assert told(done(casewire("plan", key(bob), "--json")))["accounts"][0]["account"] == key(bob)


@pytest.fixture
def two_sites(casewire: Run, both: Vendors, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("RECURLY_SITE")
    monkeypatch.setenv("RECURLY_SITES", "eu,us")
    for site in ("EU", "US"):
        monkeypatch.setenv(f"RECURLY_SITE__{site}", site.lower())
        monkeypatch.setenv(f"RECURLY_API_KEY__{site}", "sandbox")
        monkeypatch.setenv(f"RECURLY_API_URL__{site}", both.recurly.url)
    return casewire


def test_with_several_sites_a_code_needs_one_and_a_filter_means_all(two_sites: Run, both: Vendors) -> None:
    (code,) = both.play(PAST_DUE)
    result = two_sites("plan", code)
    assert result.exit_code == 2
    assert "Say which site: --site eu or --site us." in result.stderr
    assert looked_at(two_sites("plan", "--all", "--json")) == 2
    (account,) = told(done(two_sites("plan", "--all", "--site", "us", "--json")))["accounts"]
    assert account["account"] == f"recurly:us:account:{code}"
    assert two_sites("plan", f"recurly:eu:account:{code}").exit_code == 0


def test_while_recurly_has_no_calls_left_it_is_waited_for(
    casewire: Run, bob: str, both: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("connector.cli.resync.time.sleep", waited.append)
    bear = Reader._bear

    def mended(reader: Reader, error: Unavailable, waits: int) -> None:
        both.told("recurly", "DELETE", "faults")
        bear(reader, Unavailable("recurly:acme", "No calls left.", retry_after=7.0), waits)

    monkeypatch.setattr(Reader, "_bear", mended)
    both.told("recurly", "POST", "faults", {"kind": "unavailable"})
    assert looked_at(casewire("plan", "--all", "--json")) == 1
    assert waited == [7.0]


# ── wrong usage ───────────────────────────────────────────────────────────────────────────────────────────────


def one_line(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    line = result.stderr.splitlines()[-1]
    assert line.startswith("casewire ")
    assert all(word in line for word in words), line
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["plan", "resync"])
def test_somebody_must_say_which(casewire: Run, command: str) -> None:
    one_line(casewire(command), "--file", "--since", "--site", "--all")


def test_what_cannot_be_meant_is_one_line_that_says_what_can(casewire: Run) -> None:
    one_line(casewire("plan", "--rule", "paymnt_failed"), "payment_failed", "unapplied_credit")
    one_line(casewire("plan", "--state", "angry"), "past_due", "disputed")
    one_line(casewire("plan", "bob", "--site", "nowhere"), "--site acme")
    one_line(casewire("plan", "--since", "yesterday"), "2026-11-01")
    one_line(casewire("plan", "--since", "2999-01-01"), "'2999-01-01' is still to come")
    one_line(casewire("plan", ""), "no account code")
    one_line(casewire("plan", "a\x00b"), "no account code")


HOSTILE: list[tuple[bytes, str]] = [
    (b"", "names no account"),
    (b"\n# nobody\n\n", "names no account"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "not text in UTF-8"),
    (b"bob\n\x00\x01\n", "Line 2 of codes.txt is no account code"),
    (b"x" * 10_000_000, "Line 1 of codes.txt is too long"),
    (b"bob\n" + b"y" * 300 + b"\n", "Line 2 of codes.txt is no account code"),
    (b'"bob\n', "no account 'bob'"),
]


@pytest.mark.parametrize(("content", "said"), HOSTILE, ids=[row[1] + str(n) for n, row in enumerate(HOSTILE)])
def test_a_file_that_is_none_is_one_line(casewire: Run, content: bytes, said: str) -> None:
    Path("codes.txt").write_bytes(content)
    result = casewire("plan", "--file", "codes.txt")
    assert result.exit_code in (1, 2)
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_file_that_cannot_be_read_is_one_line(casewire: Run) -> None:
    one_line(casewire("plan", "--file", "nowhere.txt"), "nowhere.txt")
    one_line(casewire("plan", "--file", "."), "cannot be read")


def test_without_a_key_that_is_said_and_nothing_is_read(
    casewire: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECURLY_API_KEY")
    result = casewire("plan", "--all")
    assert result.exit_code == 1
    assert "RECURLY_API_KEY" in result.stderr
    result = casewire("plan", "bob")
    assert result.exit_code == 1
    assert "failed: Site acme has no API key" in result.stdout
