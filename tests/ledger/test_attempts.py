"""The audit trail: event → attempt → change, and the mirror of what was last written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from samples import event, ids, one, record, rows, statuses, subject
from sqlalchemy import Engine

from connector.ledger import attempts, runs
from connector.ledger.attempts import Attempt, Cause, Mirrored, RowChange

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)


def change(key: str = "k1", **changed: Any) -> RowChange:
    usual: dict[str, Any] = {
        "object": "Case",
        "key": key,
        "rule": "payment_failed",
        "reason": "The invoice is past due.",
        "before": {"Subject": "old"},
        "after": {"Subject": "new", "Amount__c": "49"},
        "transition": None,
        "salesforce_id": "500A",
        "mirror": {"Subject": "new", "Amount__c": "49", "Other__c": None},
    }
    return RowChange(**usual | changed)


def attempt(code: str = "bob", *changes: RowChange, **changed: Any) -> Attempt:
    usual: dict[str, Any] = {
        "subject": subject(code),
        "cause": Cause(),
        "started_at": T0,
        "ended_at": T0,
        "outcome": "applied",
        "changes": changes,
    }
    return Attempt(**usual | changed)


def write(engine: Engine, *made: Attempt) -> None:
    with engine.begin() as connection:
        attempts.record(connection, made)


def mirror(engine: Engine, code: str = "bob") -> dict[tuple[str, str], Mirrored]:
    with engine.connect() as connection:
        return {record_: row for record_, _, row in attempts.mirrored(connection, [subject(code)])}


def fetched(engine: Engine, *event_ids: str) -> None:
    record(engine, *(event(event_id) for event_id in event_ids))
    rows(engine, "UPDATE event SET status = 'fetched'")


def test_an_attempt_tells_what_was_written_and_what_was_refused(engine: Engine) -> None:
    refused = change("k2", written=False, salesforce_id=None, mirror=None, error="No such field.")
    made = attempt(
        "bob",
        change(transition="open"),
        refused,
        outcome="dead",
        error="No such field.",
        cause=Cause(who="Ann"),
    )
    write(engine, made)
    kept = one(engine, "SELECT * FROM attempt")
    assert (kept.subject, kept.trigger, kept.who, kept.outcome) == (subject(), "webhook", "Ann", "dead")
    assert (kept.written, kept.refused, kept.started_at) == (1, 1, T0)
    first, second = rows(engine, "SELECT * FROM change ORDER BY id")
    assert (first.attempt_id, first.outcome, first.salesforce_id, first.transition) == (
        kept.id,
        "written",
        "500A",
        "open",
    )
    assert (first.before, first.after) == ({"Subject": "old"}, {"Subject": "new", "Amount__c": "49"})
    assert (second.outcome, second.error, second.salesforce_id) == ("refused", "No such field.", None)


def test_every_attempt_keeps_its_own_changes_and_events_however_many_there_are(engine: Engine) -> None:
    codes = [f"c{number}" for number in (17, 3, 99, 4, 58, 0, 23)] + [f"z{n}" for n in range(200)]
    fetched(engine, *codes[:7])
    events = dict(zip(codes[:7], ids(engine, *codes[:7]), strict=True))
    write(
        engine,
        *(attempt(c, change(f"k-{c}"), event_ids=(events[c],) if c in events else ()) for c in codes),
    )
    found = rows(
        engine,
        "SELECT a.subject, c.key, e.event_id FROM attempt a JOIN change c ON c.attempt_id = a.id "
        "LEFT JOIN event e ON e.attempt_id = a.id",
    )
    assert {(row.subject, row.key) for row in found} == {(subject(c), f"k-{c}") for c in codes}
    assert {(row.subject, row.event_id) for row in found if row.event_id} == {
        (subject(c), c) for c in codes[:7]
    }


def test_nothing_to_record_is_nothing(engine: Engine) -> None:
    write(engine)
    write(engine, attempt())
    assert len(rows(engine, "SELECT 1 FROM attempt")) == 1
    assert rows(engine, "SELECT 1 FROM change") == []


def test_the_mirror_holds_the_record_as_it_was_last_written(engine: Engine) -> None:
    write(engine, attempt("bob", change()))
    write(engine, attempt("bob", change(mirror={"Subject": "newer"}), change("k2")))
    assert mirror(engine) == {
        ("Case", "k1"): Mirrored("500A", {"Subject": "newer"}),
        ("Case", "k2"): Mirrored("500A", {"Subject": "new", "Amount__c": "49", "Other__c": None}),
    }


def test_a_refused_row_leaves_the_mirror_as_it_was(engine: Engine) -> None:
    write(engine, attempt("bob", change()))
    write(engine, attempt("bob", change(written=False, mirror=None)))
    assert mirror(engine)["Case", "k1"].fields["Subject"] == "new"


def test_a_forgotten_mirror_is_that_of_the_account_only(engine: Engine) -> None:
    write(engine, attempt("bob", change("k1")), attempt("bob2", change("k2")))
    with engine.begin() as connection:
        attempts.forget(connection, [subject("bob")])
    assert mirror(engine, "bob") == {}
    assert list(mirror(engine, "bob2")) == [("Case", "k2")]


def test_an_event_is_done_with_the_attempt_that_showed_it(engine: Engine) -> None:
    fetched(engine, "n1")
    write(engine, attempt("bob", event_ids=tuple(ids(engine, "n1"))))
    found = one(
        engine, "SELECT e.status, e.settled_at, a.subject FROM event e JOIN attempt a ON a.id = e.attempt_id"
    )
    assert (found.status, found.subject) == ("done", subject())
    assert found.settled_at


def test_an_event_that_is_worked_again_meanwhile_is_not_done(engine: Engine) -> None:
    fetched(engine, "again", "plain")
    rows(engine, "UPDATE event SET status = 'pending' WHERE event_id = 'again'")
    write(engine, attempt("bob", event_ids=tuple(ids(engine, "again", "plain"))))
    assert statuses(engine) == {"again": "pending", "plain": "done"}


# ── whose attempt it is, and those before it ──────────────────────────────────────────────────────────────────


def begun(engine: Engine, command: str, who: str) -> int:
    with engine.begin() as connection:
        return runs.begin(connection, command, who, "", {})


def test_an_event_that_is_told_again_keeps_the_attempts_it_was_settled_by(engine: Engine) -> None:
    fetched(engine, "n1")
    for _ in range(3):
        rows(engine, "UPDATE event SET status = 'fetched'")
        write(engine, attempt("bob", event_ids=tuple(ids(engine, "n1"))))
    made = [row.id for row in rows(engine, "SELECT id FROM attempt ORDER BY id")]
    kept = one(engine, "SELECT earlier, attempt_id FROM event")
    assert [*kept.earlier, kept.attempt_id] == made


def test_what_was_replayed_tells_whose_the_workers_attempt_is(engine: Engine) -> None:
    fetched(engine, "n1")
    run = begun(engine, "replay", "alice")
    rows(engine, "UPDATE event SET run_id = :run", run=run)
    write(engine, attempt("bob", event_ids=tuple(ids(engine, "n1"))))
    assert one(engine, "SELECT trigger, who, run_id FROM attempt") == ("replay", "alice", run)


def test_an_attempt_of_a_command_stays_its_own_where_a_replayed_event_meets_it(engine: Engine) -> None:
    fetched(engine, "n1")
    replay, resync = begun(engine, "replay", "alice"), begun(engine, "resync", "bob")
    rows(engine, "UPDATE event SET run_id = :run", run=replay)
    cause = Cause("resync", "bob", resync)
    write(engine, attempt("bob", cause=cause, event_ids=tuple(ids(engine, "n1"))))
    assert one(engine, "SELECT trigger, who, run_id FROM attempt") == ("resync", "bob", resync)


def test_a_command_that_writes_again_tells_who_went_on_with_it_last(engine: Engine) -> None:
    """A person who only looked is not the one who wrote."""
    fetched(engine, "n1")
    run = begun(engine, "backfill", "alice")
    with engine.begin() as connection:
        for who, writes in (("alice", True), ("bea", True), ("carl", False)):
            runs.begin_session(connection, run, who, "", writes=writes)
    write(engine, attempt("bob", cause=Cause(run_id=run), event_ids=tuple(ids(engine, "n1"))))
    assert one(engine, "SELECT trigger, who, run_id FROM attempt") == ("backfill", "bea", run)


def test_the_run_an_account_is_due_for_counts_before_that_of_an_event_it_meets(engine: Engine) -> None:
    fetched(engine, "n1")
    replay, resync = begun(engine, "replay", "alice"), begun(engine, "resync", "bea")
    rows(engine, "UPDATE event SET run_id = :run", run=replay)
    write(engine, attempt("bob", cause=Cause(run_id=resync), event_ids=tuple(ids(engine, "n1"))))
    assert one(engine, "SELECT trigger, who, run_id FROM attempt") == ("resync", "bea", resync)


def test_a_refused_change_is_told_as_refused_and_counted_apart(engine: Engine) -> None:
    refused = change("k2", written=False, mirror=None, error="No.")
    write(engine, attempt("bob", change("k1"), refused))
    assert one(engine, "SELECT written, refused FROM attempt") == (1, 1)
    found = {row.key: row.outcome for row in rows(engine, "SELECT key, outcome FROM change")}
    assert found == {"k1": "written", "k2": "refused"}


def test_a_mirror_tells_when_it_was_written_last(engine: Engine) -> None:
    write(engine, attempt("bob", change()))
    rows(engine, "UPDATE mirror SET written_at = now() - interval '1 day'")
    write(engine, attempt("bob", change()))
    assert one(engine, "SELECT written_at > now() - interval '1 hour' AS fresh FROM mirror").fresh


def test_a_record_of_which_nothing_is_known_but_that_it_is_there_is_mirrored(engine: Engine) -> None:
    write(engine, attempt("bob", change(mirror={})))
    assert mirror(engine) == {("Case", "k1"): Mirrored("500A", {})}


def test_a_case_that_is_to_be_moved_is_not_forgotten_and_tells_whence(engine: Engine) -> None:
    moved = change("k1", mirror={"Billing_Account_Key__c": "stripe:dispute:dp_1"})
    stays = change("k2", mirror={"Billing_Account_Key__c": subject("bob")})
    other = change("k3", object="Account", mirror={"Billing_Account_Key__c": "x"})
    write(engine, attempt("bob", moved, stays, other))
    with engine.begin() as connection:
        (case,) = attempts.moved_cases(connection, [subject("bob")])
        assert case == attempts.MovedCase("k1", "stripe:dispute:dp_1", subject("bob"))
        attempts.forget(connection, [subject("bob")])
    assert list(mirror(engine)) == [("Case", "k1")]
