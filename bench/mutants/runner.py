"""Applies one fault at a time to a copy of the checkout and runs its tests in a forked process.

The parent has imported the libraries, not the code under test: a fork saves seconds for each mutant.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import URL, Connection, create_engine, make_url
from sqlalchemy.pool import NullPool

from bench.mutants.model import ROOT, Mutant

NOTICED, SURVIVED, BROKEN = "noticed", "survived", "broken"
"""``broken``: the tests could not be run, so nothing is known."""

TIME_LIMIT = "time limit"
_PASSED = 0
_NO_REDIS = "not-started"
"""Instead of an address: only PostgreSQL is needed."""
_LIBRARIES = (
    "pytest", "hypothesis", "hypothesis.strategies", "_hypothesis_pytestplugin", "xdist.plugin",
    "sqlalchemy", "alembic", "alembic.context", "psycopg", "redis", "rq", "flask", "structlog",
    "pydantic", "requests", "responses", "recurly", "braintree", "gocardless_pro", "simple_salesforce",
    "click", "rich.console", "jinja2", "tenacity", "tomlkit", "cryptography.x509", "psutil",
    "xlsxwriter", "prometheus_client", "dotenv", "stripe",
)  # fmt: skip
_GRACE = 20.0
"""Seconds that interrupted tests have to stop the servers they started."""


@dataclass(frozen=True, slots=True)
class Result:
    """``by``: the first test that failed."""

    mutant: Mutant
    state: str
    by: str
    seconds: float


@dataclass(slots=True)
class _Running:
    mutant: Mutant
    copy: Path
    pid: int
    log: Path
    began: float
    deadline: float
    was_interrupted: bool = field(default=False)


class Database:
    """A running PostgreSQL with a migrated ledger; as a plugin of pytest, it answers for the fixtures that would start
    one. That saves seconds for each mutant."""

    def __init__(self, server: Any, url: URL) -> None:
        self.server = server
        self.url = url

    @classmethod
    def start(cls, home: Path) -> Self:
        from connector.ledger.engine import migrate, open_engine
        from connector.local_services import Engines

        durability = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        server = Engines(home, None, _NO_REDIS, settings=durability)
        made = cls(server, make_url(server.database_url).set(drivername="postgresql+psycopg"))
        with made._administrator() as connection:
            connection.exec_driver_sql("CREATE DATABASE ledger")
        engine = open_engine(made._ledger())
        migrate(engine)
        engine.dispose()
        return made

    def clear(self) -> None:
        """What tests that were killed left behind: connections with their locks, and databases."""
        with self._administrator() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"
            )
            left = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname NOT IN ('postgres', 'ledger')"
            for (name,) in connection.exec_driver_sql(left).all():
                connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> object:
        """The value instead of the fixture's own; None for every other fixture."""
        from connector.ledger.engine import open_engine

        match fixturedef.argname:
            case "postgres":
                value = create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
            case "migrated":
                value = open_engine(self._ledger())
            case _:
                return None
        fixturedef.addfinalizer(value.dispose)
        fixturedef.cached_result = (value, fixturedef.cache_key(request), None)
        return value

    def _ledger(self) -> str:
        return self.url.set(drivername="postgresql", database="ledger").render_as_string(hide_password=False)

    @contextmanager
    def _administrator(self) -> Iterator[Connection]:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            yield connection


def copy_checkout(target: Path) -> None:
    """The files that git knows or would add, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source, copied = ROOT / name, target / name
        if source.is_file():
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copied)


def run(mutants: Sequence[Mutant], home: Path, jobs: int, limit: float) -> Iterator[Result]:
    """Each mutant's result as it becomes known; ``jobs`` at a time, each in a copy and with a PostgreSQL of its own."""
    _import_libraries()
    gc.freeze()  # or every child would look through the libraries when it collects
    waiting, running = list(reversed(mutants)), list[_Running]()
    copies: list[Path] = []
    databases: dict[Path, Database] = {}
    try:
        for number in range(min(jobs, len(mutants))):
            copies.append(home / f"copy{number}")
            copy_checkout(copies[-1])
            databases[copies[-1]] = Database.start(home / f"postgres{number}")
        while waiting or running:
            while waiting and copies:
                running.append(_start(waiting.pop(), copies.pop(), databases, limit))
            for one in list(running):
                result = _poll(one)
                if result:
                    running.remove(one)
                    _write(one.copy, one.mutant, lambda source: source)
                    copies.append(one.copy)
                    yield result
            time.sleep(0.02)
    finally:
        for one in running:
            _signal(one.pid, signal.SIGKILL)
            os.waitpid(one.pid, 0)
        for database in databases.values():
            database.server.stop()


def check_baseline(tests: Sequence[str], home: Path) -> bool:
    """Whether these tests pass without a fault: otherwise every mutant would look noticed."""
    copy = home / "baseline"
    copy_checkout(copy)
    command = [sys.executable, "-m", "pytest", *_options(), *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    return subprocess.run(command, cwd=copy, env=environment, check=False).returncode == _PASSED


def _import_libraries() -> None:
    for name in _LIBRARIES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if importlib.util.find_spec(name):
                importlib.import_module(name)


def _start(mutant: Mutant, copy: Path, databases: Mapping[Path, Database], limit: float) -> _Running:
    databases[copy].clear()
    _write(copy, mutant, mutant.applied_to)
    log = copy.with_suffix(".log")
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _run_tests(mutant, copy, databases[copy], log)
    now = time.monotonic()
    return _Running(mutant, copy, pid, log, now, now + limit)


def _run_tests(mutant: Mutant, copy: Path, database: Database, log: Path) -> None:
    """In the forked process, which ends here."""
    code = 70
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.chdir(copy)
        os.environ["PYTHONPATH"] = str(copy)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a copy is compiled once, not for each mutant
        sys.path[:] = [str(copy), *(path for path in sys.path if path not in ("", str(ROOT)))]
        sys.argv = ["pytest"]
        sys.dont_write_bytecode = False
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for name in [name for name in sys.modules if name.partition(".")[0] in ("connector", "sandbox")]:
            del sys.modules[name]
        code = int(pytest.main([*_options(), *mutant.tests], plugins=[database]))
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - a forked process must not go on as its parent would
        os.write(2, f"{error!r}\n".encode())
    finally:
        os._exit(code)


def _options() -> list[str]:
    return [
        "-x",
        "-q",
        "-n0",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "--tb=line",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
    ]


def _poll(one: _Running) -> Result | None:
    ended, status = os.waitpid(one.pid, os.WNOHANG)
    now = time.monotonic()
    if not ended:
        if now > one.deadline + _GRACE:
            _signal(one.pid, signal.SIGKILL)
        elif now > one.deadline and not one.was_interrupted:
            one.was_interrupted = True
            os.kill(one.pid, signal.SIGINT)
        return None
    if one.was_interrupted:
        return Result(one.mutant, NOTICED, TIME_LIMIT, now - one.began)
    output = one.log.read_text(errors="replace")
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    match os.waitstatus_to_exitcode(status):
        case 0:
            state, by = SURVIVED, ""
        case 1 | 2 if failed:
            state, by = NOTICED, failed[1]
        case code:
            state, by = BROKEN, f"pytest ended with {code}: {output[-400:]}"  # a signal is a negative number
    return Result(one.mutant, state, by, now - one.began)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        os.kill(pid, number)


def _write(copy: Path, mutant: Mutant, change: Callable[[str], str]) -> None:
    """The compiled file goes too: two versions of one second and one length look alike to Python."""
    target = copy / mutant.file
    target.write_text(change((ROOT / mutant.file).read_text()))
    Path(importlib.util.cache_from_source(str(target))).unlink(missing_ok=True)
