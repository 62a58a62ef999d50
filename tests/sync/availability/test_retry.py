"""How long a backfill waits for who is away."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from connector.errors import Transient, Unavailable
from connector.sync.availability.retry import RetryPolicy


def waiting(within: float = 100.0) -> tuple[RetryPolicy, list[float], list[str]]:
    naps: list[float] = []
    said: list[str] = []
    patience = RetryPolicy(naps.append, said.append, within)
    patience.done()
    return patience, naps, said


def test_the_pauses_grow_up_to_a_minute() -> None:
    patience, naps, _ = waiting(within=1_000.0)
    for _ in range(8):
        patience.bear(Transient("busy"))
    assert naps == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_what_was_asked_for_is_waited() -> None:
    patience, naps, _ = waiting()
    patience.bear(Unavailable("recurly", "no calls left", retry_after=45.0))
    assert naps == [45.0]


def test_it_ends_where_nothing_is_done_and_begins_anew_where_something_is() -> None:
    patience, naps, _ = waiting(within=10.0)
    patience.bear(Transient("busy", retry_after=8.0))
    patience.done()
    patience.bear(Transient("busy", retry_after=8.0))
    with pytest.raises(Transient):
        patience.bear(Transient("busy", retry_after=8.0))
    assert naps == [8.0, 8.0]


def test_all_of_the_time_that_may_be_waited_is_waited() -> None:
    patience, naps, _ = waiting(within=3.0)
    patience.bear(Transient("busy"))
    patience.bear(Transient("busy"))
    with pytest.raises(Transient):
        patience.bear(Transient("busy"))
    assert naps == [1.0, 2.0]


def test_after_a_success_the_pauses_begin_with_the_shortest() -> None:
    patience, naps, _ = waiting()
    for _ in range(3):
        patience.bear(Transient("busy"))
    patience.done()
    patience.bear(Transient("busy"))
    assert naps == [1.0, 2.0, 4.0, 1.0]


def test_what_never_answered_is_not_waited_for() -> None:
    naps: list[float] = []
    with pytest.raises(Transient):
        RetryPolicy(naps.append, lambda _: None).bear(Transient("busy"))
    assert naps == []


def test_who_is_known_to_answer_is_waited_for_from_the_start() -> None:
    naps: list[float] = []
    RetryPolicy(naps.append, lambda _: None, from_the_start=True).bear(Transient("busy"))
    assert naps == [1.0]


def test_postgresql_is_named() -> None:
    patience, _, said = waiting()
    patience.bear(OperationalError("SELECT 1", {}, Exception("server closed\nthe connection")))
    (line,) = said
    assert line.startswith("PostgreSQL does not answer: ")
    assert line.endswith(" Trying again in 1 s.")
    assert "\n" not in line
