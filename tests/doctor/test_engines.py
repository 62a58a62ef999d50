"""PostgreSQL, Redis, workers and scheduler: what is away, old, or not running, and the command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis
from rq import SimpleWorker
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from connector import queue
from connector.container import Container
from connector.doctor import State, is_green, postgresql
from connector.doctor import redis as redis_
from connector.ledger.engine import migrate, open_engine

from .conftest import seen


@pytest.fixture
def worker(redis: Redis) -> Iterator[SimpleWorker]:
    """A worker that is there and does nothing."""
    worker = SimpleWorker([queue.NAME], connection=redis)
    worker.register_birth()
    yield worker
    worker.register_death()


def test_engines_that_are_as_they_must_be(running: Container, worker: SimpleWorker) -> None:
    running.queue.swept(running.clock())
    found = {**seen(postgresql.areas(running)), **seen(redis_.areas(running))}
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(
        (
            "postgresql: reachable",
            "postgresql: tables",
            "postgresql: writing",
            "postgresql: clock",
            "redis: reachable",
            "redis: memory",
            "redis: workers",
            "redis: scheduler",
        ),
        State.OK,
    )


def test_postgresql_that_is_away_is_named_without_its_password(wire: Callable[..., Container]) -> None:
    found = seen(postgresql.areas(wire(database_url="postgresql://me:open-sesame@127.0.0.1:1/none")))
    reachable = found["postgresql: reachable"]
    assert reachable.state is State.FAILED
    assert "PostgreSQL does not answer" in reachable.message
    assert "open-sesame" not in reachable.message
    assert "correct DATABASE_URL" in reachable.fix
    assert found["postgresql: tables"].state is State.SKIPPED


def test_an_address_that_is_none_is_named(wire: Callable[..., Container]) -> None:
    found = seen(postgresql.areas(wire(database_url="nonsense")))["postgresql: reachable"]
    assert (found.state, "DATABASE_URL is not an address" in found.message) == (State.FAILED, True)


def test_without_an_address_it_is_casewire_that_must_be_started(wire: Callable[..., Container]) -> None:
    wires = wire()
    found = {**seen(postgresql.areas(wires)), **seen(redis_.areas(wires))}
    for name in ("postgresql: reachable", "redis: reachable"):
        assert (found[name].state, found[name].stopped) == (State.FAILED, True)
        assert "casewire up" in found[name].fix
    assert not is_green(found.values())


def test_a_database_without_tables_is_to_be_migrated(
    wire: Callable[..., Container], empty_database_url: str
) -> None:
    found = seen(postgresql.areas(wire(database_url=empty_database_url)))
    assert "has no Casewire tables" in found["postgresql: tables"].message
    assert found["postgresql: tables"].fix == "Run: casewire migrate"
    assert found["postgresql: clock"].state is State.OK


def test_tables_of_a_newer_version_are_not_to_be_migrated(
    wire: Callable[..., Container], empty_database_url: str
) -> None:
    engine = open_engine(empty_database_url)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    found = seen(postgresql.areas(wire(database_url=empty_database_url)))["postgresql: tables"]
    assert (found.state, "revision 9999, which this version" in found.message) == (State.FAILED, True)
    assert found.fix == "Install the newer Casewire that made it."


def test_a_user_who_may_only_read_is_named_with_the_tables(
    wire: Callable[..., Container], database_url: str
) -> None:
    owner = create_engine(open_engine(database_url).url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with owner.connect() as connection:
        connection.execute(text("CREATE ROLE reader LOGIN"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
    try:
        url = owner.url.set(drivername="postgresql", username="reader")
        wires = wire(database_url=url.render_as_string(hide_password=False))
        found = seen(postgresql.areas(wires))["postgresql: writing"]
        wires.engine.dispose()
        assert found.state is State.FAILED
        assert "may not write to attempt, " in found.message
        assert "own the tables" in found.fix
    finally:
        with owner.connect() as connection:
            connection.execute(text("DROP OWNED BY reader"))
            connection.execute(text("DROP ROLE reader"))


def test_redis_that_is_away_is_named(wire: Callable[..., Container]) -> None:
    found = seen(redis_.areas(wire(redis_url="redis://127.0.0.1:1/0")))["redis: reachable"]
    assert found.state is State.FAILED
    assert "Redis does not answer" in found.message
    assert "correct REDIS_URL" in found.fix


def test_a_private_ca_of_redis_is_asked_for_by_name(
    wire: Callable[..., Container], over_tls: tuple[str, Path]
) -> None:
    url, ca = over_tls
    unknown = seen(redis_.areas(wire(redis_url=url)))["redis: reachable"]
    assert (unknown.state, "CERTIFICATE_VERIFY" in unknown.message) == (State.FAILED, True)
    assert "REDIS_TLS_CA_FILE" in unknown.fix
    known = seen(redis_.areas(wire(redis_url=url, redis_tls_ca_file=ca)))
    assert [known[f"redis: {name}"].state for name in ("reachable", "tls")] == [State.OK, State.OK]
    trusting = seen(redis_.areas(wire(redis_url=url, redis_tls_verify=False)))
    assert (trusting["redis: reachable"].state, trusting["redis: tls"].state) == (State.OK, State.WARNING)
    missing = seen(redis_.areas(wire(redis_url=url, redis_tls_ca_file=ca.with_name("none.pem"))))
    assert "REDIS_TLS_CA_FILE names" in missing["redis: reachable"].message
    assert "REDIS_TLS_CA_FILE" in missing["redis: reachable"].fix


def test_a_tls_setting_without_a_tls_address_is_warned_of(
    wire: Callable[..., Container], valkey: str
) -> None:
    found = seen(redis_.areas(wire(redis_url=valkey, redis_tls_verify=False)))["redis: tls"]
    assert (found.state, "REDIS_TLS_VERIFY has no effect" in found.message) == (State.WARNING, True)


def test_a_redis_that_throws_jobs_away_is_warned_of(running: Container, redis: Redis) -> None:
    redis.config_set("maxmemory", "100mb")
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = seen(redis_.areas(running))["redis: memory"]
    finally:
        redis.config_set("maxmemory", "0")
        redis.config_set("maxmemory-policy", "noeviction")
    assert (found.state, "(allkeys-lru)" in found.message) == (State.WARNING, True)
    assert "maxmemory-policy noeviction" in found.fix


def test_without_a_worker_the_waiting_jobs_are_counted(running: Container) -> None:
    running.queue.wake(queue.Stage.REFRESH)
    found = seen(redis_.areas(running))["redis: workers"]
    assert found.state is State.FAILED
    assert found.message == "no worker runs, so nothing is worked; 1 jobs wait"
    assert "casewire worker" in found.fix


def test_looking_for_workers_leaves_redis_as_it_is(running: Container, redis: Redis) -> None:
    redis.sadd("rq:workers:casewire", "rq:worker:gone")
    before = sorted(redis.keys())
    found = seen(redis_.areas(running))
    assert found["redis: workers"].state is State.FAILED, "its key is gone, so it is"
    assert sorted(redis.keys()) == before
    assert redis.smembers("rq:workers:casewire") == {b"rq:worker:gone"}


def test_a_scheduler_that_never_ran_or_stopped_is_to_be_started(running: Container) -> None:
    never = seen(redis_.areas(running))["redis: scheduler"]
    running.queue.swept(running.clock() - timedelta(hours=2))
    stopped = seen(redis_.areas(running))["redis: scheduler"]
    assert (never.state, stopped.state) == (State.FAILED, State.FAILED)
    assert "no scheduler was seen" in never.message
    assert "does not run any more; last seen" in stopped.message
    assert "casewire scheduler" in never.fix
