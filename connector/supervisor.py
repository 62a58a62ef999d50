"""Keeping processes: started by name, started again when they die, ended when we end.

A child that dies at once again and again is started with growing pauses. Children get SIGTERM first and are
killed if they have not gone after a while; they also end by themselves when this process vanishes (their
standard input closes).
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import structlog

log = structlog.get_logger("connector.supervisor")

SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
STEADY_SECONDS = 20.0
STOP_SECONDS = 15.0

CASEWIRE = (sys.executable, "-m", "connector.cli")


@dataclass(slots=True)
class _Child:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = SHORTEST_PAUSE
    start_at: float = field(default=0.0)

    def let_go(self) -> None:
        """Forget a process that has ended."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


class Supervisor:
    """Keeps children running until ``stop()``."""

    def __init__(
        self,
        also: Callable[[], None] = lambda: None,
        log: BinaryIO | None = None,
        command: Sequence[str] = CASEWIRE,
    ) -> None:
        """``also`` is called again and again; ``log`` takes what the children say, else it goes to our stderr;
        ``command`` is what they all run."""
        self._command = command
        self._children: list[_Child] = []
        self._also = also
        self._log = log

    def add(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run ``casewire <arguments>`` under this name; the name is its CASEWIRE_WORKER."""
        command = [*self._command, *arguments]
        self._children.append(_Child(name, command, {**environment, "CASEWIRE_WORKER": name}))

    def run(self, stop: threading.Event) -> None:
        """Look after the children until told to stop, then end them."""
        try:
            while not stop.is_set():
                self._also()
                for child in self._children:
                    self._look_after(child)
                stop.wait(0.1)
        finally:
            self.stop()

    def pids(self) -> dict[str, int]:
        """Which process each child is now."""
        return {c.name: c.process.pid for c in self._children if c.process and c.process.poll() is None}

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is not None and child.process.poll() is not None:
            steady = now - child.started_at > STEADY_SECONDS
            child.pause = SHORTEST_PAUSE if steady else min(child.pause * 2, LONGEST_PAUSE)
            child.start_at = now + child.pause
            log.warning(
                "process_ended",
                process=child.name,
                code=child.process.returncode,
                seconds=round(child.pause, 1),
                outcome="restart",
            )
            child.let_go()
        if child.process is None and now >= child.start_at:
            child.started_at = now
            child.process = subprocess.Popen(
                child.command,
                env=dict(child.environment),
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that stay."""
        end_all([c.process for c in self._children if c.process], STOP_SECONDS)
        for child in self._children:
            child.let_go()


def end_all(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> None:
    """SIGTERM to all, SIGKILL to those that stay longer."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run_child(
    command: Sequence[str], environment: Mapping[str, str], stop: threading.Event, *, seconds: float
) -> int:
    """Run one child until it ends, or until ``stop`` is set: then it gets SIGTERM, and SIGKILL if it has not gone
    after so many seconds. Its exit code; 0 if it was stopped. Its standard input closes when we vanish."""
    process = subprocess.Popen(command, env=dict(environment), stdin=subprocess.PIPE, start_new_session=True)
    try:
        while process.poll() is None:
            if stop.wait(0.1):
                return 0
        return process.returncode
    finally:
        end_all([process], seconds)
        if process.stdin is not None:
            process.stdin.close()
