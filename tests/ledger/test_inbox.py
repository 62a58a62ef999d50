"""Recording: what arrives is committed before it is answered, once, whoever brings it and how often."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from samples import event, make_ready, one, record, rows, statuses, weak
from sqlalchemy import Engine

from connector.errors import Unavailable
from connector.events import Event, Fate, Pointer
from connector.ledger import events, inbox
from connector.ledger.engine import open_engine
from connector.ledger.inbox import Inbox, Recorded


def test_a_new_event_is_accepted_and_kept_whole(engine: Engine) -> None:
    assert Inbox(engine).record(
        [event("n1", "inv1", "number-1001", body='{"a": "ü"}', note="why")]
    ) == Recorded(1, 0)
    kept = one(engine, "SELECT * FROM event")
    assert (kept.source, kept.site, kept.event_id, kept.kind) == (
        "recurly",
        "acme",
        "n1",
        "charge_invoice.past_due",
    )
    assert (kept.status, kept.urgency, kept.deliveries, kept.tries) == ("pending", 1, 1, 0)
    assert kept.pointers == [["invoice", ["inv1", "number-1001"]]]
    assert (kept.body, kept.note) == ('{"a": "ü"}', "why")


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


def test_the_same_event_again_is_a_duplicate_and_is_counted(engine: Engine) -> None:
    inbox_ = Inbox(engine)
    assert inbox_.record([event()]) == Recorded(1, 0)
    assert inbox_.record([event()]) == Recorded(0, 1)
    assert one(engine, "SELECT deliveries FROM event").deliveries == 2


def test_the_same_event_twice_in_one_delivery_is_accepted_once(engine: Engine) -> None:
    assert Inbox(engine).record([event("a"), event("b"), event("a")]) == Recorded(2, 1)


def test_the_same_id_of_another_source_or_site_is_another_event(engine: Engine) -> None:
    given = [event(), event(site="eu1"), event(source="other")]
    assert Inbox(engine).record(given) == Recorded(3, 0)


def test_an_event_is_recorded_only_once_it_is_committed(
    engine: Engine, open_ledger: Callable[[], Engine]
) -> None:
    Inbox(engine).record([event()])
    assert statuses(open_ledger()) == {"n1": "pending"}


@pytest.mark.parametrize("order", [list, lambda batch: list(reversed(batch))])
def test_two_processes_that_record_the_same_deliveries_at_once_wait_for_nobody_in_a_circle(
    open_ledger: Callable[[], Engine], order: Callable[[list[Event]], list[Event]]
) -> None:
    batch = [event(f"n{number}") for number in range(60)]
    together = threading.Barrier(2)

    def deliver(inbox_: Inbox, given: Sequence[Event]) -> Recorded:
        together.wait()
        return inbox_.record(given)

    first, second = Inbox(open_ledger()), Inbox(open_ledger())
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            sent = [pool.submit(deliver, first, batch), pool.submit(deliver, second, order(batch))]
            answers = [one_.result() for one_ in sent]
    assert all(answer.accepted + answer.duplicates == 60 for answer in answers)
    found = rows(open_ledger(), "SELECT deliveries FROM event")
    assert [row.deliveries for row in found] == [10] * 60


def test_of_many_threads_with_the_same_event_one_is_told_that_it_was_new(engine: Engine) -> None:
    inbox_ = Inbox(engine)
    with ThreadPoolExecutor(16) as pool:
        answers = [done.result() for done in [pool.submit(inbox_.record, [event()]) for _ in range(48)]]
    assert sum(answer.accepted for answer in answers) == 1
    assert sum(answer.duplicates for answer in answers) == 47


POISON = {
    "a NUL in the body": {"body": "before\x00after"},
    "a NUL in a pointer": {"pointers": (Pointer("invoice", ("\x00",)),)},
    "half a character": {"body": "\ud800"},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_delivery_that_cannot_be_kept_fails_alone(engine: Engine, poison: dict[str, object]) -> None:
    gate = _Gate(engine)
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(gate.inbox.record, [event("first")])
        gate.entered.wait()
        bad = pool.submit(gate.inbox.record, [event("bad", **poison)])
        good = [pool.submit(gate.inbox.record, [event(f"good{n}")]) for n in range(3)]
        gate.wait_for_line(4)
        gate.open.set()
        assert [done.result() for done in (first, *good)] == [Recorded(1, 0)] * 4
        with pytest.raises(Unavailable, match="cannot be written"):
            bad.result()
    assert sorted(statuses(engine)) == ["first", "good0", "good1", "good2"]


def test_after_a_poisoned_delivery_the_next_is_recorded(engine: Engine) -> None:
    inbox_ = Inbox(engine)
    with pytest.raises(Unavailable):
        inbox_.record([event("bad", body="\ud800")])
    assert inbox_.record([event("good")]) == Recorded(1, 0)


def test_without_postgresql_a_delivery_is_refused_at_once() -> None:
    gone = open_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable) as refused:
        Inbox(gone).record([event()])
    assert refused.value.destination == "ledger"
    assert refused.value.retry_after
    gone.dispose()


def test_a_ledger_that_does_not_answer_is_not_waited_for_longer_than_recurly_does(engine: Engine) -> None:
    inbox_ = Inbox(engine)
    with engine.begin() as blocking, pytest.MonkeyPatch.context() as patched:
        patched.setattr(inbox, "PATIENCE_SECONDS", 0.05)
        blocking.exec_driver_sql("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable, match="in time"):
            inbox_.record([event("late")])
    assert inbox_.record([event("late")]).duplicates == 1, "it was on its way, and is not lost"


def test_a_delivery_that_was_given_up_while_it_waited_in_line_is_not_recorded(engine: Engine) -> None:
    gate = _Gate(engine)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gate.inbox.record, [event("first")])
        gate.entered.wait()
        with pytest.MonkeyPatch.context() as patched, pytest.raises(Unavailable):
            patched.setattr(inbox, "PATIENCE_SECONDS", 0.05)
            gate.inbox.record([event("late")])
        gate.open.set()
        first.result()
    gate.inbox.record([event("next")])
    assert sorted(statuses(engine)) == ["first", "next"]


# A delivery known only by a digest of its body may truly have happened again: state A, then B, then A.


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


class _Gate:
    """An inbox whose first commit waits, so that what comes meanwhile is committed together."""

    def __init__(self, engine: Engine) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.inbox = Inbox(_Waiting(engine, self))  # type: ignore[arg-type]

    def wait_for_line(self, length: int) -> None:
        while self.inbox._line.qsize() < length:
            pass


class _Waiting:
    """An engine that begins only when the gate is open."""

    def __init__(self, engine: Engine, gate: _Gate) -> None:
        self._engine = engine
        self._gate = gate

    def connect(self) -> object:
        self._gate.entered.set()
        self._gate.open.wait()
        return self._engine.connect()
