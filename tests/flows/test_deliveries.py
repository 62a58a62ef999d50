"""The same stories, however they are delivered and whoever is killed meanwhile, leave the same records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.cli.local_stack import Stack
from flows.crm import Rows, comparable, differences
from flows.playing import fresh, kill, killing, settled, stories, tell, wait_for, worked

Told = list[dict[str, Any]]


def _five_times(running: Stack) -> Told:
    return tell(running, stories(running), duplicates=5)


def _shuffled(running: Stack) -> Told:
    return tell(running, stories(running), shuffle=True)


def _with_workers_killed(running: Stack) -> Told:
    with killing(running, "worker", seed=4) as killed:
        expectations = tell(running, stories(running), shuffle=True, duplicates=2, step_pause_ms=200)
        settled(running)
    assert len(killed) > 3
    return expectations


def _with_everything_killed(running: Stack) -> Told:
    """Parts by chance, and each engine once for certain."""
    names = stories(running)
    with killing(running, "web", "worker", "scheduler", "postgresql", "valkey", seed=9) as killed:
        expectations = tell(running, names[::2], shuffle=True, step_pause_ms=200)
        assert wait_for(lambda: kill(running, "postgresql"), "PostgreSQL is there to be killed")
        expectations += tell(running, names[1::2], shuffle=True, step_pause_ms=200)
        assert wait_for(lambda: kill(running, "valkey"), "Valkey is there to be killed")
        settled(running)
    assert len(killed) > 3
    return expectations


@pytest.mark.slow
@pytest.mark.parametrize("telling", [_five_times, _shuffled, _with_workers_killed, _with_everything_killed])
def test_the_records_do_not_depend_on_how_the_deliveries_come(
    standing: Stack, calm: Rows, telling: Callable[[Stack], Told]
) -> None:
    fresh(standing)
    worked(standing, telling(standing))
    assert "\n".join(differences(calm, comparable(standing))) == ""
