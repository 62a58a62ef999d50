"""What is explained, cleared or moved leaves its case as it should; and nothing is cleared that was not looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from samples import SITE, SOURCE, due, one, rows
from sqlalchemy import Engine

from connector.errors import Permanent
from connector.ledger import runs, snapshots, subjects
from connector.mappers import fields
from connector.models.facts import Status
from connector.policy import Compare
from connector.sync.reconcile.reconciliation import ComparedSystems, Reconciliation
from sync.reconcile.books import NOW, WINDOW, Api, ThreeSides, charge, paid
from sync.reconcile.test_retention import apply, keep, records, states
from sync.world import account, at, invoice

PAYMENT = ("Billing_Payment__c", "recurly:acme:payment:uuid5")


@pytest.fixture
def sides(engine: Engine) -> ThreeSides:
    return ThreeSides(engine).agree(*(paid(str(n), at(n), invoice_number=f"10{n:02}") for n in range(2, 11)))


def hours(count: int) -> datetime:
    return NOW + timedelta(hours=count)


def case(sides: ThreeSides) -> tuple[str, str | None]:
    (found,) = records(sides.crm, "Case")
    return found[fields.Case.STATE], found.get(fields.Case.OUTCOME)


def row(sides: ThreeSides) -> tuple[str, datetime | None]:
    (found,) = records(sides.crm, fields.Discrepancy.OBJECT)
    return found[fields.Discrepancy.STATE], found.get(fields.Discrepancy.CLEARED_AT)


def begun(sides: ComparedSystems, now: datetime, policy: Compare | None = None, **how: Any) -> Reconciliation:
    """One that keeps what it finds; it is not gone through yet."""
    with sides.engine.begin() as connection:
        run_id = runs.begin(connection, "reconcile", "ada", "", {})
    window = replace(WINDOW, sites=sides.sites, until=now)
    return Reconciliation(sides, policy or Compare(), window, now, run_id, **{"clock": lambda _: now} | how)


# Explained, and then cleared ------------------------------------------------------------------------------------


def test_one_that_time_explains_now_ends_its_case_and_is_cleared_in_the_end(sides: ThreeSides) -> None:
    sides.known(account())
    gone = sides.crm.records.pop(PAYMENT)
    apply(sides, keep(sides))
    assert (case(sides), row(sides)) == (("open", None), ("open", None))
    with sides.engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    apply(sides, keep(sides, hours(1)), hours(1))
    assert (case(sides), row(sides)) == (("resolved", "Explained"), ("explained", None))
    (told,) = records(sides.crm, "Case")
    assert "1 of them time explains" in told[fields.Case.SUMMARY]
    rows(sides.engine, "UPDATE subject SET status = 'idle'")
    sides.crm.records[PAYMENT] = gone
    apply(sides, keep(sides, hours(2)), hours(2))
    assert (case(sides), row(sides)) == (("resolved", "Cleared"), ("cleared", hours(2)))
    (told,) = records(sides.crm, "Case")
    assert "agree again" in told[fields.Case.SUMMARY]


def test_what_is_explained_night_after_night_is_so_since_the_first(sides: ThreeSides) -> None:
    sides.charge_is("ch_10", status=Status.PENDING)
    keep(sides, at(14))
    for day in (15, 16):
        longer = begun(sides.sides, at(day), policy=Compare(settlement_hours=2000))
        list(longer.findings())
        assert [one.key for one in longer.due] == ["recurly:acme:discrepancy:status"]
    found = one(sides.engine, "SELECT state, opened_at, cleared_at FROM discrepancy")
    assert tuple(found) == ("explained", at(14), at(15))


def test_one_that_is_open_again_is_open_since_then(sides: ThreeSides) -> None:
    sides.known(account())
    sides.crm.records.pop(PAYMENT)
    apply(sides, keep(sides))
    with sides.engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    apply(sides, keep(sides, hours(1)), hours(1))
    rows(sides.engine, "UPDATE subject SET status = 'idle'")
    apply(sides, keep(sides, hours(2)), hours(2))
    found = one(sides.engine, "SELECT state, first_seen_at, opened_at, cleared_at FROM discrepancy")
    assert tuple(found) == ("open", NOW, hours(2), None)
    assert (case(sides), row(sides)) == (("open", None), ("open", None))


# Two at once ----------------------------------------------------------------------------------------------------


def test_of_two_that_keep_what_they_find_the_second_waits(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    apply(sides, keep(sides))
    first = begun(sides.sides, hours(1)).findings()
    next(first)
    waits: list[int] = []

    def wait(_: float) -> None:
        waits.append(1)
        list(first)

    second = begun(sides.sides, hours(2), pause=wait)
    assert len(list(second.findings())) == 1
    assert waits == [1]
    assert states(sides.engine) == {"amount ch_5": "open"}


def test_what_is_urgent_goes_on_while_it_waits(sides: ThreeSides) -> None:
    first = begun(sides.sides, hours(1)).findings()
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    next(first)
    told: list[tuple[int, int]] = []
    second = begun(sides.sides, hours(2), pause=lambda _: first.close(), tell=lambda *at_: told.append(at_))  # type: ignore[attr-defined]
    list(second.findings())
    assert told[0] == (0, 1)


def test_one_that_keeps_nothing_waits_for_nobody(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    first = begun(sides.sides, hours(1)).findings()
    next(first)
    assert sides.found() == [("amount", "ch_5")]


def test_what_was_seen_since_is_not_seen_earlier_for_a_clock_that_is_behind(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    keep(sides, hours(2))
    keep(sides, hours(1))
    assert one(sides.engine, "SELECT last_seen_at FROM discrepancy").last_seen_at == hours(2)


def test_the_moments_are_those_of_the_ledgers_clock(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    list(begun(sides.sides, NOW, clock=snapshots.clock).findings())
    seen = one(
        sides.engine,
        "SELECT first_seen_at = opened_at AS same, "
        "last_seen_at BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp() AS now FROM discrepancy",
    )
    assert (seen.same, seen.now) == (True, True)


# A processor that was not asked ---------------------------------------------------------------------------------


def unconfigured(sides: ThreeSides) -> ComparedSystems:
    return ComparedSystems(sides.engine, sides.crm, {SITE: sides.api}, {}, {})


def refused(sides: ThreeSides) -> ComparedSystems:
    sides.stripe.error = Permanent("Stripe refused the request: 403.")
    return sides.sides


def of_the_other_world(sides: ThreeSides) -> ComparedSystems:
    return replace(unconfigured(sides), not_asked={"stripe": "its API key is not for live payments"})


@pytest.mark.parametrize("without", [unconfigured, refused, of_the_other_world])
def test_of_a_processor_that_is_not_asked_nothing_is_cleared(
    sides: ThreeSides, without: Callable[[ThreeSides], ComparedSystems]
) -> None:
    sides.without_charge("ch_5")
    sides.charge_is("ch_6", amount=Decimal("1.00"))
    sides.stripe.items.append(charge("ch_x", at(7), invoice_number="9"))
    keep(sides)
    before = states(sides.engine)
    list(begun(without(sides), hours(1)).findings())
    assert states(sides.engine) == before == dict.fromkeys(before, "open")


@pytest.mark.parametrize("without", [unconfigured, refused])
def test_what_recurly_and_salesforce_agree_about_is_cleared_without_a_processor(
    sides: ThreeSides, without: Callable[[ThreeSides], ComparedSystems]
) -> None:
    sides.known(account())
    other = paid("20", at(5), gateway="adyen")
    sides.in_recurly(other)
    sides.crm.records.pop(PAYMENT)
    with_none = without(sides)
    list(begun(with_none, NOW).findings())
    assert states(sides.engine) == {
        "missing_in_salesforce ch_20": "open",
        "missing_in_salesforce ch_5": "open",
    }
    for payment in (other, paid("5", at(5), invoice_number="1005")):
        sides.in_salesforce(payment)
    list(begun(with_none, hours(1)).findings())
    assert set(states(sides.engine).values()) == {"cleared"}


# Another site ---------------------------------------------------------------------------------------------------


def test_one_whose_site_becomes_known_leaves_the_case_of_the_site_it_was_thought_to_be_of(
    sides: ThreeSides,
) -> None:
    two = ComparedSystems(
        sides.engine, sides.crm, {SITE: sides.api, "beta": Api()}, {"stripe": sides.stripe}, {}
    )
    sides.stripe.items.append(charge("ch_x", at(6), invoice_number="777"))
    first = begun(two, NOW)
    list(first.findings())
    apply(sides, first)
    with sides.engine.begin() as connection:
        found = [invoice(id="iB", number="777", updated_at=at(6))]
        snapshots.store(connection, SOURCE, "beta", snapshots.clock(connection), found)
    second = begun(two, hours(1))
    list(second.findings())
    apply(sides, second, hours(1))
    assert one(sides.engine, "SELECT site, subject, state FROM discrepancy") == (
        "beta",
        "recurly:beta:discrepancy:missing_in_recurly",
        "open",
    )
    cases = {found[fields.KEY]: found[fields.Case.STATE] for found in records(sides.crm, "Case")}
    assert cases == {
        "recurly:acme:discrepancy:missing_in_recurly:differs:1": "resolved",
        "recurly:beta:discrepancy:missing_in_recurly:differs:1": "open",
    }
    (kept,) = records(sides.crm, fields.Discrepancy.OBJECT)
    assert kept["Case__r"] == "recurly:beta:discrepancy:missing_in_recurly:differs:1"
