"""A lease is held on to by its token, and by nobody else's."""

from __future__ import annotations

from datetime import timedelta

from samples import due, one, rows, subject
from sqlalchemy import Engine

from connector.ledger import leases, subjects, watermarks
from connector.ledger.leases import Renewed
from connector.models.events import Urgency

BOB, EVE = subject("bob"), subject("eve")


def claim(engine: Engine, *codes: str) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due(code) for code in codes])
        subjects.claim(connection, "w:1", 10)
    rows(engine, "UPDATE subject SET ready_at = now() - interval '1 second'")


def renew(engine: Engine, token: str, *keys: str) -> dict[str, Renewed]:
    with engine.begin() as connection:
        return leases.renew(connection, token, keys)


def test_what_is_held_under_a_lease_is_held_for_another_while(engine: Engine) -> None:
    claim(engine, "bob", "eve")
    assert renew(engine, "w:1", BOB) == {BOB: Renewed(Urgency.ROUTINE, 1)}
    assert one(engine, "SELECT key FROM subject WHERE ready_at > now()").key == BOB


def test_what_became_of_it_meanwhile_is_told(engine: Engine) -> None:
    claim(engine, "bob")
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob", Urgency.DISPUTE)])
    assert renew(engine, "w:1", BOB) == {BOB: Renewed(Urgency.DISPUTE, 2)}


def test_what_somebody_else_holds_or_nobody_does_is_not_held(engine: Engine) -> None:
    claim(engine, "bob", "eve")
    assert renew(engine, "w:2", BOB, EVE) == {}
    with engine.begin() as connection:
        leases.release_all(connection, "w")
    assert renew(engine, "w:1", BOB, EVE) == {}


def test_histories_that_nobody_has_claimed_are_not_delayed_by_a_release(engine: Engine) -> None:
    claim(engine, "bob", "eve")
    rows(engine, "UPDATE subject SET history = 'wanted', history_ready_at = now() - interval '1 second'")
    rows(engine, "UPDATE subject SET history_ready_at = now() + interval '1 hour' WHERE code = 'bob'")
    with engine.begin() as connection:
        leases.release_all(connection, "w", seconds=60)
    ready = "SELECT code FROM subject WHERE history_ready_at <= now()"
    assert [row.code for row in rows(engine, ready)] == ["eve"]
    soon = "SELECT code FROM subject WHERE history_ready_at BETWEEN now() AND now() + interval '61 seconds'"
    assert [row.code for row in rows(engine, soon)] == ["bob"]


def test_a_turn_is_one_callers_until_it_is_time_again(engine: Engine) -> None:
    hour = timedelta(hours=1)
    with engine.begin() as connection:
        assert watermarks.take(connection, "turn", hour)
    with engine.begin() as connection:
        assert not watermarks.take(connection, "turn", hour)
    rows(engine, "UPDATE watermark SET at = at - interval '1 hour'")
    with engine.begin() as connection:
        assert watermarks.take(connection, "turn", hour)
