"""A process that is killed takes with it what it had started, and another stands in its place."""

from __future__ import annotations

import psutil
import pytest
import requests

from connector.cli.local import Stack
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
