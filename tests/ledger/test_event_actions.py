"""A person's acts: events worked again or buried, accounts tried again; each of a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import due, event, ids, one, record, rows, statuses, subject
from sqlalchemy import Engine

from connector.ledger import attempts, event_actions, queries, runs, subjects
from connector.ledger.attempts import Attempt, Cause
from connector.ledger.event_filter import Filter
from connector.models.events import Fate

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVERY = ("pending", "fetched", "done", "ignored", "unknown", "dead", "buried")


@pytest.mark.parametrize("status", EVERY)
def test_a_replayed_event_is_worked_again_whatever_became_of_it(engine: Engine, status: str) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET status = :status, tries = 9, error = 'x', lease = 'w:1'", status=status)
    before = one(engine, "SELECT hinted_at FROM event").hinted_at
    wanted = Filter(ids=tuple(ids(engine, "n1")))
    assert (
        _act(engine, event_actions.count_replayable, wanted)
        == _act(engine, event_actions.replay, wanted)
        == 1
    )
    found = one(engine, "SELECT * FROM event")
    assert (found.status, found.tries, found.error, found.lease) == ("pending", 0, "", None)
    assert found.hinted_at > before, "what is fetched for it must be newer than the replay"


def test_an_event_that_points_to_nothing_cannot_be_replayed(engine: Engine) -> None:
    record(engine, event(pointers=(), fate=Fate.UNREADABLE))
    assert (
        _act(engine, event_actions.count_replayable, Filter())
        == _act(engine, event_actions.replay, Filter())
        == 0
    )
    assert statuses(engine) == {"n1": "dead"}


@pytest.mark.parametrize("status", EVERY)
def test_only_what_waits_or_is_dead_or_unknown_is_buried(engine: Engine, status: str) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET status = :status, error = 'No API key.'", status=status)
    buried = status in ("pending", "dead", "unknown")
    run = begun(engine, "bury")
    with engine.begin() as connection:
        assert event_actions.count_buriable(connection, Filter()) == buried
        assert event_actions.bury(connection, Filter(), run) == buried
    found = one(engine, "SELECT status, error, runs FROM event")
    assert found == (("buried", "No API key.", [run]) if buried else (status, "No API key.", []))


def test_a_buried_event_is_left_out_of_a_replay_unless_it_is_meant(engine: Engine) -> None:
    record(engine, event("n1"), event("n2"))
    rows(engine, "UPDATE event SET status = 'buried' WHERE event_id = 'n1'")
    assert _act(engine, event_actions.count_replayable, Filter(source="recurly")) == 1
    assert _act(engine, event_actions.replay, Filter(source="recurly")) == 1
    assert statuses(engine) == {"n1": "buried", "n2": "pending"}
    for meant in (Filter(status="buried"), Filter(ids=tuple(ids(engine, "n1")))):
        rows(engine, "UPDATE event SET status = 'buried' WHERE event_id = 'n1'")
        assert (
            _act(engine, event_actions.count_replayable, meant)
            == _act(engine, event_actions.replay, meant)
            == 1
        )


def test_an_event_names_every_run_that_asked_something_of_it(engine: Engine) -> None:
    record(engine, event())
    asked = [begun(engine), begun(engine, "bury"), begun(engine)]
    with engine.begin() as connection:
        event_actions.replay(connection, Filter(), asked[0])
        event_actions.bury(connection, Filter(), asked[1])
        event_actions.replay(connection, Filter(status="buried"), asked[2])
    assert one(engine, "SELECT runs FROM event").runs == asked


def test_ids_that_are_no_events_are_told(engine: Engine) -> None:
    record(engine, event())
    (known,) = ids(engine, "n1")
    with engine.connect() as connection:
        assert event_actions.missing(connection, (known, 99_999, 77_777)) == [99_999, 77_777]


@pytest.mark.parametrize(
    ("account", "codes"), [(None, ["bob", "eve"]), ("bob", ["bob"]), (subject("eve"), ["eve"])]
)
def test_dead_accounts_are_listed_and_tried_again(
    engine: Engine, account: str | None, codes: list[str]
) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob"), due("eve"), due("ann")])
    rows(engine, "UPDATE subject SET status = 'dead', error = 'x', tries = 10 WHERE code <> 'ann'")
    rows(engine, "UPDATE subject SET status = 'idle' WHERE code = 'ann'")
    with engine.begin() as connection:
        assert [row["key"] for row in queries.dead_subjects(connection, account, 10)] == list(
            map(subject, codes)
        )
        assert len(queries.dead_subjects(connection, account, 1)) == 1
        assert event_actions.count_dead_subjects(connection, account) == len(codes)
        assert event_actions.retry_subjects(connection, account) == len(codes)
    with engine.begin() as connection:
        again = subjects.claim(connection, "w:1", 10)
    assert [(one_.code, one_.tries, one_.generation) for one_ in again] == [(code, 1, 2) for code in codes]


def begun(engine: Engine, command: str = "replay") -> int:
    with engine.begin() as connection:
        return runs.begin(connection, command, "lead", "ticket 4711", {})


def _act(engine: Engine, act: Any, wanted: Filter) -> int:
    with engine.begin() as connection:
        count: int = act(connection, wanted)
        return count


def test_an_account_that_is_tried_again_tells_whose_doing_it_is(engine: Engine) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    rows(engine, "UPDATE subject SET status = 'dead'")
    run_id = begun(engine, "retry")
    with engine.begin() as connection:
        event_actions.retry_subjects(connection, None, run_id)
        (claimed,) = subjects.claim(connection, "w:1", 1)
        made = Attempt(claimed.key, Cause(run_id=claimed.run_id), T0, T0, "unchanged")
        attempts.record(connection, [made])
        subjects.settle(connection, "w:1", [subjects.Settled(claimed.key, claimed.generation, "idle")])
    assert one(engine, "SELECT trigger, who, run_id FROM attempt") == ("retry", "lead", run_id)
    assert one(engine, "SELECT run_id FROM subject").run_id is None


def test_what_follows_when_its_history_was_fetched_is_still_of_that_run(engine: Engine) -> None:
    run_id = begun(engine, "missed")
    with engine.begin() as connection:
        subjects.mark_due(connection, [replace(due("bob"), run_id=run_id)])
        subjects.decide_history(connection, (), [subject("bob")])
        for history in ("wanted", "done"):
            (claimed,) = subjects.claim(connection, "w:1", 1)
            assert claimed.run_id == run_id, history
            subjects.settle(connection, "w:1", [subjects.Settled(claimed.key, claimed.generation, "idle")])
            subjects.decide_history(connection, (), (), done=[subject("bob")])
            subjects.mark_due(connection, [due("bob")])
        (claimed,) = subjects.claim(connection, "w:1", 1)
    assert claimed.run_id is None
