"""A backfill beside live work: killed again and again it leaves what an undisturbed one leaves; disputes go first."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from connector.cli.local_stack import Stack
from connector.mappers.fields import Case
from flows.crm import contents
from flows.playing import calls, fresh, play, scalar, wait_for, worked

ACCOUNTS = 300


@contextmanager
def backfilling(running: Stack, *how: str) -> Iterator[subprocess.Popen[bytes]]:
    """``casewire backfill`` in a process of its own, which ends with this at the latest."""
    with (running.home / "backfill.err").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "connector.cli", "backfill", *how, "--yes", "100000"],
            env={**os.environ, **running.environment, "CASEWIRE_KEPT": ""},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def through(running: Stack, *how: str) -> None:
    with backfilling(running, *how) as process:
        assert process.wait(timeout=120) == 0, (running.home / "backfill.err").read_text()[-1000:]


def killed(running: Stack, when: Callable[[], bool], *how: str) -> None:
    with backfilling(running, *how) as process:
        wait_for(lambda: when() or process.poll() is not None, "it is so far")
        assert process.poll() is None, "it ended before it could be killed"


@contextmanager
def slow(running: Stack, vendor: str, milliseconds: int) -> Iterator[None]:
    running.vendors.control(vendor, "PUT", "latency", {"ms": milliseconds})
    try:
        yield
    finally:
        running.vendors.control(vendor, "PUT", "latency", {"ms": 0})


def phase(running: Stack) -> str:
    return str(scalar(running, "SELECT COALESCE((SELECT progress->>'phase' FROM run), '')"))


def dispute_cases(running: Stack) -> list[str]:
    cases = running.vendors.records(Case.OBJECT)
    return [case["Id"] for case in cases if case[Case.RULE] == "dispute"]


def invoices_read(running: Stack) -> int:
    return int(scalar(running, "SELECT count(*) FROM snapshot WHERE object = 'invoice'"))


@pytest.mark.slow
def test_one_that_is_killed_three_times_leaves_what_an_undisturbed_one_leaves(flow: Stack) -> None:
    play(flow, "population", accounts=ACCOUNTS, invoices=3)
    through(flow, "--apply")
    undisturbed = contents(flow.vendors)
    fresh(flow)
    play(flow, "population", accounts=ACCOUNTS, invoices=3)
    with slow(flow, "recurly", 150):
        killed(flow, lambda: invoices_read(flow) > 0, "--apply")
    assert invoices_read(flow) < 3 * ACCOUNTS
    killed(flow, lambda: phase(flow) == "writing", "--resume")
    flow.vendors.control("salesforce", "DELETE", "calls")
    killed(flow, lambda: calls(flow, "salesforce", "PATCH") > 3, "--resume")
    assert 0 < len(flow.vendors.records("Account")) <= ACCOUNTS
    through(flow, "--resume")
    assert contents(flow.vendors) == undisturbed
    assert scalar(flow, "SELECT count(*) FROM run WHERE command = 'backfill' AND state = 'done'") == 1
    assert scalar(flow, "SELECT count(*) FROM subject WHERE status <> 'idle'") == 0


@pytest.mark.slow
def test_a_dispute_that_comes_in_meanwhile_has_its_case_before_the_backfill_is_over(flow: Stack) -> None:
    play(flow, "population", accounts=ACCOUNTS, invoices=3)
    with backfilling(flow, "--apply") as process:
        with slow(flow, "salesforce", 400):
            wait_for(lambda: phase(flow) == "writing", "the backfill writes")
            told = play(flow, "dispute_before_recurly", prefix="live-")
            wait_for(lambda: dispute_cases(flow), "the dispute's case stands")
            assert process.poll() is None
        assert process.wait(timeout=120) == 0
    worked(flow, told["expect"])
