"""What admins did: a run for each command, and how far it came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from samples import one, rows
from sqlalchemy import Engine

from connector.ledger import runs


def begun(engine: Engine, command: str = "backfill") -> int:
    with engine.begin() as connection:
        return runs.begin(connection, command, "lead", "moving in", {"since": "2026-01-01"})


def test_a_run_tells_who_asked_for_what_and_why(engine: Engine) -> None:
    id_ = begun(engine)
    with engine.connect() as connection:
        run = runs.named(connection, id_)
    assert run is not None
    assert (run.command, run.who, run.reason, run.options) == (
        "backfill",
        "lead",
        "moving in",
        {"since": "2026-01-01"},
    )
    assert (run.state, run.progress, run.ended_at) == ("running", {}, None)


def test_one_that_ended_and_goes_on_is_running_again(engine: Engine) -> None:
    id_ = begun(engine)
    with engine.begin() as connection:
        runs.end(connection, id_, runs.STOPPED, "Ctrl-C")
    assert one(engine, "SELECT state, error FROM run WHERE ended_at IS NOT NULL") == ("stopped", "Ctrl-C")
    with engine.begin() as connection:
        runs.progress(connection, id_, {"pages": 7})
        found = runs.named(connection, id_)
    assert found is not None
    assert (found.state, found.progress, found.ended_at) == ("running", {"pages": 7}, None)


def test_the_latest_that_is_not_done_is_found_whatever_else_ran(engine: Engine) -> None:
    first, second, _ = begun(engine), begun(engine), begun(engine, "resync")
    rows(engine, "UPDATE run SET state = 'done' WHERE id = :id", id=second)
    with engine.connect() as connection:
        latest = runs.latest(connection, "backfill")
        unfinished = runs.latest(connection, "backfill", unfinished=True)
        assert runs.latest(connection, "drift") is None
        assert runs.named(connection, 0) is None
    assert latest is not None
    assert unfinished is not None
    assert (latest.id, unfinished.id) == (second, first)


def test_what_a_person_types_is_redacted(engine: Engine) -> None:
    card = "4111 1111 1111 1111"
    with engine.begin() as connection:
        id_ = runs.begin(
            connection, "link", "lead", f"customer sent {card}", {"note": card, "account": "a-1"}
        )
        runs.end(connection, id_, runs.FAILED, f"refused: {card}")
    run = one(engine, "SELECT reason, options, error FROM run")
    assert (run.reason, run.options) == ("customer sent [removed]", {"note": "[removed]", "account": "a-1"})
    assert run.error == "refused: [removed]"


def test_who_was_at_a_run_and_is_gone_has_left_those_that_ran_as_failed(engine: Engine) -> None:
    running, over, other = begun(engine, "nightly"), begun(engine, "nightly"), begun(engine)
    rows(engine, "UPDATE run SET who = 'scheduler' WHERE command = 'nightly'")
    with engine.begin() as connection:
        runs.end(connection, over, runs.STOPPED)
        runs.abandon(connection, "nightly", "scheduler", "It died.")
        runs.abandon(connection, "backfill", "scheduler", "It died.")
    states = {row.id: (row.state, row.error) for row in rows(engine, "SELECT id, state, error FROM run")}
    assert states == {running: ("failed", "It died."), over: ("stopped", ""), other: ("running", "")}


@pytest.mark.parametrize(("minutes", "rests"), [(59, True), (61, False)])
def test_how_often_just_this_was_tried_and_whether_it_rests(
    engine: Engine, minutes: int, rests: bool
) -> None:
    begun(engine), begun(engine, "resync")
    rows(engine, "UPDATE run SET touched_at = now() - make_interval(mins => :minutes)", minutes=minutes)
    hour = timedelta(hours=1)
    with engine.connect() as connection:
        assert runs.tried(connection, "backfill", {"since": "2026-01-01"}, hour) == runs.RecentRuns(1, rests)
        assert runs.tried(connection, "backfill", {"since": "2026-01-02"}, hour) == runs.RecentRuns(0, False)
        assert runs.tried(connection, "drift", {}, hour) == runs.RecentRuns(0, False)


def test_of_a_command_those_that_came_to_their_end(engine: Engine) -> None:
    first, _, third = begun(engine), begun(engine), begun(engine)
    rows(engine, "UPDATE run SET state = 'done' WHERE id = ANY(:ids)", ids=[first, third])
    rows(engine, "UPDATE run SET state = 'stopped' WHERE state = 'running'")
    with engine.connect() as connection:
        assert [run.id for run in runs.done(connection, "backfill")] == [first, third]
        latest = runs.latest(connection, "backfill", unfinished=True)
        assert latest is not None
        assert latest.state == "stopped"


def test_runs_are_listed_from_a_moment_on(engine: Engine) -> None:
    old, new = begun(engine), begun(engine)
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    rows(engine, "UPDATE run SET started_at = :at", at=moment)
    rows(engine, "UPDATE run SET started_at = :at WHERE id = :id", at=moment - timedelta(seconds=1), id=old)
    with engine.connect() as connection:
        assert [run.id for run in runs.listed(connection, None, None, moment, 10)] == [new]
        assert [run.id for run in runs.listed(connection, "backfill", "lead", None, 10)] == [new, old]
        assert runs.listed(connection, None, "nobody", None, 10) == []
        assert len(runs.listed(connection, None, None, None, 1)) == 1


def test_only_what_did_not_end_well_is_trouble(engine: Engine) -> None:
    id_ = begun(engine)
    for subject, error in (("a", ""), ("b", "No such field.")):
        rows(
            engine,
            "INSERT INTO attempt (subject, trigger, who, started_at, ended_at, outcome, error, run_id) "
            "VALUES (:subject, 'backfill', '', now(), now(), 'dead', :error, :run)",
            subject=subject,
            error=error,
            run=id_,
        )
    with engine.connect() as connection:
        assert [one_["subject"] for one_ in runs.troubles(connection, id_, 10)] == ["b"]
