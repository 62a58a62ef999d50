"""Accounts that need a decision: nothing that arrives is missed, and no two workers hold the same one."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import due, event, make_ready, one, record, rows, subject
from sqlalchemy import Engine

from connector.ledger import subjects
from connector.ledger.subjects import MOST_TRIES, WORN, Claimed, Due, Settled
from connector.models.events import Urgency

BOB = subject("bob")


def mark(engine: Engine, *wanted: Due) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, wanted)


def claim(
    engine: Engine, token: str = "w:1", limit: int = 100, only: list[str] | None = None
) -> list[Claimed]:
    with engine.begin() as connection:
        return subjects.claim(connection, token, limit, only)


def settle(engine: Engine, claimed: Claimed, status: str, token: str = "w:1", **how: Any) -> None:
    with engine.begin() as connection:
        subjects.settle(connection, token, [Settled(claimed.key, claimed.generation, status, **how)])


def bob(engine: Engine) -> Any:
    return one(engine, "SELECT * FROM subject WHERE key = :key", key=BOB)


# ── becoming due ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_becomes_due_and_is_claimed_with_all_that_names_it(engine: Engine) -> None:
    mark(engine, due("b/o:b", Urgency.FAILURE))
    (claimed,) = claim(engine)
    assert (claimed.key, claimed.source, claimed.site, claimed.code) == (
        subject("b/o:b"),
        "recurly",
        "acme",
        "b/o:b",
    )
    assert (claimed.urgency, claimed.generation, claimed.tries) == (Urgency.FAILURE, 1, 1)


def test_an_account_is_as_urgent_as_the_most_urgent_reason(engine: Engine) -> None:
    mark(engine, due("bob", Urgency.ROUTINE), due("bob", Urgency.FAILURE), due("bob", Urgency.ROUTINE))
    assert bob(engine).urgency == Urgency.FAILURE
    mark(engine, due("bob", Urgency.DISPUTE))
    mark(engine, due("bob", Urgency.ROUTINE))
    assert bob(engine).urgency == Urgency.DISPUTE


def test_once_it_was_settled_a_new_reason_says_how_urgent_it_is(engine: Engine) -> None:
    mark(engine, due("bob", Urgency.DISPUTE))
    settle(engine, claim(engine)[0], "idle")
    mark(engine, due("bob", Urgency.ROUTINE))
    assert bob(engine).urgency == Urgency.ROUTINE


def test_it_is_due_since_the_first_reason(engine: Engine) -> None:
    mark(engine, due())
    first = bob(engine).due_at
    mark(engine, due())
    assert bob(engine).due_at == first


def test_a_new_reason_ends_the_wait_of_a_retry(engine: Engine) -> None:
    mark(engine, due())
    settle(engine, claim(engine)[0], "due", wait=300.0)
    assert claim(engine) == []
    mark(engine, due())
    assert [one_.tries for one_ in claim(engine)] == [2]


def test_a_dead_one_gets_another_chance_with_a_new_event(engine: Engine) -> None:
    mark(engine, due())
    settle(engine, claim(engine)[0], "dead", error="refused")
    assert claim(engine) == []
    mark(engine, due())
    (again,) = claim(engine)
    assert again.tries == 1


# ── claiming ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_most_urgent_are_claimed_first_then_those_that_wait_longest(engine: Engine) -> None:
    for code, urgency in (("later", 1), ("waits longest", 1), ("routine", 2), ("dispute", 0)):
        mark(engine, due(code, Urgency(urgency)))
    rows(
        engine,
        "UPDATE subject SET due_at = now() - interval '1 hour' WHERE code IN ('waits longest', 'routine')",
    )
    claimed = [claim(engine, limit=1)[0].code for _ in range(4)]
    assert claimed == ["dispute", "waits longest", "later", "routine"]


def test_the_limit_holds_whichever_plan_postgresql_takes(engine: Engine) -> None:
    mark(engine, *(due(f"c{number}") for number in range(20)))
    with engine.begin() as connection:
        for plan in ("hashjoin", "mergejoin", "material", "hashagg", "sort", "bitmapscan", "indexscan"):
            connection.exec_driver_sql(f"SET LOCAL enable_{plan} = off")
        assert len(subjects.claim(connection, "w:1", 5)) == 5


def test_a_leased_account_is_nobody_elses_even_when_it_becomes_due_again(engine: Engine) -> None:
    mark(engine, due())
    claim(engine, "w:1")
    mark(engine, due())
    assert claim(engine, "w:2") == []


def test_when_a_lease_runs_out_another_worker_gets_the_account(engine: Engine) -> None:
    mark(engine, due())
    claim(engine, "w:1")
    make_ready(engine, "subject")
    assert [one_.tries for one_ in claim(engine, "w:2")] == [2]


def test_a_person_gets_the_accounts_asked_for_due_or_not_and_no_others(engine: Engine) -> None:
    mark(engine, due("bob"), due("eve"), due("ann"))
    for claimed in claim(engine):
        settle(engine, claimed, "dead" if claimed.code == "eve" else "idle")
    mark(engine, due("ann"))
    found = claim(engine, "cli:1", only=[subject("bob"), subject("eve"), subject("unknown")])
    assert sorted(one_.code for one_ in found) == ["bob", "eve"]
    settle(engine, found[0], "idle", token="cli:1")
    assert [one_.code for one_ in claim(engine)] == ["ann"]


def test_a_person_does_not_get_what_a_worker_holds(engine: Engine) -> None:
    mark(engine, due())
    claim(engine, "w:1")
    assert claim(engine, "cli:1", only=[BOB]) == []


def test_a_person_does_not_wait_for_a_retry(engine: Engine) -> None:
    mark(engine, due())
    settle(engine, claim(engine)[0], "due", wait=300.0)
    assert len(claim(engine, "cli:1", only=[BOB])) == 1


def test_a_person_gets_what_a_dead_worker_still_held(engine: Engine) -> None:
    mark(engine, due())
    claim(engine)
    make_ready(engine, "subject")
    assert len(claim(engine, "cli:1", only=[BOB])) == 1


def test_what_a_person_claims_is_due_until_it_is_settled(engine: Engine) -> None:
    """Or it would be forgotten if the command were killed."""
    mark(engine, due())
    settle(engine, claim(engine)[0], "idle")
    claim(engine, "cli:1", only=[BOB])
    assert (bob(engine).status, bob(engine).due_at is not None) == ("due", True)
    make_ready(engine, "subject")
    assert len(claim(engine)) == 1


@pytest.mark.parametrize(
    ("bounds", "codes"),
    [
        ({}, ["dispute", "failure", "routine"]),
        ({"most": Urgency.FAILURE}, ["dispute", "failure"]),
        ({"most": Urgency.DISPUTE}, ["dispute"]),
        ({"least": Urgency.FAILURE}, ["failure", "routine"]),
        ({"least": Urgency.FAILURE, "most": Urgency.FAILURE}, ["failure"]),
    ],
)
def test_a_worker_claims_only_what_is_as_urgent_as_it_asks_for(
    engine: Engine, bounds: dict[str, Urgency], codes: list[str]
) -> None:
    mark(engine, *(due(urgency.name.lower(), urgency) for urgency in Urgency))
    with engine.begin() as connection:
        assert [one_.code for one_ in subjects.claim(connection, "w:1", 9, **bounds)] == codes
        least = bounds.get("least", Urgency.DISPUTE)
    make_ready(engine, "subject")
    with engine.begin() as connection:
        expected = sum(urgency >= least for urgency in Urgency)
        assert subjects.backlog(connection, 10, least=least).ready == expected
        assert subjects.backlog(connection, 10, **bounds).ready == len(codes)


def test_the_run_that_asked_is_known_until_the_account_and_its_history_are_done(engine: Engine) -> None:
    rows(
        engine,
        "INSERT INTO run (id, command, who, reason, options, state) VALUES (7, 'resync', 'ann', '', '{}', 'done')",
    )
    mark(engine, replace(due(), run_id=7))
    mark(engine, due())  # an event has no run, and does not hide the one that asked
    (claimed,) = claim(engine)
    assert claimed.run_id == 7
    mark(engine, due())
    settle(engine, claimed, "idle")
    assert bob(engine).run_id == 7, "it became due again meanwhile"
    rows(engine, "UPDATE subject SET history = 'wanted'")
    settle(engine, claim(engine)[0], "idle")
    assert bob(engine).run_id == 7, "its history is still to be fetched"
    rows(engine, "UPDATE subject SET history = 'done'")
    mark(engine, due())
    settle(engine, claim(engine)[0], "idle")
    assert bob(engine).run_id is None


# ── settling ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_as_current_as_what_was_read_for_it(engine: Engine) -> None:
    """What arrives between reading and writing is newer than that, and must not look settled."""
    read_at = datetime(2026, 11, 1, tzinfo=UTC)
    mark(engine, due())
    settle(engine, claim(engine)[0], "idle", known_at=read_at)
    assert bob(engine).applied_at == read_at


def test_only_a_failure_that_spent_its_try_counts(engine: Engine) -> None:
    mark(engine, due())
    rows(engine, "UPDATE subject SET tries = 4")
    settle(engine, claim(engine)[0], "due", spend=False)
    assert bob(engine).tries == 4
    settle(engine, claim(engine)[0], "dead")
    assert bob(engine).tries == 0


def test_a_settled_account_is_idle_and_remembers_when(engine: Engine) -> None:
    mark(engine, due())
    settle(engine, claim(engine)[0], "idle")
    found = bob(engine)
    assert (found.status, found.lease, found.tries, found.due_at) == ("idle", None, 0, None)
    assert found.applied_at


@pytest.mark.parametrize("status", ["idle", "dead"])
def test_what_arrives_during_a_decision_is_decided_next(engine: Engine, status: str) -> None:
    mark(engine, due())
    (claimed,) = claim(engine)
    mark(engine, due("bob", Urgency.DISPUTE))
    settle(engine, claimed, status)
    (again,) = claim(engine)
    assert (again.generation, again.urgency, again.tries) == (2, Urgency.DISPUTE, 1)


def test_a_retry_waits_its_time_even_if_more_arrived(engine: Engine) -> None:
    mark(engine, due())
    (claimed,) = claim(engine)
    mark(engine, due())
    settle(engine, claimed, "due", wait=300.0)
    assert claim(engine) == []


@pytest.mark.parametrize(("spend", "tries"), [(True, 1), (False, 0)])
def test_a_try_is_counted_only_if_it_was_spent(engine: Engine, spend: bool, tries: int) -> None:
    mark(engine, due())
    settle(engine, claim(engine)[0], "due", spend=spend, error="row lock", error_code="UNABLE_TO_LOCK_ROW")
    found = bob(engine)
    assert (found.status, found.tries) == ("due", tries)
    assert (found.error, found.error_code) == ("row lock", "UNABLE_TO_LOCK_ROW")


@pytest.mark.parametrize(
    ("meanwhile", "left"), [((), Urgency.ROUTINE), ((Urgency.FAILURE,), Urgency.DISPUTE)], ids=["no", "yes"]
)
def test_what_is_left_of_a_dispute_is_as_urgent_as_said_unless_it_became_due_again(
    engine: Engine, meanwhile: tuple[Urgency, ...], left: Urgency
) -> None:
    mark(engine, due(urgency=Urgency.DISPUTE))
    (claimed,) = claim(engine)
    mark(engine, *(due(urgency=urgency) for urgency in meanwhile))
    settle(engine, claimed, "due", remainder=Urgency.ROUTINE)
    assert Urgency(bob(engine).urgency) is left


def test_an_account_that_waits_keeps_its_urgency_where_nothing_is_said_of_the_rest(engine: Engine) -> None:
    mark(engine, due(urgency=Urgency.DISPUTE))
    settle(engine, claim(engine)[0], "due")
    assert Urgency(bob(engine).urgency) is Urgency.DISPUTE


def test_a_dead_one_says_why(engine: Engine) -> None:
    mark(engine, due())
    settle(engine, claim(engine)[0], "dead", error="Mend it.", error_code="NO_FIELD")
    found = bob(engine)
    assert (found.status, found.error, found.error_code) == ("dead", "Mend it.", "NO_FIELD")
    assert found.applied_at is None


def test_an_error_is_forgotten_when_it_works(engine: Engine) -> None:
    mark(engine, due())
    settle(engine, claim(engine)[0], "due", error="row lock", error_code="X")
    settle(engine, claim(engine)[0], "idle")
    assert (bob(engine).error, bob(engine).error_code) == ("", "")


def test_a_worker_that_lost_its_lease_settles_nothing(engine: Engine) -> None:
    mark(engine, due())
    (claimed,) = claim(engine, "w:1")
    make_ready(engine, "subject")
    claim(engine, "w:2")
    before = bob(engine)
    settle(engine, claimed, "idle", token="w:1")
    assert bob(engine) == before


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_looked_at_again_when_time_may_have_changed_the_answer(engine: Engine) -> None:
    """As urgent as what it waits for, whatever it was due for last."""
    mark(engine, due("bob", Urgency.ROUTINE))
    passed = {"look_again_at": datetime.now(UTC) - timedelta(seconds=1), "look_again_as": Urgency.DISPUTE}
    settle(engine, claim(engine)[0], "idle", **passed)
    assert _woken(engine) == 1
    (again,) = claim(engine)
    assert (again.urgency, again.generation) == (Urgency.DISPUTE, 2)
    assert bob(engine).look_again_at is None
    assert _woken(engine) == 0


def test_nothing_makes_less_urgent_what_waits_for_its_date(engine: Engine) -> None:
    """A resync of an account whose dispute has a deadline: while calls are short it would wait past that."""
    tomorrow = {"look_again_at": datetime.now(UTC) + timedelta(days=1), "look_again_as": Urgency.DISPUTE}
    mark(engine, due("bob", Urgency.DISPUTE))
    settle(engine, claim(engine)[0], "idle", **tomorrow)
    mark(engine, due("bob", Urgency.ROUTINE))
    (resynced,) = claim(engine)
    assert resynced.urgency == Urgency.DISPUTE
    mark(engine, due("bob", Urgency.FAILURE))
    settle(engine, resynced, "idle", **tomorrow)
    assert bob(engine).urgency == Urgency.DISPUTE, "due again meanwhile"


def test_nor_does_a_date_of_no_hurry_keep_it_urgent(engine: Engine) -> None:
    mark(engine, due("bob", Urgency.DISPUTE))
    settle(engine, claim(engine)[0], "idle", look_again_at=datetime.now(UTC) + timedelta(days=1))
    mark(engine, due("bob", Urgency.ROUTINE))
    assert bob(engine).urgency == Urgency.ROUTINE


@pytest.mark.parametrize("status", ["due", "dead"])
def test_only_an_idle_account_is_woken_by_time(engine: Engine, status: str) -> None:
    mark(engine, due())
    rows(
        engine,
        "UPDATE subject SET status = :status, look_again_at = now() - interval '1 second'",
        status=status,
    )
    assert _woken(engine) == 0


def test_an_account_is_not_looked_at_before_its_time(engine: Engine) -> None:
    mark(engine, due())
    settle(engine, claim(engine)[0], "idle", look_again_at=datetime.now(UTC) + timedelta(hours=1))
    assert _woken(engine) == 0
    assert bob(engine).look_again_at


def test_a_decision_without_a_date_takes_back_the_date_of_the_last(engine: Engine) -> None:
    mark(engine, due())
    settle(engine, claim(engine)[0], "idle", look_again_at=datetime.now(UTC))
    mark(engine, due())
    settle(engine, claim(engine)[0], "idle")
    assert bob(engine).look_again_at is None


def test_a_failed_decision_keeps_the_date(engine: Engine) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    mark(engine, due())
    settle(engine, claim(engine)[0], "idle", look_again_at=soon)
    mark(engine, due())
    settle(engine, claim(engine)[0], "dead")
    assert bob(engine).look_again_at == soon


# ── giving up ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_that_takes_its_worker_down_every_time_is_given_up_on(engine: Engine) -> None:
    mark(engine, due())
    for _ in range(MOST_TRIES):
        assert len(claim(engine)) == 1
        assert _exhausted(engine) == 0
        # its worker dies; the successor frees what it held and goes on at once
        rows(engine, "UPDATE subject SET lease = NULL, ready_at = now()")
    assert claim(engine) == []
    assert _exhausted(engine) == 1
    found = bob(engine)
    assert (found.status, found.error_code) == ("dead", "WORKER_DIED")
    assert found.error == f"A worker died on this account {MOST_TRIES} times."


def test_a_person_may_still_try_what_was_used_up(engine: Engine) -> None:
    mark(engine, due())
    rows(engine, "UPDATE subject SET tries = :tries", tries=MOST_TRIES)
    assert len(claim(engine, only=[BOB])) == 1


def test_an_account_that_was_given_up_on_is_claimed_again_when_something_new_arrives(engine: Engine) -> None:
    mark(engine, due())
    rows(engine, "UPDATE subject SET tries = :tries", tries=MOST_TRIES)
    assert _exhausted(engine) == 1
    mark(engine, due())
    assert [(one_.tries, one_.generation) for one_ in claim(engine)] == [(1, 2)]


def test_an_account_is_given_up_on_only_after_its_last_lease_has_run_out(engine: Engine) -> None:
    mark(engine, due())
    rows(engine, "UPDATE subject SET tries = :tries", tries=MOST_TRIES - 1)
    claim(engine)
    assert _exhausted(engine) == 0, "a worker still holds it"
    make_ready(engine, "subject")
    assert _exhausted(engine) == 1
    found = bob(engine)
    assert (found.status, found.lease) == ("dead", None)


# ── backlog ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_backlog_says_how_many_since_when_and_how_urgent(engine: Engine) -> None:
    mark(engine, due("bob"), due("eve", Urgency.DISPUTE))
    rows(engine, "UPDATE subject SET due_at = '2026-01-01Z' WHERE code = 'bob'")
    with engine.connect() as connection:
        found = subjects.backlog(connection, 10)
        assert (found.ready, found.most_urgent) == (2, Urgency.DISPUTE)
        assert found.oldest == datetime(2026, 1, 1, tzinfo=UTC)
        assert subjects.backlog(connection, 1).ready == 1


def test_an_empty_backlog_has_no_age(engine: Engine) -> None:
    with engine.connect() as connection:
        assert subjects.backlog(connection, 1) == subjects.Backlog(0, None, None)


# ── history: an account that is older than the ledger is fetched whole, once ─────────────────────────────────


def test_an_older_accounts_history_is_wanted_once(engine: Engine) -> None:
    mark(engine, due("old"), due("young"))
    with engine.begin() as connection:
        assert subjects.undecided_history(connection, [subject("old"), subject("young")]) == {
            subject("old"),
            subject("young"),
        }
        subjects.decide_history(connection, [subject("young")], [subject("old")])
    with engine.begin() as connection:
        assert subjects.undecided_history(connection, [subject("old"), subject("young")]) == set()
        assert subjects.histories_wanted(connection)
        assert [one_.code for one_ in subjects.claim_history(connection, 10)] == ["old"]
        assert not subjects.histories_wanted(connection)
        assert subjects.claim_history(connection, 10) == []
        subjects.decide_history(connection, (), (), done=[subject("old")])
    rows(engine, "UPDATE subject SET history_ready_at = now() - interval '1 second'")
    with engine.begin() as connection:
        assert subjects.claim_history(connection, 10) == []


def test_only_what_is_not_decided_is_asked_about(engine: Engine) -> None:
    mark(engine, due("old"), due("new"))
    with engine.begin() as connection:
        subjects.decide_history(connection, (), [subject("old")])
        assert subjects.undecided_history(connection, [subject("old"), subject("new")]) == {subject("new")}


def test_a_history_that_was_begun_lately_is_another_workers(engine: Engine) -> None:
    mark(engine, due())
    rows(engine, "UPDATE subject SET history = 'wanted', history_ready_at = now() + interval '1 minute'")
    with engine.begin() as connection:
        assert subjects.claim_history(connection, 10) == []
    rows(engine, "UPDATE subject SET history = 'done', history_ready_at = now() - interval '1 minute'")
    with engine.begin() as connection:
        assert subjects.claim_history(connection, 10) == []


def test_a_decided_history_is_not_decided_again(engine: Engine) -> None:
    mark(engine, due("bob"))
    with engine.begin() as connection:
        subjects.decide_history(connection, [BOB], ())
        subjects.decide_history(connection, (), [BOB])
        assert not subjects.histories_wanted(connection)


# ── concurrency ───────────────────────────────────────────────────────────────────────────────────────────────


def test_no_two_workers_ever_hold_the_same_account(open_ledger: Callable[[], Engine]) -> None:
    codes = [f"c{number}" for number in range(6)]
    held: set[str] = set()
    guard = threading.Lock()
    clashes: list[str] = []
    steps = itertools.count()
    engines = [open_ledger() for _ in range(4)]
    mark(engines[0], *(due(code) for code in codes))

    def work(number: int) -> None:
        engine, dice = engines[number], random.Random(number)
        while next(steps) < 120:
            claimed = claim(engine, f"w{number}:1", dice.randint(1, 4))
            with guard:
                clashes.extend(one_.key for one_ in claimed if one_.key in held)
                held.update(one_.key for one_ in claimed)
            mark(engine, *(due(code) for code in dice.sample(codes, 2)))
            with guard:
                held.difference_update(one_.key for one_ in claimed)
            for one_ in claimed:
                settle(engine, one_, dice.choice(["idle", "due"]), token=f"w{number}:1")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, number) for number in range(4)]:
            done.result()
    assert clashes == []


def _woken(engine: Engine) -> int:
    with engine.begin() as connection:
        return subjects.wake_by_time(connection)


def _exhausted(engine: Engine) -> int:
    with engine.begin() as connection:
        return subjects.dead_by_exhaustion(connection)


def test_what_may_kill_its_workers_comes_last_and_alone(engine: Engine) -> None:
    mark(engine, *(due(code) for code in ("ann", "bob", "eve")))
    rows(engine, "UPDATE subject SET tries = :tries WHERE code <> 'eve'", tries=WORN)
    rows(engine, "UPDATE subject SET tries = :tries WHERE code = 'eve'", tries=WORN - 1)
    assert [[one_.code for one_ in claim(engine)] for _ in range(4)] == [["eve"], ["ann"], ["bob"], []]


# ── a batch is bounded by what it loads ───────────────────────────────────────────────────────────────────────


def heard_of(engine: Engine, code: str, count: int, status: str) -> None:
    """So many events of an account."""
    record(engine, *(event(f"{code}-{status}-{n}") for n in range(count)))
    rows(
        engine,
        "UPDATE event SET status = :status, subject = :subject WHERE status = 'pending'",
        status=status,
        subject=due(code).key,
    )


def claimed_by_rows(engine: Engine, bound: int, limit: int = 10) -> list[str]:
    with engine.connect() as connection:  # rolled back: nothing stays claimed
        return [one.code for one in subjects.claim(connection, "w:1", limit, rows=bound)]


@pytest.fixture
def sized(engine: Engine) -> Engine:
    """a has 4 old events, b 2 new ones, which count threefold, c and d none; due in this order."""
    for code in "abcd":
        with engine.begin() as connection:
            subjects.mark_due(connection, [due(code)])
    heard_of(engine, "a", 4, "done")
    heard_of(engine, "b", 2, "fetched")
    return engine


@pytest.mark.parametrize(
    ("bound", "codes"),
    [(1, "a"), (4, "a"), (5, "ab"), (12, "ab"), (13, "abcd"), (100, "abcd")],
)
def test_accounts_are_claimed_while_what_they_load_is_below_the_bound(
    sized: Engine, bound: int, codes: str
) -> None:
    """b weighs 2 x 3 for its new events and 2 as events that were heard of: a and b are 12."""
    assert claimed_by_rows(sized, bound) == list(codes)


def test_the_number_of_accounts_bounds_a_batch_as_well(sized: Engine) -> None:
    assert claimed_by_rows(sized, 100, limit=3) == ["a", "b", "c"]


def test_what_a_bounded_batch_leaves_is_free_for_others(sized: Engine) -> None:
    with sized.begin() as connection:
        assert [one.code for one in subjects.claim(connection, "w:1", 10, rows=1)] == ["a"]
    with sized.begin() as connection:
        left = subjects.claim(connection, "w:2", 10, rows=100)
        assert [one.code for one in left] == ["b", "c", "d"]
        assert [one.tries for one in left] == [1, 1, 1]


def test_the_generation_is_that_of_the_facts_that_a_transaction_sees(engine: Engine) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("a")])
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        before = subjects.generations(connection, [due("a").key, due("b").key])
        with engine.begin() as other:
            subjects.mark_due(other, [due("a")])
        assert subjects.generations(connection, [due("a").key]) == before == {due("a").key: 1}
