"""PostgreSQL and Valkey that were killed stand up again, where they were and with what they had."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine, text

from connector.embedded import Engines, is_alive
from connector.ledger.engine import migrate, open_engine
from flows.playing import wait_for


@pytest.fixture
def engines(home: Path) -> Iterator[Engines]:
    running = Engines(home, None, None)
    yield running
    running.stop()


@pytest.fixture
def ledger(engines: Engines) -> Iterator[Engine]:
    engine = open_engine(engines.database_url)
    migrate(engine)
    yield engine
    engine.dispose()


def _lock(home: Path) -> Path:
    return home / "postgres" / "postmaster.pid"


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid), f"{pid} is gone")


def _mended(engines: Engines, name: str) -> bool:
    return bool(wait_for(lambda: name in engines.mend(), f"{name} stands again"))


def test_postgresql_stands_up_with_all_it_had(engines: Engines, ledger: Engine, home: Path) -> None:
    with ledger.begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT 1 AS one"))
    address = engines.database_url
    _kill(int(_lock(home).read_text().splitlines()[0]))
    _mended(engines, "postgresql")
    assert engines.database_url == address
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT one FROM kept")).scalar_one() == 1
    assert engines.mend() == []


@pytest.mark.parametrize("lines", [0, 1, 7])
def test_postgresql_stands_up_that_was_killed_while_it_started(
    engines: Engines, ledger: Engine, home: Path, lines: int
) -> None:
    """Its lock file was not finished then."""
    lock = _lock(home)
    told = lock.read_text().splitlines()
    _kill(int(told[0]))
    lock.write_text("".join(f"{line}\n" for line in told[:lines]))
    _mended(engines, "postgresql")
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM event")).scalar_one() == 0


def test_valkey_stands_up_empty_at_the_same_address(engines: Engines) -> None:
    with Redis.from_url(engines.redis_url) as redis:
        redis.set("something", "1")
        _kill_valkey(redis)
        _mended(engines, "valkey")
        assert redis.get("something") is None


def _kill_valkey(redis: Redis) -> None:
    os.kill(int(redis.info("server")["process_id"]), signal.SIGKILL)


def test_what_cannot_start_yet_is_tried_again(engines: Engines) -> None:
    """A failed start is not the end of the keeper, which calls this again and again."""
    with Redis.from_url(engines.redis_url) as redis:
        port = int(redis.connection_pool.connection_kwargs["port"])
        _kill_valkey(redis)
    with closing(_somebody_at(port)):
        assert engines.mend() == []
        assert engines.mend() == []
    _mended(engines, "valkey")


def _somebody_at(port: int) -> socket.socket:
    def taken() -> socket.socket | None:
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
        return None

    listening: socket.socket = wait_for(taken, f"port {port} is free")
    return listening
