"""``receive``: deliveries per second of Casewire's receiver beside those of a bare Flask route.

The bare route runs behind the same server and front as Casewire, and again under gunicorn. All are asked by the same
generator, in turns, on the same cores at the same time of day: the ratios of each round are taken, and their medians
reported. The bare route neither verifies nor stores anything. ``slow.py`` adds the row with slow clients.
"""

from __future__ import annotations

import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from bench import load, slow
from bench.deliveries import prepared
from bench.progress import say
from bench.report import Row
from connector.cli.local_stack import SITE
from connector.cli.serve import engines, environment
from connector.local_services import free_port

COMMAND = "python -m bench receive"
CONNECTIONS = 64
TARGET = 0.60
TARGET_P99 = 0.100
STOP_SECONDS = 15


@dataclass(slots=True)
class Server:
    """One side: where it listens, its process, and what each round gave."""

    name: str
    port: int
    pid: int
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Microseconds of all its processes for each delivery."""

    def measure(self, secret: str, deliveries: int, turn: int) -> None:
        requests = prepared(secret, deliveries, f"{self.name}{turn}")
        before = slow.cpu_seconds(self.pid)
        self.rates.append(load.run(self.port, requests, connections=CONNECTIONS).per_second)
        self.cpu.append((slow.cpu_seconds(self.pid) - before) / deliveries * 1e6)


def rows(quick: bool) -> list[Row]:
    rounds, deliveries = (3, 1500) if quick else (9, 8000)
    secret = secrets.token_hex(32)
    with _servers(secret) as (casewire, bare, gunicorn):
        found = _measured(casewire, bare, gunicorn, secret, rounds, deliveries)
        return [*found, _slow(casewire, bare, gunicorn, secret, quick, COMMAND)]


def slow_rows(quick: bool) -> list[Row]:
    """Only the row with slow clients."""
    secret = secrets.token_hex(32)
    with _servers(secret) as servers:
        return [_slow(*servers, secret, quick, slow.COMMAND)]


def _slow(casewire: Server, bare: Server, gunicorn: Server, secret: str, quick: bool, command: str) -> Row:
    outcomes = []
    for server in (casewire, bare, gunicorn):
        outcomes.append(slow.measure(server.port, server.pid, secret, 15 if quick else 30))
        say(f"slow: {server.name}: {outcomes[-1].told()}")
    return slow.row(outcomes[0], outcomes[1], outcomes[2], command)


@contextmanager
def _servers(secret: str) -> Iterator[tuple[Server, Server, Server]]:
    with ExitStack() as cleanup:
        home = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="casewire-bench-")))
        running = cleanup.enter_context(engines(home, None, None))
        given = {
            **environment(running, home),
            "RECURLY_SITE": SITE,
            "RECURLY_API_KEY": "bench",
            "RECURLY_WEBHOOK_SECRETS": secret,
        }
        bare = cleanup.enter_context(_bare("bare", FRONT, "bench.bare:create_front"))
        gunicorn = cleanup.enter_context(_bare("gunicorn", GUNICORN, "bench.bare:create_app()"))
        yield cleanup.enter_context(casewire_web(given, home)), bare, gunicorn


def _measured(
    casewire: Server, bare: Server, gunicorn: Server, secret: str, rounds: int, deliveries: int
) -> list[Row]:
    sides = (bare, casewire, gunicorn)
    for server in sides:
        load.run(server.port, prepared(secret, 1000, f"warm{server.name}"), connections=CONNECTIONS)
    for turn in range(rounds):
        for server in sides:
            server.measure(secret, deliveries, turn)
        told = ", ".join(f"{server.name} {server.rates[-1]:,.0f}/s" for server in sides)
        say(f"receive {turn + 1}/{rounds}: {told}, {casewire.rates[-1] / bare.rates[-1]:.0%}")
    reached = statistics.median(casewire.rates)
    ratio, to_gunicorn = _ratio(casewire, bare), _ratio(casewire, gunicorn)
    paced = load.run(
        casewire.port,
        prepared(secret, int(reached / 2 * (3 if deliveries < 5000 else 15)), "paced"),
        connections=CONNECTIONS,
        rate=reached / 2,
    )
    p50, p99 = paced.percentile(0.50), paced.percentile(0.99)
    say(f"receive at {reached / 2:,.0f}/s: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
    return [
        Row(
            "receive: deliveries/s, each verified, deduplicated, committed and woken",
            f"{reached:,.0f}/s (bare Flask route behind the same front: {statistics.median(bare.rates):,.0f}/s)",
            f"{ratio:.0%}",
            f"≥ {TARGET:.0%}",
            ratio >= TARGET,
            COMMAND,
        ),
        Row(
            "the same beside the bare Flask route under gunicorn gthread 2×8",
            f"{reached:,.0f}/s (gunicorn: {statistics.median(gunicorn.rates):,.0f}/s)",
            f"{to_gunicorn:.0%}",
            "",
            None,
            COMMAND,
        ),
        Row(
            "the same: CPU time for each delivery",
            " · ".join(
                f"{one.name} {statistics.median(one.cpu):,.0f} µs" for one in (casewire, bare, gunicorn)
            ),
            "",
            "",
            None,
            COMMAND,
        ),
        Row(
            f"receive: time to answer at half that load ({reached / 2:,.0f}/s)",
            f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms",
            "",
            f"p99 < {TARGET_P99 * 1000:.0f} ms",
            p99 < TARGET_P99,
            COMMAND,
        ),
    ]


def _ratio(one: Server, other: Server) -> float:
    return statistics.median(a / b for a, b in zip(one.rates, other.rates, strict=True))


FRONT = ("connector.front", "--processes", "2", "--port", "{port}")
GUNICORN = (
    "gunicorn", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--bind", "127.0.0.1:{port}",
    "--log-level", "warning",
)  # fmt: skip


@contextmanager
def _bare(name: str, server: Sequence[str], app: str) -> Iterator[Server]:
    port = free_port()
    served = [*(part.format(port=port) for part in server), app]
    command = [sys.executable, "-m", "connector.parent_watch", str(STOP_SECONDS), *served]
    with _process(command, os.environ) as pid:
        _wait_for(f"http://127.0.0.1:{port}/")
        yield Server(name, port, pid)


@contextmanager
def casewire_web(given: Mapping[str, str], home: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "connector.cli", "web", "--port", str(port)]
    with (
        (home / "web.log").open("wb") as log,
        _process(command, given, log.fileno()) as pid,
    ):
        _wait_for(f"http://127.0.0.1:{port}/readyz")
        yield Server("casewire", port, pid)


@contextmanager
def _process(command: list[str], given: Mapping[str, str], log: int | None = None) -> Iterator[int]:
    """A server that ends with this process, also where this one is killed: then its standard input is closed."""
    process = subprocess.Popen(command, env=dict(given), stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 240
    while True:
        try:
            if requests.get(url, timeout=2).status_code < 500:
                return
        except requests.RequestException:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing answers at {url}")
        time.sleep(0.1)
