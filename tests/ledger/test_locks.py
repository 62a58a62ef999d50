"""What one may do at a time: another is told so, or waits."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from connector.ledger import locks
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
