"""What a plan is said to cost is what is then sent."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from samples import SITE, SOURCE, due
from sqlalchemy import Engine

from connector.ledger import snapshots
from connector.ledger.attempts import Cause
from connector.models.facts import Facts
from connector.models.plan import Change, Plan
from connector.sync.apply.applier import Applier
from connector.sync.apply.call_estimate import A_BULK_JOB, CallEstimator, calls
from connector.sync.resync.resync import look, resync_now
from sync.fake_crm import FakeCrm, Org
from sync.world import account


@pytest.mark.parametrize(
    ("rows", "bulk", "expected"),
    [
        ({}, False, {}),
        ({("Account", False): 1}, False, {"Account": 1}),
        ({("Account", False): 200}, False, {"Account": 1}),
        ({("Account", False): 201, ("Account", True): 1}, False, {"Account": 3}),
        ({("Account", False): 1_999}, True, {"Account": 10}),
        ({("Account", False): 2_000}, True, {"Account": A_BULK_JOB}),
        ({("Account", False): 2_000}, False, {"Account": 10}),
        ({("Account", False): 1, ("Case", False): 9}, True, {"Account": 1, "Case": 1}),
    ],
)
def test_calls_are_of_two_hundred_or_one_job(
    rows: dict[tuple[str, bool], int], bulk: bool, expected: dict[str, int]
) -> None:
    assert calls(rows, bulk=bulk) == expected


def decide(facts: Facts) -> Plan:
    """An account and two invoices each."""
    owned = [
        Change("Billing_Invoice__c", f"{facts.subject}:{n}", "invoices", "is", {"Name": str(n)})
        for n in range(2)
    ]
    return Plan(
        facts.subject, (Change("Account", facts.subject, "account", "is", {"Name": facts.code}), *owned)
    )


@pytest.mark.parametrize("accounts", [3, 250])
def test_what_is_said_is_what_is_sent(engine: Engine, accounts: int) -> None:
    crm = FakeCrm()
    applier = Applier(engine, crm, Org, decide, lambda: datetime.now(UTC), "cli")
    wanted = [due(f"c{number:03}") for number in range(accounts)]
    with engine.begin() as connection:
        found = [account(id=one.code, code=one.code) for one in wanted]
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), found)
    costing = CallEstimator(at_once=200)
    for one in look(applier, wanted, {}):
        costing.add(one.changes)
    for start in range(0, accounts, 200):
        resync_now(applier, wanted[start : start + 200], Cause("resync"))
    assert costing.by_object() == dict(Counter(object_ for object_, _ in crm.upserts))
