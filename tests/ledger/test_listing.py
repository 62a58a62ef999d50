"""Looking at the ledger, and what a person may do to events and accounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import due, event, ids, one, record, rows, statuses, subject
from sqlalchemy import Engine
from sync.world import invoice

from connector.events import Fate, Urgency
from connector.ledger import attempts, events, listing, runs, snapshots, subjects, timeline
from connector.ledger.attempts import Attempt, Cause, RowChange
from connector.ledger.events import Fetched
from connector.ledger.listing import Filter

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)


def listed(engine: Engine, **wanted: Any) -> list[str]:
    with engine.connect() as connection:
        return [row["event_id"] for row in listing.events(connection, Filter(**wanted))]


@pytest.fixture
def stocked(engine: Engine) -> Engine:
    """Four events, received a day apart."""
    record(
        engine,
        event("n1", kind="charge_invoice.past_due", body='{"email": "bob@example.com"}'),
        event("n2", kind="payment.failed", source="other"),
        event("n3", kind="payment.succeeded", fate=Fate.IGNORED),
        event("n4", kind="chargeXinvoice.past_due", body="100% sure"),
    )
    for day, (event_id, code) in enumerate((("n1", "bob"), ("n2", "eve"), ("n3", "a_b"), ("n4", "aXb"))):
        rows(
            engine,
            "UPDATE event SET received_at = :at, subject = :subject WHERE event_id = :id",
            at=T0 + timedelta(days=day),
            subject=subject(code),
            id=event_id,
        )
    return engine


FILTERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing: newest first": ({}, ["n4", "n3", "n2", "n1"]),
    "source": ({"source": "other"}, ["n2"]),
    "kind": ({"kind": "payment.failed"}, ["n2"]),
    "kind with a star": ({"kind": "payment.*"}, ["n3", "n2"]),
    "an underscore in a kind is itself": ({"kind": "charge_invoice.*"}, ["n1"]),
    "a percent sign in a kind is itself": ({"kind": "payment%"}, []),
    "status": ({"status": "ignored"}, ["n3"]),
    "account code": ({"account": "bob"}, ["n1"]),
    "account key": ({"account": subject("eve")}, ["n2"]),
    "an underscore in a code is itself": ({"account": "a_b"}, ["n3"]),
    "a percent sign in a code is itself": ({"account": "%"}, []),
    "part of a code is not a code": ({"account": "ob"}, []),
    "since": ({"since": T0 + timedelta(days=2)}, ["n4", "n3"]),
    "until is not included": ({"until": T0 + timedelta(days=1)}, ["n1"]),
    "search in the body": ({"search": "BOB@example"}, ["n1"]),
    "search in the event id": ({"search": "n3"}, ["n3"]),
    "search in the kind": ({"search": "succeeded"}, ["n3"]),
    "a percent sign in a search is itself": ({"search": "100%"}, ["n4"]),
    "only a percent sign": ({"search": "%"}, ["n4"]),
    "an underscore in a search is itself": ({"search": "e_i"}, ["n1"]),
    "a backslash is itself": ({"search": "\\"}, []),
    "all together": ({"source": "recurly", "kind": "*past_due", "account": "bob", "search": "bob"}, ["n1"]),
    "limit": ({"limit": 2}, ["n4", "n3"]),
}


@pytest.mark.parametrize(("wanted", "found"), FILTERS.values(), ids=FILTERS)
def test_events_are_listed_by(stocked: Engine, wanted: dict[str, Any], found: list[str]) -> None:
    assert listed(stocked, **wanted) == found


def test_events_are_listed_by_number(stocked: Engine) -> None:
    assert listed(stocked, ids=tuple(ids(stocked, "n1", "n3"))) == ["n3", "n1"]


# ── one event whole ───────────────────────────────────────────────────────────────────────────────────────────


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
        story = listing.story(connection, claimed.id)
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
        assert listing.story(connection, 4711) is None


# ── replay, bury, retry ───────────────────────────────────────────────────────────────────────────────────────

EVERY = ("pending", "fetched", "done", "ignored", "unknown", "dead", "buried")


@pytest.mark.parametrize("status", EVERY)
def test_a_replayed_event_is_worked_again_whatever_became_of_it(engine: Engine, status: str) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET status = :status, tries = 9, error = 'x', lease = 'w:1'", status=status)
    before = one(engine, "SELECT hinted_at FROM event").hinted_at
    wanted = Filter(ids=tuple(ids(engine, "n1")))
    assert _act(engine, listing.count_replayable, wanted) == _act(engine, listing.replay, wanted) == 1
    found = one(engine, "SELECT * FROM event")
    assert (found.status, found.tries, found.error, found.lease) == ("pending", 0, "", None)
    assert found.hinted_at > before, "what is fetched for it must be newer than the replay"


def test_an_event_that_points_to_nothing_cannot_be_replayed(engine: Engine) -> None:
    record(engine, event(pointers=(), fate=Fate.UNREADABLE))
    assert _act(engine, listing.count_replayable, Filter()) == _act(engine, listing.replay, Filter()) == 0
    assert statuses(engine) == {"n1": "dead"}


@pytest.mark.parametrize("status", EVERY)
def test_only_what_waits_or_is_dead_or_unknown_is_buried(engine: Engine, status: str) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET status = :status", status=status)
    buried = status in ("pending", "dead", "unknown")
    with engine.begin() as connection:
        assert listing.count_buriable(connection, Filter()) == buried
        assert listing.bury(connection, Filter(), "test account") == buried
    found = one(engine, "SELECT status, error FROM event")
    assert found == (("buried", "test account") if buried else (status, ""))


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
        assert [row["key"] for row in listing.dead_subjects(connection, account, 10)] == list(
            map(subject, codes)
        )
        assert len(listing.dead_subjects(connection, account, 1)) == 1
        assert listing.retry_subjects(connection, account) == len(codes)
    with engine.begin() as connection:
        again = subjects.claim(connection, "w:1", 10)
    assert [(one_.code, one_.tries, one_.generation) for one_ in again] == [(code, 1, 2) for code in codes]


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_numbers_of_an_empty_ledger(engine: Engine) -> None:
    with engine.connect() as connection:
        found = listing.numbers(connection)
    assert {name: value for name, value in found.items() if value} == {}
    assert found["events_waiting"] == 0
    assert found["oldest_event_seconds"] is None


def test_the_numbers_say_what_waits_and_what_needs_a_person(engine: Engine) -> None:
    record(
        engine,
        event("a"),
        event("b"),
        event("c", fate=Fate.UNREADABLE),
        event("d", fate=Fate.UNKNOWN, kind="new.kind"),
        event("e", fate=Fate.UNKNOWN, kind="new.kind"),
    )
    rows(engine, "UPDATE event SET received_at = now() - interval '90 seconds' WHERE event_id = 'a'")
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob"), due("eve"), due("ann")])
        subjects.decide_history(connection, (), [subject("ann")])
    rows(engine, "UPDATE subject SET status = 'dead' WHERE code = 'eve'")
    with engine.connect() as connection:
        found = listing.numbers(connection)
        unknown = listing.unknown_kinds(connection)
    assert (found["events_waiting"], found["dead_events"], found["unknown_events"]) == (2, 1, 2)
    assert (found["accounts_due"], found["dead_accounts"], found["histories_wanted"]) == (2, 1, 1)
    assert isinstance(found["oldest_event_seconds"], float)
    assert found["oldest_event_seconds"] >= 90
    assert [(row["source"], row["kind"], row["events"]) for row in unknown] == [("recurly", "new.kind", 2)]


# ── the events of an account, as a decision needs them ────────────────────────────────────────────────────────


def test_a_timeline_has_the_worked_events_of_its_account_oldest_first(engine: Engine) -> None:
    record(
        engine,
        event("new", "inv1", "number-1001", occurred_at=T0 + timedelta(hours=2)),
        event("old", occurred_at=T0),
        event("waiting", occurred_at=T0, urgency=Urgency.DISPUTE),
        event("eve's", occurred_at=T0),
    )
    for event_id, code, status in (
        ("new", "bob", "fetched"),
        ("old", "bob", "done"),
        ("eve's", "eve", "done"),
    ):
        rows(
            engine,
            "UPDATE event SET status = :status, subject = :subject WHERE event_id = :id",
            status=status,
            subject=subject(code),
            id=event_id,
        )
    with engine.connect() as connection:
        found = timeline.load(connection, [subject("bob"), subject("nobody")])
    assert [(e.event_id, e.new, e.refs) for e in found[subject("bob")]] == [
        ("old", False, ("inv1",)),
        ("new", True, ("inv1", "number-1001")),
    ]
    assert found[subject("nobody")] == []


def test_a_timeline_has_every_new_event_but_only_so_many_old_ones(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "OLD_EVENTS", 2)
    record(engine, *(event(f"n{number}") for number in range(8)))
    rows(
        engine,
        "UPDATE event SET subject = :s, status = CASE WHEN id % 2 = 0 THEN 'done' ELSE 'fetched' END",
        s=subject(),
    )
    with engine.connect() as connection:
        found = timeline.load(connection, [subject()])[subject()]
    assert (sum(e.new for e in found), sum(not e.new for e in found)) == (4, 2)


def test_an_event_without_a_time_of_its_own_happened_when_it_was_received(engine: Engine) -> None:
    record(engine, event(occurred_at=None))
    rows(engine, "UPDATE event SET subject = :s, status = 'done', received_at = :t", s=subject(), t=T0)
    with engine.connect() as connection:
        assert timeline.load(connection, [subject()])[subject()][0].occurred_at == T0


def _act(engine: Engine, act: Any, wanted: Filter) -> int:
    with engine.begin() as connection:
        count: int = act(connection, wanted)
        return count


# ── what an admin did ─────────────────────────────────────────────────────────────────────────────────────────


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
        listing.replay(connection, Filter(), run_id)
    settled(engine)
    with engine.connect() as connection:
        story = listing.story(connection, ids(engine, "n1")[0])
    assert story is not None
    told = [(one_["trigger"], one_["who"], one_["reason"], one_["run_id"]) for one_ in story["attempts"]]
    assert told == [("webhook", "", "", None), ("replay", "lead", "ticket 4711", run_id)]
    assert one(engine, "SELECT run_id FROM event").run_id is None, "the next attempt is nobody's replay"


def test_an_account_that_is_tried_again_tells_whose_doing_it_is(engine: Engine) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    rows(engine, "UPDATE subject SET status = 'dead'")
    run_id = begun(engine, "retry")
    with engine.begin() as connection:
        listing.retry_subjects(connection, None, run_id)
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
