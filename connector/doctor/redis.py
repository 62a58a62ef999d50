"""Redis, and what is seen in it: workers, jobs, the scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from redis.exceptions import RedisError
from rq.worker_registration import get_keys

from connector import embedded, queue
from connector.doctor.finding import Area, Check, Told, failed, ok, skipped, warning
from connector.doctor.postgresql import NOT_RUNNING, START
from connector.wiring import Wiring

OLDEST: Final = 6
_REACH: Final = "Start Redis or Valkey, or mend REDIS_URL (redis://host:6379/0)."


def areas(wires: Wiring) -> Iterator[Area]:
    yield Area(
        "redis",
        (
            Check("reachable", lambda: _reachable(wires), gate=True, mend=_REACH),
            Check("memory", lambda: _memory(wires), mend=_REACH),
            Check("workers", lambda: _workers(wires), mend=_REACH),
            Check("scheduler", lambda: _scheduler(wires), mend=_REACH),
        ),
    )


def _reachable(wires: Wiring) -> Iterator[Told]:
    given = wires.settings
    if not given.redis_url and embedded.running(given.casewire_home) is None:
        yield skipped(NOT_RUNNING, START)
        return
    try:
        told: Any = wires.redis.info("server")
    except RedisError as error:
        yield failed(f"Redis does not answer: {error}", _REACH)
        return
    version = str(told["redis_version"])
    if int(version.partition(".")[0]) < OLDEST:
        yield failed(f"it speaks Redis {version}", f"Use Redis {OLDEST} or newer, or Valkey.")
    else:
        yield ok(f"speaks Redis {version}")


def _memory(wires: Wiring) -> Iterator[Told]:
    told: Any = wires.redis.info("memory")
    policy, limit = str(told.get("maxmemory_policy", "")), int(told.get("maxmemory", 0))
    if limit and policy != "noeviction":
        yield warning(
            f"when it is full it throws away keys ({policy}), waiting jobs among them",
            "Set maxmemory-policy noeviction in Redis's configuration, or give Casewire a Redis of its own.",
        )
    else:
        yield ok("nothing is thrown away" if limit else "without a limit")


def _workers(wires: Wiring) -> Iterator[Told]:
    """A worker's key lives as long as it does, and eight minutes more if it was killed."""
    keys = get_keys(queue=queue.job_queue(wires.redis))
    alive = sum(bool(wires.redis.exists(key)) for key in keys)
    waiting = wires.queue.depth()
    if alive:
        yield ok(f"{alive} at work, {waiting} jobs wait")
        return
    told = "no worker runs, so nothing is worked" + (f"; {waiting} jobs wait" if waiting else "")
    yield failed(told, "Start one: casewire worker (casewire up has one).")


def _scheduler(wires: Wiring) -> Iterator[Told]:
    at = wires.queue.swept_at()
    mend = "Start one, on any machine: casewire scheduler (casewire up has one)."
    if at is None:
        yield failed(
            "no scheduler was seen within a day: what waits for time or lost its wake waits on", mend
        )
        return
    runs = wires.queue.is_swept(wires.clock(), wires.settings.casewire_sweep_seconds)
    seen = f"last seen {at:%Y-%m-%d %H:%M:%S} UTC"
    yield ok(seen) if runs else failed(f"it does not run any more; {seen}", mend)
