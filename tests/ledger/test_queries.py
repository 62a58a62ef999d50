"""Looking at the ledger: events by filter, the backlog in numbers, and what a decision needs of an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import due, event, ids, record, rows, subject
from sqlalchemy import Engine

from connector.ledger import account_events, queries, runs, subjects
from connector.ledger.event_filter import Filter
from connector.models.events import Fate, Pointer, Urgency

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)


def listed(engine: Engine, **wanted: Any) -> list[str]:
    with engine.connect() as connection:
        return [row["event_id"] for row in queries.events(connection, Filter(**wanted))]


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
    with engine.begin() as connection:
        subjects.mark_due(connection, [due(code) for code in ("bob", "eve", "a_b", "aXb")])
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
    "an underscore in a search is itself": ({"search": "charge_i"}, ["n1"]),
    "search in the middle of a word": ({"search": "ailed"}, []),
    "search that begins with punctuation": ({"search": "@example"}, ["n1"]),
    "search with several words": ({"search": "bob@example.c"}, ["n1"]),
    "the page before an id is what is older": ({"before": 1}, []),
    "a backslash is itself": ({"search": "\\"}, []),
    "all together": ({"source": "recurly", "kind": "*past_due", "account": "bob", "search": "bob"}, ["n1"]),
    "limit": ({"limit": 2}, ["n4", "n3"]),
}


@pytest.mark.parametrize(("wanted", "found"), FILTERS.values(), ids=FILTERS)
def test_events_are_listed_by(stocked: Engine, wanted: dict[str, Any], found: list[str]) -> None:
    assert listed(stocked, **wanted) == found


NEVER_FETCHED: dict[str, tuple[str, list[str]]] = {
    "its code": ("bob", ["n5"]),
    "its whole key": (subject("bob"), ["n5"]),
    "the key of another site": ("recurly:other:account:bob", []),
    "another code": ("bo", []),
}


@pytest.mark.parametrize(("account", "found"), NEVER_FETCHED.values(), ids=NEVER_FETCHED)
def test_an_event_that_was_never_fetched_is_found_by_the_account_it_points_to(
    engine: Engine, account: str, found: list[str]
) -> None:
    record(engine, event("n5", pointers=(Pointer("account", ("acc1", "code-bob")),)), event("n6"))
    assert listed(engine, account=account) == found


@pytest.mark.parametrize("name", ["source", "kind", "status", "account"])
def test_a_filter_that_is_empty_is_one_that_nothing_fits(stocked: Engine, name: str) -> None:
    assert listed(stocked, **{name: ""}) == []


def test_an_event_is_listed_with_the_last_run_that_asked_something_of_it(stocked: Engine) -> None:
    with stocked.begin() as connection:
        asked = [runs.begin(connection, "bury", who, why, {}) for who, why in (("a", "x"), ("b", "y"))]
        (number,) = connection.exec_driver_sql("SELECT id FROM event WHERE event_id = 'n2'").scalars()
        connection.exec_driver_sql("UPDATE event SET runs = %s WHERE event_id = 'n2'", (asked,))
        found = {one_["id"]: one_["run"] for one_ in queries.events(connection, Filter())}
    assert found.pop(number) == {"id": asked[1], "command": "bury", "who": "b", "reason": "y"}
    assert {*found.values()} == {None}


def test_the_ledger_knows_an_account_that_it_has_heard_of(stocked: Engine) -> None:
    with stocked.begin() as connection:
        subjects.mark_due(connection, [due("kim")])
        known = [queries.knows(connection, who) for who in ("kim", subject("kim"), "bob", "nobody")]
    assert known == [True, True, True, False]


def test_events_are_listed_by_number(stocked: Engine) -> None:
    assert listed(stocked, ids=tuple(ids(stocked, "n1", "n3"))) == ["n3", "n1"]


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_numbers_of_an_empty_ledger(engine: Engine) -> None:
    with engine.connect() as connection:
        found = queries.numbers(connection)
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
        found = queries.numbers(connection)
        unknown = queries.unknown_kinds(connection)
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
        found = account_events.load(connection, [subject("bob"), subject("nobody")])
    assert [(e.event_id, e.new, e.refs) for e in found[subject("bob")].entries] == [
        ("old", False, ("inv1",)),
        ("new", True, ("inv1", "number-1001")),
    ]
    assert found[subject("nobody")].entries == []


def test_a_timeline_has_every_new_event_but_only_so_many_old_ones(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_events, "OLD_EVENTS", 2)
    record(engine, *(event(f"n{number}") for number in range(8)))
    rows(
        engine,
        "UPDATE event SET subject = :s, status = CASE WHEN id % 2 = 0 THEN 'done' ELSE 'fetched' END",
        s=subject(),
    )
    with engine.connect() as connection:
        found = account_events.load(connection, [subject()])[subject()].entries
    assert (sum(e.new for e in found), sum(not e.new for e in found)) == (4, 2)


def test_an_event_without_a_time_of_its_own_happened_when_it_was_received(engine: Engine) -> None:
    record(engine, event(occurred_at=None))
    rows(engine, "UPDATE event SET subject = :s, status = 'done', received_at = :t", s=subject(), t=T0)
    with engine.connect() as connection:
        assert account_events.load(connection, [subject()])[subject()].entries[0].occurred_at == T0
