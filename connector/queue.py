"""Transport only: a wake says "there may be work for this stage"; what the work is stands in the ledger.

A wake costs one Redis call. A flag per stage says that a job is already queued which has not begun; the job
takes the flag away before it looks for work, so a wake that arrives while it runs queues the next one, which
another worker may take at once. A flag outlives its job by seconds at most, and the sweep wakes whatever waits.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, cast

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue as RqQueue

from connector.errors import SetupError

log = structlog.get_logger("connector.queue")

NAME = "casewire"
_BUDGETS = "casewire:budgets"
_SWEPT = "casewire:swept"
_REMARKS = "casewire:remarks:"
FLAG_SECONDS = 10
JOB_SECONDS = 170
"""A job ends before its lease does (``ledger/events.py``)."""
REST_SECONDS = 0.02
"""Between two wakes of one process: the first goes out at once, those that are asked for meanwhile as one."""


class Stage(StrEnum):
    """What a wake is for; the value names the function in ``connector/jobs``."""

    REFRESH = "refresh"
    HISTORY = "history"
    APPLY = "apply"
    BULK = "bulk"
    WATCH = "watch"
    FEED = "feed"
    RECONCILE = "reconcile"


LONGEST_SECONDS = {Stage.BULK: 3600, Stage.RECONCILE: 4 * 3600}
"""A bulk run renews its leases while it waits for Salesforce. Both let urgent work go on meanwhile."""


class Wakes(Protocol):
    """Whatever can be told that a stage may have work."""

    def wake(self, stage: Stage) -> None: ...


def connect(url: str) -> Redis:
    """A client whose every call ends: 2 s to connect, 5 s to answer."""
    try:
        return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5, health_check_interval=30)
    except ValueError:
        raise SetupError("REDIS_URL is not an address such as redis://127.0.0.1:6379/0.") from None


class Queue:
    """The queue between the stages."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._rq = RqQueue(NAME, connection=redis)

    def wake(self, stage: Stage) -> None:
        """One Redis call, or two when a job has to be queued. RedisError when Redis is gone."""
        if self._redis.set(_flag(stage), "1", nx=True, ex=FLAG_SECONDS):
            seconds = LONGEST_SECONDS.get(stage, JOB_SECONDS)
            self._rq.enqueue(
                f"connector.jobs.{stage}", job_timeout=seconds, result_ttl=0, failure_ttl=24 * 3600
            )

    def begin(self, stage: Stage) -> None:
        """A job begins: wakes from here on need a new one."""
        self._redis.delete(_flag(stage))

    def note(self, budgets: Mapping[str, str]) -> None:
        """Keep what a worker last heard of each vendor's limits, for ``casewire status``."""
        if budgets:
            self._redis.hset(_BUDGETS, mapping=cast(Any, budgets))
            self._redis.expire(_BUDGETS, 3600)

    def notes(self) -> dict[str, str]:
        found: Mapping[Any, Any] = self._redis.hgetall(_BUDGETS)
        return {name.decode(): text.decode() for name, text in sorted(found.items())}

    def remark(self, worker: str, remarks: Sequence[str]) -> None:
        """Keep what a worker found that the org cannot take, for ``casewire status``; an hour without it is enough."""
        if remarks:
            self._redis.set(f"{_REMARKS}{worker}", json.dumps(remarks), ex=3600)

    def remarks(self) -> list[str]:
        keys = sorted(self._redis.scan_iter(f"{_REMARKS}*"))
        found = (cast(bytes | None, self._redis.get(key)) for key in keys)
        return list(dict.fromkeys(one for held in found if held for one in json.loads(held)))

    def swept(self, at: datetime) -> None:
        """The scheduler has looked for work that nobody was woken for; kept for ``casewire doctor``."""
        self._redis.set(_SWEPT, at.isoformat(), ex=24 * 3600)

    def swept_at(self) -> datetime | None:
        """When the scheduler last did; None if not within a day."""
        found = cast(bytes | None, self._redis.get(_SWEPT))
        return datetime.fromisoformat(found.decode()) if found else None

    def depth(self) -> int:
        """Jobs that wait for a worker."""
        return int(self._rq.count)


def _flag(stage: Stage) -> str:
    return f"casewire:waking:{stage}"


class Waker:
    """Wakes a stage from a thread of its own, so that answering a delivery never waits for Redis.

    However many deliveries ask meanwhile, the next call serves them all. When Redis is gone the sweep will
    find the work; that is logged once, not once a delivery.
    """

    def __init__(self, queue: Wakes, stage: Stage) -> None:
        self._queue = queue
        self._stage = stage
        self._asked = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failing = False

    def __call__(self) -> None:
        self._asked.set()
        if self._thread is None or not self._thread.is_alive():
            with self._start:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            try:
                self._queue.wake(self._stage)
                self._failing = False
            except RedisError as error:
                if not self._failing:
                    log.warning("wake_failed", stage=str(self._stage), error=str(error), outcome="sweep")
                self._failing = True
            time.sleep(REST_SECONDS)
