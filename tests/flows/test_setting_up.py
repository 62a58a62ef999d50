"""An installation that is not ready says what to do, and loses nothing meanwhile."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from connector.cli.demo.verification import judge
from connector.cli.local_stack import Stack, casewire, vendors
from connector.local_services import free_port
from flows.playing import calls, scalar, settled, started, tell, wait_for


@pytest.fixture
def bare(standing: Stack) -> dict[str, str]:
    """The settings of an installation whose database is there and empty."""
    with standing.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS bare")
        connection.exec_driver_sql("CREATE DATABASE bare")
    url = make_url(standing.environment["DATABASE_URL"]).set(database="bare")
    return {**standing.environment, "DATABASE_URL": url.render_as_string(hide_password=False)}


@pytest.mark.parametrize("command", [("web",), ("worker",), ("scheduler",)])
def test_a_database_without_tables_is_named_with_the_command_that_makes_them(
    bare: dict[str, str], command: tuple[str, ...]
) -> None:
    done = casewire(bare, *command)
    assert done.returncode == 1
    assert "has no Casewire tables" in done.stderr
    assert "casewire migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_makes_them_and_may_be_repeated(bare: dict[str, str]) -> None:
    for _ in range(2):
        done = casewire(bare, "migrate")
        assert (done.returncode, done.stderr) == (0, "The ledger is up to date.\n")
    assert casewire(bare, "events", "list").returncode == 0


STORIES = ("renewal_fails_hard", "customer_cancels", "new_customer_signs_up")


@pytest.mark.slow
def test_an_org_without_the_fields_is_waited_for(home: Path, tmp_path: Path) -> None:
    """Everything waits, ``status`` names the fields, and once they are there one command lets it all go on."""
    nothing, port = tmp_path / "nothing", str(free_port())
    nothing.mkdir()
    with ExitStack() as cleanup:
        org = ExitStack()
        cleanup.push(org)
        empty = org.enter_context(vendors("--salesforce-port", port, "--metadata", str(nothing)))
        running = cleanup.enter_context(started(home, changes={"SALESFORCE_LOGIN_URL": empty.salesforce}))
        expectations = tell(running, STORIES)
        told = wait_for(lambda: _circuit(running), "status says what is missing")
        assert (told["destination"], told["code"]) == ("salesforce", "NOT_SET_UP")
        assert "Billing_Key__c" in told["reason"]
        assert "Billing_Invoice__c" in told["reason"]
        assert "Deploy salesforce/" in told["reason"]
        assert scalar(running, "SELECT count(*) FROM subject WHERE status = 'dead' OR tries > 0") == 0
        wait_for(lambda: _fetched(running), "all that Recurly knows is fetched")

        org.close()
        complete = cleanup.enter_context(vendors("--salesforce-port", port))
        code = scalar(running, "SELECT min(code) FROM subject")
        done = casewire(running.environment, "resync", code, "--apply")
        assert done.returncode == 0, done.stderr
        assert settled(running)
        assert calls(running, "salesforce") == 0, "all went to the org of the settings"
        found = judge(running.engine, complete.records, running.sent(), expectations)
        assert (found.lost, found.doubled, found.different) == ([], [], [])


def _circuit(running: Stack) -> Any:
    told = casewire(running.environment, "status", "--json")
    circuits = json.loads(told.stdout)["circuits"]
    assert told.returncode == (1 if circuits else 0)
    return circuits[0] if circuits else None


def _fetched(running: Stack) -> bool:
    waiting = (
        "SELECT (SELECT count(*) FROM event WHERE status = 'pending') + "
        "(SELECT count(*) FROM subject WHERE history <> 'done')"
    )
    return bool(scalar(running, waiting) == 0)
