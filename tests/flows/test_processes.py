"""A process that is killed takes with it what it had started, and another stands in its place."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import requests

from connector import local_services
from connector.cli.local_stack import Stack
from connector.local_services import free_port
from flows.playing import parts, play, wait_for, worked


def _web(running: Stack) -> psutil.Process:
    def found() -> psutil.Process | None:
        pids = [pid for name, pid in parts(running).items() if name.startswith("web")]
        process = psutil.Process(pids[0]) if pids else None
        return process if process and len(process.children(recursive=True)) > 2 else None

    process: psutil.Process = wait_for(found, "the web processes are up")
    return process


@pytest.mark.slow
@pytest.mark.parametrize("which", ["the command", "the server"])
def test_no_web_process_is_left_behind_on_the_port(flow: Stack, which: str) -> None:
    command = _web(flow)
    below = command.children(recursive=True)
    (command if which == "the command" else command.children()[0]).kill()
    wait_for(lambda: not any(process.is_running() for process in [command, *below]), "all of them are gone")
    assert _web(flow).pid != command.pid
    wait_for(lambda: _answers(flow), "deliveries are received again")
    worked(flow, play(flow, "customer_cancels")["expect"])


def _answers(running: Stack) -> bool:
    try:
        return requests.get(f"{running.url}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


@contextmanager
def _up(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[psutil.Process]]]:
    """``casewire up`` in this home, and all processes below it once it is ready. What a test leaves is killed."""
    port, log = free_port(), home / "up.log"
    own = ("CASEWIRE_", "DATABASE_URL", "REDIS_URL")
    given = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    command = [sys.executable, "-m", "connector.cli", "up", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**given, "CASEWIRE_HOME": str(home)},
            cwd=home,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    below: list[psutil.Process] = []
    try:
        wait_for(lambda: process.poll() is not None or _is_ready(port), "it is ready, or ended", 300)
        if process.poll() is None:
            below = psutil.Process(process.pid).children(recursive=True)
        yield process, below
    finally:
        for one in [*below, process]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()


def _is_ready(port: int) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    return False


def test_one_up_for_a_home_and_nothing_is_left_of_it_however_it_ends(home: Path) -> None:
    with _up(home) as (first, below):
        names = {one.name() for one in below}
        assert {"postgres", "valkey-server"} <= names
        with _up(home) as (second, _):
            assert second.returncode == 1
        said = (home / "up.log").read_text()
        assert re.search(rf"already runs in .* \(process {first.pid}\)", said), said
        found = local_services.running(home)
        assert found
        assert found.keeper == first.pid, "nothing of the first was deleted"
        first.kill()
        first.wait()
        _, left = psutil.wait_procs(below, timeout=300)
        assert [one.name() for one in left] == []
    assert local_services.running(home) is None
    with _up(home) as (third, below):
        assert {one.name() for one in below} >= {"postgres", "valkey-server"}
        third.send_signal(signal.SIGTERM)
        assert third.wait(300) == 0
        _, left = psutil.wait_procs(below, timeout=10)
        assert left == []
