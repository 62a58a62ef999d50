"""Every command against a running Casewire, as an admin would type it or a program call it: without a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from connector.cli import COMMANDS
from connector.cli import casewire as group
from connector.cli.local_stack import Stack, casewire
from flows.crm import contents, differences
from flows.playing import calls, fresh, play, scalar, settled, worked

STORY = "renewal_fails_hard"


@pytest.fixture(scope="module")
def told(standing: Stack) -> dict[str, Any]:
    """One story, worked: what the commands below are about. None of them leaves it otherwise."""
    fresh(standing)
    played = play(standing, STORY)
    worked(standing, played["expect"])
    return played


def _json(running: Stack, *arguments: str) -> Any:
    """The one document on stdout. Nothing else may stand there, and there is no colour."""
    done = casewire(running.environment, *arguments, "--json")
    assert "\x1b" not in done.stdout + done.stderr
    return json.loads(done.stdout)


def test_status_says_that_all_is_well(standing: Stack, told: dict[str, Any]) -> None:
    done = casewire(standing.environment, "status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "events waiting  0" in done.stdout
    found = _json(standing, "status")
    assert found["needs_a_person"] is False
    assert found["backlog"]["events_waiting"] == found["backlog"]["accounts_due"] == 0
    assert found["redis"]["workers"] >= 1
    assert found["circuits"] == []


def test_events_are_listed_and_told_from_delivery_to_change(standing: Stack, told: dict[str, Any]) -> None:
    found = _json(standing, "events", "list", "--account", told["accounts"][0], "--limit", "100")
    assert {one["event_id"] for one in found} == set(told["notifications"])
    assert {one["status"] for one in found} == {"done"}
    failed = _json(standing, "events", "list", "--kind", "payment.failed", "--since", "1h")
    assert {one["id"] for one in failed} <= {one["id"] for one in found}
    assert failed
    shown = [_json(standing, "events", "show", str(one["id"])) for one in found]
    assert all(story["snapshots"] for story in shown if story["kind"] == "payment.failed")
    # which attempt wrote a record depends on when the events arrive: the first may read what later ones tell
    wrote_case = [story for story in shown if "Case" in _objects_changed(story)]
    assert wrote_case
    assert any("Billing_Payment__c" in _objects_changed(story) for story in shown)
    lines = casewire(standing.environment, "events", "show", str(wrote_case[0]["id"])).stdout
    assert "payment_failed:" in lines
    assert casewire(standing.environment, "events", "show", "999999999").returncode == 1
    assert casewire(standing.environment, "events", "list", "--since", "yesterday-ish").returncode == 2


def _objects_changed(story: dict[str, Any]) -> set[str]:
    return {change["object"] for attempt in story["attempts"] for change in attempt["changes"]}


def test_a_replay_changes_nothing(standing: Stack, told: dict[str, Any]) -> None:
    played = play(standing, "customer_cancels", prefix="again-")
    worked(standing, played["expect"])
    before, code = contents(standing.vendors), played["accounts"][0]
    assert casewire(standing.environment, "events", "replay", "--apply").returncode == 2
    shown = casewire(standing.environment, "events", "replay", "--account", code)
    assert shown.returncode == 0
    assert "Add --apply" in shown.stderr
    done = casewire(standing.environment, "events", "replay", "--account", code, "--apply")
    assert f"{len(played['notifications'])} events will be worked again." in done.stderr
    worked(standing, played["expect"])
    assert differences(before, contents(standing.vendors)) == []


def test_events_that_need_no_work_are_buried_with_a_reason(standing: Stack, told: dict[str, Any]) -> None:
    insert = (
        "INSERT INTO event (source, site, event_id, kind, fate, status, urgency, strong_id, format, pointers) "
        "VALUES ('recurly', 'sandbox', 'odd-one', 'ship.landed', 'unknown', 'unknown', 2, true, 'json', '[]')"
    )
    with standing.engine.begin() as connection:
        connection.exec_driver_sql(insert)
    bury = ("events", "bury", "--kind", "ship.*", "--status", "unknown")
    assert casewire(standing.environment, *bury).returncode == 2
    looked = casewire(standing.environment, *bury, "--reason", "a test")
    assert "1 events" in looked.stderr
    done = casewire(standing.environment, *bury, "--reason", "a test", "--apply")
    assert (done.returncode, done.stderr) == (0, "1 events buried.\n")
    found = _json(standing, "events", "list", "--status", "buried")
    assert [(one["event_id"], one["run"]["reason"]) for one in found] == [("odd-one", "a test")]


def test_dead_letters_none(standing: Stack, told: dict[str, Any]) -> None:
    done = casewire(standing.environment, "dead", "list")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No dead letters.\n")
    assert _json(standing, "dead", "list") == {"accounts": [], "events": []}
    assert casewire(standing.environment, "dead", "retry").returncode == 2


def test_plan_shows_what_would_change_and_writes_nothing(standing: Stack, told: dict[str, Any]) -> None:
    code = told["accounts"][0]
    standing.vendors.control("salesforce", "DELETE", "calls")
    assert _json(standing, "plan", code)["accounts"][0]["changes"] == []
    with standing.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM mirror WHERE object = 'Account'")
    planned = _json(standing, "plan", code)["accounts"][0]["changes"]
    assert [(one["object"], one["exists"]) for one in planned] == [("Account", True)]
    assert planned[0]["after"]["Billing_State__c"] == "active"
    assert calls(standing, "salesforce", "GET", "query") > 0
    assert sum(calls(standing, "salesforce", method) for method in ("PATCH", "PUT", "DELETE")) == 0
    unknown = casewire(standing.environment, "plan", "nobody")
    assert (unknown.returncode, "has no account 'nobody'" in unknown.stdout) == (1, True)


def test_resync_stops_at_the_plan_unless_told(standing: Stack, told: dict[str, Any]) -> None:
    code = told["accounts"][0]
    with standing.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM mirror")
    standing.vendors.control("salesforce", "DELETE", "calls")
    looked = casewire(standing.environment, "resync", code)
    assert (looked.returncode, calls(standing, "salesforce", "PATCH")) == (0, 0)
    assert "Nothing was written. Add --apply to do it." in looked.stderr
    assert "update Account" in looked.stdout
    done = casewire(standing.environment, "resync", code, "--apply", "--reason", "ticket 4711")
    assert done.returncode == 0, done.stderr
    assert "0 refused" in done.stderr
    assert calls(standing, "salesforce", "PATCH") > 0
    asked = "SELECT count(*) FROM attempt JOIN run ON run.id = run_id WHERE reason = 'ticket 4711'"
    assert scalar(standing, asked) == 1
    again = casewire(standing.environment, "resync", code)
    assert "Nothing differs from what was last written." in again.stdout
    assert _json(standing, "resync", code)["accounts"][0]["changes"] == []
    assert settled(standing)


def test_a_misspelt_policy_is_named_with_its_key_and_line(standing: Stack, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('# ours\n[cases]\nafter_close = "link"\nreopen_window_day = 3\n')
    done = casewire(standing.environment, "policy", "check", str(file))
    assert done.returncode == 1
    assert "policy.toml:4: cases.reopen_window_day" in done.stderr
    file.write_text('[cases]\nafter_close = "link"\n')
    assert casewire(standing.environment, "policy", "check", str(file)).returncode == 0
    with_it = {**standing.environment, "CASEWIRE_POLICY": str(file)}
    assert 'after_close = "link"' in casewire(with_it, "policy", "show").stdout


def test_wrong_usage_is_told_apart_from_failure(standing: Stack, tmp_path: Path) -> None:
    given = standing.environment
    assert casewire(given, "frobnicate").returncode == 2
    assert casewire(given, "plan").returncode == 2
    assert casewire(given, "--version").returncode == 0
    nowhere = {**given, "DATABASE_URL": "", "REDIS_URL": "", "CASEWIRE_HOME": str(tmp_path)}
    lost = casewire(nowhere, "status")
    assert lost.returncode == 1
    assert "casewire up" in lost.stderr
    assert "Traceback" not in lost.stderr


def _commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", found) for sub, found in command.commands.items())
        else:
            yield name, command


@pytest.mark.parametrize(("name", "command"), list(_commands()))
def test_help_has_an_example(name: str, command: click.Command) -> None:
    assert f"Example: casewire {name}" in (command.help or "")
