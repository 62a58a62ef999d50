"""The scheduler: sweeps until it is told to stop, whatever is away meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from samples import event, one, record, rows
from sqlalchemy import Engine
from structlog.testing import capture_logs

from connector import queue, scheduler
from connector.container import Container
from connector.settings import Settings


class Stop(threading.Event):
    """Lets a scheduler sweep so many times; between sweeps something may happen."""

    def __init__(self, *between: Callable[[], None]) -> None:
        super().__init__()
        self._between = list(between)

    def wait(self, timeout: float | None = None) -> bool:
        if self._between:
            self._between.pop(0)()
        else:
            self.set()
        return self.is_set()


@pytest.fixture
def wires(engine: Engine, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Container:
    monkeypatch.chdir(tmp_path)
    made = Container(Settings(casewire_retention_bodies_days=30))
    made.__dict__ |= {"engine": engine, "redis": redis}
    return made


def test_it_wakes_what_waits_and_purges_what_is_old(engine: Engine, wires: Container) -> None:
    record(engine, event("old"), event("new"))
    rows(engine, "UPDATE event SET status = 'done', received_at = '2020-01-01Z' WHERE event_id = 'old'")
    scheduler.run(wires, Stop())
    assert wires.queue.depth() == 1
    assert one(engine, "SELECT body FROM event WHERE event_id = 'old'").body is None


def test_redis_being_away_is_said_once_and_waited_out(engine: Engine, wires: Container) -> None:
    record(engine, event())
    real, gone = wires.redis, queue.connect("redis://127.0.0.1:1/0")
    wires.__dict__["queue"] = queue.Queue(gone)

    def back() -> None:
        wires.__dict__["queue"] = queue.Queue(real)

    with capture_logs() as lines:
        scheduler.run(wires, Stop(lambda: None, lambda: None, back))
    assert [line["event"] for line in lines if line["event"].startswith("sweep")] == [
        "sweep_failed",
        "sweep_again",
    ]
    assert wires.queue.depth() == 1
    gone.close()


def test_an_error_without_words_ends_nothing(engine: Engine, wires: Container) -> None:
    class Dumb(queue.Queue):
        def wake(self, stage: queue.Stage) -> None:
            raise RedisError

    record(engine, event())
    wires.__dict__["queue"] = Dumb(wires.redis)
    scheduler.run(wires, Stop(lambda: None))
