"""Working events: claimed by one, most urgent first, settled only by whoever still holds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from samples import event, make_ready, one, record, rows, subject
from sqlalchemy import Engine

from connector.ledger import events
from connector.ledger.events import MOST_TRIES, WORN, Claimed, Fetched
from connector.models.events import Pointer, Urgency


def claim(engine: Engine, token: str = "w:1", limit: int = 100) -> list[Claimed]:
    with engine.begin() as connection:
        return events.claim(connection, token, limit)


def settle(engine: Engine, token: str, *fetched: Fetched) -> None:
    with engine.begin() as connection:
        events.settle_fetched(connection, token, fetched)


def release(engine: Engine, token: str, wanted: Sequence[int], *, spend: bool, seconds: float = 0) -> None:
    with engine.begin() as connection:
        events.release(connection, token, wanted, seconds=seconds, spend=spend, error="later")


def known(engine: Engine) -> list[str]:
    found = {row.id: row.event_id for row in rows(engine, "SELECT id, event_id FROM event")}
    return [found[claimed.id] for claimed in claim(engine)]


def test_the_most_urgent_events_are_claimed_first_then_the_oldest(engine: Engine) -> None:
    record(
        engine,
        event("profile", urgency=Urgency.ROUTINE),
        event("failed", urgency=Urgency.FAILURE),
        event("dispute", urgency=Urgency.DISPUTE),
        event("failed later", urgency=Urgency.FAILURE),
    )
    assert known(engine) == ["dispute", "failed", "failed later", "profile"]


@pytest.mark.parametrize("most", Urgency)
def test_only_what_is_as_urgent_as_asked_for_is_claimed_and_counted(engine: Engine, most: Urgency) -> None:
    record(engine, *(event(urgency.name, urgency=urgency) for urgency in Urgency))
    with engine.begin() as connection:
        wanted = [urgency for urgency in Urgency if urgency <= most]
        assert events.waiting(connection, 10, most=most) == len(wanted)
        assert [one_.urgency for one_ in events.claim(connection, "w:1", 10, most=most)] == wanted
        assert events.waiting(connection, 10) == len(Urgency) - len(wanted)


def test_a_claimed_event_comes_as_it_was_recorded(engine: Engine) -> None:
    record(engine, event("n1", "inv1", "number-1001"))
    (claimed,) = claim(engine)
    assert (claimed.source, claimed.site, claimed.kind) == ("recurly", "acme", "charge_invoice.past_due")
    assert (claimed.urgency, claimed.tries) == (Urgency.FAILURE, 1)
    assert claimed.pointers == (Pointer("invoice", ("inv1", "number-1001")),)
    assert claimed.hinted_at == claimed.received_at


@pytest.mark.parametrize("status", ["fetched", "done", "ignored", "unknown", "dead", "buried"])
def test_only_pending_events_are_claimed(engine: Engine, status: str) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET status = :status", status=status)
    assert claim(engine) == []


def test_what_one_worker_holds_no_other_gets(engine: Engine) -> None:
    record(engine, event("a"))
    assert len(claim(engine, "w:1")) == 1
    assert claim(engine, "w:2") == []


def test_two_workers_that_claim_at_the_same_moment_share_and_do_not_wait(engine: Engine) -> None:
    record(engine, *(event(f"n{number}") for number in range(10)))
    with engine.begin() as first, engine.begin() as second:
        mine = events.claim(first, "w:1", 6)
        yours = events.claim(second, "w:2", 6)
    assert (len(mine), len(yours)) == (6, 4)
    assert not {one_.id for one_ in mine} & {one_.id for one_ in yours}


def test_the_limit_holds_whichever_plan_postgresql_takes(engine: Engine) -> None:
    record(engine, *(event(f"n{number}") for number in range(20)))
    with engine.begin() as connection:
        for plan in ("hashjoin", "mergejoin", "material", "hashagg", "sort", "bitmapscan", "indexscan"):
            connection.exec_driver_sql(f"SET LOCAL enable_{plan} = off")
        assert len(events.claim(connection, "w:1", 5)) == 5


def test_when_a_lease_runs_out_another_worker_gets_the_event(engine: Engine) -> None:
    record(engine, event())
    claim(engine, "w:1")
    make_ready(engine)
    (again,) = claim(engine, "w:2")
    assert again.tries == 2


def test_a_fetched_event_waits_for_the_decision_about_its_account(engine: Engine) -> None:
    record(engine, event())
    (claimed,) = claim(engine)
    settle(engine, "w:1", Fetched(claimed.id, subject()))
    found = one(engine, "SELECT * FROM event")
    assert (found.status, found.subject, found.lease, found.tries) == ("fetched", subject(), None, 0)
    assert found.settled_at is None


def test_an_event_without_an_account_is_done_and_says_why(engine: Engine) -> None:
    record(engine, event())
    (claimed,) = claim(engine)
    settle(engine, "w:1", Fetched(claimed.id, None, "nothing to do"))
    found = one(engine, "SELECT * FROM event")
    assert (found.status, found.note, found.subject) == ("done", "nothing to do", None)
    assert found.settled_at


ACTS: dict[str, Callable[[Engine, int], None]] = {
    "settle": lambda engine, id_: settle(engine, "w:1", Fetched(id_, subject())),
    "release": lambda engine, id_: release(engine, "w:1", [id_], spend=True),
    "give up": lambda engine, id_: _dead(engine, "w:1", [id_]),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_worker_that_lost_its_lease_changes_nothing(
    engine: Engine, act: Callable[[Engine, int], None]
) -> None:
    record(engine, event())
    (claimed,) = claim(engine, "w:1")
    make_ready(engine)
    claim(engine, "w:2")
    before = one(engine, "SELECT * FROM event")
    act(engine, claimed.id)
    assert one(engine, "SELECT * FROM event") == before


@pytest.mark.parametrize(("spend", "tries"), [(True, 1), (False, 0)])
def test_giving_back_counts_the_try_only_if_it_was_spent(engine: Engine, spend: bool, tries: int) -> None:
    record(engine, event())
    (claimed,) = claim(engine)
    release(engine, "w:1", [claimed.id], spend=spend)
    found = one(engine, "SELECT status, tries, lease, error FROM event")
    assert found == ("pending", tries, None, "later")


def test_an_event_that_was_given_back_waits_its_time(engine: Engine) -> None:
    record(engine, event())
    release(engine, "w:1", [claim(engine)[0].id], spend=True, seconds=60)
    assert claim(engine) == []
    make_ready(engine)
    assert len(claim(engine)) == 1


def test_a_dead_event_keeps_what_a_person_should_know(engine: Engine) -> None:
    record(engine, event())
    _dead(engine, "w:1", [claim(engine)[0].id])
    found = one(engine, "SELECT status, error, lease FROM event")
    assert found == ("dead", "Mend it.", None)


def test_an_event_that_takes_its_worker_down_every_time_is_given_up_on(engine: Engine) -> None:
    record(engine, event())
    for _ in range(MOST_TRIES):
        assert len(claim(engine)) == 1
        assert _exhausted(engine) == 0
        # its worker dies; the successor frees what it held and goes on at once
        rows(engine, "UPDATE event SET lease = NULL, ready_at = now()")
    assert claim(engine) == []
    assert _exhausted(engine) == 1
    found = one(engine, "SELECT status, error FROM event")
    assert found == ("dead", f"A worker died on this event {MOST_TRIES} times.")


def test_an_event_in_its_last_try_is_not_given_up_on_while_it_is_held(engine: Engine) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET tries = :tries", tries=MOST_TRIES - 1)
    claim(engine)
    assert _exhausted(engine) == 0


def test_a_known_error_is_kept_when_the_tries_are_used_up(engine: Engine) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET tries = :tries, error = 'known'", tries=MOST_TRIES)
    _exhausted(engine)
    assert one(engine, "SELECT error FROM event").error == "known"


def test_waiting_counts_what_could_be_claimed_and_no_further_than_asked(engine: Engine) -> None:
    record(engine, *(event(f"n{number}") for number in range(4)))
    claim(engine, limit=1)
    with engine.connect() as connection:
        assert events.waiting(connection, 10) == 3
        assert events.waiting(connection, 2) == 2


def test_a_site_was_first_heard_of_with_its_first_event(engine: Engine) -> None:
    record(engine, event("old"), event("new"), event("elsewhere", site="eu1"))
    rows(engine, "UPDATE event SET received_at = '2026-01-01Z' WHERE event_id = 'old'")
    rows(engine, "UPDATE event SET received_at = '2025-01-01Z' WHERE event_id = 'elsewhere'")
    with engine.connect() as connection:
        first = events.first_received_at(connection, "recurly", "acme")
        assert first
        assert first.isoformat() == "2026-01-01T00:00:00+00:00"
        assert events.first_received_at(connection, "recurly", "nowhere") is None


def _dead(engine: Engine, token: str, wanted: Sequence[int]) -> None:
    with engine.begin() as connection:
        events.dead(connection, token, wanted, "Mend it.")


def _exhausted(engine: Engine) -> int:
    with engine.begin() as connection:
        return events.dead_by_exhaustion(connection)


def test_what_may_kill_its_workers_comes_last_and_alone(engine: Engine) -> None:
    record(engine, *(event(f"n{number}") for number in range(4)))
    rows(engine, "UPDATE event SET tries = :tries WHERE event_id IN ('n0', 'n1')", tries=WORN)
    claimed = [[one_.id for one_ in claim(engine)] for _ in range(4)]
    assert [len(batch) for batch in claimed] == [2, 1, 1, 0]
    ids = {row.event_id: row.id for row in rows(engine, "SELECT event_id, id FROM event")}
    assert claimed == [[ids["n2"], ids["n3"]], [ids["n0"]], [ids["n1"]], []]
