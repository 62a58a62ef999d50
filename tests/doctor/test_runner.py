"""Looking raises nothing, waits for nothing for ever, and goes on beside what failed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from connector.doctor.result import (
    Area,
    Check,
    CheckResult,
    CheckSkipped,
    State,
    clock_skew,
    failed,
    is_green,
    ok,
    skipped,
)
from connector.doctor.runner import run_checks
from connector.errors import SetupError


def good() -> Iterator[CheckResult]:
    yield ok("good")


def bad() -> Iterator[CheckResult]:
    yield failed("bad", "mend it")


def unset() -> list[CheckResult]:
    raise SetupError("Set X.")


def unforeseen() -> list[CheckResult]:
    raise ZeroDivisionError("a secret stands\nin the second line")


def unasked() -> list[CheckResult]:
    raise CheckSkipped("because")


def test_each_check_is_told_whatever_the_others_run_into() -> None:
    checks = tuple(
        Check(look.__name__, look, fix="Mend it so.") for look in (unset, unforeseen, unasked, bad, good)
    )
    found = run_checks([Area("here", checks), Area("there", (Check("good", good),))])
    assert [(one.area, one.name, one.state) for one in found] == [
        ("here", "unset", State.FAILED),
        ("here", "unforeseen", State.FAILED),
        ("here", "unasked", State.SKIPPED),
        ("here", "bad", State.FAILED),
        ("here", "good", State.OK),
        ("there", "good", State.OK),
    ]
    assert [one.message for one in found[:3]] == ["Set X.", "ZeroDivisionError: a secret stands", "because"]
    assert [one.fix for one in found[:4]] == ["Mend it so.", "Mend it so.", "", "mend it"]


@pytest.mark.parametrize("gate", [bad, unset, lambda: [skipped("off")]])
def test_behind_a_gate_that_is_shut_nothing_is_asked(gate: object) -> None:
    looked = []

    def look() -> Iterator[CheckResult]:
        looked.append(1)
        yield ok("looked")

    first = Check("door", gate, gate=True)  # type: ignore[arg-type]
    found = run_checks([Area("here", (first, Check("room", look)))])
    assert (found[1].state, found[1].message, looked) == (State.SKIPPED, "it needs door", [])


def test_what_does_not_answer_is_left_behind_and_closed() -> None:
    release, closed = threading.Event(), []

    def hangs() -> Iterator[CheckResult]:
        release.wait(30)
        yield ok("late")

    area = Area(
        "here", (Check("slow", hangs, fix="Wake it."), Check("good", good)), close=lambda: closed.append(1)
    )
    found = run_checks([area], check_seconds=0.05)
    release.set()
    assert [(one.name, one.state) for one in found] == [("slow", State.FAILED), ("good", State.OK)]
    assert (found[0].message, found[0].fix, closed) == ("no answer within 0 s", "Wake it.", [1])


def test_an_area_whose_time_is_up_says_what_it_left_out() -> None:
    found = run_checks([Area("here", (Check("good", good),))], area_seconds=-1)
    assert found[0].state is State.FAILED, "it may be good or not: nobody knows"
    assert found[0].message == "not checked: the checks before it took too long"
    assert "again" in found[0].fix
    assert not is_green(found)


def test_what_others_depend_on_is_not_green_unless_it_was_checked() -> None:
    area = Area("here", (Check("door", unasked, gate=True, fix="Open it."), Check("room", good)))
    found = run_checks([area, Area("there", (Check("extra", unasked),))])
    assert [one.state for one in found] == [State.FAILED, State.SKIPPED, State.SKIPPED]
    assert (found[0].message, found[0].fix) == ("because", "Open it.")
    assert not is_green(found)
    assert is_green(found[2:]), "a check that nothing depends on may be left out"


@pytest.mark.parametrize(
    ("ahead", "state", "message"),
    [
        (0.2, State.OK, "within 1 s of theirs"),
        (-29, State.OK, "within 29 s of theirs"),
        (31, State.WARNING, "this machine's clock is behind theirs by 31 s"),
        (-130, State.FAILED, "this machine's clock is ahead of theirs by 130 s"),
    ],
)
def test_clocks_may_differ_by_seconds_not_by_minutes(ahead: float, state: State, message: str) -> None:
    found = clock_skew("theirs", ahead)
    assert (found.state, found.text) == (state, message)
    assert bool(found.fix) is (state is not State.OK)
