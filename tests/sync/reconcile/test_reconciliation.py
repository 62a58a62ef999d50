"""A clean world has no discrepancy; each that is planted is found once, and none is invented."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from samples import SITE, due
from sqlalchemy import Engine, text

from connector.errors import Unavailable
from connector.ledger import observations, subjects
from connector.models.facts import Discrepancy, Kind, ProcessorObject, Status
from connector.policy import Compare
from connector.sync.reconcile.reconciliation import Window
from sync.reconcile.books import NOW, WINDOW, FakeBooks, ThreeSides, charge, paid, told
from sync.world import account, at

OLD = at(5)
"""Long before any settlement delay."""


@pytest.fixture
def sides(engine: Engine) -> ThreeSides:
    """Nine payments on nine days, the same on all sides."""
    made = ThreeSides(engine)
    return made.agree(*(paid(str(n), at(n), invoice_number=f"10{n:02}") for n in range(2, 11)))


def refunded(of: str = "5", number: str = "1", **changed: Any) -> dict[str, Any]:
    return {
        "id": f"ref{number}",
        "uuid": f"ruuid{number}",
        "type": "refund",
        "original_id": f"pay{of}",
        "gateway_reference": f"re_{number}",
        "amount": Decimal("15.00"),
        **changed,
    }


def refund_item(id_: str = "re_1", of: str = "5", **changed: Any) -> ProcessorObject:
    usual: dict[str, Any] = {
        "kind": Kind.REFUND,
        "amount": Decimal("15.00"),
        "references": (f"ch_{of}",),
        "invoice_number": None,
    }
    return charge(id_, at(6), **usual | changed)


def test_a_clean_world_has_none(sides: ThreeSides) -> None:
    reconciling, found = sides.reconcile()
    assert found == []
    assert reconciling.compared == {"payment": 9}
    assert reconciling.not_compared() == []


def test_missing_at_the_processor(sides: ThreeSides) -> None:
    sides.without_charge("ch_5")
    assert sides.found() == [("missing_at_processor", "ch_5")]


def test_missing_in_recurly(sides: ThreeSides) -> None:
    sides.stripe.items.append(charge("ch_other", OLD, invoice_number="9999"))
    assert sides.found() == [("missing_in_recurly", "ch_other")]


def test_missing_in_salesforce(sides: ThreeSides) -> None:
    sides.crm.records.pop(("Billing_Payment__c", "recurly:acme:payment:uuid5"))
    assert sides.found() == [("missing_in_salesforce", "ch_5")]


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"amount": Decimal("45.00")}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"status": Status.RETURNED}, "status"),
        ({"opened_at": at(9), "at": at(9)}, "date"),
    ],
)
def test_what_differs_at_the_processor(sides: ThreeSides, changed: dict[str, Any], difference: str) -> None:
    sides.charge_is("ch_5", **changed)
    assert sides.found() == [(difference, "ch_5")]


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"Amount__c": 45.0}, "amount"),
        ({"Currency_Code__c": "EUR"}, "currency"),
        ({"Status__c": "declined"}, "status"),
        ({"At__c": "2026-11-09T12:00:00.000+0000"}, "date"),
    ],
)
def test_what_differs_in_salesforce(sides: ThreeSides, changed: dict[str, Any], difference: str) -> None:
    sides.in_salesforce(paid("5", at(5)), **changed)
    assert sides.found() == [(difference, "ch_5")]


def test_each_class_at_once_and_the_values_side_by_side(sides: ThreeSides) -> None:
    sides.without_charge("ch_2")
    sides.stripe.items.append(charge("ch_other", OLD, invoice_number="9999"))
    sides.crm.records.pop(("Billing_Payment__c", "recurly:acme:payment:uuid3"))
    sides.charge_is("ch_4", amount=Decimal("45.00"))
    sides.charge_is("ch_5", currency="EUR")
    sides.charge_is("ch_6", status=Status.RETURNED)
    sides.charge_is("ch_7", opened_at=at(12), at=at(12))
    reconciling, found = sides.reconcile()
    assert sorted(told(found)) == [
        ("amount", "ch_4"),
        ("currency", "ch_5"),
        ("date", "ch_7"),
        ("missing_at_processor", "ch_2"),
        ("missing_in_recurly", "ch_other"),
        ("missing_in_salesforce", "ch_3"),
        ("status", "ch_6"),
    ]
    assert [one.open for one in reconciling.classes.values()] == [1] * 7
    amount = next(one for one in found if one.difference == "amount")
    assert [side and side.amount for side in (amount.recurly, amount.at_processor, amount.salesforce)] == [
        "USD 49.00",
        "USD 45.00",
        "USD 49.00",
    ]
    assert amount.stake is not None
    assert (amount.stake.amount, amount.account) == (Decimal("4.00"), "recurly:acme:account:bob")


def test_the_order_is_the_same_every_time(sides: ThreeSides) -> None:
    for number in range(2, 11):
        sides.charge_is(f"ch_{number}", amount=Decimal(number))
    first = sides.reconcile()[1]
    sides.stripe.items.reverse()
    assert sides.reconcile()[1] == first


def test_a_failed_payment_is_no_money_that_moved(sides: ThreeSides) -> None:
    sides.in_recurly(paid("11", OLD, status="declined"), paid("12", OLD, status="void"))
    sides.in_recurly(paid("13", OLD, type="authorization"), paid("14", OLD, type="verify"))
    sides.stripe.items.append(charge("ch_11", OLD, status=Status.FAILED))
    sides.stripe.items.append(charge("ch_13", OLD))
    sides.stripe.items.append(charge("ch_99", OLD, status=Status.FAILED))
    assert sides.found() == []


def test_money_that_was_taken_though_recurly_says_it_failed(sides: ThreeSides) -> None:
    sides.in_recurly(paid("11", OLD, status="declined"))
    sides.in_salesforce(paid("11", OLD, status="declined"))
    sides.stripe.items.append(charge("ch_11", OLD))
    assert sides.found() == [("status", "ch_11")]


def test_of_two_charges_of_one_reference_the_one_that_succeeded_is_it(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", references=("ch_5", "pi_5"))
    sides.in_recurly(paid("5", at(5), gateway_reference="pi_5"))
    sides.stripe.items.append(charge("ch_0", at(5), status=Status.FAILED, references=("ch_0", "pi_5")))
    assert sides.found() == []


def test_a_charge_that_failed_and_no_other_is_another_status(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", status=Status.FAILED)
    assert sides.found() == [("status", "ch_5")]


def test_what_was_charged_twice_is_missing_in_recurly(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", references=("ch_5", "pi_5"))
    sides.in_recurly(paid("5", at(5), gateway_reference="pi_5", invoice_number="1005"))
    sides.stripe.items.append(charge("ch_5b", at(5), references=("ch_5b", "pi_5"), invoice_number="1005"))
    assert sides.found() == [("missing_in_recurly", "ch_5")]


def test_an_invoice_joins_what_no_reference_does(sides: ThreeSides) -> None:
    sides.in_recurly(paid("5", at(5), gateway_reference="unknown", invoice_number="1005"))
    assert sides.found() == []


def test_two_payments_of_one_invoice_find_each_its_own(sides: ThreeSides) -> None:
    one = paid("11", OLD, gateway_reference=None, amount=Decimal("30.00"), invoice_number="2000")
    two = paid("12", OLD, gateway_reference=None, amount=Decimal("19.00"), invoice_number="2000")
    for item in (one, two):
        sides.in_recurly(item)
        sides.in_salesforce(item)
    sides.stripe.items.append(charge("ch_a", OLD, amount=Decimal("19.00"), invoice_number="2000"))
    sides.stripe.items.append(charge("ch_b", OLD, amount=Decimal("30.00"), invoice_number="2000"))
    assert sides.found() == []


def test_the_same_reference_at_two_processors(sides: ThreeSides) -> None:
    sides.more["braintree"] = FakeBooks([charge("ch_5", OLD, source="braintree", amount=Decimal("7.00"))])
    other = paid("50", OLD, gateway="braintree_v_zero", gateway_reference="ch_5", amount=Decimal("7.00"))
    sides.in_recurly(other)
    sides.in_salesforce(other)
    assert sides.found() == []


def test_a_refund_under_its_own_id(sides: ThreeSides) -> None:
    sides.agree(paid("r", at(6), **refunded()))
    assert sides.found() == []
    sides.charge_is("re_1", amount=Decimal("14.00"))
    assert sides.found() == [("amount", "re_1")]


def test_partial_refunds_are_paired_by_payment_and_amount(sides: ThreeSides) -> None:
    for number, amount in (("1", "15.00"), ("2", "10.00"), ("3", "15.00")):
        item = paid(
            "r", at(6), **refunded(number=number, gateway_reference=f"x{number}", amount=Decimal(amount))
        )
        sides.in_recurly(item)
        sides.in_salesforce(item)
        sides.stripe.items.append(refund_item(f"re_{number}", amount=Decimal(amount)))
    assert sides.found() == []
    sides.charge_is("re_2", amount=Decimal("11.00"))
    assert sides.found() == [("amount", "x2")]
    sides.without_charge("re_2")
    assert sides.found() == [("missing_at_processor", "x2")]


def test_a_refund_that_recurly_does_not_know(sides: ThreeSides) -> None:
    sides.stripe.items.append(refund_item())
    (found,) = sides.reconcile()[1]
    assert (found.difference, found.movement, found.reference) == ("missing_in_recurly", "refund", "re_1")
    assert found.account == "recurly:acme:account:bob"


def dispute(status: Status = Status.NEEDS_RESPONSE, **changed: Any) -> ProcessorObject:
    usual: dict[str, Any] = {
        "kind": Kind.DISPUTE,
        "references": ("ch_5",),
        "status": status,
        "invoice_number": None,
    }
    return charge("dp_1", at(8), **usual | changed)


def test_a_dispute_is_compared_with_salesforce(sides: ThreeSides) -> None:
    item = dispute()
    sides.stripe.items.append(item)
    assert sides.found() == [("missing_in_salesforce", "dp_1")]
    sides.dispute_in_salesforce(item)
    assert sides.found() == []
    sides.dispute_in_salesforce(item, Status__c="won")
    assert sides.found() == [("status", "dp_1")]


def test_a_lost_dispute_may_be_missing_only_where_recurly_records_them(sides: ThreeSides) -> None:
    item = dispute(Status.LOST)
    sides.stripe.items.append(item)
    sides.dispute_in_salesforce(item)
    assert sides.found() == []
    assert sides.found(Compare(chargebacks_in_recurly=("stripe",))) == [("missing_in_recurly", "dp_1")]
    back = paid("r", at(20), **refunded(status="chargeback", origin="chargeback", amount=Decimal("49.00")))
    sides.in_recurly(back)
    assert sides.found(Compare(chargebacks_in_recurly=("stripe",))) == []


@pytest.mark.parametrize(("code", "whole", "less"), [("JPY", "5000", "4999"), ("KWD", "1.234", "1.233")])
def test_currencies_with_no_and_with_three_decimals(engine: Engine, code: str, whole: str, less: str) -> None:
    sides = ThreeSides(engine).agree(paid("5", at(5), currency=code, amount=Decimal(whole)))
    assert sides.found() == []
    sides.charge_is("ch_5", amount=Decimal(less))
    assert sides.found() == [("amount", "ch_5")]
    assert sides.found(Compare(amount_tolerance=Decimal(whole) - Decimal(less))) == []


def test_the_edges_of_the_tolerances(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", amount=Decimal("48.99"))
    assert sides.found(Compare(amount_tolerance=Decimal("0.01"))) == []
    sides.charge_is("ch_5", amount=Decimal("48.98"))
    assert sides.found(Compare(amount_tolerance=Decimal("0.01"))) == [("amount", "ch_5")]
    sides.charge_is("ch_5", amount=Decimal("49.00"), opened_at=at(7), at=at(7))
    assert sides.found() == []
    sides.charge_is("ch_5", opened_at=at(7, 13), at=at(7, 13))
    assert sides.found() == [("date", "ch_5")]


def test_the_edges_of_the_window(sides: ThreeSides) -> None:
    for number in (2, 5, 8):
        sides.without_charge(f"ch_{number}")
    assert sides.found(window=Window(at(2), at(8), (SITE,))) == [
        ("missing_at_processor", "ch_2"),
        ("missing_at_processor", "ch_5"),
    ]


def test_the_two_halves_may_stand_on_both_sides_of_an_edge(sides: ThreeSides) -> None:
    sides.charge_is("ch_5", opened_at=at(4, 23), at=at(4, 23))
    assert sides.found(window=Window(at(5), at(6), (SITE,))) == []
    assert sides.found(window=Window(at(3), at(5), (SITE,))) == []


def test_the_settlement_delay_explains_and_ends(sides: ThreeSides) -> None:
    sides.without_charge("ch_10")
    assert sides.found(now=at(12)) == [("~missing_at_processor", "ch_10")]
    assert sides.found(now=at(13, 12)) == [("missing_at_processor", "ch_10")]
    sides.charge_is("ch_9", status=Status.PENDING)
    assert sides.found(now=at(11)) == [("~status", "ch_9"), ("~missing_at_processor", "ch_10")]


def test_a_bank_debit_takes_longer(engine: Engine) -> None:
    sides = ThreeSides(engine).agree(paid("5", at(5)))
    sides.charge_is("ch_5", status=Status.PENDING, method="Bank account ending 6789")
    assert sides.found(now=at(14)) == [("~status", "ch_5")]
    assert sides.found(now=at(16)) == [("status", "ch_5")]


def test_a_processor_that_is_out_is_said_and_nothing_of_it_is_missing(sides: ThreeSides) -> None:
    sides.stripe.error = Unavailable("stripe", "Stripe is unavailable (503).")
    reconciling, found = sides.reconcile()
    assert found == []
    assert reconciling.not_compared() == ["stripe: Stripe is unavailable (503)"]


def test_salesforce_that_is_out_is_no_fault_of_a_processor(
    sides: ThreeSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("salesforce", "Salesforce is down.")

    monkeypatch.setattr(type(sides.crm), "query_keys", away)
    with pytest.raises(Unavailable, match="Salesforce is down"):
        sides.reconcile()


def test_gateways_without_a_list_are_said(sides: ThreeSides) -> None:
    for number, gateway in (("11", "adyen"), ("12", "my_own_gateway"), ("13", None)):
        item = paid(number, OLD, gateway=gateway)
        sides.in_recurly(item)
        sides.in_salesforce(item)
    reconciling, found = sides.reconcile()
    assert found == []
    assert [line.split(":")[0] for line in reconciling.not_compared()] == [
        "1 payment through no gateway",
        "1 payment through adyen",
        "1 payment through my_own_gateway",
    ]


def test_recurly_is_asked_before_the_ledger_is_believed(sides: ThreeSides) -> None:
    newer = replace(paid("5", at(5)), amount=Decimal("45.00"))
    sides.api.replace(newer)
    sides.in_salesforce(newer)
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    assert sides.found() == []


def test_a_payment_the_ledger_has_not_heard_of_is_asked_for_by_its_invoice(sides: ThreeSides) -> None:
    unheard = paid("11", OLD, invoice_number="2000")
    sides.api.replace(unheard)
    sides.stripe.items.append(charge("ch_11", OLD, invoice_number="2000"))
    assert sides.found() == [("missing_in_salesforce", "ch_11")]
    sides.in_salesforce(unheard)
    assert sides.found() == []


def test_a_charge_far_from_its_payment_is_looked_up(sides: ThreeSides) -> None:
    sides.without_charge("ch_5")
    sides.stripe.unlisted.append(charge("ch_5", at(1, month=10), invoice_number="1005"))
    assert sides.found() == [("date", "ch_5")]
    assert sides.stripe.asked == ["ch_5"]


def test_a_payment_in_a_connected_account_is_looked_up_there(sides: ThreeSides, engine: Engine) -> None:
    """No list has it: the delivery of its charge said in which account it is."""
    sides.without_charge("ch_5")
    there = charge("ch_5", at(5), invoice_number="1005", account="acct_1Shop")
    sides.stripe.unlisted.append(there)
    assert sides.found() == [("missing_at_processor", "ch_5")]
    with engine.begin() as connection:
        observations.store(connection, [("event:1", there)])
    assert sides.found() == []


def test_only_what_is_invoiced_where_the_account_is_shared(sides: ThreeSides) -> None:
    sides.stripe.items.append(charge("ch_shop", OLD, invoice_number=None))
    assert sides.found() == [("missing_in_recurly", "ch_shop")]
    assert sides.found(Compare(only_invoiced=True)) == []


def test_only_one_processor(sides: ThreeSides) -> None:
    sides.more["braintree"] = FakeBooks([charge("bt_1", OLD, source="braintree")])
    sides.without_charge("ch_5")
    assert sides.found(window=replace(WINDOW, processors=frozenset({"braintree"}))) == [
        ("missing_in_recurly", "bt_1")
    ]


def test_the_same_thing_listed_twice_is_one(sides: ThreeSides) -> None:
    sides.stripe.items += [charge("ch_x", OLD, invoice_number="9"), charge("ch_x", OLD, invoice_number="9")]
    found: list[Discrepancy] = sides.reconcile()[1]
    assert told(found) == [("missing_in_recurly", "ch_x")]


def test_work_that_waits_explains_what_salesforce_lacks(sides: ThreeSides, engine: Engine) -> None:
    sides.crm.records.pop(("Billing_Payment__c", "recurly:acme:payment:uuid5"))
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    (found,) = sides.reconcile()[1]
    assert (found.state, found.why) == ("explained", "it waits to be written")


WANTED = "UPDATE subject SET status = 'idle', history = 'wanted', first_seen_at = :heard"


def test_while_pasts_wait_to_be_fetched_neither_recurly_nor_salesforce_lacks_anything(
    sides: ThreeSides, engine: Engine
) -> None:
    """What an account paid before it was heard of, the ledger learns with its past."""
    sides.known(account())
    sides.stripe.items.append(charge("ch_x", OLD, invoice_number="9"))
    sides.crm.records.pop(("Billing_Payment__c", "recurly:acme:payment:uuid5"))
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
        connection.execute(text(WANTED), {"heard": NOW})
    assert sides.found() == [("~missing_in_salesforce", "ch_5"), ("~missing_in_recurly", "ch_x")]
    with engine.begin() as connection:
        connection.execute(text("UPDATE subject SET history = 'done'"))
    assert sides.found() == [("missing_in_salesforce", "ch_5"), ("missing_in_recurly", "ch_x")]


def test_money_of_an_account_that_is_gone_is_not_expected_in_salesforce(sides: ThreeSides) -> None:
    sides.crm.records.pop(("Billing_Payment__c", "recurly:acme:payment:uuid5"))
    with sides.engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
        connection.execute(text("UPDATE subject SET status = 'idle'"))
    (found,) = sides.reconcile()[1]
    assert (found.state, found.why) == ("explained", "its account is not in Recurly any more")
    sides.known(account())
    assert sides.found() == [("missing_in_salesforce", "ch_5")]
