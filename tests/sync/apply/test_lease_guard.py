"""Thousands of records take a while: an account that becomes urgent meanwhile is given back to be worked at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from samples import SITE, SOURCE, due, one, rows, subject
from sqlalchemy import Engine

from connector.errors import SetupError
from connector.ledger import leases, snapshots, subjects
from connector.models.events import Urgency
from connector.models.facts import Facts
from connector.models.plan import Change, Plan
from connector.sync.apply import lease_guard
from connector.sync.apply.applier import Applier, Outcome
from connector.sync.apply.record_writer import IN_BULK
from connector.sync.availability.api_budget import ApiBudget
from sync.fake_crm import FakeCrm, Org
from sync.world import account

CODES = ("ann", "bob", "eve")
EACH = IN_BULK // 2
"""Invoices of Ann and of Bob; Eve has none."""
BOB, EVE = subject("bob"), subject("eve")


def decide(facts: Facts) -> Plan:
    """An account; invoices, if it is not Eve's; and a dispute."""
    many = 0 if facts.code == "eve" else EACH
    return Plan(
        facts.subject,
        (
            Change("Account", facts.subject, "account", "is", {"Name": facts.code}),
            *(
                Change("Billing_Invoice__c", f"{facts.subject}:{n}", "invoice", "is", {"Number__c": n})
                for n in range(many)
            ),
            Change("Billing_Dispute__c", f"{facts.subject}:d", "dispute", "is", {"State__c": "open"}),
        ),
    )


@pytest.fixture
def crm() -> FakeCrm:
    return FakeCrm()


@pytest.fixture
def known(engine: Engine) -> Engine:
    objects = [account(id=code, code=code) for code in CODES]
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), objects)
        subjects.mark_due(connection, [due(code) for code in CODES])
    return engine


def decide_twice(facts: Facts) -> Plan:
    """The same with as many payments, so that there are two jobs; only Bob's and Eve's."""
    plan = decide(facts)
    if facts.code == "ann":
        return plan
    more = (
        Change("Billing_Payment__c", f"{facts.subject}:{n}", "payment", "is", {"Name": f"{n}"})
        for n in range(IN_BULK)
    )
    return Plan(facts.subject, (*plan.changes, *more))


def applied(engine: Engine, crm: FakeCrm, **how: object) -> Outcome:
    applier = Applier(engine, crm, Org, decide, lambda: datetime.now(UTC), "w")
    return applier.run(**how)  # type: ignore[arg-type]


def dispute(engine: Engine, code: str) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due(code, Urgency.DISPUTE)])


@pytest.mark.parametrize(
    ("was", "now", "is_more"),
    [
        ((Urgency.ROUTINE, 1), (Urgency.DISPUTE, 2), True),
        ((Urgency.ROUTINE, 1), (Urgency.FAILURE, 1), True),
        ((Urgency.DISPUTE, 1), (Urgency.DISPUTE, 2), True),
        ((Urgency.FAILURE, 1), (Urgency.FAILURE, 2), True),
        ((Urgency.DISPUTE, 1), (Urgency.DISPUTE, 1), False),
        ((Urgency.ROUTINE, 1), (Urgency.ROUTINE, 2), False),
        ((Urgency.DISPUTE, 1), (Urgency.ROUTINE, 2), False),
    ],
)
def test_what_is_let_go_is_more_urgent_or_as_urgent_for_something_new(
    was: tuple[Urgency, int], now: tuple[Urgency, int], is_more: bool
) -> None:
    claimed = subjects.Claimed(BOB, SOURCE, SITE, "bob", was[0], was[1], 1)
    assert lease_guard.is_more_urgent(claimed, leases.Renewed(*now)) is is_more


@pytest.mark.parametrize(
    ("was", "now", "became"),
    [
        (Urgency.ROUTINE, Urgency.DISPUTE, True),
        (Urgency.FAILURE, Urgency.DISPUTE, True),
        (Urgency.DISPUTE, Urgency.DISPUTE, False),
        (Urgency.ROUTINE, Urgency.FAILURE, False),
    ],
)
def test_a_batch_that_is_over_soon_is_left_only_by_what_became_a_dispute(
    was: Urgency, now: Urgency, became: bool
) -> None:
    claimed = subjects.Claimed(BOB, SOURCE, SITE, "bob", was, 1, 1)
    assert lease_guard.became_dispute(claimed, leases.Renewed(now, 2)) is became


def at_each_look(*then: Callable[[], None]) -> Callable[[float], None]:
    """Does the first while the job is looked at for the first time, and so on."""
    coming = iter(then)
    return lambda seconds: next(coming, lambda: None)()


def test_an_account_without_rows_in_the_job_is_let_go_while_the_job_runs(known: Engine, crm: FakeCrm) -> None:
    leases: list[str | None] = []

    def look() -> None:
        leases.append(one(known, f"SELECT lease FROM subject WHERE key = '{EVE}'").lease)

    outcome = applied(known, crm, bulk_wait=at_each_look(lambda: dispute(known, "eve"), look))
    assert crm.jobs == [("Billing_Invoice__c", 2 * EACH)]
    assert leases == [None]
    assert outcome.claimed == 2
    assert f"{EVE}:d" not in crm.of("Billing_Dispute__c")
    assert applied(known, crm, most=Urgency.DISPUTE).written == 1
    assert f"{EVE}:d" in crm.of("Billing_Dispute__c")


def test_rows_of_the_job_cannot_be_taken_back_so_their_account_is_let_go_when_it_is_over(
    known: Engine, crm: FakeCrm
) -> None:
    leases: list[str | None] = []

    def look() -> None:
        leases.append(one(known, f"SELECT lease FROM subject WHERE key = '{BOB}'").lease)

    applied(known, crm, bulk_wait=at_each_look(lambda: dispute(known, "bob"), look))
    assert leases != [None]
    assert one(known, f"SELECT lease, status FROM subject WHERE key = '{BOB}'") == (None, "due")
    assert set(crm.of("Billing_Dispute__c")) == {f"{subject('ann')}:d", f"{EVE}:d"}


def test_what_was_written_of_it_is_kept_and_not_written_again(known: Engine, crm: FakeCrm) -> None:
    applied(known, crm, bulk_wait=at_each_look(lambda: dispute(known, "bob")))
    told = one(known, f"SELECT outcome, written, error FROM attempt WHERE subject = '{BOB}'")
    assert (told.outcome, told.written) == ("waiting", EACH + 1)
    assert "more urgent" in told.error
    crm.upserts.clear()
    assert applied(known, crm).written == 1
    assert [object_ for object_, _ in crm.upserts] == ["Billing_Dispute__c"]
    assert rows(known, "SELECT key FROM subject WHERE status <> 'idle'") == []


def test_a_job_that_goes_on_after_one_was_let_go_is_not_left_behind(known: Engine, crm: FakeCrm) -> None:
    """Ann's account is the first that was claimed, under which the jobs are kept."""
    jobs: list[list[tuple[str, bool]]] = []

    def work() -> None:
        assert applied(known, crm, most=Urgency.DISPUTE).written == 1
        told = rows(known, "SELECT object, ended_at IS NOT NULL FROM bulk_job ORDER BY begun_at")
        jobs.append([tuple(row) for row in told])

    applier = Applier(known, crm, Org, decide_twice, lambda: datetime.now(UTC), "w")
    applier.run(bulk_wait=at_each_look(lambda: dispute(known, "ann"), lambda: None, work))
    assert jobs == [[("Billing_Invoice__c", True), ("Billing_Payment__c", False)]]
    assert crm.aborted == []
    assert rows(known, "SELECT job FROM bulk_job") == []
    assert rows(known, "SELECT key FROM subject WHERE status <> 'idle'") == []


def test_who_is_no_more_urgent_than_before_is_held_to_the_end(known: Engine, crm: FakeCrm) -> None:
    def change() -> None:
        with known.begin() as connection:
            subjects.mark_due(connection, [due("bob")])

    assert applied(known, crm, bulk_wait=at_each_look(change)).claimed == 3
    assert len(crm.of("Billing_Dispute__c")) == 3


@pytest.mark.parametrize("was", [Urgency.FAILURE, Urgency.DISPUTE])
def test_one_that_was_urgent_already_is_let_go_for_what_is_new(
    known: Engine, crm: FakeCrm, was: Urgency
) -> None:
    with known.begin() as connection:
        subjects.mark_due(connection, [due("eve", was)])
    assert applied(known, crm, bulk_wait=at_each_look(lambda: dispute(known, "eve"))).claimed == 2
    assert f"{EVE}:d" not in crm.of("Billing_Dispute__c")


def test_one_that_is_as_urgent_as_before_is_held(known: Engine, crm: FakeCrm) -> None:
    with known.begin() as connection:
        subjects.mark_due(connection, [due("eve", Urgency.DISPUTE)])
    assert applied(known, crm, bulk_wait=at_each_look()).claimed == 3


def test_what_was_let_go_is_not_told_again_where_the_rest_cannot_be_written(
    known: Engine, crm: FakeCrm
) -> None:
    crm.outages["Billing_Dispute__c"] = SetupError("Not set up.")
    applied(known, crm, bulk_wait=at_each_look(lambda: dispute(known, "eve")))
    told = rows(known, f"SELECT outcome, written FROM attempt WHERE subject = '{EVE}'")
    assert [tuple(row) for row in told] == [("waiting", 1)]


class _Looks(ApiBudget):
    """Sees which jobs are kept when all rows are sent, and nothing of that is settled."""

    def __init__(self, engine: Engine) -> None:
        self.of, self.seen = engine, [["nobody looked"]]

    def level(self) -> Urgency:
        return Urgency.ROUTINE

    def note(self) -> None:
        self.seen = [list(row) for row in rows(self.of, "SELECT job FROM bulk_job")]


def test_jobs_that_have_ended_are_settled_with_the_last_account_that_is_let_go(
    known: Engine, crm: FakeCrm
) -> None:
    """Who claims them at once would take the jobs for left behind."""

    def all_urgent() -> None:
        for code in CODES:
            dispute(known, code)

    looks = _Looks(known)
    applier = Applier(known, crm, Org, decide, lambda: datetime.now(UTC), "w", spending=looks)
    assert applier.run(bulk_wait=at_each_look(all_urgent)).claimed == 0
    assert looks.seen == []
    assert applied(known, crm).written == 3
