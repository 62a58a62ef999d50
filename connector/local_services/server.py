"""One engine's process: started as our child, under an account of its own where we are root, ended with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from connector.errors import CasewireError
from connector.local_services import launch
from connector.local_services.private import Account, reason
from connector.parent_watch import is_alive, send_signal
from connector.retry import wait_until
from connector.settings import child_environment

log = structlog.get_logger("connector.local_services")

LOG_TAIL_LINES = 6
LOG_BYTES = 16 * 1024 * 1024
"""A log that is larger when its engine starts begins anew."""
_PASSED_ON = ("PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Of our environment: it holds the keys of every vendor, and an engine needs none."""


class EngineError(CasewireError):
    """An embedded engine did not start. It may do so the next time: what a killed one left is still ending."""


class Server:
    """A child process that runs one engine in one folder."""

    def __init__(self, name: str, folder: Path, account: Account | None, stop: signal.Signals) -> None:
        """``stop`` is the signal that ends it in good order."""
        self.name = name
        self._folder, self._account, self._stop_signal = folder, account, stop
        self._log = folder.parent / f"{folder.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, command: Sequence[str], is_ready: Callable[[], bool], seconds: float) -> bool:
        """Whether it is ready within so many seconds. EngineError if it ends instead."""
        self._process = launched(self._folder, self._account, self._stop_signal, command, self._log)
        process = self._process

        def is_up() -> bool:
            if process.poll() is not None:
                raise EngineError(f"{self.name} did not start: {tail(self._log)}")
            return is_ready()

        return wait_until(is_up, seconds=seconds, interval=0.02)

    def stop(self, seconds: float, then: signal.Signals = signal.SIGKILL) -> None:
        """End it in good order; with ``then``, and at last SIGKILL, if that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        for number, patience in ((self._stop_signal, seconds), (then, 5.0), (signal.SIGKILL, 5.0)):
            if process.poll() is None:
                process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)
                return
        log.error("engine_stays", engine=self.name, pid=process.pid, outcome="left")


def launched(
    folder: Path, account: Account | None, death_signal: signal.Signals, command: Sequence[str], output: Path
) -> subprocess.Popen[bytes]:
    """A program in this folder under this account, whose output goes to this file."""
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(death_signal))]
    arguments = [*launcher, str(folder), str(uid), str(gid), *command]
    environment = {name: value for name, value in child_environment().items() if name in _PASSED_ON}
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(output, flags, 0o600), "ab") as log_file:
            if log_file.tell() > LOG_BYTES:
                log_file.truncate(0)
            return subprocess.Popen(
                arguments,
                env={**environment, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
            )
    except OSError as error:
        raise EngineError(f"{command[0]} did not start: {reason(error)}") from error


def tail(output: Path) -> str:
    """The last lines of a log, for an error."""
    try:
        with output.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - 4096, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return f"see {output}"
    return "\n".join([*lines[-LOG_TAIL_LINES:], f"(all of it: {output})"])


def end_leftovers(
    program: str, folder: Path, account: Account | None, steps: Sequence[signal.Signals]
) -> None:
    """End processes of this program that still work in this folder: those of a Casewire that was killed. The home is
    ours alone when this is called. EngineError if one cannot be ended."""
    for number in (*steps, signal.SIGKILL):
        left = list(_processes(program, folder, account))
        if not left:
            return
        log.warning("engine_left_over", engine=program, pids=left, outcome="stop")
        for pid in left:
            with suppress(PermissionError):
                send_signal(pid, number)
        wait_until(partial(_are_gone, left), seconds=15, interval=0.05)
    if left := list(_processes(program, folder, account)):
        raise EngineError(
            f"A {program} of an earlier start still runs in {folder} (process {left[0]}). End it first."
        )


def _are_gone(pids: Sequence[int]) -> bool:
    return not any(map(is_alive, pids))


def _processes(program: str, folder: Path, account: Account | None) -> Iterator[int]:
    processes = Path("/proc")
    if not (processes / "self" / "cwd").exists():
        yield from _processes_by_command(program, folder)
        return
    for entry in processes.iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            if (entry / "comm").read_text().strip() == program[:15] and _works_in(entry, folder, account):
                yield int(entry.name)


def _works_in(process: Path, folder: Path, account: Account | None) -> bool:
    try:
        return (process / "cwd").samefile(folder)
    except PermissionError:
        # a container's root may not look into another account's processes; but only this home has that account
        return account is not None and process.stat().st_uid == account.uid


def _processes_by_command(program: str, folder: Path) -> Iterator[int]:
    listed = subprocess.run(["ps", "-axo", "pid=,command="], capture_output=True, text=True, timeout=10)
    for line in listed.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        if program in command.partition(" ")[0] and str(folder) in command:
            yield int(pid)
