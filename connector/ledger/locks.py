"""What only one may do at a time in a ledger, on whatever machine: advisory locks of PostgreSQL, each number once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum, unique

from sqlalchemy import Connection, Engine, text


@unique
class Lock(IntEnum):
    """What each is for."""

    MIGRATING = 724_172_417
    OBSERVING = 7_203_551
    """Keeping what processors told: whoever comes second must see what the first has added."""
    INCIDENTS = 7_203_552
    """Noticing one: two who notice the same must not keep two."""
    BULK = 7_203_553
    """Writing to Salesforce in bulk."""
    FILLING = 7_203_554
    """Looking for what no delivery told of, and filling it in: what two look at together both would count."""
    BACKFILL = 7_203_555
    LINKING = 7_203_556
    """Keeping links: whoever comes second sees what is taken."""
    COMPARING = 7_203_557
    """Keeping what differs: what one has just seen another would clear."""
    NIGHT = 7_203_558
    """Reconciling every night: a night that nobody is at and that is not over has died."""
    EVENT_WORDS = 7_203_559
    """Indexing the words of events, or removing those of purged bodies: an indexer that read the body before the
    purge must not store its words after it."""


def until_committed(connection: Connection, lock: Lock) -> None:
    """Waits for it; it is free when this transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock.value})


def is_held(connection: Connection, lock: Lock) -> bool:
    """Whether somebody is at it now."""
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
    """Whether nobody else is at it now; held until left, or until this process dies."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # a machine that is gone says nothing: whoever holds it is asked for a sign of life
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
    """As ``alone``, but ``wait`` is called until nobody else is at it."""
    while True:
        with alone(engine, lock) as is_ours:
            if is_ours:
                yield
                return
        wait()
