"""What one may do at a time: another is told so, or waits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from samples import SITE, SOURCE, due, event, subject
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError
from sync.world import dispute, invoice
from waiting import wait_until

from connector.ledger import inbox, leases, locks, observations, snapshots, subjects
from connector.ledger.locks import Lock


def test_another_is_told_that_somebody_is_at_it(engine: Engine) -> None:
    with locks.alone(engine, Lock.BULK) as first:
        with locks.alone(engine, Lock.BULK) as second, locks.alone(engine, Lock.FILLING) as beside:
            assert (first, second, beside) == (True, False, True)
        with locks.alone(engine, Lock.BULK) as third:
            assert not third
    with locks.alone(engine, Lock.BULK) as afterwards:
        assert afterwards


def test_whether_it_is_held_is_seen_from_beside(engine: Engine) -> None:
    with engine.connect() as connection:
        with locks.alone(engine, Lock.NIGHT):
            assert locks.is_held(connection, Lock.NIGHT)
            assert not locks.is_held(connection, Lock.BULK)
        assert not locks.is_held(connection, Lock.NIGHT)


def test_another_waits_for_its_turn(engine: Engine) -> None:
    waits: list[int] = []
    with ExitStack() as first:
        assert first.enter_context(locks.alone(engine, Lock.BULK))

        def wait() -> None:
            waits.append(1)
            if len(waits) == 3:
                first.close()

        with locks.turn(engine, Lock.BULK, wait), locks.alone(engine, Lock.BULK) as beside:
            assert (len(waits), beside) == (3, False)


def test_a_transaction_holds_it_to_its_end(engine: Engine) -> None:
    with engine.begin() as first:
        locks.until_committed(first, Lock.LINKING)
        with engine.begin() as second:
            second.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                locks.until_committed(second, Lock.LINKING)
    with engine.begin() as third:
        locks.until_committed(third, Lock.LINKING)


# ── rows are locked in the order of their keys: two that lock the same rows never wait for each other in a circle ──


def _mark_due(connection: Connection) -> None:
    subjects.mark_due(connection, [due("c"), due("a"), due("b")])


def _renew(connection: Connection) -> None:
    leases.renew(connection, "w:1", [subject(code) for code in "cab"])


def _insert(connection: Connection) -> None:
    inbox.insert(connection, [event(code) for code in "cab"])


def _store(connection: Connection) -> None:
    invoices = [invoice(id=code, number=code) for code in "cab"]
    snapshots.store(connection, SOURCE, SITE, datetime(2026, 11, 1, tzinfo=UTC), invoices)


def _tell(connection: Connection) -> None:
    observations.store(connection, [(f"told by {code}", dispute(id_=code)) for code in "cab"])


@pytest.mark.parametrize(
    ("lock", "first", "table", "column"),
    [
        (_mark_due, _mark_due, "subject", "code"),
        (_renew, _mark_due, "subject", "code"),
        (_insert, _insert, "event", "event_id"),
        (_store, _store, "snapshot", "id"),
        (_tell, _tell, "snapshot", "id"),
    ],
    ids=["due", "renewed", "received", "fetched", "told"],
)
def test_rows_are_locked_in_the_order_of_their_keys(
    engine: Engine,
    lock: Callable[[Connection], None],
    first: Callable[[Connection], None],
    table: str,
    column: str,
) -> None:
    with engine.begin() as connection:
        first(connection)
        if table == "subject":
            connection.exec_driver_sql("UPDATE subject SET lease = 'w:1'")
        if table == "snapshot":  # older than what comes, or there would be nothing to write
            connection.exec_driver_sql("UPDATE snapshot SET observed_at = '2026-01-01Z'")
    free = text(f"SELECT {column} FROM {table} FOR UPDATE SKIP LOCKED")
    with engine.connect() as holder, engine.connect() as other, ThreadPoolExecutor(1) as pool:
        holder.execute(text(f"SELECT 1 FROM {table} WHERE {column} = 'b' FOR UPDATE"))

        def work() -> None:
            with engine.begin() as connection:
                lock(connection)

        def locked() -> set[str]:
            found = {row[0] for row in other.execute(free)}
            other.rollback()
            return set("abc") - found

        working = pool.submit(work)
        try:
            wait_until(lambda: working.done() or locked() > {"b"})
            assert locked() == {"a", "b"}
        finally:
            holder.rollback()
        working.result(30)
