from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from connector.errors import Rejected, Unavailable
from connector.models.events import Event, Fate, Pointer, Urgency
from connector.webhooks.receiver import Answer, FailureLog, receive
from connector.webhooks.source import Delivery, Recording, Source

from .memory import NOW, Bell, MemoryInbox

DELIVERY = Delivery("courier", "acme", b'{"private": "Wren"}', {}, NOW)


def event(event_id: str, fate: Fate = Fate.HANDLED) -> Event:
    pointers = (Pointer("account", ("code-1",)),) if fate is Fate.HANDLED else ()
    return Event(
        "courier",
        "acme",
        event_id,
        "a.b",
        fate,
        Urgency.ROUTINE,
        None,
        pointers,
        '{"private": "Wren"}',
        "json",
    )


@dataclass(frozen=True)
class Batch:
    """A source that gives what it is told to; ``fault`` is raised instead."""

    events: tuple[Event, ...] = ()
    fault: Exception | None = None
    name: str = "courier"

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        if self.fault:
            raise self.fault
        return self.events


def answer_to(
    delivery: Delivery,
    source: Source,
    record: Callable[[Sequence[Event]], Recording],
    wake: Callable[[], None],
    log_failure: FailureLog | None = None,
) -> Answer:
    """The steps one after the other, as a server that waits for the commit takes them."""
    steps = receive(delivery, source, record, wake, log_failure)
    try:
        next(steps)
        next(steps)
    except StopIteration as ended:
        answer: Answer = ended.value
        return answer
    raise AssertionError("there are two steps at most")


def test_a_batch_is_recorded_whole_and_wakes_once() -> None:
    inbox, bell = MemoryInbox(), Bell()
    answer = answer_to(DELIVERY, Batch((event("1"), event("2"), event("1"))), inbox.record, bell)
    assert (answer.status, answer.body) == (200, {"accepted": 2, "duplicates": 1})
    assert bell.rung == 1


def test_an_empty_batch_is_fine() -> None:
    inbox, bell = MemoryInbox(fault=AssertionError("nothing to record")), Bell()
    answer = answer_to(DELIVERY, Batch(), inbox.record, bell)
    assert (answer.status, answer.body) == (200, {"accepted": 0, "duplicates": 0})
    assert bell.rung == 0


@pytest.mark.parametrize("fate", [Fate.IGNORED, Fate.UNKNOWN, Fate.UNREADABLE])
def test_what_nobody_works_on_wakes_nobody(fate: Fate) -> None:
    bell = Bell()
    assert answer_to(DELIVERY, Batch((event("1", fate),)), MemoryInbox().record, bell).status == 200
    assert bell.rung == 0


def test_a_duplicate_wakes_too_for_the_first_may_have_died_before_its_wake() -> None:
    inbox, bell = MemoryInbox(), Bell()
    for _ in range(2):
        answer_to(DELIVERY, Batch((event("1"),)), inbox.record, bell)
    assert bell.rung == 2


def test_a_source_chooses_the_status_of_its_refusals() -> None:
    refusal = Rejected(498, "bad_signature", "Compare the secrets.")
    answer = answer_to(DELIVERY, Batch(fault=refusal), MemoryInbox().record, Bell())
    assert answer.status == 498
    assert answer.body == {"error": "bad_signature", "message": "Compare the secrets."}


def test_a_fault_in_reading_asks_the_source_to_send_again() -> None:
    inbox = MemoryInbox()
    answer = answer_to(DELIVERY, Batch(fault=KeyError("Wren")), inbox.record, Bell())
    assert (answer.status, answer.outcome) == (503, "unavailable")
    assert "Wren" not in str(answer)


def test_the_ledger_may_say_when_to_come_back() -> None:
    inbox = MemoryInbox(fault=Unavailable("ledger", "out", retry_after=61.2))
    answer = answer_to(DELIVERY, Batch((event("1"),)), inbox.record, Bell())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "62")


def test_one_log_line_an_event_with_the_same_keys() -> None:
    with capture_logs() as lines:
        answer_to(DELIVERY, Batch((event("1"), event("2", Fate.UNKNOWN))), MemoryInbox().record, Bell())
    keys = ("source", "site", "event_id", "kind", "fate", "outcome")
    assert [[line[key] for key in keys] for line in lines] == [
        ["courier", "acme", "1", "a.b", "handled", "accepted"],
        ["courier", "acme", "2", "a.b", "unknown", "accepted"],
    ]


@pytest.mark.parametrize(
    ("source", "inbox", "bell"),
    [
        (Batch((event("1"),)), MemoryInbox(), Bell()),
        (Batch((event("1"),)), MemoryInbox(), Bell(fault=OSError("Wren"))),
        (Batch((event("1"),)), MemoryInbox(fault=RuntimeError("INSERT ... Wren")), Bell()),
        (Batch(fault=ValueError("Wren")), MemoryInbox(), Bell()),
        (Batch(fault=Rejected(401, "stale", "Set the clock.")), MemoryInbox(), Bell()),
    ],
)
def test_nothing_of_a_body_is_logged(source: Batch, inbox: MemoryInbox, bell: Bell) -> None:
    with capture_logs() as lines:
        answer_to(DELIVERY, source, inbox.record, bell)
    assert lines
    assert "Wren" not in str(lines)


def test_a_fault_is_logged_with_its_class_and_cause() -> None:
    out = Unavailable("ledger", "out")
    out.__cause__ = ConnectionError("the text may quote a row")
    with capture_logs() as lines:
        answer_to(DELIVERY, Batch((event("1"),)), MemoryInbox(fault=out).record, Bell())
    (line,) = lines
    assert (line["outcome"], line["reason"], line["cause"]) == (
        "unavailable",
        "Unavailable",
        "ConnectionError",
    )


def test_a_flood_of_refusals_is_one_line_a_second_with_their_count() -> None:
    now = [100.0]
    log_failure = FailureLog(lambda: now[0])
    refused, broken = Batch(fault=Rejected(401, "stale", "Set the clock.")), Batch(fault=ValueError("Wren"))

    def receive_all() -> list[tuple[str, int | None]]:
        with capture_logs() as lines:
            for source in (refused,) * 50 + (broken,) * 3:
                answer_to(DELIVERY, source, MemoryInbox().record, Bell(), log_failure)
        return [(line["outcome"], line.get("count")) for line in lines]

    assert receive_all() == [("rejected", None), ("unavailable", None)]
    now[0] += 0.999
    assert receive_all() == []
    now[0] += 0.001
    assert receive_all() == [("rejected", 100), ("unavailable", 6)]
    now[0] += 5
    assert receive_all() == [("rejected", 50), ("unavailable", 3)]
