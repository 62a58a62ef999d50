"""A wake is cheap and never lost: one job however many ask, the next while one runs."""

from __future__ import annotations

import json
import pickle
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs

from connector import queue
from connector.errors import SetupError
from connector.jobs import stages
from connector.queue import Delivered, Queue, RejectionCount, RejectionCounter, Stage, waker
from connector.worker import Worker


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
    names = [job.func_name for job in queue.job_queue(redis).jobs]
    assert names == [f"connector.jobs.stages.{stage}" for stage in Stage]


def test_every_stage_names_a_function() -> None:
    assert all(callable(getattr(stages, stage)) for stage in Stage)


def test_a_wake_while_a_job_runs_queues_the_next_when_it_ends(waiting: Queue, redis: Redis) -> None:
    """So that the workers of an installation do not take one event each of a burst that one of them would batch."""
    waiting.wake(Stage.APPLY)
    queue.job_queue(redis).empty()
    waiting.begin(Stage.APPLY)
    waiting.wake(Stage.APPLY)
    waiting.wake(Stage.APPLY)
    assert waiting.depth() == 0
    waiting.end(Stage.APPLY)
    assert waiting.depth() == 1


def test_a_job_that_nobody_woke_meanwhile_queues_none(waiting: Queue, redis: Redis) -> None:
    waiting.wake(Stage.APPLY)
    queue.job_queue(redis).empty()
    waiting.begin(Stage.APPLY)
    waiting.wake(Stage.REFRESH)
    waiting.end(Stage.APPLY)
    assert [job.func_name for job in queue.job_queue(redis).jobs] == ["connector.jobs.stages.refresh"]


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
    (job,) = queue.job_queue(redis).jobs
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


def test_a_redis_of_a_private_ca_is_verified_with_its_file(over_tls: tuple[str, Path]) -> None:
    url, ca = over_tls
    with queue.connect(url, tls_ca_file=ca) as client:
        assert client.ping()
    with queue.connect(url) as client, pytest.raises(RedisError, match="CERTIFICATE_VERIFY"):
        client.ping()


def test_any_certificate_is_trusted_only_where_that_is_said(over_tls: tuple[str, Path]) -> None:
    with queue.connect(over_tls[0], tls_verify=False) as client:
        assert client.ping()


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), ("no certificate", "PEM form")])
def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, why: str) -> None:
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    with pytest.raises(SetupError, match=f"REDIS_TLS_CA_FILE names .*ca.pem.*{why}"):
        queue.connect("rediss://127.0.0.1:1/0", tls_ca_file=ca)
    queue.connect("redis://127.0.0.1:1/0", tls_ca_file=ca).close()


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
        RejectionCount(*FORGED, 5, last, "Compare the secrets."),
        RejectionCount(*LATE, 1, hour - timedelta(minutes=10), "Look at the clock."),
    ]
    at(70)
    assert waiting.refusals() == [RejectionCount(*FORGED, 3, last, "Compare the secrets.")]
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

    refused = RejectionCounter(keep, seconds=0.0)
    refused(*FORGED, "Compare.")
    for _ in range(100):
        refused(*FORGED, "Compare.")
    go_on.set()
    while sum(counts.total() for counts in kept if isinstance(counts, Counter)) < 101:
        assert done.acquire(timeout=5)
    assert len(kept) <= 2, "one that was under way, and one for all that came meanwhile"


# ── jobs that are not ours ────────────────────────────────────────────────────────────────────────────────────


RAN: list[str] = []


def intrude(*args: object, **named: object) -> None:
    """What nobody may get a worker to run."""
    RAN.append("intruded")


class Bomb:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return intrude, ("unpickled",)


HERE = f"{__name__}.intrude"
OURS = ["connector.jobs.stages.refresh", None, [], {}]


def packed(call: object) -> bytes:
    return zlib.compress(json.dumps(call).encode())


HOSTILE: dict[str, tuple[dict[str, str | bytes], str]] = {
    "a pickle": (
        {"data": zlib.compress(pickle.dumps(("os.getpid", None, (Bomb(),), {})))},
        "is not readable",
    ),
    "a pickle as it is": ({"data": pickle.dumps(Bomb())}, "is not readable"),
    "a pickled result": ({"data": packed(OURS), "result": pickle.dumps(Bomb())}, "has result"),
    "pickled notes": ({"data": packed(OURS), "meta": pickle.dumps(Bomb())}, "has meta"),
    "another function": ({"data": packed([HERE, None, [], {}])}, "names another function"),
    "a shell": ({"data": packed(["os.system", None, ["true"], {}])}, "names another function"),
    "a function of another module of ours": (
        {"data": packed(["connector.jobs.stages.purge", None, [], {}])},
        "names another function",
    ),
    "a name with more behind": (
        {"data": packed(["connector.jobs.stages.refresh\n", None, [], {}])},
        "names another function",
    ),
    "a list for a name": (
        {"data": packed([["connector.jobs.stages.refresh"], None, [], {}])},
        "is not readable",
    ),
    "no call": ({"data": packed({"a": 1})}, "is not readable"),
    "arguments": ({"data": packed([OURS[0], None, ["x"], {}])}, "has arguments"),
    "named arguments": ({"data": packed([OURS[0], None, [], {"wires": "x"}])}, "has arguments"),
    "an object to call it on": ({"data": packed([OURS[0], "x", [], {}])}, "has arguments"),
    "a callback after success": (
        {"data": packed(OURS), "success_callback_name": HERE},
        "has success_callback_name",
    ),
    "a callback after failure": (
        {"data": packed(["os.getcwd", None, [], {}]), "failure_callback_name": HERE},
        "has failure_callback_name",
    ),
    "a request to somebody": (
        {
            "data": packed(OURS),
            "webhooks": json.dumps([{"url": "http://127.0.0.1:1/", "job_status": "finished"}]),
        },
        "has webhooks",
    ),
    "itself again and again": ({"data": packed(OURS), "retries_left": "9"}, "has retries_left"),
    "another job": ({"data": packed(OURS), "dependency_ids": '["x"]'}, "has dependency_ids"),
    "a bomb": ({"data": zlib.compress(b" " * 50_000_000)}, "is larger"),
    "an unknown state": ({"data": packed(OURS), "status": "?"}, "is not readable"),
    "a time that is none": ({"data": packed(OURS), "created_at": "x"}, "is not readable"),
    "deep brackets": ({"data": zlib.compress(b"[" * 200_000)}, "is not readable"),
}


def work_all(redis: Redis) -> None:
    """Work until the queue is empty, as a worker process does."""
    Worker([queue.job_queue(redis)], connection=redis, serializer=JSONSerializer).work(burst=True)


def push(redis: Redis, id_: bytes | str, fields: Mapping[str, str | bytes]) -> None:
    redis.hset(
        f"rq:job:{id_}", mapping={"created_at": "2026-11-30T00:00:00.000000Z", "origin": queue.NAME, **fields}
    )
    redis.rpush(f"rq:queue:{queue.NAME}", id_)


@pytest.fixture
def ran_stages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that were run, instead of their work."""
    RAN.clear()
    ran: list[str] = []
    for stage in Stage:
        monkeypatch.setattr(stages, str(stage), partial(ran.append, str(stage)))
    return ran


@pytest.mark.parametrize("what", HOSTILE)
def test_a_job_that_is_not_ours_is_never_run(
    waiting: Queue, redis: Redis, ran_stages: list[str], what: str
) -> None:
    fields, reason = HOSTILE[what]
    push(redis, "hostile", fields)
    waiting.wake(Stage.APPLY)
    with capture_logs() as lines:
        work_all(redis)
    assert RAN == []
    assert ran_stages == ["apply"], "those behind it are run"
    (line,) = [one for one in lines if one["event"] == "job_rejected"]
    assert line["reason"].startswith(reason)
    counted = waiting.rejected_jobs()
    assert counted
    assert (counted.count, counted.last_reason) == (1, line["reason"])
    assert not list(redis.scan_iter("rq:job:*")), "it is dropped"
    assert redis.llen(f"rq:queue:{queue.NAME}:intermediate") == 0


@pytest.mark.parametrize("id_", [b"\xff\xfe", b"a b", b"", b"x" * 100_000 + b" "])
def test_an_id_that_is_none_ends_no_worker(
    waiting: Queue, redis: Redis, ran_stages: list[str], id_: bytes
) -> None:
    redis.rpush(f"rq:queue:{queue.NAME}", id_)
    redis.rpush(f"rq:queue:{queue.NAME}:intermediate", id_)
    waiting.wake(Stage.APPLY)
    work_all(redis)
    assert ran_stages == ["apply"]


def test_a_killed_workers_job_with_a_callback_calls_nobody(redis: Redis, ran_stages: list[str]) -> None:
    """RQ's maintenance calls the failure callback of a job whose worker was killed."""
    push(redis, "left", {"data": packed(OURS), "status": "started", "failure_callback_name": HERE})
    redis.lpop(f"rq:queue:{queue.NAME}")
    redis.zadd(f"rq:wip:{queue.NAME}", {"left:execution": 1})
    work_all(redis)
    assert RAN == []
    assert redis.zcard(f"rq:wip:{queue.NAME}") == 0, "RQ has looked at it"


def test_what_redis_says_of_its_time_out_is_not_believed(waiting: Queue, redis: Redis) -> None:
    waiting.wake(Stage.APPLY)
    (key,) = redis.scan_iter("rq:job:*")
    redis.hset(key, mapping={"timeout": "-1", "result_ttl": "-1"})
    (job,) = queue.job_queue(redis).jobs
    assert (job.timeout, job.result_ttl) == (queue.JOB_SECONDS, 0)


def test_our_jobs_are_json(waiting: Queue, redis: Redis, ran_stages: list[str]) -> None:
    waiting.wake(Stage.REFRESH)
    (key,) = redis.scan_iter("rq:job:*")
    assert json.loads(zlib.decompress(redis.hget(key, "data"))) == OURS
    work_all(redis)
    assert ran_stages == ["refresh"]
    assert waiting.rejected_jobs() is None


def test_a_worker_takes_no_commands_from_redis(redis: Redis, ran_stages: list[str]) -> None:
    worker = Worker([queue.job_queue(redis)], connection=redis, serializer=JSONSerializer)
    worker.subscribe()
    assert redis.publish(worker.pubsub_channel_name, '{"command": "shutdown"}') == 0
