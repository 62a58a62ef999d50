"""``backfill``: a population into an empty CRM, killed three times and resumed; the time, the calls, and the memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from bench.equal import Equality, equality
from bench.progress import say
from bench.report import Row
from connector.cli.local_stack import Stack, stack
from connector.sync.backfill.batch_writer import BATCH_SIZE

ACCOUNTS = 10_000
QUICK = 300
INVOICES = 3
MEMORY = 300.0
"""Megabytes that the process may take."""
KILLS = (("reading", 0.5), ("writing", 0.33), ("writing", 0.67))
"""At which share of which phase it is killed."""
SECONDS = 7_200.0


@dataclass(slots=True)
class Filled:
    """What it took in all: ``megabytes`` is the most that any of the processes had."""

    accounts: int
    seconds: float = 0.0
    megabytes: float = 0.0
    kills: list[str] = field(default_factory=list)
    told: Mapping[str, Any] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    equality: Equality = field(default_factory=Equality)


def rows(quick: bool) -> list[Row]:
    return measured(QUICK if quick else ACCOUNTS)


def measured(accounts: int) -> list[Row]:
    """With so many accounts, each with three invoices."""
    with tempfile.TemporaryDirectory(prefix="casewire-bench-") as directory:
        home = Path(directory)
        with (home / "casewire.log").open("wb") as log, stack(home, log=log) as running:
            found = _filled(running, home, accounts)
    return _rows(found)


def _filled(running: Stack, home: Path, accounts: int) -> Filled:
    found = Filled(accounts)
    order = {"accounts": accounts, "invoices": INVOICES, "prefix": "b", "seed": 1}
    running.vendors.control("recurly", "POST", "scenarios/population", order)
    say(f"backfill: {accounts:,} accounts with {accounts * INVOICES:,} invoices are there")
    started = time.monotonic()
    for kill in (*KILLS, None):
        with (home / f"backfill-{len(found.kills)}.err").open("wb") as errors:
            found.told = _run(running, found, kill, errors)
    found.seconds = time.monotonic() - started
    found.calls = {
        server: int(running.vendors.control(server, "GET", "calls")["total"])
        for server in ("salesforce", "recurly")
    }
    say(f"backfill: done after {found.seconds:,.0f} s, {found.megabytes:.0f} MB, calls {dict(found.calls)}")
    running.vendors.control("recurly", "PUT", "rate_limit", {"limit": 1_000_000, "seconds": 300})
    found.equality = equality(running)
    for line in found.equality.examples:
        say(f"backfill: {line}")
    return found


def _run(running: Stack, found: Filled, kill: tuple[str, float] | None, errors: Any) -> Mapping[str, Any]:
    """One process, from where the last was killed to where this one is, or to the end."""
    begun = ("--apply", "--reason", "benchmark", "--yes", str(found.accounts))
    how = ("--resume", "--yes", str(found.accounts)) if found.kills else begun
    process = subprocess.Popen(
        [sys.executable, "-m", "connector.cli", "backfill", *how, "--json"],
        env={**os.environ, **running.environment, "CASEWIRE_KEPT": ""},
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    assert process.stdout is not None
    with process, process.stdout:
        watched = psutil.Process(process.pid)
        deadline = time.monotonic() + SECONDS
        while process.poll() is None:
            found.megabytes = max(found.megabytes, _memory(watched))
            if kill is not None and _is_past(running, *kill):
                process.kill()
                found.kills.append(f"{kill[0]} {kill[1]:.0%}")
                say(f"backfill: killed while {kill[0]}")
                return {}
            if time.monotonic() > deadline:
                process.kill()
                raise TimeoutError("the backfill did not end in time")
            time.sleep(0.1)
        answer = process.stdout.read()
    if process.returncode:
        last = Path(errors.name).read_text().strip()[-500:]
        raise AssertionError(f"the backfill ended with exit code {process.returncode}: {last}")
    told: Mapping[str, Any] = json.loads(answer)
    if kill is not None:
        raise AssertionError(f"it ended before it could be killed while {kill[0]}")
    return told


def _memory(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0


def _is_past(running: Stack, phase: str, share: float) -> bool:
    with running.engine.connect() as connection:
        progress = connection.execute(text("SELECT progress FROM run ORDER BY id DESC LIMIT 1")).scalar()
        total = connection.execute(text("SELECT count(*) FROM backfill_account")).scalar_one()
    if not progress or progress["phase"] != phase:
        return bool(progress) and phase == "reading"
    if phase == "writing":
        return bool(progress["accounts"] > share * total - BATCH_SIZE)
    invoices = sum(mark[1] for name, mark in progress["marks"].items() if name.endswith(":invoice"))
    return bool(invoices >= share * total * INVOICES)


def _rows(found: Filled) -> list[Row]:
    command = "python -m bench backfill"
    if found.accounts != ACCOUNTS:
        command += f" --accounts {found.accounts}"
    equal, calls = found.equality, found.calls
    return [
        Row(
            f"backfill of {found.accounts:,} accounts with {found.accounts * INVOICES:,} invoices, killed "
            f"{len(found.kills)} times and resumed: accounts/s",
            f"{found.accounts / found.seconds:,.0f}/s ({found.seconds:,.0f} s)",
            "",
            "",
            None,
            command,
        ),
        Row(
            "the same: vendor calls",
            f"{calls['recurly']:,} to Recurly, {calls['salesforce']:,} to Salesforce",
            "",
            "",
            None,
            command,
        ),
        Row(
            "the same: the most memory that the process took",
            f"{found.megabytes:.0f} MB",
            "",
            f"< {MEMORY:.0f} MB",
            found.megabytes < MEMORY,
            command,
        ),
        Row(
            "the same: the CRM beside Recurly, record by record",
            f"{equal.differences:,} of {equal.compared:,} differ",
            "",
            "0",
            equal.differences == 0 and len(found.kills) == len(KILLS),
            command,
        ),
    ]
