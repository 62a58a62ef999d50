"""Recording: what arrives is committed before it is answered, once, whoever brings it and how often."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from samples import event, make_ready, one, record, rows, statuses, weak
from sqlalchemy import Connection, Engine

from connector.errors import Rejected, Unavailable
from connector.ledger import events
from connector.ledger.engine import open_engine
from connector.ledger.inbox import _COUNT, _INSERT, BY_KEY, Inbox, Recorded, _row, insert
from connector.models.events import Event, Fate, Pointer

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)
InboxOf = Callable[[Engine], Inbox]


@pytest.fixture
def inbox_of() -> Iterator[InboxOf]:
    """Makes inboxes, and ends them with the test."""
    made: list[Inbox] = []

    def make(engine: Engine) -> Inbox:
        made.append(Inbox(engine))
        return made[-1]

    yield make
    for one_ in made:
        one_.close()


@pytest.fixture
def inbox(engine: Engine, inbox_of: InboxOf) -> Inbox:
    return inbox_of(engine)


class Gate:
    """An inbox whose first commit waits, so that what comes meanwhile is committed together."""

    def __init__(self, engine: Engine, inbox_of: InboxOf) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.inbox = inbox_of(cast(Engine, self))
        self._engine = engine

    def connect(self) -> Connection:
        """What the inbox asks of an engine."""
        self.entered.set()
        self.open.wait()
        return self._engine.connect()

    def wait_for_line(self, length: int) -> None:
        while self.inbox._line.qsize() < length:
            time.sleep(0.001)


@pytest.fixture
def gate(engine: Engine, inbox_of: InboxOf) -> Iterator[Gate]:
    made = Gate(engine, inbox_of)
    yield made
    made.open.set()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    return lambda seconds: monkeypatch.setattr("connector.ledger.inbox.PATIENCE_SECONDS", seconds)


def test_a_new_event_is_accepted_and_kept_whole(engine: Engine, inbox: Inbox) -> None:
    given = event("n1", "inv1", "number-1001", body='{"a": "ü"}', note="why", occurred_at=T0)
    assert inbox.record([given]).result() == Recorded(1, 0)
    kept = one(engine, "SELECT * FROM event")
    assert (kept.source, kept.site, kept.event_id) == ("recurly", "acme", "n1")
    assert (kept.kind, kept.fate, kept.format) == ("charge_invoice.past_due", "handled", "json")
    assert (kept.status, kept.urgency, kept.deliveries, kept.tries) == ("pending", 1, 1, 0)
    assert kept.pointers == [["invoice", ["inv1", "number-1001"]]]
    assert (kept.body, kept.note, kept.occurred_at) == ('{"a": "ü"}', "why", T0)


@pytest.mark.parametrize(
    ("fate", "status"),
    [
        (Fate.HANDLED, "pending"),
        (Fate.IGNORED, "ignored"),
        (Fate.UNKNOWN, "unknown"),
        (Fate.UNREADABLE, "dead"),
    ],
)
def test_the_fate_decides_how_an_event_begins(engine: Engine, fate: Fate, status: str) -> None:
    record(engine, event(fate=fate))
    assert statuses(engine) == {"n1": status}


def test_the_same_event_again_is_a_duplicate_and_is_counted(engine: Engine, inbox: Inbox) -> None:
    assert inbox.record([event()]).result() == Recorded(1, 0)
    assert inbox.record([event()]).result() == Recorded(0, 1)
    assert one(engine, "SELECT deliveries FROM event").deliveries == 2


def test_the_same_event_twice_in_one_delivery_is_accepted_once(inbox: Inbox) -> None:
    assert inbox.record([event("a"), event("b"), event("a")]).result() == Recorded(2, 1)


def test_the_same_id_of_another_source_or_site_is_another_event(inbox: Inbox) -> None:
    given = [event(), event(site="eu1"), event(source="other")]
    assert inbox.record(given).result() == Recorded(3, 0)


def test_an_event_is_recorded_only_once_it_is_committed(
    inbox: Inbox, open_ledger: Callable[[], Engine]
) -> None:
    inbox.record([event()]).result()
    assert statuses(open_ledger()) == {"n1": "pending"}


def test_a_recording_calls_back_once_after_its_commit(engine: Engine, gate: Gate) -> None:
    calls: list[dict[str, str]] = []
    recording = gate.inbox.record([event("n1")])
    recording.when_done(lambda: calls.append(statuses(engine)))
    assert gate.entered.wait(60)
    assert not calls
    gate.open.set()
    gate.inbox.close()
    assert calls == [{"n1": "pending"}]
    assert recording.result() == Recorded(1, 0)


def test_a_recording_that_is_done_calls_back_at_once(inbox: Inbox) -> None:
    calls: list[str] = []
    recording = inbox.record([event("n1")])
    recording.result()
    recording.when_done(lambda: calls.append("done"))
    assert calls == ["done"]


@pytest.mark.parametrize("other", [{"site": "elsewhere"}, {"source": "stripe"}])
def test_the_same_id_of_another_site_or_source_is_another_event(
    inbox: Inbox, engine: Engine, other: dict[str, str]
) -> None:
    first, second = event(), replace(event(), **other)
    for one_ in (first, second, second):
        inbox.record([one_]).result()
    found = rows(engine, "SELECT source, site, deliveries FROM event ORDER BY id")
    assert [tuple(row) for row in found] == [(first.source, first.site, 1), (second.source, second.site, 2)]


def test_a_replay_is_looked_up_by_its_content_also_without_statistics(engine: Engine) -> None:
    given = [replace(event(f"n{n}"), content=f"{n:064x}", signed_at=T0) for n in range(2000)]
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE event SET (autovacuum_enabled = off)")
        insert(connection, given)
        connection.exec_driver_sql(BY_KEY)
        plans = []
        for statement in (_INSERT, _COUNT):
            sent = json.dumps([_row(event("new"))])
            found = connection.exec_driver_sql(f"EXPLAIN {statement}", (sent,)).scalars()
            plans.append("\n".join(line for line in found if "Scan" in line and " event" in line))
    assert "event_signed_content" in plans[0]
    assert "event_signed_content" in plans[1]
    assert "event_identity" in plans[1]
    slow = ("Seq Scan", "event_received", "event_facets")
    assert not [plan for plan in plans if any(index in plan for index in slow)], plans


@pytest.mark.parametrize("order", [list, lambda batch: list(reversed(batch))])
def test_two_processes_that_record_the_same_deliveries_at_once_wait_for_nobody_in_a_circle(
    open_ledger: Callable[[], Engine],
    inbox_of: InboxOf,
    order: Callable[[list[Event]], list[Event]],
) -> None:
    batch = [event(f"n{number}") for number in range(60)]
    together = threading.Barrier(2)

    def deliver(inbox_: Inbox, given: Sequence[Event]) -> Recorded:
        together.wait()
        return inbox_.record(given).result()

    first, second = inbox_of(open_ledger()), inbox_of(open_ledger())
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            sent = [pool.submit(deliver, first, batch), pool.submit(deliver, second, order(batch))]
            answers = [one_.result() for one_ in sent]
    assert all(answer.accepted + answer.duplicates == 60 for answer in answers)
    found = rows(open_ledger(), "SELECT deliveries FROM event")
    assert [row.deliveries for row in found] == [10] * 60


def test_of_many_threads_with_the_same_event_one_is_told_that_it_was_new(inbox: Inbox) -> None:
    with ThreadPoolExecutor(16) as pool:
        recordings = [begun.result() for begun in [pool.submit(inbox.record, [event()]) for _ in range(48)]]
        answers = [recording.result() for recording in recordings]
    assert sum(answer.accepted for answer in answers) == 1
    assert sum(answer.duplicates for answer in answers) == 47


POISON = {
    "a NUL in the body": {"body": "before\x00after"},
    "a NUL in a pointer": {"pointers": (Pointer("invoice", ("\x00",)),)},
    "half a character": {"body": "\ud800"},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_delivery_that_cannot_be_kept_fails_alone(
    engine: Engine, gate: Gate, poison: dict[str, object]
) -> None:
    first = gate.inbox.record([event("first")])
    gate.entered.wait()
    bad = gate.inbox.record([event("bad", **poison)])
    good = [gate.inbox.record([event(f"good{n}")]) for n in range(3)]
    gate.wait_for_line(4)
    gate.open.set()
    assert [done.result() for done in (first, *good)] == [Recorded(1, 0)] * 4
    with pytest.raises(Unavailable, match="cannot be written"):
        bad.result()
    assert sorted(statuses(engine)) == ["first", "good0", "good1", "good2"]


def test_after_a_poisoned_delivery_the_next_is_recorded(inbox: Inbox) -> None:
    with pytest.raises(Unavailable):
        inbox.record([event("bad", body="\ud800")]).result()
    assert inbox.record([event("good")]).result() == Recorded(1, 0)


def test_without_postgresql_a_delivery_is_refused_at_once(inbox_of: InboxOf) -> None:
    gone = open_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable) as refused:
        inbox_of(gone).record([event()]).result()
    assert refused.value.destination == "ledger"
    assert refused.value.retry_after
    gone.dispose()


def test_postgresql_that_was_started_again_is_found_again(
    engine: Engine, inbox: Inbox, open_ledger: Callable[[], Engine]
) -> None:
    inbox.record([event("before")]).result()
    rows(
        open_ledger(),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert inbox.record([event("after")]).result() == Recorded(1, 0)


def test_a_ledger_that_does_not_answer_is_not_waited_for_longer_than_recurly_does(
    engine: Engine, inbox: Inbox, patience: Callable[[float], None]
) -> None:
    with engine.begin() as blocking:
        blocking.exec_driver_sql("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        patience(0.05)
        with pytest.raises(Unavailable, match="in time"):
            inbox.record([event("late")]).result()
    patience(30)
    assert inbox.record([event("late")]).result().duplicates == 1, "it was on its way, and is not lost"


def test_a_delivery_that_was_given_up_while_it_waited_in_line_is_not_recorded(
    engine: Engine, gate: Gate, patience: Callable[[float], None]
) -> None:
    first = gate.inbox.record([event("first")])
    gate.entered.wait()
    patience(0.05)
    with pytest.raises(Unavailable):
        gate.inbox.record([event("late")]).result()
    patience(30)
    gate.open.set()
    first.result()
    gate.inbox.record([event("next")]).result()
    assert sorted(statuses(engine)) == ["first", "next"]


def test_a_closed_inbox_has_committed_all_that_was_in_line_and_opens_again(
    engine: Engine, gate: Gate
) -> None:
    with ThreadPoolExecutor(4) as pool:
        first = gate.inbox.record([event("n0")])
        gate.entered.wait()
        others = [gate.inbox.record([event(f"n{number}")]) for number in (1, 2)]
        gate.wait_for_line(2)
        closed = pool.submit(gate.inbox.close)
        gate.wait_for_line(3)
        gate.open.set()
        closed.result()
        assert [done.result() for done in (first, *others)] == [Recorded(1, 0)] * 3
    assert gate.inbox.record([event("n3")]).result() == Recorded(1, 0)


# A delivery known only by a digest of its body may truly have happened again: state A, then B, then A.


# Replays ---------------------------------------------------------------------------------------------------

BODY, OTHER_BODY = "aa" * 32, "bb" * 32
LATER = T0 + timedelta(minutes=1)


def signed(event_id: str, content: str = BODY, at: datetime = T0, **changed: Any) -> Event:
    """An event whose body and time are signed, and whose id is not."""
    return event(event_id, content=content, signed_at=at, **changed)


def fetched(engine: Engine) -> None:
    rows(engine, "UPDATE event SET status = 'fetched', ready_at = now() - interval '1 hour'")


def test_signed_content_under_another_id_is_a_duplicate(engine: Engine, inbox: Inbox) -> None:
    assert inbox.record([signed("n1")]).result() == Recorded(1, 0)
    fetched(engine)
    assert inbox.record([signed("n2")]).result() == Recorded(0, 1)
    assert inbox.record([replace(signed("sha256-x"), strong_id=False)]).result() == Recorded(0, 1)
    kept = one(engine, "SELECT event_id, deliveries, status FROM event")
    assert (kept.event_id, kept.deliveries, kept.status) == ("n1", 3, "fetched")


def test_signed_content_under_two_ids_in_one_delivery_is_one_event(engine: Engine, inbox: Inbox) -> None:
    assert inbox.record([signed("n1"), signed("n2")]).result() == Recorded(1, 1)
    assert one(engine, "SELECT count(*) AS n FROM event").n == 1


def test_a_retry_that_is_signed_again_stays_a_duplicate(engine: Engine, inbox: Inbox) -> None:
    inbox.record([signed("n1")]).result()
    fetched(engine)
    assert inbox.record([signed("n1", at=LATER)]).result() == Recorded(0, 1)
    kept = one(engine, "SELECT status, signed_at FROM event")
    assert (kept.status, kept.signed_at) == ("fetched", LATER)
    assert inbox.record([signed("n2", at=LATER)]).result() == Recorded(0, 1), "a replay of the retry"
    assert inbox.record([signed("n2", at=T0)]).result() == Recorded(0, 1), "a replay of the first"
    assert statuses(engine) == {"n1": "fetched"}


def test_a_second_notification_with_the_same_body_is_an_event_of_its_own(
    engine: Engine, inbox: Inbox
) -> None:
    """Two changes of one object in one second make equal bodies; only Recurly can have signed the later one."""
    assert inbox.record([signed("n1")]).result() == Recorded(1, 0)
    assert inbox.record([signed("n2", at=LATER)]).result() == Recorded(1, 0)
    assert statuses(engine) == {"n1": "pending", "n2": "pending"}
    for replayed in (T0, LATER):
        assert inbox.record([signed("n3", at=replayed)]).result() == Recorded(0, 1)
    assert inbox.record([signed("n1", at=LATER)]).result() == Recorded(0, 1), (
        "a retry signed at the same moment"
    )
    assert len(statuses(engine)) == 2


def test_what_was_signed_before_the_newest_copy_is_a_replay_though_an_older_copy_is_there(
    inbox: Inbox,
) -> None:
    for id_, at in (("n1", T0), ("n2", LATER)):
        assert inbox.record([signed(id_, at=at)]).result() == Recorded(1, 0)
    inbox.record([signed("n2", at=LATER + timedelta(minutes=1))]).result()
    assert inbox.record([signed("n3", at=LATER)]).result() == Recorded(0, 1)


def test_the_same_signed_content_at_another_site_is_an_event_of_its_own(inbox: Inbox) -> None:
    assert inbox.record([signed("n1", at=LATER)]).result() == Recorded(1, 0)
    assert inbox.record([replace(signed("n2"), site="other")]).result() == Recorded(1, 0)


def test_a_known_id_without_content_is_a_duplicate_of_any_content(engine: Engine, inbox: Inbox) -> None:
    assert inbox.record([event("n1", content=BODY)]).result() == Recorded(1, 0)
    assert inbox.record([event("n1")]).result() == Recorded(0, 1)
    assert statuses(engine) == {"n1": "pending"}


@pytest.mark.parametrize("make", [signed, event], ids=["id is not signed", "id is signed"])
def test_other_content_under_a_known_id_is_an_event_of_its_own(
    engine: Engine, inbox: Inbox, make: Callable[..., Event]
) -> None:
    first, second = make("n1", content=BODY), make("n1", content=OTHER_BODY, body='{"other": 1}')
    assert inbox.record([first]).result() == Recorded(1, 0)
    for expected in (Recorded(1, 0), Recorded(0, 1)):
        assert inbox.record([second]).result() == expected
    assert inbox.record([first]).result() == Recorded(0, 1)
    assert statuses(engine) == {"n1": "pending", f"n1~{OTHER_BODY[:16]}": "pending"}
    found = rows(engine, "SELECT deliveries, body FROM event ORDER BY id")
    assert [(row.deliveries, row.body) for row in found] == [(2, "{}"), (2, '{"other": 1}')]


def test_two_contents_of_one_id_in_one_delivery_are_two_events(engine: Engine, inbox: Inbox) -> None:
    both = [event("n1", content=BODY), event("n1", content=OTHER_BODY)]
    assert inbox.record(both).result() == Recorded(2, 0)
    assert inbox.record(both).result() == Recorded(0, 2)
    assert len(statuses(engine)) == 2


def test_an_event_that_was_recorded_without_its_content_is_known_by_its_id(inbox: Inbox) -> None:
    assert inbox.record([event("n1")]).result() == Recorded(1, 0)
    assert inbox.record([event("n1", content=BODY)]).result() == Recorded(0, 1)


@pytest.mark.parametrize("other", ["n1", "n2"], ids=["same id", "another id"])
def test_copies_that_arrive_at_once_make_one_row(
    open_ledger: Callable[[], Engine], inbox_of: InboxOf, other: str
) -> None:
    inboxes = [inbox_of(open_ledger()) for _ in range(4)]
    together = threading.Barrier(4)

    def deliver(number: int) -> Recorded:
        together.wait(timeout=60)
        return inboxes[number].record([signed("n1" if number % 2 else other)]).result()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(deliver, range(4)))
    assert sorted(answer.accepted for answer in answers) == [0, 0, 0, 1]
    assert one(open_ledger(), "SELECT deliveries FROM event").deliveries == 4


def test_a_transmission_brings_one_body(engine: Engine, inbox: Inbox) -> None:
    first = event("WH-1", content=BODY, transmission="t1", source="paypal")
    forged = event("WH-2", content=OTHER_BODY, transmission="t1", source="paypal")
    assert inbox.record([first]).result() == Recorded(1, 0)
    assert inbox.record([first]).result() == Recorded(0, 1)
    with pytest.raises(Rejected) as refusal:
        inbox.record([forged]).result()
    assert (refusal.value.status, refusal.value.reason) == (401, "replayed_transmission")
    assert inbox.record([replace(first, transmission="t2")]).result() == Recorded(0, 1)
    with pytest.raises(Rejected):
        inbox.record([replace(forged, transmission="t2")]).result()
    assert statuses(engine) == {"WH-1": "pending"}


def test_a_refused_transmission_holds_back_no_other_delivery(engine: Engine, gate: Gate) -> None:
    deliveries = [
        event("WH-1", content=BODY, transmission="t"),
        event("WH-2", content=OTHER_BODY, transmission="t"),
    ]
    blocked = gate.inbox.record([event("first")])
    assert gate.entered.wait(timeout=60)
    together = [gate.inbox.record([one_]) for one_ in (*deliveries, event("other"))]
    gate.wait_for_line(3)
    gate.open.set()
    assert blocked.result() == Recorded(1, 0)
    answers: list[Recorded | Rejected] = []
    for recording in together:
        try:
            answers.append(recording.result())
        except Rejected as refusal:
            answers.append(refusal)
    assert answers[2] == Recorded(1, 0)
    assert sorted(type(answer).__name__ for answer in answers[:2]) == ["Recorded", "Rejected"]


def test_a_weak_event_that_comes_again_is_worked_again_under_its_one_row(engine: Engine) -> None:
    record(engine, weak("a"), weak("b"))
    _work_all(engine)
    record(engine, weak("a"))
    assert statuses(engine) == {"a": "pending", "b": "fetched"}
    assert one(engine, "SELECT deliveries FROM event WHERE event_id = 'a'").deliveries == 2


def test_a_strong_event_that_comes_again_is_not_worked_again(engine: Engine) -> None:
    record(engine, event("a"))
    _work_all(engine)
    record(engine, event("a"))
    assert statuses(engine) == {"a": "fetched"}


def test_a_weak_event_that_comes_again_asks_for_facts_newer_than_it(engine: Engine) -> None:
    record(engine, weak("a"), event("s"))
    first = {row.event_id: row.hinted_at for row in rows(engine, "SELECT event_id, hinted_at FROM event")}
    record(engine, weak("a"), event("s"))
    then = {row.event_id: row.hinted_at for row in rows(engine, "SELECT event_id, hinted_at FROM event")}
    assert then["a"] > first["a"]
    assert then["s"] == first["s"]


def test_a_weak_event_that_comes_while_it_is_worked_is_taken_from_that_worker(engine: Engine) -> None:
    record(engine, weak("a"))
    with engine.begin() as connection:
        (claimed,) = events.claim(connection, "w:1", 10)
    record(engine, weak("a"))
    with engine.begin() as connection:
        events.settle_fetched(connection, "w:1", [events.Fetched(claimed.id, "recurly:acme:account:bob")])
    assert statuses(engine) == {"a": "pending"}


@pytest.mark.parametrize("status", ["ignored", "buried", "dead"])
def test_a_weak_event_that_needs_no_work_or_a_person_stays_so(engine: Engine, status: str) -> None:
    record(engine, weak("a"))
    rows(engine, "UPDATE event SET status = :status", status=status)
    record(engine, weak("a"))
    assert statuses(engine) == {"a": status}


def _work_all(engine: Engine) -> None:
    make_ready(engine)
    with engine.begin() as connection:
        claimed = events.claim(connection, "w:0", 100)
        settled = [events.Fetched(one_.id, "recurly:acme:account:bob") for one_ in claimed]
        events.settle_fetched(connection, "w:0", settled)
