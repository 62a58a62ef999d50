"""Processes that end with the one that started them, and signals that reach nobody else.

A parent is named by the pid that it passed down. A child that asks for its parent's pid by itself may ask too late:
the kernel has then given it another parent, process 1 or a service manager.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.5
SERVER = "CASEWIRE_SERVER"
"""Holds the pid of a server, in the environment of its processes."""


def is_alive(pid: int) -> bool:
    """Whether this process runs. One that has ended and is not reaped yet does not."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _stat(pid)[:1] not in (["Z"], ["X"])


def send_signal(pid: int, number: signal.Signals) -> bool:
    """Signal one process; False if it is gone. Process 1, process groups and "every process" are refused."""
    if pid <= 1:
        raise ValueError(f"{pid} is not a process that Casewire started")
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def end_with_stdin(grace_seconds: float | None = None) -> None:
    """For a process whose starter holds the other end of its standard input: that closes however the starter ends.

    The process gets the SIGTERM that the starter would have sent; SIGKILL after ``grace_seconds``, if given.
    """

    def wait() -> None:
        with suppress(OSError):
            while os.read(0, 1024):
                pass

    _watch(wait, grace_seconds)


def end_with_parent(parent: int, grace_seconds: float) -> None:
    """For a process that a server made. ``parent`` is the server's pid, passed down by it: a server that is killed does
    not end its processes, and they would keep its port for ever."""

    def wait() -> None:
        while parent > 1 and os.getppid() == parent:
            time.sleep(POLL_SECONDS)

    _watch(wait, grace_seconds)


def _watch(wait: Callable[[], None], grace_seconds: float | None) -> None:
    def watch() -> None:
        wait()
        send_own_signal(signal.SIGTERM)
        if grace_seconds is not None:
            time.sleep(grace_seconds)
            send_own_signal(signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def run_module(module: str, *arguments: str, grace_seconds: float) -> None:
    """Become ``python -m module``, as a server that ends with its starter and passes its pid down to its processes."""
    os.environ[SERVER] = str(os.getpid())  # noqa: TID251 - passed down, not read
    end_with_stdin(grace_seconds)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def send_own_signal(number: signal.Signals) -> None:
    """Signal this process. As process 1 of a container it may, and must, signal itself."""
    os.kill(os.getpid(), number)


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/<pid>/stat`` behind the name: state, parent, … Empty where there are none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # the name is in parentheses and may hold any character
    return text.rpartition(")")[2].split()


if __name__ == "__main__":
    run_module(*sys.argv[2:], grace_seconds=float(sys.argv[1]))
