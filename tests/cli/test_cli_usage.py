"""What every command promises: help with an example, one line for what is wrong, and the right exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import metadata
from itertools import takewhile
from pathlib import Path

import click
import pytest

from connector import __version__
from connector.cli import COMMANDS, casewire
from connector.cli.output.console import Time

from .conftest import Run


def commands() -> Iterator[list[str]]:
    context = click.Context(casewire)
    for name in COMMANDS:
        command = casewire.get_command(context, name)
        yield [name]
        if isinstance(command, click.Group):
            yield from ([name, inner] for inner in command.commands)


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Example: casewire " + " ".join(command) in result.output


def test_so_has_casewire_itself(run: Run) -> None:
    assert "Example: casewire demo" in run("--help").output


def test_help_names_every_command_with_what_it_does(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    lines = {
        line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line.startswith("  ")
    }
    assert all(len(lines[name]) > 1 for name in COMMANDS)


NAMES = {name for command in commands() for name in command}

WRONG = [
    ["nonsense"],
    ["events", "nonsense"],
    ["events", "list", "--status", "nonsense"],
    ["events", "list", "--limit", "0"],
    ["events", "list", "--since", "yesterday"],
    ["events", "list", "--since", "99999999999d"],
    ["events", "list", "--since", "²d"],
    ["events", "show"],
    ["events", "show", "seven"],
    ["events", "replay"],
    ["events", "replay", "--apply"],
    ["events", "bury", "7"],
    ["events", "bury", "--reason", "because"],
    ["dead", "retry"],
    ["plan"],
    ["resync"],
    ["plan", "--rule", "nonsense"],
    ["plan", "--nonsense"],
    ["--nonsense"],
    ["resync", "bob", "--yes", "many"],
    ["runs", "show"],
    ["runs", "list", "--limit", "0"],
    ["worker", "--count", "0"],
    ["up", "--workers", "none"],
    ["up", "--port", "99999"],
    ["web", "--port", "0"],
    ["sandbox", "--recurly-port", "99999"],
    ["sandbox", "--latency-ms", "slow"],
    ["sandbox", "--latency-ms", "recurly=10,nobody=10"],
    ["init", "--answers", "nowhere"],
    ["policy", "check", "a", "b"],
    ["demo", "--events", "0"],
    ["demo", "--pace", "-1"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_is_exit_code_2_and_one_line_that_says_what_is_right(
    run: Run, arguments: list[str]
) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    (line,) = result.stderr.splitlines()
    named = " ".join(["casewire", *takewhile(lambda one: one in NAMES, arguments)])
    assert line.startswith(f"{named}: ")
    assert line.endswith(f". See: {named} --help")


@pytest.mark.parametrize("group", [[], ["runs"], ["salesforce"]], ids=" ".join)
def test_a_group_without_a_command_shows_its_help(run: Run, group: list[str]) -> None:
    result = run(*group)
    assert result.exit_code == 2
    assert result.output.startswith(" ".join(["Usage: casewire", *group]))


LACKING = [
    (["migrate"], "DATABASE_URL"),
    (["status"], "DATABASE_URL"),
    (["events", "list"], "casewire up"),
    (["worker"], "DATABASE_URL"),
    (["plan", "bob"], "DATABASE_URL"),
    (["resync", "bob"], "DATABASE_URL"),
    (["runs", "list"], "DATABASE_URL"),
    (["policy", "check", "nowhere.toml"], "nowhere.toml"),
    (["policy", "check", "folder"], "Is a directory. Name a TOML file."),
    (["policy", "check", "picture.png"], "not text in UTF-8"),
    (["init", "--answers", "picture.png"], "picture.png is not text in UTF-8"),
]


@pytest.mark.parametrize(("arguments", "named"), LACKING, ids=[" ".join(row[0]) for row in LACKING])
def test_a_setting_that_lacks_is_one_line_that_names_it_and_exit_code_1(
    run: Run, arguments: list[str], named: str
) -> None:
    Path("folder").mkdir()
    Path("picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ")
    assert named in line


def test_settings_that_are_no_text_are_one_line(run: Run) -> None:
    Path(".env").write_bytes(b"RECURLY_SITE=caf\xe9\n")
    for command in (["status"], ["plan", "bob"], ["init"]):
        result = run(*command)
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        assert ".env is not text in UTF-8" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["status"], ["events", "list"], ["dead", "list"], ["migrate"], ["worker"]]
)
def test_without_postgresql_every_command_says_so_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:open-sesame@127.0.0.1:1/none")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "PostgreSQL" in line
    assert "open-sesame" not in line


def test_the_command_is_there_as_a_module_and_quick_to_help() -> None:
    """Neither SQLAlchemy nor Redis is imported for it."""
    source = "import sys; from connector.cli import casewire; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0
    told = subprocess.run(
        [sys.executable, "-m", "connector.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith("casewire")


# ── times ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T10:00Z", datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("2026-11-01T10:00:00+02:00", datetime(2026, 11, 1, 8, tzinfo=UTC)),
    ],
)
def test_a_time_may_be_said_as_a_date(text: str, moment: datetime) -> None:
    assert Time().convert(text, None, None) == moment


@pytest.mark.parametrize(
    ("text", "age"), [("90m", timedelta(minutes=90)), ("36h", timedelta(hours=36)), ("7d", timedelta(days=7))]
)
def test_a_time_may_be_said_as_an_age(text: str, age: timedelta) -> None:
    before = datetime.now(UTC)
    found = Time().convert(text, None, None)
    assert before - age <= found <= datetime.now(UTC) - age


def test_a_time_is_told_from_nonsense() -> None:
    for text in ("", "d", "-7d", "7w", "2026-13-01"):
        with pytest.raises(click.UsageError):
            Time().convert(text, None, None)


@pytest.mark.parametrize("width", [50, 80, 200])
def test_help_lists_the_commands_own_texts_without_importing_them(width: int) -> None:
    context = click.Context(casewire, terminal_width=width)
    loaded = {name: casewire.get_command(context, name) for name in COMMANDS}
    plain = click.Group(commands={name: command for name, command in loaded.items() if command is not None})
    plain.list_commands = lambda ctx: list(COMMANDS)  # type: ignore[method-assign]
    ours, theirs = context.make_formatter(), context.make_formatter()
    casewire.format_commands(context, ours)
    plain.format_commands(context, theirs)
    assert ours.getvalue() == theirs.getvalue()
    assert [item.help for item in casewire.shell_complete(context, "s")] == [
        command.get_short_help_str() for name, command in plain.commands.items() if name.startswith("s")
    ]


def test_help_and_version_import_no_command_and_no_library_of_one() -> None:
    source = (
        "import sys; from connector.cli import main\n"
        "try: main([sys.argv[1]])\n"
        "except SystemExit as ended: assert not ended.code\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    for option in ("--help", "--version"):
        ended = subprocess.run(
            [sys.executable, "-c", source, option], capture_output=True, text=True, check=True
        )
        imported = set(ended.stdout.splitlines()[-1].split())
        assert "click" in imported
        assert not imported & {"flask", "pydantic", "redis", "rich", "sqlalchemy", "structlog"}


def test_the_version_is_that_of_the_installed_package(run: Run) -> None:
    assert run("--version").output == f"casewire, version {metadata.version('casewire')}\n"
    assert metadata.version("casewire") == __version__
