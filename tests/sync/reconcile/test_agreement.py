"""What is told differently and agrees; what is told by nobody and should be."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from connector.mappers import fields
from connector.models.facts import Kind, Payment, ProcessorObject, Status
from connector.policy import Compare
from sync.reconcile.books import FakeBooks, ThreeSides, charge, paid
from sync.world import at

OLD = at(5)


@pytest.fixture
def sides(engine: Engine) -> ThreeSides:
    return ThreeSides(engine).agree(*(paid(str(n), at(n), invoice_number=f"10{n:02}") for n in range(2, 11)))


def given_back(of: str = "5", **changed: Any) -> ProcessorObject:
    """In the processor's dashboard: it names its charge and no invoice."""
    usual: dict[str, Any] = {"kind": Kind.REFUND, "references": (f"ch_{of}",), "invoice_number": None}
    return charge("re_1", at(6), **usual | changed)


# Fields of Salesforce that are empty ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "difference"),
    [
        (fields.Payment.AMOUNT, "amount"),
        (fields.Payment.CURRENCY, "currency"),
        (fields.Payment.STATUS, "status"),
        (fields.Payment.AT, "date"),
    ],
)
def test_what_was_emptied_by_hand_in_salesforce_differs(
    sides: ThreeSides, field: str, difference: str
) -> None:
    sides.in_salesforce(paid("5", at(5)), **{field: None})
    assert sides.found() == [(difference, "ch_5")]


def test_all_of_an_amount_that_is_not_there_is_at_stake(sides: ThreeSides) -> None:
    sides.in_salesforce(paid("5", at(5)), **{fields.Payment.AMOUNT: None})
    (found,) = sides.reconcile(Compare(amount_tolerance=Decimal(100)))[1]
    assert found.stake is not None
    assert (found.stake.amount, found.salesforce and found.salesforce.amount) == (Decimal("49.00"), None)


def test_an_amount_of_nothing_is_an_amount(sides: ThreeSides) -> None:
    sides.in_salesforce(paid("5", at(5)), **{fields.Payment.AMOUNT: 0.0})
    assert sides.found() == [("amount", "ch_5")]
    assert sides.found(Compare(amount_tolerance=Decimal(49))) == []


def test_a_word_that_nobody_says_is_another_status(sides: ThreeSides) -> None:
    sides.in_salesforce(paid("5", at(5)), **{fields.Payment.STATUS: "Paid, I think"})
    assert sides.found() == [("status", "ch_5")]


def test_a_word_of_recurlys_that_we_do_not_know_is_none(sides: ThreeSides) -> None:
    newer = paid("5", at(5), status="on_the_moon", invoice_number="1005")
    sides.in_recurly(newer)
    sides.in_salesforce(newer)
    assert sides.found() == []


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (fields.Dispute.AMOUNT, [("amount", "dp_1")]),
        (fields.Dispute.CURRENCY, [("currency", "dp_1")]),
        (fields.Dispute.STATUS, [("status", "dp_1")]),
        (fields.Dispute.OPENED_AT, []),
    ],
)
def test_a_dispute_may_have_begun_nobody_knows_when(
    sides: ThreeSides, field: str, found: list[tuple[str, str]]
) -> None:
    """Not every event of one says that."""
    usual: dict[str, Any] = {"kind": Kind.DISPUTE, "references": ("ch_5",), "invoice_number": None}
    item = charge("dp_1", at(8), status=Status.NEEDS_RESPONSE, **usual)
    sides.stripe.items.append(item)
    sides.dispute_in_salesforce(item, **{field: None})
    assert sides.found() == found


# Money that went back -------------------------------------------------------------------------------------------


def debit(engine: Engine, *refunds: Payment, status: Status = Status.RETURNED) -> ThreeSides:
    """A bank debit that GoCardless says was charged back, and what Recurly has of that."""
    sides = ThreeSides(engine)
    taken = paid("g", OLD, gateway="gocardless", gateway_reference="PM1", invoice_number="3000")
    for payment in (taken, *refunds):
        sides.in_recurly(payment)
        sides.in_salesforce(payment)
    item = charge("PM1", OLD, source="gocardless", status=status, invoice_number="3000")
    sides.more["gocardless"] = FakeBooks([item], lists=frozenset({Kind.CHARGE, Kind.REFUND}))
    return sides


def taken_back(**changed: Any) -> Payment:
    usual: dict[str, Any] = {
        "type": "refund",
        "origin": "chargeback",
        "status": "chargeback",
        "original_id": "payg",
        "gateway": "gocardless",
        "gateway_reference": None,
        "invoice_number": "3001",
    }
    return paid("gcb", at(12), **usual | changed)


@pytest.mark.parametrize("status", ["chargeback", "success"])
def test_a_debit_that_was_charged_back_agrees_where_recurly_has_the_chargeback(
    engine: Engine, status: str
) -> None:
    """https://docs.recurly.com/docs/chargebacks-for-direct-debit: the original stays as it was."""
    assert debit(engine, taken_back(status=status)).found() == []


@pytest.mark.parametrize("changed", [{"original_id": "pay0"}, {"origin": "api", "status": "success"}])
def test_what_is_about_another_payment_or_no_chargeback_does_not_explain_it(
    engine: Engine, changed: dict[str, Any]
) -> None:
    found = debit(engine, taken_back(**changed)).found()
    assert ("status", "PM1") in found


def test_one_that_recurly_was_not_told_of_differs(engine: Engine) -> None:
    assert debit(engine).found() == [("status", "PM1")]


def test_a_void_that_the_processor_could_only_give_back_agrees(sides: ThreeSides) -> None:
    void = paid("5", at(5), status="void", invoice_number="1005")
    sides.in_recurly(void)
    sides.in_salesforce(void)
    sides.charge_is("ch_5", refunded=True)
    sides.stripe.items.append(given_back())
    assert sides.found() == []


def test_a_void_that_salesforce_has_not_heard_of_differs(sides: ThreeSides) -> None:
    sides.in_recurly(paid("5", at(5), status="void", invoice_number="1005"))
    sides.charge_is("ch_5", refunded=True)
    assert sides.found() == [("status", "ch_5")]


def test_a_void_that_the_processor_kept_differs(sides: ThreeSides) -> None:
    void = paid("5", at(5), status="void", invoice_number="1005")
    sides.in_recurly(void)
    sides.in_salesforce(void)
    sides.stripe.items.append(given_back(amount=Decimal("15.00")))
    assert sides.found() == [("status", "ch_5"), ("missing_in_recurly", "re_1")]


# What is Recurly's ----------------------------------------------------------------------------------------------


def test_money_given_back_of_a_payment_of_recurlys_is_recurlys_without_an_invoice_too(
    sides: ThreeSides,
) -> None:
    """One of a charge of somebody else's is not."""
    sides.stripe.items += [given_back(), replace(given_back("shop"), id="re_2")]
    assert sides.found(Compare(only_invoiced=True)) == [("missing_in_recurly", "re_1")]


# Authorizations -------------------------------------------------------------------------------------------------


def test_an_authorization_is_no_money_that_moved(sides: ThreeSides) -> None:
    sides.stripe.items.append(charge("ch_hold", OLD, status=Status.AUTHORIZED, invoice_number=None))
    assert sides.found() == []


def test_a_payment_that_is_only_authorized_at_the_processor_differs(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", status=Status.AUTHORIZED)
    assert sides.found() == [("status", "ch_5")]
