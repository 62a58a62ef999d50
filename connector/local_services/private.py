"""Folders and accounts that nobody else on this machine gets into: the home, the sockets, PostgreSQL's own account."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from connector.errors import SetupError
from connector.retry import wait_until

PREFIX = "casewire-run-"
SOCKETS = "sockets"
PROGRAMS = "programs"
SOCKET_PATH_BYTES = 100
"""What fits into ``sun_path`` everywhere: 104 bytes on macOS, 108 on Linux."""
LOCK = "lock"
LOCK_SECONDS = 2.0
"""How long the lock of a home is asked for: a command that looks whether it is held holds it for a moment itself."""
_OWN_NAMES = frozenset(
    {"postgres", "postgres.new", "valkey", "engines.json", "engines.new", LOCK, ".env", "policy.toml"}
)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

ACCOUNTS = range(0x7000_0000, 0x7FFF_FFFF)
"""User ids that no distribution, container manager or directory service gives out (systemd: UIDS-GIDS.md)."""
FEW_ACCOUNTS = range(61184, 65520)
"""For a container that knows 65,536 ids only: those which systemd gives out at run time, and never to a person."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user id and a group id of the same number, without an entry in /etc/passwd: nobody can log in as it."""

    uid: int
    gid: int

    @classmethod
    def for_data(cls, data: Path) -> Self | None:
        """The account an engine runs as when we are root, which PostgreSQL refuses to be. Otherwise None: our own.

        The owner of the data stays the account of this home. A new one is drawn at random, so that no two homes share
        one and nobody can have prepared anything for it.
        """
        if os.geteuid() != 0:
            return None
        with suppress(FileNotFoundError):
            found = data.lstat()
            if found.st_uid == found.st_gid and _is_free(found.st_uid):
                return cls(found.st_uid, found.st_gid)
        number = _draw_id()
        return cls(number, number)

    def own(self, root: Path) -> None:
        """Give a tree to this account. Links are not followed, and a file with two names is refused: it might be
        somebody else's."""
        os.chown(root, self.uid, self.gid, follow_symlinks=False)
        for _, folders, files, folder in os.fwalk(root, follow_symlinks=False):
            for name in (*folders, *files):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISDIR(found.st_mode) and found.st_nlink > 1:
                    raise SetupError(
                        f"{root} holds a file with several names ({name}): not given to another user."
                    )
                os.chown(name, self.uid, self.gid, dir_fd=folder, follow_symlinks=False)


def setup_account() -> int:
    """The user id that ``initdb`` runs as under root: it insists on one that /etc/passwd knows. With a group of its own
    it shares nothing with other processes of that user, who can neither enter its folder nor trace it."""
    for name in ("nobody", "daemon", "bin"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise SetupError(
        "PostgreSQL does not run as root, and this machine has no user `nobody` to set it up as. "
        "Run casewire as another user, or set DATABASE_URL."
    )


def _draw_id() -> int:
    ids = ACCOUNTS if _maps(ACCOUNTS.stop) else FEW_ACCOUNTS
    for _ in range(100):
        number = secrets.choice(ids)
        if _is_free(number):
            return number
    raise SetupError("No unused user id was found for PostgreSQL. Run casewire as a user other than root.")


def _is_free(number: int) -> bool:
    if number not in ACCOUNTS and number not in FEW_ACCOUNTS:
        return False
    with suppress(KeyError):
        pwd.getpwuid(number)
        return False
    with suppress(KeyError):
        grp.getgrgid(number)
        return False
    return True


def _maps(number: int) -> bool:
    """Whether this container knows so high a user id."""
    try:
        lines = Path("/proc/self/uid_map").read_text().splitlines()
    except OSError:
        return False
    return any(
        first <= number < first + count for first, _, count in (map(int, line.split()) for line in lines)
    )


# ── the home ──────────────────────────────────────────────────────────────────────────────────────────────────────


def prepare_home(home: Path) -> Path:
    """Make the home, or close one that is there to everybody else. What is not ours is refused, never changed."""
    if not home.exists():
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"CASEWIRE_HOME ({home}) was not made: {error.strerror}. Set it to another folder."
            ) from None
    home = home.resolve()
    if not home.is_dir():
        raise SetupError(f"CASEWIRE_HOME ({home}) is not a folder.")
    found = home.stat()
    if found.st_uid != os.geteuid():
        raise SetupError(
            f"CASEWIRE_HOME ({home}) belongs to {_name(found.st_uid)}: run casewire as that user, or set "
            "CASEWIRE_HOME to a folder of your own."
        )
    if not found.st_mode & _OTHERS:
        return home
    strangers = sorted(entry.name for entry in home.iterdir() if not _is_ours(entry.name))
    if found.st_mode & stat.S_ISVTX or strangers:
        held = f", and holds other files ({strangers[0]})" if strangers else ""
        raise SetupError(
            f"CASEWIRE_HOME ({home}) is open to other users{held}. Choose a folder of its own, or close this one: "
            f"chmod 700 {home}"
        )
    home.chmod(0o700)
    return home


def _is_ours(name: str) -> bool:
    return name in _OWN_NAMES or name.startswith("demo-") or name.endswith(".log")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


class HomeLock:
    """Held by the one process that keeps the engines of a home. The kernel releases it however that process ends."""

    def __init__(self, home: Path) -> None:
        """SetupError with the pid of the holder if another process holds it."""
        self._descriptor = _open_lock(home / LOCK, os.O_RDWR | os.O_CREAT)
        lock = partial(_try_lock, self._descriptor, fcntl.LOCK_EX)
        if not wait_until(lock, seconds=LOCK_SECONDS, interval=0.05):
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise SetupError(
                f"Casewire already runs in {home} (process {holder or 'unknown'}). "
                "End that one first, or set CASEWIRE_HOME to another folder."
            )
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def is_locked(folder: Path) -> bool:
    """Whether a living process holds the lock of this folder."""
    try:
        descriptor = _open_lock(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _open_lock(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# ── the private directory ─────────────────────────────────────────────────────────────────────────────────────────


class PrivateDirectory:
    """A short folder with a random name for sockets, which do not fit into a long home.

    It is ours and closed to everybody else. An engine that runs as an account of its own may enter it by its group,
    read what we put there, and write to the folder of the sockets only.
    """

    def __init__(self, account: Account | None) -> None:
        self._account = account
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_base()))
        self._lock = _open_lock(self.path / LOCK, os.O_RDWR | os.O_CREAT)
        self.sockets = self.path / SOCKETS
        try:
            _try_lock(self._lock, fcntl.LOCK_EX)
            self.sockets.mkdir(mode=0o700)
            if account is not None:
                os.chown(self.path, 0, account.gid)
                self.path.chmod(0o710)
                os.chown(self.sockets, account.uid, account.gid)
        except OSError:
            self.remove()
            raise

    def write(self, name: str, text: str) -> Path:
        """A file that engines can read and not change."""
        path = self.path / name
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        self._show(path, 0o640)
        return path

    def program(self, root: Path, name: str, parts: tuple[str, ...]) -> Path:
        """An installed program that the engines' account can run: itself, or a copy of these parts of its folder where
        it is installed below folders that are closed to others. Those folders are not opened."""
        if self._account is None or all(_can_read(root / part) for part in (*parts, name)):
            return root / name
        copy = self.path / PROGRAMS
        if not (copy / name).exists():
            for part in parts:
                source, target = root / part, copy / part
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))
                else:
                    shutil.copy(source, target)
            for path in (copy, *copy.rglob("*")):
                self._show(path, 0o750)
        return copy / name

    def _show(self, path: Path, mode: int) -> None:
        if self._account is not None and not path.is_symlink():
            os.chown(path, 0, self._account.gid)
            path.chmod(mode)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def remove_abandoned() -> None:
    """Private directories of ours whose process was killed."""
    for path in _base().glob(f"{PREFIX}*"):
        with suppress(OSError):
            found = path.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
            if is_ours and (path / SOCKETS).is_dir() and (path / LOCK).exists() and not is_locked(path):
                shutil.rmtree(path, ignore_errors=True)


def is_private(path: Path, owners: tuple[int, ...]) -> bool:
    """Whether this is a folder of one of these users that nobody else can write to or list, and no link."""
    try:
        found = path.lstat()
    except OSError:
        return False
    closed = not found.st_mode & (stat.S_IRWXO | stat.S_IRGRP | stat.S_IWGRP)
    return stat.S_ISDIR(found.st_mode) and found.st_uid in owners and closed


def _base() -> Path:
    """Where a private directory is made: where only its owner can rename it, by a path short enough for a socket."""
    longest = f"{PREFIX}{'x' * 8}/{SOCKETS}/.s.PGSQL.5432"
    for base in _bases():
        with suppress(OSError):
            found = base.stat()
            shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            safe = found.st_uid in (0, os.geteuid()) and (not shared or found.st_mode & stat.S_ISVTX)
            fits = len(os.fsencode(base / longest)) <= SOCKET_PATH_BYTES
            if safe and fits and os.access(base, os.W_OK | os.X_OK) and (os.geteuid() or _can_enter(base)):
                return base
    raise SetupError(
        "No folder for the sockets of PostgreSQL and Valkey: /tmp must be writable, and sticky if others write there."
    )


def _bases() -> Iterator[Path]:
    yield Path(tempfile.gettempdir()).resolve()
    yield from (Path(name) for name in ("/tmp", "/var/tmp", "/run"))  # noqa: S108 - the folder made there is private


def _can_enter(folder: Path) -> bool:
    """Whether any account can get into this folder."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


def _can_read(path: Path) -> bool:
    """Whether any account can get to this file, or to all files in this folder, and read them."""
    if not _can_enter(path.parent):
        return False
    return all(_is_readable(one.stat()) for one in (path, *(path.rglob("*") if path.is_dir() else ())))


def _is_readable(found: os.stat_result) -> bool:
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(found.st_mode) else 0)
    return found.st_mode & needed == needed


def reason(error: OSError) -> str:
    """An operating system's refusal as a sentence, with the capability that a container may lack."""
    lacks = (
        " (a container needs the capabilities CHOWN, SETUID, SETGID, KILL and DAC_OVERRIDE for this as root)"
    )
    return f"{error}{lacks if error.errno == errno.EPERM and os.geteuid() == 0 else ''}"
