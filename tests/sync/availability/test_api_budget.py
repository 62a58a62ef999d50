"""What is left of the day's API calls goes to disputes first, and a part of it to nobody but people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from samples import due, make_ready, rows
from sqlalchemy import Engine

from connector.errors import Unavailable
from connector.ledger import api_usage, subjects
from connector.ledger.api_usage import ApiUsage
from connector.models.events import Urgency
from connector.policy import Budget
from connector.sync.apply.applier import Applier
from connector.sync.availability import api_budget
from connector.sync.availability.api_budget import ASKED_EVERY, ApiBudget
from connector.sync.availability.circuit_breaker import DESTINATION
from sync.apply.test_applier import decide, learn
from sync.fake_crm import FakeCrm, Org
from sync.world import account

POLICY = Budget()


@dataclass
class Limits:
    """An org that says how many calls are left, and counts how often it is asked."""

    left: int = 0
    allowed: int = 1000
    usage: tuple[int, int] | None = None
    usage_at: float | None = None
    asked: int = 0
    trouble: Exception | None = field(default=None)

    def limits(self) -> Mapping[str, Mapping[str, int]]:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return {"DailyApiRequests": {"Max": self.allowed, "Remaining": self.left}}


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (1000, Urgency.ROUTINE),
        (251, Urgency.ROUTINE),
        (250, Urgency.FAILURE),
        (201, Urgency.FAILURE),
        (200, Urgency.DISPUTE),
        (0, Urgency.DISPUTE),
        (-5, Urgency.DISPUTE),
    ],
)
def test_a_fifth_is_for_people_and_a_twentieth_for_what_is_urgent(left: int, expected: Urgency) -> None:
    assert api_budget.level(ApiUsage(1000 - left, 1000, 0.0), POLICY) is expected


def test_an_org_that_is_all_ours_keeps_nothing_back() -> None:
    settings = Budget(reserve_percent=0, urgent_percent=0)
    assert api_budget.level(ApiUsage(999, 1000, 0.0), settings) is Urgency.ROUTINE


def test_an_admin_reads_what_waits() -> None:
    assert api_budget.in_words(ApiUsage(790, 1000, 0.0), POLICY) == (
        "790 of 1,000 calls used in 24 hours, 200 kept for people: profile edits wait"
    )
    assert api_budget.in_words(ApiUsage(1, 1000, 0.0), POLICY).endswith("200 kept for people")


def test_before_the_org_has_said_anything_all_goes_on(engine: Engine) -> None:
    crm = Limits()
    assert ApiBudget(engine, crm, POLICY).level() is Urgency.ROUTINE
    assert crm.asked == 0


def told(engine: Engine, left: int, age: float = 0.0) -> None:
    with engine.begin() as connection:
        api_usage.note(connection, DESTINATION, 1000 - left, 1000)
    rows(engine, "UPDATE budget SET told_at = now() - make_interval(secs => :age)", age=age)


def test_what_any_worker_was_told_counts_for_all(engine: Engine) -> None:
    first, second = Limits(usage=(790, 1000), usage_at=1.0), Limits()
    ApiBudget(engine, first, POLICY).note()
    assert ApiBudget(engine, second, POLICY).level() is Urgency.FAILURE


def test_what_is_free_is_what_is_left_but_for_the_peoples_part(engine: Engine) -> None:
    assert api_budget.free(engine, POLICY) is None
    told(engine, left=250)
    assert api_budget.free(engine, POLICY) == 50
    told(engine, left=150)
    assert api_budget.free(engine, POLICY) == 0


def test_what_was_said_once_is_kept_once(engine: Engine) -> None:
    """An old answer must not pass for a new one."""
    crm = Limits(usage=(790, 1000), usage_at=1.0)
    mine = ApiBudget(engine, crm, POLICY)
    mine.note()
    told(engine, left=900)
    mine.note()
    assert mine.level() is Urgency.ROUTINE


def test_an_org_that_was_not_heard_of_for_long_is_asked_only_if_work_waits_for_it(engine: Engine) -> None:
    crm = Limits(left=900)
    told(engine, left=100, age=ASKED_EVERY + 1)
    mine = ApiBudget(engine, crm, POLICY)
    assert mine.level() is Urgency.ROUTINE
    assert crm.asked == 1
    told(engine, left=900, age=ASKED_EVERY + 1)
    mine.level()
    told(engine, left=100, age=ASKED_EVERY - 60)
    assert mine.level() is Urgency.DISPUTE
    assert crm.asked == 1


def applier(engine: Engine, crm: FakeCrm, limits: Limits) -> Applier:
    spent = ApiBudget(engine, limits, POLICY)
    return Applier(engine, crm, Org, decide, lambda: datetime.now(UTC), "w", spending=spent)


@pytest.mark.parametrize(
    ("left", "written"),
    [(1000, {"dispute", "failure", "edit"}), (230, {"dispute", "failure"}), (100, {"dispute"})],
)
def test_profile_edits_wait_while_disputes_go_on(engine: Engine, left: int, written: set[str]) -> None:
    codes = {"dispute": Urgency.DISPUTE, "failure": Urgency.FAILURE, "edit": Urgency.ROUTINE}
    learn(engine, *(account(code=code, id=code) for code in codes), codes=())
    with engine.begin() as connection:
        subjects.mark_due(connection, [due(code, urgency) for code, urgency in codes.items()])
    told(engine, left=left)
    crm = FakeCrm()
    applier(engine, crm, Limits()).run()
    assert {key.rpartition(":")[2] for key in crm.of("Account")} == written
    waiting = rows(engine, "SELECT code, tries FROM subject WHERE status = 'due'")
    assert {row.code for row in waiting} == set(codes) - written
    assert {row.tries for row in waiting} <= {0}


def test_a_person_who_asks_is_not_kept_waiting(engine: Engine) -> None:
    learn(engine, account())
    told(engine, left=0)
    crm = FakeCrm()
    applier(engine, crm, Limits()).run(only=["recurly:acme:account:bob"])
    assert len(crm.of("Account")) == 1


def test_an_org_that_cannot_even_be_asked_opens_its_circuit(engine: Engine) -> None:
    learn(engine, account())
    told(engine, left=0, age=ASKED_EVERY + 1)
    out = Limits(
        trouble=Unavailable("salesforce", "TotalRequests Limit exceeded.", code="REQUEST_LIMIT_EXCEEDED")
    )
    assert applier(engine, FakeCrm(), out).run().open
    make_ready(engine, "subject")
    assert [row.code for row in rows(engine, "SELECT code FROM circuit")] == ["REQUEST_LIMIT_EXCEEDED"]
