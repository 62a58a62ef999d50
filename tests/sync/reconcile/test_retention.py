"""What was found is kept, found again, cleared; and makes one case for each class."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from samples import SITE, SOURCE, one, rows
from sqlalchemy import Engine

from connector.errors import Transient
from connector.ledger import discrepancies, runs
from connector.ledger.retention import purge
from connector.mappers import fields
from connector.models.facts import Money
from connector.policy import Compare, Policy
from connector.sync.apply.applier import Applier
from connector.sync.decide.decide import decide
from connector.sync.reconcile.reconciliation import Reconciliation, Window
from sync.fake_crm import FakeCrm, Org
from sync.reconcile.books import NOW, WINDOW, ThreeSides, charge, paid
from sync.world import at

SUBJECT = "recurly:acme:discrepancy:amount"


@pytest.fixture
def sides(engine: Engine) -> ThreeSides:
    return ThreeSides(engine).agree(*(paid(str(n), at(n), invoice_number=f"10{n:02}") for n in range(2, 11)))


def keep(sides: ThreeSides, now: datetime = NOW, window: Window | None = None) -> Reconciliation:
    with sides.engine.begin() as connection:
        run_id = runs.begin(connection, "reconcile", "ada", "month end", {})
    wanted = window or replace(WINDOW, until=now)
    return sides.reconcile(Compare(), window=wanted, now=now, run_id=run_id)[0]


def states(engine: Engine) -> dict[str, str]:
    found = rows(engine, "SELECT reference, difference, state FROM discrepancy ORDER BY key")
    return {f"{row.difference} {row.reference}": row.state for row in found}


def apply(sides: ThreeSides, reconciling: Reconciliation, now: datetime = NOW) -> None:
    policy = Policy()
    applier = Applier(
        sides.engine, sides.crm, Org, lambda facts: decide(facts, policy), lambda: now, "worker"
    )
    applier.run(only=[due.key for due in reconciling.due])


def records(crm: FakeCrm, object_: str) -> list[dict[str, Any]]:
    return [row for (of, _), row in sorted(crm.records.items()) if of == object_]


def test_what_is_found_again_is_the_same_row(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    keep(sides)
    keep(sides, NOW + timedelta(hours=1))
    found = one(sides.engine, "SELECT state, first_seen_at, last_seen_at, run_id FROM discrepancy")
    assert (found.state, found.first_seen_at, found.last_seen_at) == ("open", NOW, NOW + timedelta(hours=1))


def test_what_is_not_found_any_more_is_cleared_and_may_come_back(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    keep(sides)
    sides.charge_is("ch_5", amount=Decimal("49.00"))
    keep(sides, NOW + timedelta(hours=1))
    assert states(sides.engine) == {"amount ch_5": "cleared"}
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    keep(sides, NOW + timedelta(hours=2))
    found = one(sides.engine, "SELECT state, first_seen_at, opened_at, cleared_at FROM discrepancy")
    back = NOW + timedelta(hours=2)
    assert tuple(found) == ("open", back, back, None)


def test_what_was_not_looked_at_is_not_cleared(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    keep(sides)
    sides.charge_is("ch_5", amount=Decimal("49.00"))
    later = NOW + timedelta(hours=1)
    keep(sides, later, Window(at(6), later, (SITE,)))
    keep(sides, later, replace(WINDOW, processors=frozenset({"braintree"})))
    keep(sides, later, replace(WINDOW, sites=("other",)))
    assert states(sides.engine) == {"amount ch_5": "open"}


def test_of_a_processor_that_is_out_nothing_is_cleared(sides: ThreeSides) -> None:
    sides.without_charge("ch_5")
    keep(sides)
    sides.stripe.error = Transient("The connection to Stripe broke.")
    keep(sides, NOW + timedelta(hours=1))
    assert states(sides.engine) == {"missing_at_processor ch_5": "open"}


def test_the_settlement_delay_clears_itself(sides: ThreeSides) -> None:
    sides.without_charge("ch_10")
    keep(sides, at(11))
    assert states(sides.engine) == {"missing_at_processor ch_10": "explained"}
    sides.stripe.items.append(charge("ch_10", at(10), invoice_number="1010"))
    keep(sides, at(12))
    assert states(sides.engine) == {"missing_at_processor ch_10": "cleared"}


def test_one_that_outlives_the_delay_is_open(sides: ThreeSides) -> None:
    sides.without_charge("ch_10")
    keep(sides, at(11))
    keep(sides, at(14))
    found = one(sides.engine, "SELECT state, first_seen_at, opened_at, why FROM discrepancy")
    assert tuple(found) == ("open", at(11), at(14), "")


def test_one_case_for_each_class_with_its_rows(sides: ThreeSides) -> None:
    sides.charge_is("ch_4", amount=Decimal("45.00"))
    sides.charge_is("ch_5", amount=Decimal("40.00"))
    sides.without_charge("ch_6")
    apply(sides, keep(sides))
    cases = {row[fields.KEY]: row for row in records(sides.crm, "Case")}
    assert sorted(cases) == [
        "recurly:acme:discrepancy:amount:differs:1",
        "recurly:acme:discrepancy:missing_at_processor:differs:1",
    ]
    case = cases["recurly:acme:discrepancy:amount:differs:1"]
    assert (case[fields.Case.RULE], case[fields.Case.STATE]) == ("discrepancy", "open")
    assert (case[fields.Case.AMOUNT], case[fields.Case.CURRENCY]) == (Decimal("13.00"), "USD")
    assert (
        "payment ch_5: Recurly USD 49.00 success 2026-11-05 · Stripe USD 40.00" in case[fields.Case.SUMMARY]
    )
    kept = records(sides.crm, fields.Discrepancy.OBJECT)
    assert [(row["Recurly_Amount_Text__c"], row["Processor_Amount_Text__c"]) for row in kept] == [
        ("USD 49.00", "USD 45.00"),
        ("USD 49.00", "USD 40.00"),
        ("USD 49.00", "–"),
    ]
    assert kept[0]["Case__r"] == "recurly:acme:discrepancy:amount:differs:1"


def test_the_case_resolves_itself_and_its_rows_with_it(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    apply(sides, keep(sides))
    sides.charge_is("ch_5", amount=Decimal("49.00"))
    later = NOW + timedelta(hours=1)
    apply(sides, keep(sides, later), later)
    (case,) = records(sides.crm, "Case")
    assert (case[fields.Case.STATE], case[fields.Case.OUTCOME], case[fields.Case.STATUS]) == (
        "resolved",
        "Cleared",
        "Closed",
    )
    (kept,) = records(sides.crm, fields.Discrepancy.OBJECT)
    assert (kept["State__c"], kept["Cleared_At__c"]) == ("cleared", later)


def test_a_second_time_nothing_is_written(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    apply(sides, keep(sides))
    sides.crm.upserts.clear()
    apply(sides, keep(sides, NOW + timedelta(hours=1)))
    assert sides.crm.upserts == []


def test_an_agents_closing_stands_until_another_is_found(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    apply(sides, keep(sides))
    (case,) = records(sides.crm, "Case")
    closed = NOW + timedelta(minutes=30)
    case |= {
        "IsClosed": True,
        "Status": "Closed",
        "ClosedDate": closed.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
    }
    later = NOW + timedelta(hours=1)
    apply(sides, keep(sides, later), later)
    assert case["Status"] == "Closed"
    sides.charge_is("ch_4", amount=Decimal("45.00"))
    again = NOW + timedelta(hours=2)
    apply(sides, keep(sides, again), again)
    (case,) = records(sides.crm, "Case")
    assert case["Status"] == "New"


def test_only_the_newest_are_rows_and_those_that_are_there_stay_true(sides: ThreeSides) -> None:
    for number in range(2, 11):
        sides.charge_is(f"ch_{number}", amount=Decimal(number))
    keep(sides)
    with sides.engine.connect() as connection:
        found = discrepancies.load(connection, [SUBJECT])[SUBJECT]
    assert (found.open, len(found.told)) == (9, 9)
    assert [(money.amount, money.currency) for money in found.amounts] == [(Decimal("387.00"), "USD")]
    assert found.oldest_at == at(2)


def test_a_window_with_a_gap_before_it_does_not_move_the_mark(sides: ThreeSides) -> None:
    keep(sides, at(10), Window(at(1), at(10), (SITE,)))
    keep(sides, at(20), Window(at(19), at(20), (SITE,)))
    assert one(sides.engine, "SELECT at FROM watermark WHERE name = 'reconcile:recurly:acme'").at == at(10)


def test_what_came_of_it_is_told_to_the_run(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    found = keep(sides)
    run_id = one(sides.engine, "SELECT id FROM run").id
    assert found.progress() == {"compared": 9, "open": 1, "explained": 0}
    assert [(due.key, due.source, due.run_id) for due in found.due] == [(SUBJECT, SOURCE, run_id)]


def test_what_was_cleared_long_ago_is_forgotten(sides: ThreeSides) -> None:
    sides.charge_is("ch_4", amount=Decimal("45.00"))
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    keep(sides)
    sides.charge_is("ch_5", amount=Decimal("49.00"))
    keep(sides, NOW + timedelta(hours=1))
    rows(
        sides.engine, "UPDATE discrepancy SET cleared_at = now() - interval '91 days' WHERE state = 'cleared'"
    )
    assert purge(sides.engine, None, 90).rows == 1
    assert states(sides.engine) == {"amount ch_4": "open"}


def test_only_what_is_open_is_at_stake(engine: Engine) -> None:
    for state in ("open", "explained", "cleared"):
        rows(
            engine,
            "INSERT INTO discrepancy (key, subject, difference, site, processor, movement, reference, at, amount, "
            "currency, sides, state, opened_at) VALUES (:state, 's', 'amount', 'acme', 'stripe', 'payment', 'ch_1', "
            "now(), 5, 'USD', '{}', :state, now())",
            state=state,
        )
    with engine.connect() as connection:
        found = discrepancies.load(connection, ["s"])["s"]
    assert (found.open, found.explained, found.amounts) == (1, 1, (Money(Decimal(5), "USD"),))
