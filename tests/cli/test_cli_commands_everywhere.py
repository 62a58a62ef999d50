"""Every command where something is amiss: no settings, no PostgreSQL, no tables, no Redis, no room, no text. One line
says what to do; there is never a traceback."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result
from redis.exceptions import ConnectionError as Away
from samples import due, event, record
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from connector.cli.account_options import codes
from connector.cli.audit import confirm
from connector.container import container_from_environment
from connector.ledger import runs, subjects
from connector.queue import Queue

from .conftest import Run

ASKING = [
    ["status"],
    ["events", "list"],
    ["events", "show", "1"],
    ["events", "replay", "1", "--apply"],
    ["events", "bury", "1", "--reason", "x", "--apply"],
    ["dead", "list"],
    ["dead", "retry", "--all", "--apply"],
    ["plan", "bob"],
    ["plan", "--all", "--json"],
    ["resync", "bob", "--apply"],
    ["drift"],
    ["drift", "bob", "--fix", "--apply"],
    ["backfill"],
    ["backfill", "--resume", "--apply"],
    ["link", "review"],
    ["runs", "list"],
    ["runs", "show", "1"],
    ["reconcile"],
    ["reconcile", "--apply", "--json"],
    ["report", "billing"],
]
READING = [one for one in ASKING if one[0] in ("status", "events", "dead", "runs", "link")]
"""Those that need nothing but the ledger."""

SETTINGS = {
    "RECURLY_SITE": "acme",
    "RECURLY_API_KEY": "open-sesame",
    "SALESFORCE_LOGIN_URL": "http://127.0.0.1:1",
    "SALESFORCE_CLIENT_ID": "casewire",
    "SALESFORCE_CLIENT_SECRET": "open-sesame",
    "DATABASE_URL": "postgresql://casewire:open-sesame@127.0.0.1:1/none",
    "REDIS_URL": "redis://:open-sesame@127.0.0.1:1/0",
}


def said(result: Result) -> str:
    """The one line of what went wrong; what a program reads on stdout is not part of it."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert "open-sesame" not in line
    return line


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_without_settings_the_one_that_lacks_is_named(run: Run, command: list[str]) -> None:
    line = said(run(*command))
    assert any(name in line for name in ("DATABASE_URL", "RECURLY_SITE", "SALESFORCE_LOGIN_URL"))


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_where_nothing_answers_it_is_said_what_does_not(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    line = said(run(*command))
    assert "casewire doctor" in line or "SALESFORCE_LOGIN_URL" in line


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_a_policy_that_cannot_be_read_is_named_or_not_needed(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    Path("policy.toml").write_text("[admin\n")
    line = said(run(*command))
    assert "policy.toml: not valid TOML" in line or "PostgreSQL" in line


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    """A database without tables, on the same server."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"{url.database}_empty"
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    container_from_environment().engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}"'))
    admin.dispose()


def test_a_database_without_our_tables_is_to_be_migrated(
    connected: Run, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database)
    for command in READING:
        assert "Run: casewire migrate" in said(connected(*command)), command


def test_without_redis_what_is_kept_is_said_to_be_kept(
    connected: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Away("Connection refused.")

    record(engine, event("n1"))
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("eve")])
        connection.execute(text("UPDATE subject SET status = 'dead'"))
    monkeypatch.setattr(Queue, "wake", away)
    for command in (["events", "replay", "--since", "1h", "--apply"], ["dead", "retry", "--all", "--apply"]):
        result = connected(*command)
        assert result.exit_code == 0, result.output
        assert "Recorded; it is worked when Redis is back" in result.stderr
    with engine.connect() as connection:
        assert {one.state for one in runs.listed(connection, None, None, None, 9)} == {runs.DONE}


@pytest.fixture
def standby(engine: Engine, database_url: str) -> Iterator[None]:
    """The database takes no writes from whoever connects now."""
    name = make_url(database_url).database
    with engine.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    yield
    with engine.begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))


@pytest.mark.parametrize(
    "command",
    [
        ["events", "replay", "--since", "1h", "--apply"],
        ["worker"],
    ],
    ids=" ".join,
)
def test_a_standby_is_one_line_that_says_where_to_write(
    connected: Run, engine: Engine, standby: None, command: list[str]
) -> None:
    record(engine, event("n1"))
    assert "Set it to the primary" in said(connected(*command))


def test_what_takes_postgresql_too_long_is_to_be_narrowed(
    connected: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(connection: Connection, *_: object, **__: object) -> None:
        connection.execute(text("SET LOCAL statement_timeout = 1"))
        connection.execute(text("SELECT pg_sleep(5)"))

    monkeypatch.setattr("connector.ledger.queries.events", slow)
    line = said(connected("events", "list", "--search", "4711"))
    assert "Narrow the selection: a shorter --since" in line


# ── a terminal, stdin and stdout that are not as usual ────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", ["\udcff", "b\udc80b"])
@pytest.mark.parametrize(
    "command", [["events", "list", "--search"], ["runs", "list", "--who"], ["resync", "bob", "--reason"]]
)
def test_an_argument_that_is_no_text_is_refused(connected: Run, command: list[str], given: str) -> None:
    result = connected(*command, given)
    assert result.exit_code == 2, result.output
    assert "is not text in UTF-8" in result.stderr


def test_without_stdin_nothing_is_read_and_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(click.UsageError, match="stdin is closed"):
        codes.read("-")
    with pytest.raises(click.UsageError, match="add --yes 21"):
        confirm(21, 20, None)


@pytest.mark.parametrize(("command", "code"), [("init", 1), ("events bury --status dead", 2), ("plan -", 2)])
def test_without_stdin_a_command_says_what_lacks(tmp_path: Path, command: str, code: int) -> None:
    told = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m connector.cli {command} <&-"],
        env={**os.environ, **SETTINGS, "SALESFORCE_CLIENT_ID": "", "CASEWIRE_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, len(told.stderr.splitlines())) == (code, 1), told.stderr


def test_without_stderr_nothing_is_said_there_and_the_rest_goes_on(tmp_path: Path) -> None:
    """What is opened next would take its place, and get what is said."""
    source = (
        "from connector import logs; from connector.cli import casewire, main; import click, structlog, sys\n"
        "@casewire.command('say')\n"
        "def say():\n"
        "    kept = open('kept', 'w')\n"
        "    logs.configure('text'); structlog.get_logger().warning('log'); click.echo('aside', err=True)\n"
        "    print('said', kept.fileno() > 2)\n"
        "type(casewire).get_command = lambda self, ctx, name: say\n"
        "sys.argv[1:] = ['say']; main()"
    )
    (tmp_path / "say.py").write_text(source)
    told = subprocess.run(
        ["sh", "-c", f"{sys.executable} say.py <&- 2>&-"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (0, "said True\n")
    assert (tmp_path / "kept").read_text() == ""


@pytest.mark.parametrize(
    ("typed", "ended", "told"),
    [
        ("1,234", 0, ("done", "1,234 changes. Type the number")),
        ("1234", 0, ("done", "")),
        ("1235", 1, ("", "Nothing was written.")),
        ("yes", 1, ("", "Nothing was written.")),
        ("", 1, ("", "Nothing was written.")),
    ],
)
def test_on_a_terminal_the_count_is_typed(typed: str, ended: int, told: tuple[str, str]) -> None:
    ours, theirs = pty.openpty()
    asked = [
        *(sys.executable, "-c"),
        "from connector.cli.audit import confirm; confirm(1234, 20, None); print('done')",
    ]
    with subprocess.Popen(
        asked, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as asking:
        os.close(theirs)
        os.write(ours, f"{typed}\n".encode())
        out, err = asking.communicate(timeout=60)
    os.close(ours)
    assert asking.returncode == ended, err
    assert out.strip() == told[0]
    assert told[1] in err


def test_a_disk_that_is_full_is_said(connected: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("connector.cli.runs.as_json", full)
    result = connected("runs", "list", "--json")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: No space left on device: free some space, then run it again.\n",
    )


def test_what_the_terminals_alphabet_lacks_is_no_error() -> None:
    source = (
        "from connector.cli import casewire, main; import click, sys\n"
        "@casewire.command('say')\ndef say(): click.echo('a → ü さ')\n"
        "type(casewire).get_command = lambda self, ctx, name: say\n"
        "sys.argv[1:] = ['say']; main()"
    )
    told = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
    )
    assert told.stdout == "a \\u2192 ü \\u3055\n".encode("latin-1")
