"""``idle``: how long one event takes from its delivery to its case in the CRM while nothing else happens.

The vendor calls it needs are counted and their time is taken off: what is left is Casewire's own.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench import load
from bench.burst import told
from bench.deliveries import posted
from bench.priming import LATENCY, populate, prime, slow_down
from bench.progress import say
from bench.report import Row
from connector.cli.local_stack import Stack, stack

COMMAND = "python -m bench idle"
TARGET = 0.4
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Took:
    """One event. ``calls``: how many of each vendor."""

    seconds: float
    calls: Mapping[str, int]

    @property
    def vendors(self) -> float:
        """What the calls take, one after the other."""
        return sum(count * LATENCY[vendor] for vendor, count in self.calls.items()) / 1000

    @property
    def own(self) -> float:
        return self.seconds - self.vendors


def rows(quick: bool) -> list[Row]:
    events = 3 if quick else 11
    with tempfile.TemporaryDirectory(prefix="casewire-bench-") as directory:
        home = Path(directory)
        with (home / "casewire.log").open("wb") as log, stack(home, log=log) as running:
            # every fifth account of a burst fails to pay, and has one event that says so
            accounts = events * 5
            prime(running, populate(running, accounts, "idle"))
            failed = [one for one in told(running, home, "idle", accounts, accounts * 5) if _has_failed(one)]
            slow_down(running)
            took = [_one(running, delivery) for delivery in failed[:events]]
    return [_row(took[1:])]  # the first logs in and reads the org's queues


def _has_failed(delivery: Mapping[str, Any]) -> bool:
    body = json.loads(delivery["body"])
    return (body["object_type"], body["event_type"]) == ("payment", "failed")


def _one(running: Stack, delivery: Mapping[str, Any]) -> Took:
    time.sleep(1.0)
    for server in LATENCY:
        running.vendors.control(server, "DELETE", "calls")
    before = _cases(running)
    started = time.monotonic()
    load.run(int(running.url.rsplit(":", 1)[1]), [posted(delivery)], connections=1)
    while _cases(running) == before:
        if time.monotonic() - started > SECONDS:
            raise TimeoutError("no case was written")
        time.sleep(0.005)
    seconds = time.monotonic() - started
    took = Took(
        seconds,
        {server: int(running.vendors.control(server, "GET", "calls")["total"]) for server in LATENCY},
    )
    say(f"idle: {took.seconds:.2f} s, calls {took.calls}, own time {took.own:.3f} s")
    return took


def _cases(running: Stack) -> int:
    """Cases that the audit trail says are written."""
    with running.engine.connect() as connection:
        return int(
            connection.execute(
                text("SELECT count(*) FROM change WHERE object = 'Case' AND outcome = 'written'")
            ).scalar_one()
        )


def _row(took: list[Took]) -> Row:
    own = statistics.median(one.own for one in took)
    seconds = statistics.median(one.seconds for one in took)
    calls = " and ".join(
        f"{statistics.median_low(one.calls[vendor] for one in took)} {vendor.title()}" for vendor in LATENCY
    )
    return Row(
        "one event on an idle system, delivery → case written, beyond the vendor calls it needs",
        f"{own:.2f} s of {seconds:.2f} s ({calls} calls at {LATENCY['salesforce']} and {LATENCY['recurly']} ms; "
        f"median of {len(took)})",
        "",
        f"≤ {TARGET} s",
        own <= TARGET,
        COMMAND,
    )
