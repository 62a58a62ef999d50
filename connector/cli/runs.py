"""``casewire runs``: lists commands that changed something, with who, when, why and the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import click

from connector.cli.output.changes import attempt_lines
from connector.cli.output.console import FIRST, Time, as_json, missing_lines, out, plain, show, table
from connector.container import container_from_environment
from connector.ledger import missed_changes, queries
from connector.ledger import runs as ledger
from connector.ledger.runs import Run

TROUBLES: Final = 20
MISSED: Final = 10_000
"""Missed changes in one JSON document."""


@click.group()
def runs() -> None:
    """Commands that changed something, with who, when and why.

    \b
    Example: casewire runs list
    """


@runs.command("list")
@click.option("--command", help="Only this command, such as resync.")
@click.option("--who", help="Only what this person did: operator or login name.")
@click.option("--since", type=Time(past=True), help="Begun since: 2026-11-01, 36h, 7d.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def list_(command: str | None, who: str | None, since: datetime | None, limit: int, json_: bool) -> None:
    """Runs, newest first.

    \b
    Example: casewire runs list --command resync --since 7d
    """
    with container_from_environment().engine.connect() as connection:
        found = ledger.listed(connection, command, who, since, limit)
    if json_:
        as_json([asdict(one) for one in found])
        return
    table(
        ("id", "begun", "command", "who", "state", "progress", "why"),
        [
            (one.id, one.started_at, one.command, one.who, _state(one), _words(one.progress), one.reason)
            for one in found
        ],
        empty="No such runs.",
    )


@runs.command("show")
@click.argument("run_id", type=int, metavar="ID")
@click.option("--account", help="Also its attempts for this account: its code, or its full key.")
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def show_(run_id: int, account: str | None, json_: bool) -> None:
    """One run: options, state, outcomes of its attempts (also those by workers), and missed changes that it filled in.

    \b
    Example: casewire runs show 7 --account acme-17
    """
    with container_from_environment().engine.connect() as connection:
        run = ledger.named(connection, run_id)
        if run is None:
            raise click.ClickException(f"There is no run {run_id}. See: casewire runs list")
        found: dict[str, Any] = {
            **asdict(run),
            "sessions": ledger.sessions_of_run(connection, run_id),
            "outcomes": ledger.outcomes(connection, run_id),
            "troubles": ledger.troubles(connection, run_id, TROUBLES),
        }
        first, count = missed_changes.of_run(connection, run_id, MISSED if json_ else FIRST)
        found["missed"] = [asdict(one) for one in first]
        found["missed_in_all"] = count
        if account is not None:
            ids = ledger.attempts_of(connection, run_id, account)
            found["attempts"] = queries.attempts(connection, ids)
    if json_:
        as_json(found)
        return
    _print_run(run, found)
    for line in missing_lines(first, count, f"casewire runs show {run_id} --json"):
        out.print(f"  missed     {line}")


def _print_run(run: Run, found: Mapping[str, Any]) -> None:
    out.print(f"[bold]{show(run.command)}[/bold] by {show(run.who)} at {show(run.started_at)}")
    for label, value in (
        ("why", run.reason),
        ("options", _words(run.options)),
        ("state", f"{run.state}, {_when(run)}"),
        ("error", run.error),
        ("progress", _words(run.progress)),
    ):
        if value:
            out.print(f"  {label:<10} {show(value)}")
    for one in found["sessions"]:
        out.print(f"  {'session':<10} {_session_text(one)}")
    for one in found["outcomes"]:
        out.print(
            f"  {one['outcome']:<10} {one['attempts']:,} attempts: {one['written']:,} records written, "
            f"{one['refused']:,} refused"
        )
    for one in found["troubles"]:
        out.print(f"  {one['outcome']:<10} {show(one['subject'])}: {show(one['error'])}")
    for line in (line for attempt in found.get("attempts", ()) for line in attempt_lines(attempt)):
        out.print(f"  {line}")


def _session_text(session: Mapping[str, Any]) -> str:
    """One session of the run, as a line."""
    text = (
        f"{plain(session['began_at'])} by {session['who']}, {'to write' if session['writes'] else 'dry run'}"
    )
    return show(f"{text}: {session['reason']}" if session["reason"] else text)


def _when(run: Run) -> str:
    if run.ended_at is None:
        return f"last seen {plain(run.touched_at)}"
    return f"ended {plain(run.ended_at)}"


def _state(run: Run) -> str:
    """State of a run; with the time of the last sign of life, because a killed run stays in state running."""
    return f"{run.state}, {_when(run)}" if run.state == ledger.RUNNING else run.state


def _words(values: Mapping[str, Any]) -> str:
    """The values as text. Nested values, which only the command itself reads, are left to --json."""
    words = ((name.replace("_", " "), _value(value)) for name, value in values.items())
    return ", ".join(f"{name} {value}" for name, value in words if value)


def _value(value: object) -> str:
    match value:
        case list():
            # sentences, or names
            return ("; " if any(" " in str(one) for one in value) else " ").join(map(str, value))
        case {}:
            inner = {name: one for name, one in value.items() if not isinstance(one, list | dict)}
            return f"({_words(inner)})" if inner else ""
        case _:
            return plain(value)
