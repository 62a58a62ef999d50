"""What is on its way is no discrepancy: a delivery just sent, one that waits, a past that is fetched later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from samples import SITE, due, event, record, rows
from sqlalchemy import Engine

from connector.ledger import observations, subjects
from connector.models.events import Pointer
from connector.models.facts import Kind, Payment, ProcessorObject, Status
from connector.policy import Compare
from connector.sync.reconcile.reconciliation import ComparedSystems, Reconciliation, Window
from sync.reconcile.books import NOW, WINDOW, Api, ThreeSides, charge, paid
from sync.world import account, at, invoice

COMING = "its delivery is on its way"
JUST_NOW = NOW - timedelta(minutes=1)
LATER = NOW + timedelta(minutes=30)
OLD = at(20)


@pytest.fixture
def sides(engine: Engine) -> ThreeSides:
    """Everything is worked, and nothing waits."""
    made = ThreeSides(engine)
    made.known(account())
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    rows(engine, "UPDATE subject SET status = 'idle'")
    return made


def standings(sides: ThreeSides, now: datetime = NOW) -> list[tuple[str, str, str]]:
    found = sides.reconcile(window=replace(WINDOW, until=now), now=now)[1]
    return [(str(one.difference), str(one.state), one.why) for one in found]


def taken(sides: ThreeSides, when: datetime) -> Payment:
    """Recurly and Stripe have it; the ledger and Salesforce do not."""
    payment = paid("n", when, invoice_number="2000", invoice_id="inv2000")
    sides.api.replace(payment)
    sides.stripe.items.append(charge("ch_n", when, invoice_number="2000"))
    return payment


# Deliveries -----------------------------------------------------------------------------------------------------


def test_a_payment_of_this_minute_need_not_be_in_salesforce(sides: ThreeSides) -> None:
    taken(sides, JUST_NOW)
    assert standings(sides) == [("missing_in_salesforce", "explained", COMING)]
    assert standings(sides, LATER) == [("missing_in_salesforce", "open", "")]


@pytest.mark.parametrize(
    "pointer",
    [
        Pointer("payment", ("payn",)),
        Pointer("payment", ("uuid-uuidn",)),
        Pointer("invoice", ("inv2000",)),
        Pointer("invoice", ("number-2000",)),
    ],
)
def test_what_an_event_points_to_that_waits_need_not_be_in_salesforce(
    sides: ThreeSides, pointer: Pointer
) -> None:
    taken(sides, OLD)
    record(sides.engine, event("n1", pointers=(pointer,)))
    assert standings(sides) == [("missing_in_salesforce", "explained", COMING)]
    rows(sides.engine, "UPDATE event SET status = 'done'")
    assert standings(sides) == [("missing_in_salesforce", "open", "")]


def test_an_event_about_another_payment_explains_nothing(sides: ThreeSides) -> None:
    taken(sides, OLD)
    record(sides.engine, event("n1", pointers=(Pointer("payment", ("pay0",)),)))
    assert standings(sides) == [("missing_in_salesforce", "open", "")]


@pytest.mark.parametrize("changed", [JUST_NOW, at(27)])
def test_what_the_ledger_has_not_heard_of_yet_salesforce_cannot_have(
    sides: ThreeSides, changed: datetime
) -> None:
    """A debit that has arrived: Recurly and the processor say so."""
    before = paid("n", OLD, status="pending", collected_at=None, invoice_number="2000")
    sides.in_recurly(before)
    sides.in_salesforce(before)
    sides.stripe.items.append(charge("ch_n", OLD, invoice_number="2000"))
    after = replace(before, status="success", updated_at=changed)
    sides.api.replace(after)
    assert standings(sides) == [("status", "explained", COMING)]
    sides.known(after)
    assert standings(sides, LATER) == [("status", "open", "")]


def test_what_recurly_and_the_processor_tell_differently_no_delivery_explains(sides: ThreeSides) -> None:
    payment = paid("n", JUST_NOW, invoice_number="2000")
    sides.in_recurly(payment)
    sides.stripe.items.append(charge("ch_n", JUST_NOW, amount=payment.amount + 1, invoice_number="2000"))
    assert standings(sides) == [("amount", "open", ""), ("missing_in_salesforce", "explained", COMING)]


def dispute(when: datetime = OLD, status: Status = Status.NEEDS_RESPONSE) -> ProcessorObject:
    return charge("dp_1", when, kind=Kind.DISPUTE, references=("ch_x",), status=status, invoice_number=None)


def test_a_dispute_of_this_minute_need_not_be_in_salesforce(sides: ThreeSides) -> None:
    sides.stripe.items.append(dispute(JUST_NOW))
    assert standings(sides) == [("missing_in_salesforce", "explained", COMING)]
    assert standings(sides, LATER) == [("missing_in_salesforce", "open", "")]


def test_a_dispute_that_an_event_points_to_need_not_be_in_salesforce(sides: ThreeSides) -> None:
    sides.stripe.items.append(dispute())
    pointer = Pointer("dispute", ("dp_1",))
    record(sides.engine, event("n1", source="stripe", site="", pointers=(pointer,)))
    assert standings(sides) == [("missing_in_salesforce", "explained", COMING)]


def test_the_end_of_a_dispute_that_the_ledger_has_not_heard_of_need_not_be_in_salesforce(
    sides: ThreeSides,
) -> None:
    heard = dispute()
    sides.dispute_in_salesforce(heard)
    with sides.engine.begin() as connection:
        observations.store(connection, [("event:1", heard)])
    sides.stripe.items.append(dispute(status=Status.WON))
    assert standings(sides) == [("status", "explained", COMING)]
    with sides.engine.begin() as connection:
        observations.store(connection, [("event:2", replace(heard, status=Status.WON, at=at(21)))])
    assert standings(sides) == [("status", "open", "")]


# Pasts ----------------------------------------------------------------------------------------------------------


def wanted(engine: Engine, site: str = SITE, heard: datetime = NOW) -> None:
    """Another account, whose past is to be fetched."""
    with engine.begin() as connection:
        subjects.mark_due(connection, [replace(due("eve"), key=f"recurly:{site}:account:eve", site=site)])
    rows(
        engine,
        "UPDATE subject SET status = 'idle', history = 'wanted', first_seen_at = :heard WHERE code = 'eve'",
        heard=heard,
    )


def two_sites(sides: ThreeSides, beta: Api | None) -> tuple[Reconciliation, list[tuple[str, str]]]:
    both = ComparedSystems(
        sides.engine, sides.crm, {SITE: sides.api, "beta": beta}, {"stripe": sides.stripe}, {}
    )
    reconciling = Reconciliation(both, Compare(), Window(at(1), NOW, (SITE, "beta")), NOW)
    return reconciling, sorted((one.reference, str(one.state)) for one in reconciling.findings())


@pytest.fixture
def strays(sides: ThreeSides) -> ThreeSides:
    """A charge of an invoice of acme, and one of nobody's."""
    sides.known(invoice(number="3000"))
    for id_, number in (("ch_acme", "3000"), ("ch_x", "9")):
        sides.stripe.items.append(charge(id_, OLD, invoice_number=number))
    return sides


def test_a_past_that_waits_may_explain_what_is_of_its_site_or_of_nobody(strays: ThreeSides) -> None:
    wanted(strays.engine, "beta")
    reconciling, found = two_sites(strays, Api())
    assert found == [("ch_acme", "open"), ("ch_x", "explained")]
    assert reconciling.not_compared() == [
        "1 missing in Recurly, site acme: the past of some accounts waits to be fetched"
    ]


def test_a_past_that_cannot_be_fetched_explains_nothing(strays: ThreeSides) -> None:
    wanted(strays.engine, "beta")
    reconciling, found = two_sites(strays, None)
    assert found == [("ch_acme", "open"), ("ch_x", "open")]
    (said,) = reconciling.not_compared()
    assert said.startswith("site beta, what no delivery told of: it has no API key")


def test_what_moved_since_an_account_is_heard_of_is_not_in_its_past(strays: ThreeSides) -> None:
    wanted(strays.engine, heard=at(19))
    assert {state for _, state in two_sites(strays, None)[1]} == {"open"}
    wanted(strays.engine, heard=at(21))
    assert {state for _, state in two_sites(strays, None)[1]} == {"explained"}


# What is urgent -------------------------------------------------------------------------------------------------


def test_what_is_urgent_goes_on_after_each_page(sides: ThreeSides) -> None:
    """Two charges a page."""
    sides.agree(*(paid(str(n), OLD + timedelta(hours=n), invoice_number=f"10{n:02}") for n in range(10)))
    steps: list[tuple[int, int]] = []
    reconciling = Reconciliation(sides.sides, Compare(), WINDOW, NOW, tell=lambda *step: steps.append(step))
    list(reconciling.findings())
    assert max(steps.count(step) for step in set(steps)) > 5
    assert steps == sorted(steps)
