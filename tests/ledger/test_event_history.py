"""The story of an event: delivery → snapshot → plan → change → Salesforce id, and what else was done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from samples import due, event, ids, one, record, rows, subject, weak
from sqlalchemy import Engine
from sync.world import invoice

from connector.ledger import attempts, event_actions, event_history, events, links, runs, snapshots, subjects
from connector.ledger.attempts import Attempt, Cause, RowChange
from connector.ledger.event_filter import Filter
from connector.ledger.events import Fetched
from connector.ledger.inbox import insert

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime.now(UTC) + timedelta(hours=1)


def test_an_events_story_goes_from_the_delivery_to_the_record(engine: Engine) -> None:
    record(engine, event("n1", "inv1", "number-1001"))
    with engine.begin() as connection:
        snapshots.store(connection, "recurly", "acme", T0, [invoice(), invoice(id="other", number="1")])
        (claimed,) = events.claim(connection, "w:1", 1)
        events.settle_fetched(connection, "w:1", [Fetched(claimed.id, subject())])
        change = RowChange("Case", "k", "rule", "why", {}, {"Subject": "x"}, "open", "500A")
        attempts.record(
            connection,
            [Attempt(subject(), Cause(), T0, T0, "applied", changes=(change,), event_ids=(claimed.id,))],
        )
        story = event_history.story(connection, claimed.id)
    assert story
    assert (story["status"], story["body"], story["pointers"]) == (
        "done",
        "{}",
        [["invoice", ["inv1", "number-1001"]]],
    )
    assert [one_["id"] for one_ in story["snapshots"]] == ["inv1"]
    (attempt,) = story["attempts"]
    assert [(c["object"], c["salesforce_id"], c["transition"]) for c in attempt["changes"]] == [
        ("Case", "500A", "open")
    ]


def test_there_is_no_story_of_an_unknown_event(engine: Engine) -> None:
    with engine.connect() as connection:
        assert event_history.story(connection, 4711) is None


# ── what a person asked of it ─────────────────────────────────────────────────────────────────────────────────────────


def begun(engine: Engine, command: str = "replay") -> int:
    with engine.begin() as connection:
        return runs.begin(connection, command, "lead", "ticket 4711", {"ids": [1]})


def settled(engine: Engine) -> None:
    """The fetched events are done by one attempt of a worker."""
    rows(engine, "UPDATE event SET status = 'fetched', subject = :key", key=subject())
    made = Attempt(subject(), Cause(), T0, T0, "applied", event_ids=tuple(ids(engine, "n1")))
    with engine.begin() as connection:
        attempts.record(connection, [made])


def test_a_replay_tells_who_and_why_and_keeps_what_was_done_before(engine: Engine) -> None:
    record(engine, event())
    settled(engine)
    run_id = begun(engine)
    with engine.begin() as connection:
        event_actions.replay(connection, Filter(), run_id)
    settled(engine)
    with engine.connect() as connection:
        story = event_history.story(connection, ids(engine, "n1")[0])
    assert story is not None
    told = [(one_["trigger"], one_["who"], one_["reason"], one_["run_id"]) for one_ in story["attempts"]]
    assert told == [("webhook", "", "", None), ("replay", "lead", "ticket 4711", run_id)]
    assert [(one_["id"], one_["who"], one_["reason"]) for one_ in story["runs"]] == [
        (run_id, "lead", "ticket 4711")
    ]
    assert one(engine, "SELECT run_id FROM event").run_id is None, "the next attempt is nobody's replay"


def test_a_burial_tells_who_and_why_beside_what_was_wrong(engine: Engine) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET status = 'dead', error = 'No API key.'")
    run_id = begun(engine, "bury")
    with engine.begin() as connection:
        event_actions.bury(connection, Filter(), run_id)
    found = told(engine)
    assert (found["status"], found["error"]) == ("buried", "No API key.")
    assert [(one_["command"], one_["who"], one_["reason"]) for one_ in found["runs"]] == [
        ("bury", "lead", "ticket 4711")
    ]


def test_a_replay_that_ends_dead_is_told_of_too(engine: Engine) -> None:
    record(engine, event())
    run_id = begun(engine)
    with engine.begin() as connection:
        event_actions.replay(connection, Filter(), run_id)
        events.claim(connection, "w:1", 1)
        events.dead(connection, "w:1", ids(engine, "n1"), "No API key.")
    found = told(engine)
    assert (found["status"], [one_["id"] for one_ in found["runs"]]) == ("dead", [run_id])


# ── what else was done to its account ─────────────────────────────────────────────────────────────────────────


def told(engine: Engine, event_id: str = "n1") -> dict[str, Any]:
    with engine.connect() as connection:
        found = event_history.story(connection, ids(engine, event_id)[0])
    assert found is not None
    return found


def attempted(engine: Engine, outcome: str, key: str = subject(), **changed: Any) -> None:
    change = RowChange("Case", "k", "rule", "why", {}, {"Subject": "x"}, "open", "500A")
    usual: dict[str, Any] = {"cause": Cause(), "changes": () if outcome == "unchanged" else (change,)}
    made = Attempt(key, started_at=LATER, ended_at=LATER, outcome=outcome, **usual | changed)
    with engine.begin() as connection:
        attempts.record(connection, [made])


def test_events_that_are_told_again_keep_the_attempt_that_opened_their_case(engine: Engine) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    record(engine, event())
    settled(engine)
    with engine.begin() as connection:
        links.forget(connection, [subject()])
    settled(engine)
    assert len(told(engine)["attempts"]) == 2


def test_so_does_one_that_is_known_by_its_body_only_and_comes_again(engine: Engine) -> None:
    record(engine, weak("n1"))
    settled(engine)
    with engine.begin() as connection:
        insert(connection, [weak("n1")])
    assert told(engine)["status"] == "pending"
    settled(engine)
    assert len(told(engine)["attempts"]) == 2


def test_an_account_that_was_given_up_on_says_so_in_the_story_of_its_events(engine: Engine) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET status = 'fetched', subject = :s", s=subject())
    assert told(engine)["subject_status"] is None
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    rows(engine, "UPDATE subject SET status = 'dead', error = 'Mend it.', error_code = 'RULE'")
    found = told(engine)["subject_status"]
    assert (found["status"], found["error"], found["error_code"]) == ("dead", "Mend it.", "RULE")


def test_what_was_written_by_a_retried_or_dead_attempt_or_for_its_history_is_told(engine: Engine) -> None:
    record(engine, event())
    for outcome in ("retry", "dead", "applied", "unchanged"):
        attempted(engine, outcome)
    attempted(engine, "applied", subject("eve"))
    settled(engine)
    found = told(engine)
    assert [one_["outcome"] for one_ in found["later"]] == ["retry", "dead", "applied"]
    assert {change["salesforce_id"] for one_ in found["later"] for change in one_["changes"]} == {"500A"}
    assert (len(found["attempts"]), found["by_runs"]) == (1, [])


def test_what_came_before_the_event_is_no_part_of_its_story(engine: Engine) -> None:
    record(engine, event())
    settled(engine)
    attempted(engine, "applied")
    rows(engine, "UPDATE event SET received_at = :at", at=LATER + timedelta(hours=1))
    assert told(engine)["later"] == []


def test_what_was_done_while_its_object_had_no_account_is_told(engine: Engine) -> None:
    own = "stripe:dispute:dp_1"
    record(engine, event())
    attempted(engine, "applied", own, event_ids=())
    rows(engine, "UPDATE event SET status = 'fetched', subject = :s", s=own)
    attempted(engine, "applied", own, event_ids=tuple(ids(engine, "n1")))
    rows(engine, "UPDATE event SET status = 'fetched', subject = :s", s=subject())
    settled(engine)
    found = told(engine)
    assert [one_["subject"] for one_ in found["attempts"]] == [own, subject()]
    assert [one_["subject"] for one_ in found["later"]] == [own]


def test_a_story_tells_of_so_many_other_attempts_and_counts_the_rest(engine: Engine) -> None:
    record(engine, event())
    settled(engine)
    run_id = begun(engine, "resync")
    for _ in range(event_history.MOST + 3):
        attempted(engine, "applied")
        attempted(engine, "unchanged", cause=Cause("resync", "lead", run_id))
    found = told(engine)
    for name in ("later", "by_runs"):
        assert (len(found[name]), found[f"{name}_left_out"]) == (event_history.MOST, 3)
    assert [one_["id"] for one_ in found["later"]] == sorted(one_["id"] for one_ in found["later"])
