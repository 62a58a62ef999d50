"""``casewire demo``: see it work, on this machine, with nothing installed beforehand."""

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
from connector.cli.demo.seed_records import type_in
from connector.cli.demo.verification import Verification, judge, linked
from connector.cli.local_stack import Stack, require_sandbox, stack
from connector.cli.output.console import err, out
from connector.cli.serve import KEPT
from connector.local_services import prepare_home

POPULATION = 25
"""Customers from before Casewire was installed: no event tells of their past. Half of them are in the CRM."""

NOT_STORIES = ("population", "news", "burst")


ASKED = (
    ("casewire status", "is everything moving?"),
    ("casewire events list", "what was received; casewire events show ID tells its whole story"),
    ("casewire link review", "which customers wait for a person"),
    ("casewire plan --all", "what would change if all were read anew"),
    ("casewire drift", "what was edited in Salesforce; --fix --apply mends it"),
    ("casewire reconcile --since 7d", "was a delivery missed, and do all sides agree about the money?"),
    ("casewire report billing --month {month}", "the month so far, as a billing lead shows it"),
)


@click.command()
@click.option(
    "--once", is_flag=True, help="Play the stories, print the summary, exit: 0, or 1 if anything is wrong."
)
@click.option(
    "--events", "wanted", default=400, show_default=True, type=click.IntRange(1), help="About how many."
)
@click.option("--seed", default=1, show_default=True, help="The same seed tells the same stories.")
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
    _end_properly()
    with _home() as home:
        err.print("Starting PostgreSQL, Valkey, the sandbox vendors, web, worker and scheduler …")
        logs = (home / "casewire.log").open("wb")
        with logs, stack(home, sandbox=("--seed", str(seed)), log=logs) as running:
            _addresses(running, home)
            if not once:
                _ways_to_ask(home)
            told = _tell(running, wanted, seed, pace)
            verdict = _summary(running, told)
            if once:
                out.print("To look around: casewire demo stays up, with a page to see and commands to try.")
            else:
                _stay(running, seed, pace)
    if not verdict.good:
        raise SystemExit(1)


def _end_properly() -> None:
    """However it is told to end, even from a shell that started it in the background: what it started ends too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


@contextmanager
def _home() -> Iterator[Path]:
    """A home of its own, gone afterwards: a demo never touches an installation."""
    base = prepare_home(settings.load().casewire_home)
    home = Path(tempfile.mkdtemp(prefix="demo-", dir=base))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@dataclass(slots=True)
class DemoRun:
    """What was played, and what it should leave in the CRM. ``typed``: how many accounts that had before."""

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
    _remember(running.environment, home)


def _ways_to_ask(home: Path) -> None:
    """Commands for another terminal, where ``casewire`` need not be known yet."""
    here = Path(sys.executable).parent
    known = shutil.which("casewire") == str(here / "casewire")
    out.print("[bold]Ask it yourself[/bold], in another terminal:")
    out.print(f"  cd {home}" if known else f"  cd {home}; PATH={here}:$PATH", soft_wrap=True)
    for command, what in ASKED:
        told = command.format(month=f"{datetime.now(UTC):%Y-%m}")
        out.print(f"  {told:<42}[dim]{what}[/dim]")
    out.print()


def _remember(given: Mapping[str, str], home: Path) -> None:
    """Its settings as the ``.env`` of its folder, where every command then finds them."""
    ours = {name: value for name, value in given.items() if os.environ.get(name) != value}
    told = "".join(f"{name}={value}\n" for name, value in sorted(ours.items()) if name != KEPT)
    place = home / ".env"
    place.touch(mode=0o600)
    place.write_text(told, encoding="utf-8")


def _tell(running: Stack, wanted: int, seed: int, pace: int) -> DemoRun:
    """Play the stories in turn, some with every delivery repeated, some in disorder, until enough was sent."""
    stories = _stories(running)
    told = DemoRun()
    started = time.monotonic()
    _older_customers(running, told, seed)
    with _progress() as progress:
        task = progress.add_task("", total=wanted)
        for number, story in enumerate(_in_turn(stories)):
            if told.events >= wanted and number >= len(stories):
                break
            progress.update(task, description=story["title"])
            _play(running, told, story["name"], seed, number, pace)
            progress.update(task, completed=min(told.events, wanted))
        progress.update(task, description="working what was received")
        running.settle()
    told.seconds = time.monotonic() - started
    return told


def _older_customers(running: Stack, told: DemoRun, seed: int) -> None:
    """They are in billing, and many in the CRM; then there is news of each."""
    order = {"accounts": POPULATION, "seed": seed}
    running.vendors.control("recurly", "POST", "scenarios/population", order)
    typed = type_in(running.vendors, seed)
    played = running.vendors.control("recurly", "POST", "scenarios/news", order)
    told.events += len(played["notifications"])
    told.expectations += typed.expectations
    told.typed = typed.accounts


def _stories(running: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = running.vendors.control("recurly", "GET", "scenarios")
    return [story for story in found if story["name"] not in NOT_STORIES]


def _in_turn(stories: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each once, then those about a single account again and again: an outage happens once."""
    yield from stories
    yield from itertools.cycle(story for story in stories if story["count"] == 1)


def _play(running: Stack, told: DemoRun, name: str, seed: int, number: int, pace: int) -> None:
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
    told.stories.append(name)
    told.events += len(played["notifications"]) + len(played["processor_events"])
    told.expectations += played["expect"]


def _progress() -> Progress:
    """A bar on a terminal; nothing but the summary elsewhere."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<48}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
    )


def _summary(running: Stack, told: DemoRun) -> Verification:
    verdict = judge(running.engine, running.vendors.records, running.sent(), told.expectations, told.typed)
    cases = running.vendors.records("Case")
    open_ = sum(not case["IsClosed"] for case in cases)
    past, fetched = _recurly_calls(running)
    rows = (
        ("stories told", f"{len(told.stories)} ({len(set(told.stories))} kinds) in {told.seconds:.0f} s"),
        (
            "events received",
            f"{verdict.sent}, some delivered twice, some out of order; by source: {_by_source(running)}",
        ),
        ("accounts", _linked(running)),
        ("cases", f"{len(cases)} opened, {len(cases) - open_} resolved, {open_} still open"),
        ("Salesforce calls", running.vendors.control("salesforce", "GET", "calls")["total"]),
        ("Recurly calls", f"{fetched} for events, {past} for the past of accounts older than Casewire"),
        ("processor calls", running.vendors.control("processors", "GET", "calls")["total"]),
        ("lost", len(verdict.lost)),
        ("doubled", len(verdict.doubled)),
        ("different", f"{len(verdict.different)} of {len(told.expectations)} expectations"),
    )
    for label, value in rows:
        out.print(f"[dim]{label:<18}[/dim] {value}")
    for sentence in [*verdict.lost, *verdict.doubled, *verdict.different][:20]:
        out.print(f"  [red]{sentence}[/red]")
    out.print(
        "[green]All is as the stories say.[/green]" if verdict.good else "[red]Not as it should be.[/red]"
    )
    return verdict


def _linked(running: Stack) -> str:
    """What became of the accounts of billing that Casewire met."""
    n = linked(running.engine)
    without = f", {n['without']} without a record" if n["without"] else ""
    told = f"{n['linked']} linked to what the CRM had, {n['made']} made, {n['asked']} asked about{without}"
    return f"{sum(n.values())}: {told}"


def _by_source(running: Stack) -> str:
    counts = Counter(one["source"] for one in running.sent())
    return ", ".join(f"{source} {count}" for source, count in counts.most_common())


def _recurly_calls(running: Stack) -> tuple[int, int]:
    """Calls for histories, and all others."""
    calls: dict[str, int] = running.vendors.control("recurly", "GET", "calls")["calls"]
    past = sum(n for route, n in calls.items() if route.startswith("GET /accounts/") and route.count("/") > 2)
    return past, sum(calls.values()) - past


def _stay(running: Stack, seed: int, pace: int) -> None:
    """Keep telling stories, slowly, until Ctrl-C."""
    out.print("\nStories go on, one every few seconds. Ctrl-C ends everything.")
    again = itertools.islice(_in_turn(stories := _stories(running)), len(stories), None)
    try:
        for number, story in enumerate(again, start=1000):
            time.sleep(5)
            _play(running, DemoRun(), story["name"], seed, number, pace)
    except KeyboardInterrupt:
        err.print("Ending …")
