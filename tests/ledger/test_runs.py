"""What admins did: a run for each command, and how far it came."""

from __future__ import annotations

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
