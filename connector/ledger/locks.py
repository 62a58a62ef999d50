"""Advisory locks of PostgreSQL for work that one process does at a time, on any machine. Each number is unique."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import IntEnum, unique

from sqlalchemy import Connection, Engine, text

from connector.retry import wait_until


@unique
class Lock(IntEnum):
    """The locks by purpose."""

    MIGRATING = 724_172_417
    OBSERVING = 7_203_551
    """Storing observations: the second worker must see what the first has added."""
    INCIDENTS = 7_203_552
    """Recording an incident: two workers that detect the same one must not record two."""
    BULK = 7_203_553
    """Writing to Salesforce in bulk."""
    FILLING = 7_203_554
    """Detecting and filling gaps: two concurrent scans would count the same changes twice."""
    BACKFILL = 7_203_555
    LINKING = 7_203_556
    """Storing links: the second worker sees which records are taken."""
    COMPARING = 7_203_557
    """Recording discrepancies: a second process would clear those that the first has just found."""
    NIGHT = 7_203_558
    """The nightly reconcile: an unfinished one without a lock holder has died."""
    EVENT_WORDS = 7_203_559
    """Indexing the words of events, or removing those of purged bodies: an indexer that read the body before the
    purge must not store its words after it."""


def until_committed(connection: Connection, lock: Lock) -> None:
    """Wait for the lock; the end of this transaction releases it."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock.value})


def is_held(connection: Connection, lock: Lock) -> bool:
    """Whether a process has the lock now."""
    return bool(
        connection.execute(
            text(
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
                "AND classid = 0 AND objid = CAST(:lock AS oid) AND objsubid = 1)"
            ),
            {"lock": lock.value},
        ).scalar_one()
    )


@contextmanager
def alone(engine: Engine, lock: Lock) -> Iterator[bool]:
    """Try to take the lock; yield whether it succeeded. Released on exit, or when this process dies."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # a lost machine closes no connection: keepalives let PostgreSQL detect it and release the lock
        connection.execute(text("SELECT set_config('tcp_keepalives_idle', '30', false)"))
        asked = {"lock": lock.value}
        ours = bool(connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), asked).scalar())
        try:
            yield ours
        finally:
            if ours:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), asked)


@contextmanager
def turn(engine: Engine, lock: Lock, wait: Callable[[], None]) -> Iterator[None]:
    """Take the lock; call ``wait`` until it is free."""
    with ExitStack() as taken:

        def take() -> bool:
            one_try = ExitStack()
            is_ours = one_try.enter_context(alone(engine, lock))
            taken.push(one_try) if is_ours else one_try.close()
            return is_ours

        wait_until(take, sleep=lambda _: wait())
        yield
