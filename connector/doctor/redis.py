"""Redis, and what it shows of workers, jobs and the scheduler."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any, Final

from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError
from rq.worker_registration import get_keys

from connector import local_services, queue
from connector.container import Container
from connector.doctor.postgresql import NOT_RUNNING, START
from connector.doctor.result import Area, Check, CheckResult, failed, ok, stopped, warning
from connector.errors import SetupError

OLDEST: Final = 6
_REACH: Final = (
    "Start Redis or Valkey, or correct REDIS_URL (redis://host:6379/0, with TLS rediss://host:6380/0)."
)
_CA: Final = (
    "Let REDIS_TLS_CA_FILE name the PEM file of the CA that signed the certificate of Redis, and REDIS_URL a host name "
    "that the certificate holds. (REDIS_TLS_VERIFY=false trusts any certificate: only for a try.)"
)
_CREDENTIALS: Final = "Correct user and password in REDIS_URL (redis://user:password@host:6379/0)."


def areas(container: Container) -> Iterator[Area]:
    yield Area(
        "redis",
        (
            Check("reachable", lambda: _reachable(container), gate=True, fix=_REACH),
            Check("tls", lambda: _tls(container)),
            Check("memory", lambda: _memory(container), fix=_REACH),
            Check("workers", lambda: _workers(container), fix=_REACH),
            Check("scheduler", lambda: _scheduler(container), fix=_REACH),
        ),
    )


def _reachable(container: Container) -> Iterator[CheckResult]:
    given = container.settings
    if not given.redis_url and local_services.running(given.casewire_home) is None:
        yield stopped(NOT_RUNNING, START)
        return
    try:
        redis = container.redis
    except SetupError as error:
        yield failed(str(error), f"{_REACH} {_CA}")
        return
    try:
        info: Any = redis.info("server")
    except RedisError as error:
        yield failed(f"Redis does not answer: {error}", _advice(error))
        return
    version = str(info["redis_version"])
    if int(version.partition(".")[0]) < OLDEST:
        yield failed(
            f"it is compatible with Redis {version} only", f"Use Redis {OLDEST} or newer, or Valkey."
        )
    else:
        yield ok(f"compatible with Redis {version}")


def _advice(error: BaseException) -> str:
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return _CREDENTIALS
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _CA
        cause = cause.__cause__ or cause.__context__
    return _REACH


def _tls(container: Container) -> Iterator[CheckResult]:
    given = container.settings
    if not (given.redis_url or "").startswith(queue.TLS_SCHEME):
        named = [name for name in ("redis_tls_ca_file", "redis_tls_verify") if name in given.model_fields_set]
        if named:
            info = f"{named[0].upper()} has no effect: REDIS_URL does not begin with {queue.TLS_SCHEME}"
            yield warning(info, f"Remove it, or let REDIS_URL begin with {queue.TLS_SCHEME}.")
    elif not given.redis_tls_verify:
        yield warning(
            "the certificate of Redis is not verified: another server can pose as it",
            "Let REDIS_TLS_CA_FILE name its CA, and remove REDIS_TLS_VERIFY.",
        )
    else:
        yield ok(f"verified with {given.redis_tls_ca_file or 'the CAs of this system'}")


def _memory(container: Container) -> Iterator[CheckResult]:
    info: Any = container.redis.info("memory")
    policy, limit = str(info.get("maxmemory_policy", "")), int(info.get("maxmemory", 0))
    if limit and policy != "noeviction":
        yield warning(
            f"when it is full it evicts keys ({policy}), waiting jobs among them",
            "Set maxmemory-policy noeviction in Redis's configuration, or give Casewire a Redis of its own.",
        )
    else:
        yield ok("nothing is evicted" if limit else "without a limit")


def _workers(container: Container) -> Iterator[CheckResult]:
    """The key of a worker expires when the worker ends, and eight minutes later if it was killed."""
    keys = get_keys(queue=queue.job_queue(container.redis))
    alive = sum(bool(container.redis.exists(key)) for key in keys)
    waiting = container.queue.depth()
    if alive:
        yield ok(f"{alive} at work, {waiting} jobs wait")
        return
    info = "no worker runs, so nothing is worked" + (f"; {waiting} jobs wait" if waiting else "")
    yield stopped(info, "Start one: casewire worker (casewire up has one).")


def _scheduler(container: Container) -> Iterator[CheckResult]:
    at = container.queue.swept_at()
    fix = "Start one, on any machine: casewire scheduler (casewire up has one)."
    if at is None:
        yield stopped(
            "no scheduler was seen within a day: work that waits for a time or has lost its wake is not started",
            fix,
        )
        return
    runs = container.queue.is_swept(container.clock(), container.settings.casewire_sweep_seconds)
    seen = f"last seen {at:%Y-%m-%d %H:%M:%S} UTC"
    yield ok(seen) if runs else stopped(f"it does not run any more; {seen}", fix)
