"""What admins do with the ledger: look, replay, bury, purge."""

from __future__ import annotations

import json

import pytest
from redis import Redis
from samples import ids, one, rows, statuses
from sqlalchemy import Engine

from connector import queue
from connector.ledger import circuit_breakers
from connector.ledger.engine import open_engine, require_current

from .conftest import Run


def queued(redis: Redis) -> set[str]:
    return {job.func_name.rpartition(".")[2] for job in queue.job_queue(redis).jobs}


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
    assert "2 events would be worked again. Add --apply" in result.stderr, "event without pointers"
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
    assert "1 events would be buried. Add --apply" in result.stderr, "a filter finds dead ones"
    result = connected("events", "bury", *ids(stocked, "n1", "n2", "n3"), "--reason", "test account")
    assert "2 of 3 events would be buried. Add --apply" in result.stderr, "one is done"
    assert statuses(stocked) == before


def test_a_burial_is_kept_with_its_reason(connected: Run, stocked: Engine) -> None:
    result = connected("events", "bury", "--since", "7d", "--reason", "test [account]", "--apply")
    assert "1 events buried." in result.stderr
    assert statuses(stocked) == {"n1": "buried", "n2": "done", "n3": "unknown"}
    run = one(stocked, "SELECT id, who, progress FROM run")
    assert run.progress == {"events": 1}
    (number,) = ids(stocked, "n1")
    told = connected("events", "show", number).stdout
    assert f"bury by {run.who}, run {run.id}: test [account]" in told
    assert "why        Mend [it]." in told
    listed = connected("events", "list", "--status", "buried").stdout
    assert listed.rstrip().endswith("test [account]")


def test_a_burial_takes_others_than_dead_ones_if_that_is_said(connected: Run, stocked: Engine) -> None:
    connected("events", "bury", "--status", "unknown", "--reason", "no use", "--apply")
    assert statuses(stocked) == {"n1": "dead", "n2": "done", "n3": "buried"}


def test_a_replay_leaves_alone_what_was_buried(connected: Run, stocked: Engine) -> None:
    (number,) = ids(stocked, "n1")
    connected("events", "bury", number, "--reason", "test account", "--apply")
    assert "1 events would" in connected("events", "replay", "--since", "7d").stderr
    assert "1 events will" in connected("events", "replay", number, "--apply").stderr


MANY = [
    ["events", "replay", "--status", "dead"],
    ["events", "bury", "--status", "dead", "--reason", "x"],
    ["dead", "retry", "--all"],
]


@pytest.mark.parametrize("command", MANY, ids=" ".join)
def test_more_than_the_policy_allows_is_done_only_with_its_number(
    connected: Run, stocked: Engine, command: list[str]
) -> None:
    with open("policy.toml", "w") as file:
        file.write("[admin]\nconfirm_above = 0\n")
    refused = connected(*command, "--apply")
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    assert statuses(stocked)["n1"] == "dead"
    assert rows(stocked, "SELECT 1 FROM run") == []
    assert connected(*command, "--apply", "--yes", "2").exit_code == 0
    assert statuses(stocked)["n1"] != "dead"


EMPTY = [
    ["events", "list", "--account", ""],
    ["events", "replay", "--source", "", "--status", "dead"],
    ["events", "bury", "--status", "dead", "--account", "", "--reason", "one account"],
    ["events", "bury", "--kind", " ", "--reason", "x"],
    ["events", "list", "--search", ""],
    ["dead", "list", "--account", ""],
    ["dead", "retry", "--account", ""],
]


@pytest.mark.parametrize("command", EMPTY, ids=" ".join)
def test_a_filter_that_is_empty_is_wrong_usage(connected: Run, command: list[str]) -> None:
    result = connected(*command)
    assert result.exit_code == 2
    assert "It is empty" in result.stderr


def test_an_event_that_is_not_there_is_named_and_no_run_is_made(connected: Run, stocked: Engine) -> None:
    (number,) = ids(stocked, "n1")
    for command in (["replay"], ["bury", "--reason", "x"]):
        result = connected("events", *command, number, 99_999, "--apply")
        assert (result.exit_code, result.stderr) == (
            1,
            "Error: There is no event 99999. See: casewire events list\n",
        )
    assert statuses(stocked)["n1"] == "dead"
    assert rows(stocked, "SELECT 1 FROM run") == []


def test_an_event_that_cannot_be_done_is_said_to_be_none(connected: Run, stocked: Engine) -> None:
    pointless, settled = ids(stocked, "n3", "n2")
    replayed = connected("events", "replay", pointless, "--apply")
    assert (replayed.exit_code, "without pointers" in replayed.stderr) == (1, True)
    buried = connected("events", "bury", settled, "--reason", "x", "--apply")
    assert (buried.exit_code, "only dead, unknown" in buried.stderr) == (1, True)


NOTHING = [
    (["events", "replay", "--kind", "none.such", "--apply"], 0, "No such event can be worked again"),
    (["events", "bury", "--kind", "none.such", "--reason", "x", "--apply"], 0, "No such event can be"),
    (["dead", "retry", "--account", "bob", "--apply"], 0, "No dead letters."),
    (["dead", "retry", "--account", "nobody", "--apply"], 1, "Casewire knows no account 'nobody'."),
]


@pytest.mark.parametrize(("command", "code", "said"), NOTHING, ids=[" ".join(row[0]) for row in NOTHING])
def test_where_nothing_is_found_that_is_said_and_no_run_is_made(
    connected: Run, stocked: Engine, redis: Redis, command: list[str], code: int, said: str
) -> None:
    result = connected(*command)
    assert (result.exit_code, said in result.stderr) == (code, True), result.output
    assert rows(stocked, "SELECT 1 FROM run") == []
    assert queued(redis) == set()


# ── status ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_status_says_what_needs_a_person(connected: Run, stocked: Engine) -> None:
    with stocked.begin() as connection:
        circuit_breakers.open_circuit(connection, "recurly:acme", "It is [out].", "503", None)
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
    assert "is kept" in result.stderr


def test_a_purge_is_counted_first_and_says_what_went(
    connected: Run, stocked: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASEWIRE_RETENTION_BODIES_DAYS", "30")
    rows(stocked, "UPDATE event SET received_at = '2020-01-01Z'")
    assert "1 bodies and 0 events would be purged. Add --apply" in connected("purge").stderr
    assert one(stocked, "SELECT body FROM event WHERE event_id = 'n2'").body is not None
    assert rows(stocked, "SELECT 1 FROM run") == []
    assert "1 bodies and 0 rows purged." in connected("purge", "--reason", "audit", "--apply").stderr
    assert one(stocked, "SELECT body FROM event WHERE event_id = 'n2'").body is None
    run = one(stocked, "SELECT * FROM run")
    assert (run.command, run.reason, run.state) == ("purge", "audit", "done")
    assert (run.options["bodies_days"], run.progress) == (30, {"bodies": 1, "rows": 0})


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
