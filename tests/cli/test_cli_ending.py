"""Every command when it is told to end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

WAITING = (
    "from connector.cli import casewire, main; import click, sys, time\n"
    "@casewire.command('wait')\n"
    "def wait():\n"
    "    try:\n        print('waiting', flush=True); time.sleep(60)\n"
    "    finally:\n        print('given back', flush=True)\n"
    "type(casewire).get_command = lambda self, ctx, name: wait\n"
    "sys.argv[1:] = ['wait']; main()"
)


ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""What runs in the background may have been started with some of them ignored."""


@pytest.mark.parametrize("number", ENDING)
def test_however_it_is_told_to_end_a_command_gives_back_what_it_holds(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: [signal.signal(one, signal.SIG_DFL) for one in ENDING],
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out) == (1, "given back\n")
    assert "Traceback" not in err


def _children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_sandbox_ends_with_its_command_however_that_ends(number: signal.Signals) -> None:
    """As from a service manager, which signals the command alone."""
    process = subprocess.Popen(
        [sys.executable, "-m", "connector.cli", "sandbox"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: [signal.signal(one, signal.SIG_DFL) for one in ENDING],
    )
    assert process.stdout
    below: list[psutil.Process] = []
    try:
        assert "salesforce" in json.loads(process.stdout.readline())
        below = _children(process.pid)
        assert below
        process.send_signal(number)
        assert process.wait(60) == (0 if number != signal.SIGKILL else -signal.SIGKILL)
        _, left = psutil.wait_procs(below, timeout=60)
        assert left == []
    finally:
        for one in [*below, process]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.communicate()
