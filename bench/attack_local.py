"""``python -m bench.attack_local``: what another user of this machine gets out of a running ``casewire up``.

Starts one below folders that everybody may enter, becomes another user, and tries to read its home, to reach Valkey
and PostgreSQL, to plant files and to signal its processes. Then, as somebody who can write to Redis after all, it
queues jobs that would run code in the worker. Prints each attempt; exit 1 if any of them achieved something.

Becoming another user needs root. Without it that part is skipped, and says so.
"""

from __future__ import annotations

import json
import os
import pickle
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import requests
from redis import Redis

from connector import local_services, queue
from connector.local_services import Addresses, free_port

STRANGER = 54321
START_SECONDS = 300.0
WORK_SECONDS = 120.0
LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Target:
    """A running Casewire, with all that an attacker could find out about it."""

    home: Path
    addresses: Addresses
    processes: Mapping[int, str]
    uids: frozenset[int]

    @property
    def sockets(self) -> Path:
        return Path(self.addresses.database_url.partition("?host=")[2])


Attempt = Callable[[Target], Iterator[str]]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="casewire-attack-") as folder:
        home = Path(folder) / ("long" * 30) / "home"
        home.parent.mkdir(parents=True)
        for path in (Path(folder), home.parent):
            path.chmod(0o755)
        with _casewire(home) as target:
            achieved = _as_other_users(target) + _as_writer_to_redis(target, Path(folder))
            for pid, name in target.processes.items():
                if not psutil.pid_exists(pid):
                    achieved += _tell(f"{name} ({pid}) still runs", ["it was ended"])
    print(f"{achieved} attempts achieved something" if achieved else "nothing was achieved")
    return 1 if achieved else 0


@contextmanager
def _casewire(home: Path) -> Iterator[Target]:
    port = free_port()
    given = {
        **os.environ,
        "CASEWIRE_HOME": str(home),
        "RECURLY_API_KEY": "open-sesame",
        "RECURLY_SITE": "acme",
    }
    for name in ("DATABASE_URL", "REDIS_URL"):
        given.pop(name, None)
    command = [sys.executable, "-m", "connector.cli", "up", "--port", str(port)]
    with (home.parent / "up.log").open("wb") as log:
        process = subprocess.Popen(command, env=given, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(lambda: _is_ready(port), START_SECONDS, "Casewire is ready")
        found = local_services.running(home)
        assert found
        _wait(lambda: _workers(found), START_SECONDS, "a worker runs")
        below = psutil.Process(process.pid).children(recursive=True)
        processes = {one.pid: one.name() for one in [psutil.Process(process.pid), *below]}
        yield Target(home, found, processes, frozenset(one.uids().real for one in below))
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()


def _is_ready(port: int) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    return False


def _workers(found: Addresses) -> int:
    with queue.connect(found.redis_url) as redis:
        return int(redis.scard("rq:workers"))


def _wait(condition: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


def _tell(what: str, achieved: list[str]) -> int:
    for one in achieved or ["nothing"]:
        print(f"{'ACHIEVED' if achieved else 'refused':<9} {what}: {one}", flush=True)
    return len(achieved)


# ── another user ──────────────────────────────────────────────────────────────────────────────────────────────────


def _as_other_users(target: Target) -> int:
    if os.geteuid() != 0:
        print("SKIPPED   everything as another user: needs root (run it as root to try)")
        return 0
    others = {"a stranger": STRANGER}
    with suppress(KeyError):
        others["nobody"] = pwd.getpwnam("nobody").pw_uid  # whom PostgreSQL is set up as
    achieved = 0
    for name, uid in others.items():
        for attempt in ATTEMPTS:
            achieved += _tell(f"as {name}, {attempt.__doc__}", _become(uid, attempt, target))
    return achieved


def _become(uid: int, attempt: Attempt, target: Target) -> list[str]:
    """What an attempt achieves in a process of this user."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            os.chdir("/")
            os.write(writing, json.dumps([str(one)[:500] for one in attempt(target)]).encode())
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - said by the parent; nothing of it may go on here
            os.write(writing, json.dumps([f"the attempt itself failed: {error!r}"]).encode())
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    found: list[str] = json.loads(text) if text else ["the attempt itself died"]
    return found


def _read(target: Target) -> Iterator[str]:
    """reads the home, the private directory and shared memory"""
    for folder in (target.home, target.sockets.parent, target.sockets):
        with suppress(OSError):
            yield f"listed {folder}: {os.listdir(folder)}"
    names = (
        "engines.json",
        "lock",
        ".env",
        "postgres.log",
        "postgres/PG_VERSION",
        "postgres/postgresql.conf",
    )
    shared = [path for path in Path("/dev/shm").glob("*") if path.lstat().st_uid in target.uids - {0}]
    for path in (*(target.home / name for name in names), target.sockets.parent / "pg_hba.conf", *shared):
        with suppress(OSError):
            yield f"read {len(path.read_bytes())} bytes of {path}"


def _write(target: Target) -> Iterator[str]:
    """plants files in the home and the private directory, or puts another in its place"""
    for folder in (target.home, target.home / "postgres", target.sockets.parent, target.sockets):
        with suppress(OSError):
            (folder / "planted").write_text("")
            yield f"wrote into {folder}"
        with suppress(OSError):
            folder.chmod(0o777)
            yield f"opened {folder}"
        with suppress(OSError):
            folder.rename(folder.with_name("elsewhere"))
            yield f"moved {folder}"


def _environments(target: Target) -> Iterator[str]:
    """reads the settings of the processes, and what they are started with"""
    for pid, name in target.processes.items():
        for file in ("environ", "maps", "cwd/engines.json", "fd/0"):
            with suppress(OSError):
                if content := Path(f"/proc/{pid}/{file}").read_bytes():
                    yield f"read {len(content)} bytes of {file} of {name}"
        with suppress(OSError):
            if b"open-sesame" in Path(f"/proc/{pid}/cmdline").read_bytes():
                yield f"a secret is in the command line of {name}"


def _valkey(target: Target) -> Iterator[str]:
    """reaches Valkey and queues a job"""
    clients = [Redis.from_url(target.addresses.redis_url, socket_timeout=5)]
    clients += [Redis(port=port, socket_timeout=5) for port in _ports(target)]
    for client in clients:
        with client, suppress(Exception):
            yield f"PING answered {client.ping()}"
            client.rpush(f"rq:queue:{queue.NAME}", "planted")
            yield "queued a job"


def _postgresql(target: Target) -> Iterator[str]:
    """connects to PostgreSQL as superuser, and as any other role"""
    addresses = [
        target.addresses.database_url.replace("postgres@", f"{role}@") for role in ("postgres", "nobody")
    ]
    addresses += [f"postgresql://postgres@127.0.0.1:{port}/postgres" for port in _ports(target)]
    for address in addresses:
        with suppress(psycopg.Error), psycopg.connect(address, connect_timeout=5) as connection:
            yield f"is {connection.execute('SELECT current_user').fetchone()} at {address}"


def _ports(target: Target) -> Iterator[int]:
    """What the engines listen to on TCP: sockets of their accounts that are no web server's."""
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(file).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[7]) in target.uids - {0}:
                    yield int(fields[1].rpartition(":")[2], 16)


def _signals(target: Target) -> Iterator[str]:
    """signals the processes"""
    for pid, name in target.processes.items():
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)
            yield f"ended {name}"


def _home_of_others(target: Target) -> Iterator[str]:
    """gets a command to take his own PostgreSQL for that of the home"""
    mine = Path(tempfile.mkdtemp())
    mine.chmod(0o777)
    with socket.socket(socket.AF_UNIX) as listener, suppress(OSError):
        listener.bind(str(mine / ".s.PGSQL.5432"))
        with suppress(OSError):
            (target.home / local_services.FILE).unlink()
            yield "removed the addresses"
        with suppress(OSError):
            target.sockets.symlink_to(mine)
            yield "put a link in the place of the sockets"
    (mine / ".s.PGSQL.5432").unlink(missing_ok=True)
    mine.rmdir()


ATTEMPTS: tuple[Attempt, ...] = (
    _read,
    _write,
    _environments,
    _valkey,
    _postgresql,
    _home_of_others,
    _signals,
)


# ── somebody who can write to Redis ───────────────────────────────────────────────────────────────────────────────


class _Touch:
    """Makes a file where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.path,)


def _as_writer_to_redis(target: Target, folder: Path) -> int:
    """Through the root of this machine, who gets at the socket. What a shared Redis in production must stand."""
    proofs = {name: folder / f"proof{number}" for number, name in enumerate(_hostile_jobs())}
    achieved = 0
    with queue.connect(target.addresses.redis_url) as redis:
        for number, (name, fields) in enumerate(_hostile_jobs().items()):
            made = {"created_at": "2026-01-01T00:00:00.000000Z", "origin": queue.NAME, **fields(proofs[name])}
            redis.hset(f"rq:job:hostile{number}", mapping=made)
            redis.rpush(f"rq:queue:{queue.NAME}", f"hostile{number}")
        jobs = queue.Queue(redis)
        _wait(
            lambda: (found := jobs.rejected_jobs()) and found.count >= len(proofs),
            WORK_SECONDS,
            "all are rejected",
        )
        for name, proof in proofs.items():
            achieved += _tell(f"as a writer to Redis, {name}", ["ran code"] if proof.exists() else [])
    return achieved


def _hostile_jobs() -> dict[str, Callable[[Path], dict[str, str | bytes]]]:
    ours: list[object] = ["connector.jobs.stages.refresh", None, [], {}]

    def packed(call: object) -> bytes:
        return zlib.compress(json.dumps(call).encode())

    return {
        "a pickle for a job": lambda proof: {"data": zlib.compress(pickle.dumps(_Touch(str(proof))))},
        "a pickle for a result": lambda proof: {
            "data": packed(ours),
            "result": pickle.dumps(_Touch(str(proof))),
        },
        "a pickle for notes": lambda proof: {"data": packed(ours), "meta": pickle.dumps(_Touch(str(proof)))},
        "os.system": lambda proof: {"data": packed(["os.system", None, [f"mkdir {proof}"], {}])},
        "os.mkdir": lambda proof: {"data": packed(["os.mkdir", None, [str(proof)], {}])},
        "subprocess with a pickle": lambda proof: {
            "data": pickle.dumps(("subprocess.call", None, (["mkdir", str(proof)],), {}))
        },
        "a callback": lambda proof: {"data": packed(ours), "success_callback_name": "builtins.print"},
    }


if __name__ == "__main__":
    sys.exit(main())
