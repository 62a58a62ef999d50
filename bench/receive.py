"""``receive``: deliveries per second of Casewire's receiver beside those of a bare Flask route.

Both are asked by the same generator, in turns, on the same cores at the same time of day: the ratio of each pair
of turns is taken, and their median reported. The bare route neither verifies nor stores anything.
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
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from bench import load
from bench.deliveries import prepared
from bench.progress import say
from bench.report import Row
from connector.cli.local import SITE
from connector.cli.serve import engines, environment
from connector.embedded import free_port

COMMAND = "python -m bench receive"
CONNECTIONS = 64
TARGET = 0.60
TARGET_P99 = 0.100


def rows(quick: bool) -> list[Row]:
    rounds, deliveries = (3, 1500) if quick else (9, 8000)
    secret = secrets.token_hex(32)
    with ExitStack() as cleanup:
        home = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="casewire-bench-")))
        running = cleanup.enter_context(engines(home, None, None))
        given = {
            **environment(running, home),
            "RECURLY_SITE": SITE,
            "RECURLY_API_KEY": "bench",
            "RECURLY_WEBHOOK_SECRETS": secret,
        }
        bare = cleanup.enter_context(_bare())
        casewire = cleanup.enter_context(_casewire(given, home))
        return _measured(bare, casewire, secret, rounds, deliveries)


def _measured(bare: int, casewire: int, secret: str, rounds: int, deliveries: int) -> list[Row]:
    for port in (bare, casewire):
        load.run(port, prepared(secret, 1000, f"warm{port}"), connections=CONNECTIONS)
    pairs: list[tuple[float, float]] = []
    for turn in range(rounds):
        first = _rate(bare, secret, deliveries, f"b{turn}")
        second = _rate(casewire, secret, deliveries, f"c{turn}")
        pairs.append((first, second))
        say(
            f"receive {turn + 1}/{rounds}: bare {first:,.0f}/s, casewire {second:,.0f}/s, {second / first:.0%}"
        )
    reached = statistics.median(second for _, second in pairs)
    ratio = statistics.median(second / first for first, second in pairs)
    paced = load.run(
        casewire,
        prepared(secret, int(reached / 2 * (3 if deliveries < 5000 else 15)), "paced"),
        connections=CONNECTIONS,
        rate=reached / 2,
    )
    p50, p99 = paced.percentile(0.50), paced.percentile(0.99)
    say(f"receive at {reached / 2:,.0f}/s: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
    denominator = statistics.median(first for first, _ in pairs)
    return [
        Row(
            "receive: deliveries/s, each verified, deduplicated, committed and woken",
            f"{reached:,.0f}/s (bare Flask route under gunicorn gthread 2×8: {denominator:,.0f}/s)",
            f"{ratio:.0%}",
            f"≥ {TARGET:.0%}",
            ratio >= TARGET,
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


def _rate(port: int, secret: str, count: int, run: str) -> float:
    return load.run(port, prepared(secret, count, run), connections=CONNECTIONS).per_second


@contextmanager
def _bare() -> Iterator[int]:
    port = free_port()
    arguments = [
        "--worker-class",
        "gthread",
        "--workers",
        "2",
        "--threads",
        "8",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        *arguments,
        "--log-level",
        "warning",
        "bench.bare:create_app()",
    ]
    with _process(command, os.environ):
        _wait_for(f"http://127.0.0.1:{port}/")
        yield port


@contextmanager
def _casewire(given: Mapping[str, str], home: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "connector.cli", "web", "--port", str(port)]
    with (
        (home / "web.log").open("wb") as log,
        _process(command, {**given, "CASEWIRE_KEPT": ""}, log.fileno()),
    ):
        _wait_for(f"http://127.0.0.1:{port}/readyz")
        yield port


@contextmanager
def _process(command: list[str], given: Mapping[str, str], log: int | None = None) -> Iterator[None]:
    process = subprocess.Popen(command, env=dict(given), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if requests.get(url, timeout=2).status_code < 500:
                return
        except requests.RequestException:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing answers at {url}")
        time.sleep(0.1)
