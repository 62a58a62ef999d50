"""``burst``: events per second and vendor calls per 1,000 events, beside one RQ job per event."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench import load, naive
from bench.deliveries import posted
from bench.priming import populate, prime, slow_down
from bench.progress import say
from bench.report import Row
from connector.cli.local_stack import Stack, stack

COMMAND = "python -m bench burst"
FACTOR = 100.0
SALESFORCE_CALLS = 20.0
RECURLY_CALLS = 10.0
CONNECTIONS = 32
SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst took. ``calls``: of each vendor, logins included."""

    events: int
    delivered: float
    settled: float
    calls: dict[str, int]

    @property
    def per_second(self) -> float:
        return self.events / self.settled

    def per_thousand(self, vendor: str) -> float:
        return 1000 * self.calls[vendor] / self.events


def rows(quick: bool) -> list[Row]:
    accounts, events, singles = (100, 500, 10) if quick else (2_000, 10_000, 60)
    fresh = (20, 100) if quick else (200, 1_000)
    with tempfile.TemporaryDirectory(prefix="casewire-bench-") as directory:
        home = Path(directory)
        with (home / "casewire.log").open("wb") as log, stack(home, log=log) as running:
            prime(running, populate(running, accounts, "known"))
            deliveries = told(running, home, "known", accounts, events)
            known = _play(running, deliveries)
            one_by_one = {how: _naive(running, home, deliveries[:singles], how) for how in naive.WORKERS}
            populate(running, fresh[0], "fresh")
            unseen = _play(running, told(running, home, "fresh", *fresh))
    return _rows(known, unseen, accounts, fresh[0], one_by_one)


def told(running: Stack, home: Path, prefix: str, accounts: int, events: int) -> list[dict[str, Any]]:
    """The deliveries of a burst: what they tell of has happened when the first is sent."""
    file = home / f"{prefix}.jsonl"
    order = {"accounts": accounts, "events": events, "prefix": prefix, "send": False, "file": str(file)}
    running.vendors.control("recurly", "POST", "scenarios/burst", order)
    with file.open() as lines:
        return [json.loads(line) for line in lines]


def _play(running: Stack, deliveries: Sequence[dict[str, Any]]) -> Burst:
    port = int(running.url.rsplit(":", 1)[1])
    slow_down(running)
    for server in ("salesforce", "recurly"):
        running.vendors.control(server, "DELETE", "calls")
    before = _done(running)
    started = time.monotonic()
    load.run(port, [posted(one) for one in deliveries], connections=CONNECTIONS)
    delivered = time.monotonic() - started
    say(f"burst: {len(deliveries):,} events delivered in {delivered:.1f} s")
    while not running.quiet():
        if time.monotonic() - started > SECONDS:
            raise TimeoutError("the burst was not settled in time")
        time.sleep(0.1)
    settled = time.monotonic() - started
    done = _done(running) - before
    if done != len(deliveries):
        raise AssertionError(f"of {len(deliveries)} events {done} were done")
    calls = {s: int(running.vendors.control(s, "GET", "calls")["total"]) for s in ("salesforce", "recurly")}
    burst = Burst(len(deliveries), delivered, settled, calls)
    say(f"burst: settled after {settled:.1f} s, {burst.per_second:,.0f}/s, calls {calls}")
    return burst


def _done(running: Stack) -> int:
    with running.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM event WHERE status = 'done'")).scalar_one())


def _naive(running: Stack, home: Path, deliveries: Sequence[dict[str, Any]], how: str) -> float:
    """Events per second of one RQ job per event."""
    bodies = home / "naive.jsonl"
    bodies.write_text("".join(json.dumps(one["body"]) + "\n" for one in deliveries))
    answer = subprocess.run(
        [sys.executable, "-m", "bench.naive", how, str(bodies)],
        env=dict(running.environment),
        stdout=subprocess.PIPE,
        timeout=600,
        check=True,
    )
    told = json.loads(answer.stdout)
    if told["done"] != len(deliveries):
        raise AssertionError(f"of {len(deliveries)} naive jobs {told['done']} were done")
    say(f"burst, naive ({how}): {len(deliveries)} events in {told['seconds']:.1f} s")
    return len(deliveries) / float(told["seconds"])


def _rows(known: Burst, unseen: Burst, accounts: int, fresh: int, one_by_one: dict[str, float]) -> list[Row]:
    what = f"burst of {known.events:,} events on {accounts:,} known accounts, one worker"
    best = max(one_by_one.values())
    factor = known.per_second / best
    slow = ", ".join(f"{how} {rate:.1f}/s" for how, rate in one_by_one.items())
    salesforce, recurly = known.per_thousand("salesforce"), known.per_thousand("recurly")
    return [
        Row(
            f"{what}: events/s until all are in the CRM",
            f"{known.per_second:,.0f}/s (one RQ job per event: {slow})",
            f"{factor:,.0f} × the faster of them",
            f"≥ {FACTOR:.0f} ×",
            factor >= FACTOR,
            COMMAND,
        ),
        Row(
            "the same: Salesforce calls per 1,000 events",
            f"{salesforce:.1f}",
            "",
            f"≤ {SALESFORCE_CALLS:.0f}",
            salesforce <= SALESFORCE_CALLS,
            COMMAND,
        ),
        Row(
            "the same: Recurly calls per 1,000 thin events",
            f"{recurly:.1f}",
            "",
            f"≤ {RECURLY_CALLS:.0f}",
            recurly <= RECURLY_CALLS,
            COMMAND,
        ),
        Row(
            f"burst of {unseen.events:,} events on {fresh:,} accounts never seen, whose past is fetched as well",
            f"{unseen.per_second:,.0f}/s, {unseen.per_thousand('salesforce'):.0f} Salesforce and "
            f"{unseen.per_thousand('recurly'):,.0f} Recurly calls per 1,000 events",
            "",
            "",
            None,
            COMMAND,
        ),
    ]
