"""A burst, in the middle of which the queue is lost: the ledger knows what is to be done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.cli.local_stack import Stack, casewire
from flows.playing import kill, parts, play, scalar, wait_for, worked

ACCOUNTS, EVENTS = 60, 600


@pytest.mark.slow
def test_valkey_is_lost_in_a_burst_and_comes_back_empty(flow: Stack) -> None:
    """Once while deliveries arrive, once while they are worked. Nobody types a command."""
    play(flow, "population", accounts=ACCOUNTS)
    first = parts(flow)["valkey"]
    told = play(flow, "burst", accounts=ACCOUNTS, events=EVENTS)
    wait_for(lambda: scalar(flow, "SELECT count(*) FROM event") > EVENTS // 4, "a part of it is received")
    assert kill(flow, "valkey")
    wait_for(lambda: parts(flow).get("valkey", first) != first, "another stands in its place")
    wait_for(lambda: scalar(flow, "SELECT count(*) FROM event WHERE status <> 'pending'"), "work goes on")
    assert kill(flow, "valkey")
    worked(flow, told["expect"])
    assert len(flow.sent()) == EVENTS
    assert scalar(flow, "SELECT count(*) FROM event WHERE status = 'done'") == EVENTS
    assert len(flow.vendors.records("Billing_Event__c")) == EVENTS
    at_work = sum(name.startswith("worker") for name in parts(flow))
    wait_for(lambda: known(flow) == at_work, "the workers that went on are known again")


def known(running: Stack) -> int:
    told: dict[str, Any] = json.loads(casewire(running.environment, "status", "--json").stdout)
    workers: int = told["redis"]["workers"]
    return workers
