"""Retries and waits: how often, how long, and that nothing else waits in a loop of its own."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from connector.errors import Transient, Unavailable
from connector.retry import (
    LONGEST_SECONDS,
    Pauses,
    RetryPolicy,
    backoff,
    once_more,
    wait_until,
    while_unavailable,
)


def waiting(within: float = 100.0) -> tuple[RetryPolicy, list[float], list[str]]:
    naps: list[float] = []
    said: list[str] = []
    patience = RetryPolicy(naps.append, said.append, within)
    patience.done()
    return patience, naps, said


def fail(policy: RetryPolicy, error: Exception) -> None:
    """Work that fails once, if it is tried again."""
    errors = iter([error])

    def work() -> None:
        for one in errors:
            raise one

    policy.attempts()(work)


def test_the_pauses_grow_up_to_a_minute() -> None:
    patience, naps, _ = waiting(within=1_000.0)
    for _ in range(8):
        fail(patience, Transient("busy"))
    assert naps == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_what_was_asked_for_is_waited() -> None:
    patience, naps, _ = waiting()
    fail(patience, Unavailable("recurly", "no calls left", retry_after=45.0))
    assert naps == [45.0]


def test_it_ends_where_nothing_is_done_and_begins_anew_where_something_is() -> None:
    patience, naps, _ = waiting(within=10.0)
    fail(patience, Transient("busy", retry_after=8.0))
    patience.done()
    fail(patience, Transient("busy", retry_after=8.0))
    with pytest.raises(Transient):
        fail(patience, Transient("busy", retry_after=8.0))
    assert naps == [8.0, 8.0]


def test_all_of_the_time_that_may_be_waited_is_waited() -> None:
    patience, naps, _ = waiting(within=3.0)
    fail(patience, Transient("busy"))
    fail(patience, Transient("busy"))
    with pytest.raises(Transient):
        fail(patience, Transient("busy"))
    assert naps == [1.0, 2.0]


def test_after_a_success_the_pauses_begin_with_the_shortest() -> None:
    patience, naps, _ = waiting()
    for _ in range(3):
        fail(patience, Transient("busy"))
    patience.done()
    fail(patience, Transient("busy"))
    assert naps == [1.0, 2.0, 4.0, 1.0]


def test_what_never_answered_is_not_waited_for() -> None:
    naps: list[float] = []
    with pytest.raises(Transient):
        fail(RetryPolicy(naps.append, lambda _: None), Transient("busy"))
    assert naps == []


def test_who_is_known_to_answer_is_waited_for_from_the_start() -> None:
    naps: list[float] = []
    fail(RetryPolicy(naps.append, lambda _: None, from_the_start=True), Transient("busy"))
    assert naps == [1.0]


def test_postgresql_is_named() -> None:
    patience, _, said = waiting()
    fail(patience, OperationalError("SELECT 1", {}, Exception("server closed\nthe connection")))
    (line,) = said
    assert line.startswith("PostgreSQL does not answer: ")
    assert line.endswith(" Trying again in 1 s.")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("tries", "longest"), [(0, 2), (1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (500, 300)]
)
def test_the_wait_doubles_and_ends_and_is_up_to_half_shorter(tries: int, longest: float) -> None:
    waits = [backoff(tries, random.Random(seed)) for seed in range(200)]
    assert min(waits) >= longest / 2
    assert max(waits) <= longest <= LONGEST_SECONDS
    assert max(waits) > longest * 0.9


def test_work_that_failed_together_does_not_come_back_together() -> None:
    assert len({backoff(5) for _ in range(20)}) > 1


def test_a_destination_is_waited_for_as_long_as_it_asks_and_a_fixed_number_of_times() -> None:
    naps: list[float] = []
    errors = iter([Unavailable("recurly", "away", retry_after=7.0), *[Unavailable("recurly", "away")] * 9])

    def work() -> None:
        raise next(errors)

    with pytest.raises(Unavailable):
        while_unavailable(3, 30.0, naps.append, lambda *_: None)(work)
    assert naps == [7.0, 30.0, 30.0]


@pytest.mark.parametrize(("failures", "calls"), [(0, 1), (1, 2), (2, 2)])
def test_once_more_is_once(failures: int, calls: int) -> None:
    made: list[int] = []

    def work() -> None:
        made.append(1)
        if len(made) <= failures:
            raise ConnectionResetError

    try:
        once_more(lambda error: isinstance(error, ConnectionError))(work)
    except ConnectionResetError:
        assert failures == 2
    assert len(made) == calls


def test_a_condition_is_checked_until_it_is_met_or_the_time_is_over() -> None:
    naps: list[float] = []
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), interval=0.5, sleep=naps.append)
    assert naps == [0.5, 0.5]
    assert not wait_until(lambda: False, seconds=0.0, sleep=naps.append)


def test_pauses_are_shared_and_used_up() -> None:
    naps: list[float] = []
    pauses = Pauses((1.0, 2.0), naps.append)
    answers = iter([None, "moved"])
    assert pauses.until_result(lambda: next(answers)) == "moved"
    assert pauses.until_result(lambda: None) is None
    assert pauses.until_result(lambda: None) is None
    assert naps == [1.0, 2.0]


# ── one mechanism ─────────────────────────────────────────────────────────────────────────────────────────────

ROOT = Path(__file__).resolve().parents[1]
WAITING_LOOPS = {
    "connector/cli/demo/__init__.py": "plays a story every few seconds until Ctrl-C",
    "connector/jobs/apply.py": "does urgent work while a bulk job runs",
    "connector/jobs/reconcile.py": "does urgent work during a pause",
    "connector/ledger/inbox.py": "the thread that commits deliveries rests between two batches",
    "connector/logs.py": "the thread that writes the log rests between two batches",
    "connector/parent_watch.py": "watches the parent process",
    "connector/queue.py": "the thread that sends wakes rests between two",
}
"""Loops that work while they wait, or that never end: no retries."""


def sleeping_loops() -> Iterator[str]:
    for path in (*ROOT.glob("connector/**/*.py"), *ROOT.glob("sandbox/**/*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("connector/clients/salesforce/"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        loops = (node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While))
        calls = (node.func for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Call))
        if any(isinstance(call, ast.Attribute) and call.attr.lstrip("_") == "sleep" for call in calls):
            yield name


def test_no_loop_sleeps_but_those_that_are_no_retry() -> None:
    assert set(sleeping_loops()) == WAITING_LOOPS.keys()


def test_tenacity_is_configured_in_one_module() -> None:
    importing = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("connector/**/*.py")
        if "from tenacity import" in path.read_text(encoding="utf-8")
    }
    own = {name for name in importing if not name.startswith("connector/clients/salesforce/")}
    assert own == {"connector/retry.py", "connector/sync/resync/account_fetch.py"}
