"""Which cases Casewire reopened, escalated and closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from samples import subject
from sqlalchemy import Engine

from connector.ledger import attempts
from connector.ledger.attempts import Attempt, Cause, RowChange, Transitions

T0 = datetime(2026, 10, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def wrote(engine: Engine, key: str, transition: str | None, at: datetime, **more: object) -> None:
    told: dict[str, object] = {"object": "Case", "salesforce_id": "500A", "written": True} | more
    change = RowChange(
        key=key,
        rule="refund",
        reason="",
        before={},
        after={},
        transition=transition,
        mirror=None,
        **told,  # type: ignore[arg-type]
    )
    attempt = Attempt(subject("bob"), Cause(), at, at, "applied", changes=(change,))
    with engine.begin() as connection:
        attempts.record(connection, [attempt])


def seen(engine: Engine, since: datetime = T0) -> Transitions:
    with engine.connect() as connection:
        return attempts.written_transitions(connection, since)


def test_each_reopening_is_told_with_its_moment(engine: Engine) -> None:
    wrote(engine, "a", "reopen", T0)
    wrote(engine, "b", "reopen", T0)
    wrote(engine, "a", "reopen", T0 + DAY)
    assert seen(engine).reopened == {"a": (T0, T0 + DAY), "b": (T0,)}


def test_old_reopenings_and_escalations_count_old_closings_do_not(engine: Engine) -> None:
    for number, transition in enumerate(("reopen", "escalate", "resolve")):
        wrote(engine, f"old {number}", transition, T0 - DAY)
        wrote(engine, f"new {number}", transition, T0)
    told = seen(engine)
    assert set(told.reopened) == {"old 0", "new 0"}
    assert told.escalated == {"old 1", "new 1"}
    assert told.closed == {"new 2"}


def test_what_was_refused_what_is_no_transition_and_what_is_no_case_does_not_count(engine: Engine) -> None:
    wrote(engine, "a", "reopen", T0, written=False)
    wrote(engine, "b", None, T0)
    wrote(engine, "c", "open", T0)
    wrote(engine, "d", "resolve", T0, object="Account")
    assert seen(engine) == Transitions({}, set(), set())
