"""The same stories, however they are delivered, leave the same records, field by field."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from connector.cli.local import Stack
from flows.crm import Rows, contents, differences
from flows.playing import fresh, kill, stories, tell, verdict


@pytest.fixture(scope="module")
def calm(standing: Stack) -> Rows:
    """What is left when every step of every story is worked before the next."""
    fresh(standing)
    expectations = tell(standing, stories(standing), beside=8, step_pause_ms=1500)
    _worked(standing, expectations)
    return told(standing)


def told(running: Stack) -> Rows:
    """What can be compared. An account that is forgotten before anybody asks for it was never known: what is
    there of it depends on the moment of the question, and nothing can change that."""
    codes = {one["account_code"] for one in running.sent() if one["kind"] == "account.closed"}
    assert len(codes) == 1
    rows = contents(running.vendors)
    about = {record for record, row in rows.items() if any(code in str(row) for code in codes)}
    return {record: row for record, row in rows.items() if record not in about}


def _worked(running: Stack, expectations: list[dict[str, object]]) -> None:
    assert running.settle()
    found = verdict(running, expectations)
    assert found.sent > 100
    assert (found.lost, found.doubled, found.different) == ([], [], [])


def _five_times(running: Stack) -> list[dict[str, object]]:
    return tell(running, stories(running), duplicates=5)


def _shuffled(running: Stack) -> list[dict[str, object]]:
    return tell(running, stories(running), shuffle=True)


def _with_workers_killed(running: Stack) -> list[dict[str, object]]:
    """Shuffled and doubled, while one worker or the other is killed at random moments."""
    chance, over = random.Random(4), threading.Event()
    killed = []

    def kill_workers() -> None:
        while not over.wait(chance.uniform(0.2, 1.5)) and len(killed) < 6:
            killed.append(kill(running, chance.choice(("worker-", "worker"))))

    killer = threading.Thread(target=kill_workers)
    killer.start()
    try:
        names = stories(running)
        expectations = [
            expectation
            for name in names
            for expectation in tell(running, [name], shuffle=True, duplicates=2, step_pause_ms=100)
        ]
        running.settle()
    finally:
        over.set()
        killer.join()
    assert any(killed)
    return expectations


@pytest.mark.slow
@pytest.mark.parametrize("telling", [_five_times, _shuffled, _with_workers_killed])
def test_the_records_do_not_depend_on_how_the_deliveries_come(
    standing: Stack, calm: Rows, telling: Callable[[Stack], list[dict[str, object]]]
) -> None:
    fresh(standing)
    _worked(standing, telling(standing))
    assert "\n".join(differences(calm, told(standing))) == ""
