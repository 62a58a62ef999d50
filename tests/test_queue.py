"""A wake is cheap and never lost: one job however many ask, the next while one runs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue as RqQueue

from connector import jobs, queue
from connector.errors import SetupError
from connector.queue import Delivered, Queue, Refusals, Refused, Stage, waker


@pytest.fixture
def waiting(redis: Redis) -> Queue:
    return Queue(redis)


def test_however_many_wake_a_stage_one_job_is_queued(waiting: Queue) -> None:
    for _ in range(100):
        waiting.wake(Stage.REFRESH)
    assert waiting.depth() == 1


def test_each_stage_has_its_own_job(waiting: Queue, redis: Redis) -> None:
    for stage in Stage:
        waiting.wake(stage)
    names = [job.func_name for job in RqQueue(queue.NAME, connection=redis).jobs]
    assert names == [f"connector.jobs.{stage}" for stage in Stage]


def test_every_stage_names_a_function() -> None:
    assert all(callable(getattr(jobs, stage)) for stage in Stage)


def test_a_wake_while_a_job_runs_queues_the_next_when_it_ends(waiting: Queue, redis: Redis) -> None:
    """So that the workers of an installation do not take one event each of a burst that one of them would batch."""
    waiting.wake(Stage.APPLY)
    RqQueue(queue.NAME, connection=redis).empty()
    waiting.begin(Stage.APPLY)
    waiting.wake(Stage.APPLY)
    waiting.wake(Stage.APPLY)
    assert waiting.depth() == 0
    waiting.end(Stage.APPLY)
    assert waiting.depth() == 1


def test_a_job_that_nobody_woke_meanwhile_queues_none(waiting: Queue, redis: Redis) -> None:
    waiting.wake(Stage.APPLY)
    RqQueue(queue.NAME, connection=redis).empty()
    waiting.begin(Stage.APPLY)
    waiting.wake(Stage.REFRESH)
    waiting.end(Stage.APPLY)
    assert [job.func_name for job in RqQueue(queue.NAME, connection=redis).jobs] == ["connector.jobs.refresh"]


def test_a_job_that_finds_more_than_its_batch_queues_another_at_once(waiting: Queue, redis: Redis) -> None:
    waiting.begin(Stage.APPLY)
    waiting.wake_another(Stage.APPLY)
    waiting.wake_another(Stage.APPLY)
    assert waiting.depth() == 1


def test_a_job_whose_worker_was_killed_holds_its_stage_back_for_seconds(waiting: Queue, redis: Redis) -> None:
    waiting.begin(Stage.APPLY)
    waiting.wake(Stage.APPLY)
    (mark,) = redis.keys("casewire:running:*")
    assert 0 < redis.ttl(mark) <= queue.RUNNING_SECONDS
    redis.delete(mark)
    waiting.wake(Stage.APPLY)
    assert waiting.depth() == 1


def test_a_wake_while_a_job_waits_is_served_by_that_job(waiting: Queue) -> None:
    waiting.wake(Stage.APPLY)
    waiting.wake(Stage.APPLY)
    waiting.begin(Stage.APPLY)
    assert waiting.depth() == 1


def test_a_flag_whose_job_was_lost_is_soon_forgotten(waiting: Queue, redis: Redis) -> None:
    waiting.wake(Stage.APPLY)
    (flag,) = (key for key in redis.keys("casewire:waking:*"))
    assert 0 < redis.ttl(flag) <= queue.FLAG_SECONDS
    redis.delete(flag)
    waiting.wake(Stage.APPLY)
    assert waiting.depth() == 2, "a job too many does no harm, one too few does"


def test_an_empty_redis_is_as_good_as_any(waiting: Queue, redis: Redis) -> None:
    waiting.wake(Stage.APPLY)
    redis.flushall()
    waiting.wake(Stage.APPLY)
    assert waiting.depth() == 1


def test_a_job_ends_before_its_lease(waiting: Queue, redis: Redis) -> None:
    from connector.ledger import events, subjects

    waiting.wake(Stage.APPLY)
    (job,) = RqQueue(queue.NAME, connection=redis).jobs
    assert job.timeout < min(events.LEASE_SECONDS, subjects.LEASE_SECONDS)


def test_what_workers_heard_of_budgets_is_kept(waiting: Queue) -> None:
    waiting.note({})
    assert waiting.notes() == {}
    waiting.note({"salesforce": "10 of 100"})
    waiting.note({"recurly:acme": "1 of 2", "salesforce": "11 of 100"})
    assert waiting.notes() == {"recurly:acme": "1 of 2", "salesforce": "11 of 100"}


def test_what_the_org_cannot_take_is_kept_for_an_hour_each_once(waiting: Queue, redis: Redis) -> None:
    for worker, remarks in (("a", ["one", "two"]), ("b", ["two", "three"]), ("c", [])):
        waiting.remark(worker, remarks)
    assert waiting.remarks() == ["one", "two", "three"]
    waiting.remark("a", ["four"])
    assert waiting.remarks() == ["four", "two", "three"]
    assert [0 < redis.ttl(key) <= 3600 for key in redis.scan_iter("casewire:remarks:*")] == [True, True]


def test_without_redis_a_wake_says_so() -> None:
    client = queue.connect("redis://127.0.0.1:1/0")
    with pytest.raises(RedisError):
        Queue(client).wake(Stage.APPLY)
    client.close()


def test_an_address_that_is_none_is_a_mistake_of_the_settings() -> None:
    with pytest.raises(SetupError, match="REDIS_URL"):
        queue.connect("open-sesame")


# ── waking from a web thread ──────────────────────────────────────────────────────────────────────────────────


class Slow:
    """A queue whose wakes wait until they may go on, or fail."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.error: Exception | None = None
        self.woken = 0

    def wake(self, stage: Stage) -> None:
        self.entered.release()
        self.go_on.acquire()
        self.woken += 1
        if self.error:
            raise self.error


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    monkeypatch.setattr(queue, "REST_SECONDS", 0.0)
    made = Slow()
    yield made
    made.go_on.release(1000)


def test_waking_never_waits_for_redis(slow: Slow) -> None:
    wake = waker(slow, Stage.REFRESH)
    wake()
    slow.entered.acquire()
    for _ in range(1000):
        wake()
    assert slow.woken == 0


def test_a_wake_during_a_call_is_served_by_the_next_call_once(slow: Slow) -> None:
    wake = waker(slow, Stage.REFRESH)
    wake()
    slow.entered.acquire()
    for _ in range(10):
        wake()
    slow.go_on.release(1)
    assert slow.entered.acquire(timeout=5)
    slow.go_on.release(1)
    assert not slow.entered.acquire(timeout=0.1)


def test_redis_being_away_stops_no_waker(slow: Slow) -> None:
    slow.error = RedisError("away")
    wake = waker(slow, Stage.REFRESH)
    for _ in range(3):
        wake()
        assert slow.entered.acquire(timeout=5)
        slow.go_on.release(1)
    assert slow.woken >= 2


# ── deliveries that are refused ───────────────────────────────────────────────────────────────────────────────

FORGED = ("recurly", "acme", "bad_signature")
LATE = ("stripe", "", "stale")


def test_refused_deliveries_are_counted_over_the_turn_of_an_hour(
    waiting: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = datetime(2026, 11, 24, 3, tzinfo=UTC)

    def at(minutes: int) -> datetime:
        moment = hour + timedelta(minutes=minutes)
        monkeypatch.setattr("time.time", moment.timestamp)
        return moment

    at(-10)
    waiting.refused({FORGED: 2, LATE: 1}, {FORGED: "Compare.", LATE: "Look at the clock."})
    last = at(10)
    waiting.refused({FORGED: 3}, {FORGED: "Compare the secrets."})
    assert waiting.refusals() == [
        Refused(*FORGED, 5, last, "Compare the secrets."),
        Refused(*LATE, 1, hour - timedelta(minutes=10), "Look at the clock."),
    ]
    at(70)
    assert waiting.refusals() == [Refused(*FORGED, 3, last, "Compare the secrets.")]
    at(130)
    assert waiting.refusals() == []


def test_refusals_are_counted_together_and_none_is_waited_for() -> None:
    go_on, kept, done = threading.Event(), list[Mapping[Delivered, int]](), threading.Semaphore(0)

    def keep(counts: Mapping[Delivered, int], messages: Mapping[Delivered, str]) -> None:
        assert messages.keys() == counts.keys()
        go_on.wait(5)
        kept.append(counts)
        done.release()
        raise RedisError("away")

    refused = Refusals(keep, seconds=0.0)
    refused(*FORGED, "Compare.")
    for _ in range(100):
        refused(*FORGED, "Compare.")
    go_on.set()
    while sum(counts.total() for counts in kept if isinstance(counts, Counter)) < 101:
        assert done.acquire(timeout=5)
    assert len(kept) <= 2, "one that was under way, and one for all that came meanwhile"
