"""Processes that end with the one that started them, and signals that reach nobody else.

A parent is named by the pid that it passed down. A child that asks for its parent's pid by itself may ask too late:
the kernel has then given it another parent, process 1 or a service manager.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.5


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


def parent_of(pid: int) -> int | None:
    """The parent of a process; None if there is no such process."""
    if fields := _stat(pid):
        return int(fields[1])
    if sys.platform == "linux" or pid <= 0:
        return None
    answer = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, timeout=10)
    return int(answer.stdout) if answer.stdout.strip() else None


def send_signal(pid: int, number: signal.Signals) -> bool:
    """Signal one process; False if it is gone. Process 1, process groups and "every process" are refused."""
    if pid <= 1:
        raise ValueError(f"{pid} is not a process that Casewire started")
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def is_child_of(parent: int) -> bool:
    """Whether this process still has the parent whose pid was passed down."""
    return parent > 1 and os.getppid() == parent


def end_with(
    is_over: Callable[[], bool], end: Callable[[], None], seconds: float = POLL_SECONDS
) -> threading.Thread:
    """Call ``end`` once ``is_over`` answers true. The first look is taken at once: a parent may be gone already."""

    def watch() -> None:
        while not is_over():
            time.sleep(seconds)
        end()

    thread = threading.Thread(target=watch, name="parent-watch", daemon=True)
    thread.start()
    return thread


def end_with_server(starter: int, grace_seconds: float) -> threading.Thread:
    """For the processes of a multi-process web server, which do not notice when a process above them is killed.

    ``starter`` is the pid of the process that started the server, passed down by it. If the starter dies, the server
    is asked to stop, which ends this process in good order. If the server dies, this process ends by itself: SIGTERM
    first, SIGKILL after ``grace_seconds``. Without a server (parent 1, or a parent that is not the starter's child)
    it ends at once: it would keep the port for ever.
    """
    server = os.getppid()
    if server <= 1 or parent_of(server) != starter:
        server = 0

    def is_over() -> bool:
        if not is_child_of(server):
            return True
        if not is_alive(starter):
            send_signal(server, signal.SIGTERM)
        return False

    def end() -> None:
        send_own_signal(signal.SIGTERM)
        time.sleep(grace_seconds)
        send_own_signal(signal.SIGKILL)

    return end_with(is_over, end)


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
