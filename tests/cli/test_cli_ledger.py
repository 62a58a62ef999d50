"""What admins do with the ledger: look, replay, bury, try again, purge."""

from __future__ import annotations

import json

import pytest
from redis import Redis
from rq import Queue as RqQueue
from samples import due, event, ids, one, record, rows, statuses, subject
from sqlalchemy import Engine

from connector import queue
from connector.events import Fate
from connector.ledger import circuits, subjects
from connector.ledger.engine import open_engine, require_current

from .conftest import Run


@pytest.fixture
def stocked(engine: Engine) -> Engine:
    """One event that is dead, one that is done, one of an unknown kind; and a dead account."""
    record(
        engine,
        event("n1", body='{"id": "[bold]n1[/bold]"}'),
        event("n2", kind="payment.failed"),
        event("n3", kind="new.kind", fate=Fate.UNKNOWN, pointers=()),
    )
    rows(engine, "UPDATE event SET status = 'dead', error = 'Mend [it].' WHERE event_id = 'n1'")
    rows(engine, "UPDATE event SET status = 'done', subject = :s WHERE event_id = 'n2'", s=subject())
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("eve")])
    rows(engine, "UPDATE subject SET status = 'dead', error = 'Mend it.', error_code = 'NO_FIELD'")
    return engine


def queued(redis: Redis) -> set[str]:
    return {job.func_name.rpartition(".")[2] for job in RqQueue(queue.NAME, connection=redis).jobs}


# ── events ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_are_lines_for_programs_newest_first(connected: Run, stocked: Engine) -> None:
    result = connected("events", "list")
    assert result.exit_code == 0
    cells = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[2] for row in cells] == ["new.kind", "payment.failed", "charge_invoice.past_due"]
    assert cells[1][4] == "bob"
    assert cells[2][6] == "Mend [it]."


def test_events_are_one_json_document(connected: Run, stocked: Engine) -> None:
    found = json.loads(connected("events", "list", "--status", "dead", "--json").stdout)
    assert [row["event_id"] for row in found] == ["n1"]
    assert found[0]["received_at"].endswith("Z")


def test_no_events_are_said_to_be_none_beside_the_output(connected: Run, engine: Engine) -> None:
    result = connected("events", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No such events." in result.stderr


def test_an_event_is_shown_whole_with_its_brackets(connected: Run, stocked: Engine) -> None:
    (number,) = ids(stocked, "n1")
    result = connected("events", "show", number)
    assert result.exit_code == 0
    assert "Mend [it]." in result.stdout
    assert '{"id": "[bold]n1[/bold]"}' in result.stdout
    assert json.loads(connected("events", "show", number, "--json").stdout)["event_id"] == "n1"


def test_an_unknown_event_is_said_to_be_unknown(connected: Run, engine: Engine) -> None:
    result = connected("events", "show", 4711)
    assert result.exit_code == 1
    assert "There is no event 4711" in result.stderr


def test_a_replay_is_counted_before_it_is_done(connected: Run, stocked: Engine, redis: Redis) -> None:
    before = statuses(stocked)
    result = connected("events", "replay", "--since", "7d")
    assert result.exit_code == 0
    assert "2 events would be worked again. Add --apply" in result.stderr, "one points to nothing"
    assert statuses(stocked) == before
    assert queued(redis) == set()


def test_a_replay_works_events_again_and_wakes_the_stage(
    connected: Run, stocked: Engine, redis: Redis
) -> None:
    result = connected("events", "replay", *ids(stocked, "n1", "n2"), "--apply")
    assert "2 events will be worked again." in result.stderr
    assert statuses(stocked) == {"n1": "pending", "n2": "pending", "n3": "unknown"}
    assert queued(redis) == {"refresh"}


def test_a_burial_is_counted_before_it_is_done(connected: Run, stocked: Engine) -> None:
    before = statuses(stocked)
    result = connected("events", "bury", "--since", "7d", "--reason", "test account")
    assert "2 events would be buried. Add --apply" in result.stderr, "one is done"
    assert statuses(stocked) == before


def test_a_burial_is_kept_with_its_reason(connected: Run, stocked: Engine) -> None:
    result = connected("events", "bury", "--since", "7d", "--reason", "test account", "--apply")
    assert "2 events buried." in result.stderr
    assert statuses(stocked) == {"n1": "buried", "n2": "done", "n3": "buried"}
    assert one(stocked, "SELECT error FROM event WHERE event_id = 'n1'").error == "test account"


# ── dead letters ──────────────────────────────────────────────────────────────────────────────────────────────


def test_dead_letters_are_found_with_what_to_do(connected: Run, stocked: Engine) -> None:
    result = connected("dead", "list")
    assert result.exit_code == 1
    account, letter = (line.split("\t") for line in result.stdout.splitlines())
    assert account == ["account", subject("eve"), "NO_FIELD", "Mend it."]
    assert (letter[0], letter[2], letter[3]) == ("event", "charge_invoice.past_due", "Mend [it].")
    found = json.loads(connected("dead", "list", "--json").stdout)
    assert [len(found["accounts"]), len(found["events"])] == [1, 1]


def test_without_dead_letters_all_is_well(connected: Run, engine: Engine) -> None:
    result = connected("dead", "list")
    assert (result.exit_code, result.stdout) == (0, "")


def test_another_try_is_counted_before_it_is_done(connected: Run, stocked: Engine) -> None:
    before = statuses(stocked)
    result = connected("dead", "retry", "--all")
    assert "1 accounts and 1 events would be tried again. Add --apply" in result.stderr
    assert statuses(stocked) == before


def test_dead_letters_are_tried_again(connected: Run, stocked: Engine, redis: Redis) -> None:
    result = connected("dead", "retry", "--all", "--apply")
    assert "1 accounts and 1 events are tried again." in result.stderr
    assert statuses(stocked)["n1"] == "pending"
    assert one(stocked, "SELECT status FROM subject").status == "due"
    assert queued(redis) == {"refresh", "apply"}


def test_one_account_is_tried_again_without_the_others(connected: Run, stocked: Engine) -> None:
    connected("dead", "retry", "--account", "eve", "--apply")
    assert statuses(stocked)["n1"] == "dead"
    assert one(stocked, "SELECT status FROM subject").status == "due"


# ── status ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_status_says_what_needs_a_person(connected: Run, stocked: Engine) -> None:
    with stocked.begin() as connection:
        circuits.open_circuit(connection, "recurly:acme", "It is [out].", "503", None)
    result = connected("status")
    assert result.exit_code == 1
    for told in ("dead letters", "casewire dead list", "recurly new.kind", "It is [out].", "casewire worker"):
        assert told in result.stdout
    found = json.loads(connected("status", "--json").stdout)
    assert found["needs_a_person"]
    assert (found["backlog"]["dead_events"], found["backlog"]["dead_accounts"]) == (1, 1)
    assert [circuit["destination"] for circuit in found["circuits"]] == ["recurly:acme"]


def test_the_status_says_what_a_worker_left_out(connected: Run, engine: Engine, redis: Redis) -> None:
    queue.Queue(redis).remark("w", ["left out: Account: [Tax_Id__c]"])
    assert "left out: Account: [Tax_Id__c]" in connected("status").stdout
    assert json.loads(connected("status", "--json").stdout)["left_out"] == ["left out: Account: [Tax_Id__c]"]


def test_the_status_is_told_without_redis_too(
    connected: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    result = connected("status", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert "Redis does not answer" in found["redis"]["error"]
    assert (found["budgets"], found["left_out"]) == ({}, [])


# ── migrate, purge, policy ────────────────────────────────────────────────────────────────────────────────────


def test_migrate_makes_the_tables_and_may_be_run_again(
    run: Run, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    for _ in range(2):
        result = run("migrate")
        assert result.exit_code == 0, result.output
    engine = open_engine(empty_database_url)
    require_current(engine)
    engine.dispose()


def test_without_a_period_nothing_is_purged(connected: Run, stocked: Engine) -> None:
    result = connected("purge")
    assert result.exit_code == 0
    assert "kept for good" in result.stderr


def test_a_purge_says_what_went(connected: Run, stocked: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASEWIRE_RETENTION_BODIES_DAYS", "30")
    rows(stocked, "UPDATE event SET received_at = '2020-01-01Z'")
    assert "1 bodies and 0 rows purged." in connected("purge").stderr
    assert one(stocked, "SELECT body FROM event WHERE event_id = 'n2'").body is None


def test_the_default_policy_is_good_and_is_shown_as_a_file_that_is_good(run: Run, tmp_path: object) -> None:
    assert run("policy", "check").exit_code == 0
    shown = run("policy", "show")
    assert shown.exit_code == 0
    with open("shown.toml", "w") as file:
        file.write(shown.stdout)
    assert run("policy", "check", "shown.toml").exit_code == 0


def test_a_policy_with_a_mistake_is_refused_by_its_line(run: Run) -> None:
    with open("policy.toml", "w") as file:
        file.write("\nnonsense = 1\n")
    result = run("policy", "check")
    assert result.exit_code == 1
    assert "nonsense" in result.stderr
