"""Destinations that are out, and what dead workers held."""

from __future__ import annotations

import pytest
from samples import due, event, one, record, rows
from sqlalchemy import Engine

from connector.ledger import circuit_breakers, events, leases, subjects

FAR = 3600.0


def open_(engine: Engine, retry_after: float | None = None, destination: str = "salesforce") -> float:
    with engine.begin() as connection:
        return circuit_breakers.open_circuit(connection, destination, "It is out.", "503", retry_after)


def still_open(engine: Engine) -> dict[str, circuit_breakers.OpenCircuit]:
    with engine.connect() as connection:
        return circuit_breakers.open_circuits(connection)


def close(engine: Engine) -> None:
    with engine.begin() as connection:
        circuit_breakers.close_circuit(connection, "salesforce")


def pass_time(engine: Engine) -> None:
    rows(engine, "UPDATE circuit SET open_until = now() - interval '1 second'")


def test_each_failure_in_a_row_doubles_the_wait_up_to_a_minute(engine: Engine) -> None:
    waits = []
    for _ in range(8):
        waits.append(round(open_(engine)))
        pass_time(engine)
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_workers_that_fail_together_count_as_one_failure(engine: Engine) -> None:
    assert [round(open_(engine)) for _ in range(5)] == [2, 2, 2, 2, 2]


def test_what_fails_after_them_is_the_second_failure(engine: Engine) -> None:
    for _ in range(5):
        open_(engine)
    pass_time(engine)
    assert round(open_(engine)) == 4


def test_a_destination_whose_time_has_passed_may_be_tried(engine: Engine) -> None:
    open_(engine)
    open_(engine, destination="recurly")
    rows(engine, "UPDATE circuit SET open_until = now() - interval '1 second' WHERE destination = 'recurly'")
    assert list(still_open(engine)) == ["salesforce"]


def test_the_time_a_destination_named_is_kept_to(engine: Engine) -> None:
    assert round(open_(engine, FAR)) == FAR
    assert round(open_(engine)) == FAR, "another worker's failure does not shorten it"
    assert round(open_(engine, 2 * FAR)) == 2 * FAR


def test_an_answer_starts_from_the_shortest_wait_again(engine: Engine) -> None:
    for _ in range(4):
        open_(engine)
        pass_time(engine)
    close(engine)
    assert round(open_(engine)) == 2


def test_an_open_circuit_says_until_when_and_why(engine: Engine) -> None:
    open_(engine)
    open_(engine, destination="recurly:acme")
    found = still_open(engine)
    assert sorted(found) == ["recurly:acme", "salesforce"]
    assert (found["salesforce"].reason, found["salesforce"].code) == ("It is out.", "503")
    assert found["salesforce"].since < found["salesforce"].until
    pass_time(engine)
    assert still_open(engine) == {}


def test_an_outage_is_told_since_it_began(engine: Engine) -> None:
    open_(engine)
    since = still_open(engine)["salesforce"].since
    pass_time(engine)
    open_(engine)
    assert still_open(engine)["salesforce"].since == since


# ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def held(engine: Engine) -> Engine:
    """An event and an account in the hands of worker-1, and of worker-10."""
    record(engine, event("a"), event("b"))
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("a"), due("b")])
        for worker in ("worker-1", "worker-10"):
            events.claim(connection, f"{worker}:t", 1)
            subjects.claim(connection, f"{worker}:t", 1)
    return engine


def test_a_worker_takes_back_what_its_predecessor_held_and_nothing_else(held: Engine) -> None:
    with held.begin() as connection:
        assert leases.release_all(connection, "worker-1") == 2
        assert [e.tries for e in events.claim(connection, "w:2", 10)] == [2]
        assert [s.tries for s in subjects.claim(connection, "w:2", 10)] == [2]
    with held.begin() as connection:
        assert leases.release_all(connection, "worker-10") == 2


@pytest.mark.parametrize("name", ["worker", "worker-", "worker-1:", "", "%", "worker_1"])
def test_a_name_that_only_resembles_another_frees_nothing(held: Engine, name: str) -> None:
    with held.begin() as connection:
        assert leases.release_all(connection, name) == 0


def test_what_is_settled_is_left_as_it_is(held: Engine) -> None:
    rows(held, "UPDATE event SET status = 'buried', ready_at = '2020-01-01Z' WHERE event_id = 'a'")
    with held.begin() as connection:
        assert leases.release_all(connection, "worker-1") == 1
    assert one(held, "SELECT ready_at FROM event WHERE event_id = 'a'").ready_at.year == 2020


def test_what_a_failed_job_held_may_wait_and_cost_no_try(held: Engine) -> None:
    with held.begin() as connection:
        leases.release_all(connection, "worker-1", seconds=FAR, spend=False)
        assert events.claim(connection, "w:2", 10) == []
    assert one(held, "SELECT tries FROM event WHERE event_id = 'a'").tries == 0
