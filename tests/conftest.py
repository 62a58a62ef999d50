"""The engines of the tests: one PostgreSQL and one Valkey for a run, an empty ledger and queue for each test."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO, cast
from urllib.parse import urlsplit

import pytest
import structlog
from hypothesis import HealthCheck, is_hypothesis_test, settings
from redis import Redis
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool
from tls import self_signed, tls_in_front_of

from connector import queue
from connector.ledger.engine import migrate, open_engine
from connector.ledger.schema import metadata
from connector.local_services import Engines
from connector.logs import LogFile

_NUMBER = itertools.count(1)
TESTS = Path(__file__).parent
UNUSED = "not-started"
"""The address of an engine that a fixture does not need."""
DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
LONGEST = ("flows", "sync", "cli", "sandbox")

# how long an example takes says nothing where other tests run beside it
settings.register_profile("casewire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("casewire")


FUZZ_EXAMPLES = 33
FUZZ_EXAMPLES_MARKED = 300
"""With ``-m fuzz``: find faults. Without: notice what a change broke."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The files that take long come first, in random order as the others: side by side, none is left for the end.
    Fuzz files run a third of hypothesis' examples, and all the more with ``-m fuzz``."""
    items.sort(key=lambda item: _place(item.path.relative_to(TESTS).parts[0]))
    examples = FUZZ_EXAMPLES_MARKED if "fuzz" in config.getoption("markexpr") else FUZZ_EXAMPLES
    for item in items:
        if isinstance(item, pytest.Function) and item.path.stem.endswith("_fuzz"):
            item.add_marker("fuzz")
            if is_hypothesis_test(item.function):
                settings(max_examples=examples)(item.function)


def _place(folder: str) -> int:
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> None:
    """A line for each transition, and plain tracebacks: drawn ones take longer than the tests. A thread may log when
    pytest has closed the output of the test that started it."""
    structlog.configure(
        logger_factory=lambda *_: structlog.WriteLogger(cast(TextIO, LogFile(sys.stdout))),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ],
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Engine]:
    """A PostgreSQL of this run; the engine makes its databases. It may forget all when the machine stops."""
    with tempfile.TemporaryDirectory(prefix="casewire-tests-") as home:
        engines = Engines(Path(home), None, UNUSED, settings=[f"{one}=off" for one in DURABILITY])
        url = make_url(engines.database_url).set(drivername="postgresql+psycopg")
        yield create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        engines.stop()


@pytest.fixture(scope="session")
def migrated(postgres: Engine) -> Iterator[Engine]:
    """A database with the ledger's tables. Each test finds it empty: that is ten times as fast as a new one."""
    engine = open_engine(_made(postgres, "ledger"))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def database_url(migrated: Engine) -> str:
    """An empty ledger of this test."""
    with migrated.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return migrated.url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def empty_database_url(postgres: Engine) -> Iterator[str]:
    """A database without any table."""
    name = f"empty{next(_NUMBER)}"
    yield _made(postgres, name)
    with postgres.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def open_ledger(database_url: str) -> Iterator[Callable[[], Engine]]:
    """Opens this test's ledger, as each process does for itself."""
    opened: list[Engine] = []

    def open_one() -> Engine:
        opened.append(open_engine(database_url))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.dispose()


@pytest.fixture
def engine(open_ledger: Callable[[], Engine]) -> Engine:
    """This test's ledger."""
    return open_ledger()


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """The address of a Valkey of this run."""
    with tempfile.TemporaryDirectory(prefix="casewire-tests-") as home:
        engines = Engines(Path(home), UNUSED, None)
        yield engines.redis_url
        engines.stop()


@pytest.fixture
def redis(valkey: str) -> Iterator[Redis]:
    """An empty Valkey."""
    client = queue.connect(valkey)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def over_tls(valkey: str, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a Valkey behind TLS, and the file of its private CA."""
    certificate = self_signed(tmp_path)
    with tls_in_front_of(urlsplit(valkey).path, certificate) as secure:
        yield f"rediss://127.0.0.1:{secure}/0", certificate


def _made(postgres: Engine, name: str) -> str:
    with postgres.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} STRATEGY FILE_COPY")
    return postgres.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
