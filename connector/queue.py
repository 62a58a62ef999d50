"""Transport only: a wake says "there may be work for this stage"; what the work is stands in the ledger.

A wake costs one Redis call. A flag per stage says that a job is already queued which has not begun; the job takes the
flag away before it looks for work. A wake that arrives while a job of its stage runs is kept until that job ends: it
queues the next one then. So several workers do not take one event each where one of them would take all in a batch. A
job that finds more than its own batch queues another at once (``wake_another``). Flags and marks outlive their jobs by
seconds at most, and the sweep wakes whatever waits.

Redis is not trusted with more than that. A job is the name of a stage in JSON: it carries no arguments, is never
unpickled, and whatever else RQ could take from Redis and run is rejected (``StageJob``).
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, cast

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue as RqQueue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from connector.errors import SetupError

log = structlog.get_logger("connector.queue")

NAME = "casewire"
_BUDGETS = "casewire:budgets"
_SWEPT = "casewire:swept"
_REMARKS = "casewire:remarks:"
_REFUSED = "casewire:refused:"
_REFUSED_LAST = "casewire:refused_last"
_REJECTED_JOBS = "casewire:rejected_jobs"
_REJECTED_JOB_LAST = "casewire:rejected_job_last"
HOUR = 3600
SWEPT_WITHIN = timedelta(minutes=1)
"""A scheduler that runs is seen so often at the least."""
_SWEEPS = 10
REJECTED_SECONDS = 7 * 24 * HOUR
FLAG_SECONDS = 10
RUNNING_SECONDS = 5
"""A job that runs longer, or whose worker was killed, keeps no other of its stage from being queued."""
JOB_SECONDS = 170
"""A job ends before its lease does (``ledger/events.py``)."""
FAILED_SECONDS = 24 * 3600
REST_SECONDS = 0.02
"""Between two wakes of one process: the first goes out at once, those that are asked for meanwhile as one."""


class Stage(StrEnum):
    """What a wake is for; the value names the function in ``connector/jobs/stages.py``."""

    REFRESH = "refresh"
    HISTORY = "history"
    APPLY = "apply"
    BULK = "bulk"
    WATCH = "watch"
    FEED = "feed"
    RECONCILE = "reconcile"


LONGEST_SECONDS = {Stage.BULK: 3600, Stage.RECONCILE: 4 * 3600}
"""A bulk run renews its leases while it waits for Salesforce. Both let urgent work go on meanwhile."""
LONGEST_KEPT = max(LONGEST_SECONDS.values())
"""How long a wake is kept for the end of a job that runs."""


Delivered = tuple[str, str, str]
"""The source and site of a delivery, and why it was refused."""
Keep = Callable[[Mapping[Delivered, int], Mapping[Delivered, str]], None]


@dataclass(frozen=True, slots=True)
class RejectionCount:
    """How many deliveries of a source were refused for one reason of late. ``message``: what the last was answered."""

    source: str
    site: str
    reason: str
    count: int
    last_at: datetime
    message: str


FUNCTIONS = {f"connector.jobs.stages.{stage}": stage for stage in Stage}
"""All that a worker runs, by the name under which RQ imports it."""
JOB_BYTES = 1024
"""Of a compressed job. Ours have some 50; so small a one cannot unpack to more than a mebibyte."""
_JOB_FIELDS = frozenset(
    {
        "created_at",
        "data",
        "description",
        "ended_at",
        "enqueued_at",
        "failure_ttl",
        "last_heartbeat",
        "origin",
    }
    | {"result_ttl", "started_at", "status", "timeout", "worker_name"}
)
_REJECTED_FIELDS = frozenset(
    {"success_callback_name", "failure_callback_name", "stopped_callback_name", "webhooks", "result", "meta"}
    | {"dependency_id", "dependency_ids", "retries_left", "number_of_retries", "repeats_left", "group_id"}
    | {"rate_limit_key"}
)
"""What RQ would import, send a request to, unpack, or run again. None of our jobs has any of it."""


class StageJob(Job):
    """An RQ job that is the name of a stage and nothing else.

    ``rejection`` says why it is not run; then nothing of it was imported. Callbacks, webhooks, retries, dependencies
    and time-outs are not taken from Redis, whatever is written there.
    """

    rejection = ""

    def restore(self, raw_data: Mapping[Any, Any]) -> None:
        """Take over what Redis holds. Does not raise for what is unreadable: a worker would end over it."""
        self.rejection = ""
        fields = {_name(key): value for key, value in raw_data.items()}
        if extra := sorted(name for name in _REJECTED_FIELDS if fields.get(name)):
            self.rejection = f"has {', '.join(extra)}"
        if len(fields.get("data", b"")) > JOB_BYTES:
            self.rejection = "is larger than a job of Casewire"
            fields["data"] = b"null"
        try:
            super().restore({name: value for name, value in fields.items() if name in _JOB_FIELDS})
            self.rejection = self.rejection or self._call_rejection()
        except NoSuchJobError:
            raise
        except Exception:  # noqa: BLE001 - whoever writes to Redis chooses which it is
            self.rejection = self.rejection or "is not readable"
        if not self.rejection:
            self.timeout = LONGEST_SECONDS.get(FUNCTIONS[str(self.func_name)], JOB_SECONDS)
            self.result_ttl, self.failure_ttl = 0, FAILED_SECONDS

    def _call_rejection(self) -> str:
        if self.func_name not in FUNCTIONS:
            return f"names another function: {_shown(self.func_name)}"
        return "has arguments" if self.instance is not None or self.args or self.kwargs else ""

    @property
    def func(self) -> Any:
        if self.rejection or self.func_name not in FUNCTIONS:
            raise PermissionError(f"The job {self.rejection or 'names another function'}.")
        return super().func

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class RejectedJobs:
    """How many jobs in the queue were not ours in seven days, and why the last was rejected."""

    count: int
    last_at: datetime
    last_reason: str


class Notifier(Protocol):
    """Whatever can be told that a stage may have work."""

    def wake(self, stage: Stage) -> None: ...


TLS_SCHEME = "rediss://"


def connect(url: str, *, tls_verify: bool = True, tls_ca_file: Path | None = None) -> Redis:
    """A client whose every call ends: 2 s to connect, 5 s to answer.

    For a ``rediss://`` address the server's certificate and host name are verified, against ``tls_ca_file`` where one
    is given and else against the system's CAs. ``tls_verify`` false trusts any certificate.
    """
    tls: dict[str, Any] = {}
    if url.startswith(TLS_SCHEME):
        tls = {"ssl_cert_reqs": "required" if tls_verify else "none", "ssl_check_hostname": tls_verify}
        if tls_verify and tls_ca_file is not None:
            tls["ssl_ca_certs"] = str(_readable_ca(tls_ca_file))
    try:
        return Redis.from_url(
            url, socket_connect_timeout=2, socket_timeout=5, health_check_interval=30, **tls
        )
    except ValueError:
        raise SetupError(
            "REDIS_URL is not an address such as redis://127.0.0.1:6379/0, or rediss:// for TLS."
        ) from None


def _readable_ca(path: Path) -> Path:
    """Checked here: redis-py would open it at the first call, and raise what is no RedisError."""
    path = path.expanduser()
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # SSLError is one
        why = "holds no CA certificate in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
        raise SetupError(f"REDIS_TLS_CA_FILE names {path}, which cannot be used: {why}.") from None
    return path


def job_queue(redis: Redis) -> RqQueue:
    """RQ's queue as both sides must open it."""
    return RqQueue(NAME, connection=redis, serializer=JSONSerializer, job_class=StageJob)


class Queue:
    """The queue between the stages."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._rq = job_queue(redis)

    def wake(self, stage: Stage) -> None:
        """One Redis call, or two when a job has to be queued. While a job of the stage runs, the next is queued when it
        ends. RedisError when Redis is gone."""
        keys = [_running(stage), _again(stage), _flag(stage)]
        if self._redis.eval(_WAKE, len(keys), *keys, FLAG_SECONDS, LONGEST_KEPT):
            self._enqueue(stage)

    def wake_another(self, stage: Stage) -> None:
        """Queue a job for another worker while one of the stage runs: there is more than one batch."""
        if self._redis.set(_flag(stage), "1", nx=True, ex=FLAG_SECONDS):
            self._enqueue(stage)

    def _enqueue(self, stage: Stage) -> None:
        seconds = LONGEST_SECONDS.get(stage, JOB_SECONDS)
        self._rq.enqueue(
            f"connector.jobs.stages.{stage}", job_timeout=seconds, result_ttl=0, failure_ttl=FAILED_SECONDS
        )

    def begin(self, stage: Stage) -> None:
        """A job begins. What was asked for until now it finds by itself."""
        pipe = self._redis.pipeline()
        pipe.delete(_flag(stage), _again(stage))
        pipe.set(_running(stage), "1", ex=RUNNING_SECONDS)
        pipe.execute()

    def end(self, stage: Stage) -> None:
        """A job is over. If its stage was woken meanwhile the next is queued."""
        pipe = self._redis.pipeline()
        pipe.delete(_running(stage))
        pipe.delete(_again(stage))
        if pipe.execute()[1]:
            self.wake(stage)

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

    def refused(self, counts: Mapping[Delivered, int], messages: Mapping[Delivered, str]) -> None:
        """Keep how many deliveries were refused and what the last were answered, for the hour that it is and the one
        after."""
        now = time.time()
        key = _refused(now)
        pipe = self._redis.pipeline()
        for name, count in counts.items():
            pipe.hincrby(key, json.dumps(name), count)
            pipe.hset(_REFUSED_LAST, json.dumps(name), json.dumps([now, messages[name]]))
        pipe.expire(key, 2 * HOUR)
        pipe.expire(_REFUSED_LAST, 2 * HOUR)
        pipe.execute()

    def refusals(self) -> list[RejectionCount]:
        """What was refused in this hour and the one before, by where it came to and why."""
        counts: Counter[str] = Counter()
        now = time.time()
        for at in (now - HOUR, now):
            found: Mapping[Any, Any] = self._redis.hgetall(_refused(at))
            counts.update({name.decode(): int(count) for name, count in found.items()})
        last: Mapping[Any, Any] = self._redis.hgetall(_REFUSED_LAST) if counts else {}
        return [
            _told(name, count, last[name.encode()])
            for name, count in sorted(counts.items())
            if name.encode() in last
        ]

    def swept(self, at: datetime) -> None:
        """The scheduler has looked for work that nobody was woken for; kept for ``casewire doctor``."""
        self._redis.set(_SWEPT, at.isoformat(), ex=24 * 3600)

    def swept_at(self) -> datetime | None:
        """When the scheduler last did; None if not within a day."""
        found = cast(bytes | None, self._redis.get(_SWEPT))
        return datetime.fromisoformat(found.decode()) if found else None

    def is_swept(self, now: datetime, sweep_seconds: float) -> bool:
        """Whether a scheduler runs that looks so often."""
        at = self.swept_at()
        return at is not None and now - at <= max(SWEPT_WITHIN, timedelta(seconds=_SWEEPS * sweep_seconds))

    def count_rejected_job(self, reason: str, at: datetime) -> None:
        """Keep that a worker found a job that is not ours, for ``casewire status``."""
        pipe = self._redis.pipeline()
        pipe.incr(_REJECTED_JOBS)
        pipe.set(_REJECTED_JOB_LAST, json.dumps([at.isoformat(), reason]))
        for key in (_REJECTED_JOBS, _REJECTED_JOB_LAST):
            pipe.expire(key, REJECTED_SECONDS)
        pipe.execute()

    def rejected_jobs(self) -> RejectedJobs | None:
        """None if there were none in seven days."""
        count, last = cast(list[bytes | None], self._redis.mget(_REJECTED_JOBS, _REJECTED_JOB_LAST))
        if count is None or last is None:
            return None
        at, reason = json.loads(last)
        return RejectedJobs(int(count), datetime.fromisoformat(at), str(reason))

    def depth(self) -> int:
        """Jobs that wait for a worker."""
        return int(self._rq.count)


def _name(key: bytes | str) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else key


def _shown(text: object) -> str:
    """What a stranger wrote, short enough and harmless for a log and a terminal."""
    return ascii(text)[:80]


def _told(name: str, count: int, last: bytes) -> RejectionCount:
    source, site, reason = json.loads(name)
    at, message = json.loads(last)
    return RejectionCount(source, site, reason, count, datetime.fromtimestamp(at, UTC), message)


def _refused(at: float) -> str:
    return f"{_REFUSED}{int(at // HOUR)}"


_WAKE = """
if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('SET', KEYS[2], '1', 'EX', ARGV[2])
    return 0
end
return redis.call('SET', KEYS[3], '1', 'NX', 'EX', ARGV[1]) and 1 or 0
"""
"""In one step: between asking whether a job runs and noting the wake it could end."""


def _flag(stage: Stage) -> str:
    return f"casewire:waking:{stage}"


def _running(stage: Stage) -> str:
    return f"casewire:running:{stage}"


def _again(stage: Stage) -> str:
    return f"casewire:again:{stage}"


class Coalescer:
    """Does something from a thread of its own, so that answering a delivery never waits for Redis.

    However many ask meanwhile, the next time serves them all. When Redis is gone that is logged once, with ``told``.
    """

    def __init__(self, do: Callable[[], None], seconds: float, **told: str) -> None:
        """``seconds``: the least between two times."""
        self._do, self._seconds, self._told = do, seconds, told
        self._asked = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failing = False

    def __call__(self) -> None:
        self._asked.set()
        if self._thread is None or not self._thread.is_alive():
            with self._start:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="behind", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            try:
                self._do()
                self._failing = False
            except RedisError as error:
                if not self._failing:
                    log.warning(error=str(error), **self._told)
                self._failing = True
            time.sleep(self._seconds)


def waker(queue: Notifier, stage: Stage) -> Coalescer:
    """Wakes a stage; what Redis does not hear of the sweep will find."""
    return Coalescer(
        lambda: queue.wake(stage), REST_SECONDS, event="wake_failed", stage=str(stage), outcome="sweep"
    )


class RejectionCounter:
    """Counts the deliveries that are refused, for ``casewire status``. Those that Redis does not hear of are in the log
    only."""

    def __init__(self, keep: Keep, seconds: float = 1.0) -> None:
        self._keep = keep
        self._counts: Counter[Delivered] = Counter()
        self._messages: dict[Delivered, str] = {}
        self._lock = threading.Lock()
        self._behind = Coalescer(self._flush, seconds, event="refusals_not_counted", outcome="left out")

    def __call__(self, source: str, site: str, reason: str, message: str) -> None:
        with self._lock:
            self._counts[source, site, reason] += 1
            self._messages[source, site, reason] = message
        self._behind()

    def _flush(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
            messages, self._messages = self._messages, {}
        self._keep(counts, messages)
