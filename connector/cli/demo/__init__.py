"""``casewire demo``: runs everything on this machine with realistic billing traffic."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from connector import settings
from connector.cli.demo.seed_records import create_seed_records
from connector.cli.demo.verification import Verification, judge, linked
from connector.cli.local_stack import Stack, require_sandbox, stack
from connector.cli.output.console import err, out
from connector.cli.serve import KEPT
from connector.local_services import prepare_home

POPULATION = 25
"""Customers from before Casewire was installed, without events. Half of them are in the CRM."""

NOT_STORIES = ("population", "news", "burst")


ASKED = (
    ("casewire status", "is everything moving?"),
    ("casewire events list", "what was received; casewire events show ID shows its history"),
    ("casewire link review", "which customers wait for a person"),
    ("casewire plan --all", "what would change if all were fetched again"),
    ("casewire drift", "what was edited in Salesforce; --fix --apply repairs it"),
    ("casewire reconcile --since 7d", "missed deliveries, and payments that the systems report differently"),
    ("casewire report billing --month {month}", "the month so far, as a billing lead shows it"),
)


@click.command()
@click.option(
    "--once", is_flag=True, help="Play the stories, print the summary, exit: 0, or 1 if anything is wrong."
)
@click.option(
    "--events", "wanted", default=400, show_default=True, type=click.IntRange(1), help="About how many."
)
@click.option("--seed", default=1, show_default=True, help="The same seed plays the same stories.")
@click.option(
    "--pace", default=None, type=click.IntRange(0), help="Milliseconds between the steps of a story."
)
def demo(once: bool, wanted: int, seed: int, pace: int | None) -> None:
    """Everything on this machine, with realistic billing traffic. Stays up until Ctrl-C unless --once.

    \b
    Example: casewire demo --once
    """
    require_sandbox()
    pace = pace if pace is not None else (0 if once else 1500)
    _interrupt_on_signals()
    with _home() as home:
        err.print("Starting PostgreSQL, Valkey, the sandbox vendors, web, worker and scheduler …")
        logs = (home / "casewire.log").open("wb")
        with logs, stack(home, sandbox=("--seed", str(seed)), log=logs) as running:
            _addresses(running, home)
            if not once:
                _print_example_commands(home)
            run = _play_stories(running, wanted, seed, pace)
            verdict = _summary(running, run)
            if once:
                out.print("Without --once casewire demo stays up, with a page to see and commands to try.")
            else:
                _stay(running, seed, pace)
    if not verdict.good:
        raise SystemExit(1)


def _interrupt_on_signals() -> None:
    """End all child processes on SIGINT and SIGTERM, also if a shell started this one in the background."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


@contextmanager
def _home() -> Iterator[Path]:
    """A temporary home, so that a demo never touches an installation."""
    base = prepare_home(settings.load().casewire_home)
    home = Path(tempfile.mkdtemp(prefix="demo-", dir=base))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@dataclass(slots=True)
class DemoRun:
    """The played stories, and what they should leave in the CRM. ``typed``: accounts that the CRM had before."""

    stories: list[str] = field(default_factory=list)
    events: int = 0
    expectations: list[dict[str, Any]] = field(default_factory=list)
    typed: int = 0
    seconds: float = 0.0


def _addresses(running: Stack, home: Path) -> None:
    out.print(f"\n[bold]Salesforce, as an agent sees it[/bold]  {running.vendors.salesforce}/")
    out.print(f"Casewire                         {running.url}/readyz  {running.url}/metrics")
    out.print(f"Recurly, and the processors      {running.vendors.recurly}  {running.vendors.processors}")
    out.print(f"Log                              {home}/casewire.log")
    out.print()
    _write_env_file(running.environment, home)


def _print_example_commands(home: Path) -> None:
    """Print commands for another terminal, with PATH if ``casewire`` is not on it."""
    here = Path(sys.executable).parent
    on_path = shutil.which("casewire") == str(here / "casewire")
    out.print("[bold]Try these commands[/bold] in another terminal:")
    out.print(f"  cd {home}" if on_path else f"  cd {home}; PATH={here}:$PATH", soft_wrap=True)
    for command, what in ASKED:
        run = command.format(month=f"{datetime.now(UTC):%Y-%m}")
        out.print(f"  {run:<42}[dim]{what}[/dim]")
    out.print()


def _write_env_file(given: Mapping[str, str], home: Path) -> None:
    """Write the settings to ``.env`` in the home, where every command finds them."""
    ours = {name: value for name, value in given.items() if os.environ.get(name) != value}
    run = "".join(f"{name}={value}\n" for name, value in sorted(ours.items()) if name != KEPT)
    place = home / ".env"
    place.touch(mode=0o600)
    place.write_text(run, encoding="utf-8")


def _play_stories(running: Stack, wanted: int, seed: int, pace: int) -> DemoRun:
    """Play the stories in turn until enough was sent; some with each delivery repeated, some out of order."""
    stories = _stories(running)
    run = DemoRun()
    started = time.monotonic()
    _older_customers(running, run, seed)
    with _progress() as progress:
        task = progress.add_task("", total=wanted)
        for number, story in enumerate(_in_turn(stories)):
            if run.events >= wanted and number >= len(stories):
                break
            progress.update(task, description=story["title"])
            _play(running, run, story["name"], seed, number, pace)
            progress.update(task, completed=min(run.events, wanted))
        progress.update(task, description="working what was received")
        running.settle()
    run.seconds = time.monotonic() - started
    return run


def _older_customers(running: Stack, run: DemoRun, seed: int) -> None:
    """Create customers in billing, many of them in the CRM too, then send events of each."""
    order = {"accounts": POPULATION, "seed": seed}
    running.vendors.control("recurly", "POST", "scenarios/population", order)
    typed = create_seed_records(running.vendors, seed)
    played = running.vendors.control("recurly", "POST", "scenarios/news", order)
    run.events += len(played["notifications"])
    run.expectations += typed.expectations
    run.typed = typed.accounts


def _stories(running: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = running.vendors.control("recurly", "GET", "scenarios")
    return [story for story in found if story["name"] not in NOT_STORIES]


def _in_turn(stories: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each story once, then those about a single account repeatedly: an outage is played once."""
    yield from stories
    yield from itertools.cycle(story for story in stories if story["count"] == 1)


def _play(running: Stack, run: DemoRun, name: str, seed: int, number: int, pace: int) -> None:
    played = running.vendors.control(
        "recurly",
        "POST",
        f"scenarios/{name}",
        {
            "seed": seed + number,
            "prefix": f"{number:03d}",
            "duplicates": 1 + (number % 3 == 1),
            "shuffle": number % 4 == 3,
            "step_pause_ms": pace,
        },
    )
    run.stories.append(name)
    run.events += len(played["notifications"]) + len(played["processor_events"])
    run.expectations += played["expect"]


def _progress() -> Progress:
    """A bar on a terminal; only the summary elsewhere."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<48}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
    )


def _summary(running: Stack, run: DemoRun) -> Verification:
    verdict = judge(running.engine, running.vendors.records, running.sent(), run.expectations, run.typed)
    cases = running.vendors.records("Case")
    open_ = sum(not case["IsClosed"] for case in cases)
    past, fetched = _recurly_calls(running)
    rows = (
        ("stories played", f"{len(run.stories)} ({len(set(run.stories))} kinds) in {run.seconds:.0f} s"),
        (
            "events received",
            f"{verdict.sent}, some delivered twice, some out of order; by source: {_by_source(running)}",
        ),
        ("accounts", _linked(running)),
        ("cases", f"{len(cases)} opened, {len(cases) - open_} resolved, {open_} still open"),
        ("Salesforce calls", running.vendors.control("salesforce", "GET", "calls")["total"]),
        ("Recurly calls", f"{fetched} for events, {past} for histories of accounts older than Casewire"),
        ("processor calls", running.vendors.control("processors", "GET", "calls")["total"]),
        ("lost", len(verdict.lost)),
        ("doubled", len(verdict.doubled)),
        ("different", f"{len(verdict.different)} of {len(run.expectations)} expectations"),
    )
    for label, value in rows:
        out.print(f"[dim]{label:<18}[/dim] {value}")
    for sentence in [*verdict.lost, *verdict.doubled, *verdict.different][:20]:
        out.print(f"  [red]{sentence}[/red]")
    out.print("[green]Everything is as expected.[/green]" if verdict.good else "[red]Not as expected.[/red]")
    return verdict


def _linked(running: Stack) -> str:
    """How many billing accounts are linked, created, or wait for a person."""
    n = linked(running.engine)
    without = f", {n['without']} without a record" if n["without"] else ""
    run = f"{n['linked']} linked to existing records, {n['made']} created, {n['asked']} wait for a person{without}"
    return f"{sum(n.values())}: {run}"


def _by_source(running: Stack) -> str:
    counts = Counter(one["source"] for one in running.sent())
    return ", ".join(f"{source} {count}" for source, count in counts.most_common())


def _recurly_calls(running: Stack) -> tuple[int, int]:
    """Number of calls for histories, and of all others."""
    calls: dict[str, int] = running.vendors.control("recurly", "GET", "calls")["calls"]
    past = sum(n for route, n in calls.items() if route.startswith("GET /accounts/") and route.count("/") > 2)
    return past, sum(calls.values()) - past


def _stay(running: Stack, seed: int, pace: int) -> None:
    """Play further stories, slowly, until Ctrl-C."""
    out.print("\nA further story every few seconds. Ctrl-C ends everything.")
    again = itertools.islice(_in_turn(stories := _stories(running)), len(stories), None)
    try:
        for number, story in enumerate(again, start=1000):
            time.sleep(5)
            _play(running, DemoRun(), story["name"], seed, number, pace)
    except KeyboardInterrupt:
        err.print("Ending …")
