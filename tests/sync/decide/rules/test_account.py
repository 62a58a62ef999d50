"""The account and its contact say what the billing system says now."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.mappers import fields
from connector.models.facts import Facts, Link, LinkState, Status
from connector.models.plan import Change, Parent
from connector.policy import Policy
from sync.decide.rules.asking import POLICY, changes
from sync.world import (
    account,
    at,
    card,
    credit,
    decline,
    dispute,
    event,
    facts,
    invoice,
    paid_invoice,
    payment,
    refund,
    subscription,
)

A = fields.Account


def the_account(known: Facts, policy: Policy = POLICY) -> Change:
    return changes(known, "Account", policy=policy)["account:bob"]


def the_contact(known: Facts) -> Change | None:
    return changes(known, "Contact").get("contact:bob")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({}, "Rivera Books"),
        ({"company": None}, "Bob Rivera"),
        ({"company": " ", "first_name": None}, "Rivera"),
        ({"company": None, "first_name": None, "last_name": None}, "bob"),
        ({"company": None, "first_name": None, "last_name": None, "email": "kim@example.com"}, "kim"),
        ({"company": None, "first_name": None, "last_name": None, "email": None, "code": "bob"}, "bob"),
    ],
)
def test_a_new_account_gets_the_best_name_there_is_and_people_may_change_it(
    told: dict[str, Any], name: str
) -> None:
    change = the_account(facts(account(**told)))
    assert change.on_create == {"Name": name}
    assert "Name" not in change.fields


def test_every_field_of_an_account_is_written() -> None:
    known = facts(subscription(), invoice(), payment(), link=Link(LinkState.LINKED, "001A", how="e-mail"))
    written = {**the_account(known).fields, **the_account(known).on_create}
    declared = {value for name, value in vars(A).items() if name.isupper() and name != "OBJECT"}
    assert set(written) == declared


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), {A.CURRENCY: None, A.BALANCE: None, A.MRR: None, A.PAST_DUE_INVOICES: 0, A.DUNNING_STEP: None}),
        ((subscription(),), {A.CURRENCY: "USD", A.BALANCE: Decimal("0.00"), A.MRR: Decimal("49.00")}),
        ((subscription(state="expired"),), {A.CURRENCY: None, A.SUBSCRIPTION_STATE: "expired", A.PLAN: None}),
        ((invoice(),), {A.CURRENCY: "USD", A.PAST_DUE: Decimal("49.00"), A.PAST_DUE_TEXT: "USD 49.00"}),
        ((invoice(),), {A.PAST_DUE_SINCE: date(2026, 11, 10), A.PAST_DUE_INVOICES: 1, A.DUNNING_STEP: 0}),
        ((invoice(state="open"),), {A.BALANCE: Decimal("49.00"), A.PAST_DUE: Decimal("0.00")}),
        ((invoice(state="open"),), {A.PAST_DUE_TEXT: None, A.PAST_DUE_SINCE: None}),
        ((paid_invoice(), payment()), {A.BALANCE: Decimal("0.00"), A.LAST_PAYMENT: Decimal("49.00")}),
        ((payment(), invoice()), {A.LAST_PAYMENT_AT: at(20)}),
        ((decline(), invoice()), {A.LAST_PAYMENT: None, A.LAST_PAYMENT_AT: None}),
        ((credit(),), {A.CREDIT: Decimal("20.00"), A.BALANCE: Decimal("0.00")}),
        ((credit(state="closed", balance=Decimal(0)),), {A.CREDIT: Decimal("0.00")}),
        ((account(payment_method=None),), {A.PAYMENT_METHOD: None, A.PAYMENT_METHOD_VALID: False}),
        ((account(),), {A.CARD_EXPIRES: date(2029, 12, 31), A.PAYMENT_METHOD_VALID: True}),
        ((account(payment_method=card(exp_month=2, exp_year=2028)),), {A.CARD_EXPIRES: date(2028, 2, 29)}),
        ((account(payment_method=card(exp_month=0)),), {A.CARD_EXPIRES: None}),
        ((subscription(auto_renew=False),), {A.NEXT_RENEWAL: None}),
        (
            (subscription(),),
            {A.NEXT_RENEWAL: at(15, month=12), A.SUBSCRIPTION_STATE: "active", A.PLAN: "Gold"},
        ),
        ((event("account.updated", at(21), "acc1"),), {A.AS_OF: at(21)}),
        # what is owed is the balance of every invoice that is not settled, and of no other
        ((invoice(state="processing", balance=Decimal("40")),), {A.BALANCE: Decimal("40.00")}),
        ((invoice(state="pending", balance=Decimal("40")),), {A.BALANCE: Decimal("40.00")}),
        ((invoice(state="past_due", balance=Decimal("40")),), {A.BALANCE: Decimal("40.00")}),
        ((invoice(state="past_due", balance=Decimal("40")),), {A.PAST_DUE: Decimal("40.00")}),
        ((invoice(state="past_due", balance=Decimal("40")),), {A.PAST_DUE_TEXT: "USD 40.00"}),
        ((invoice(state="failed"),), {A.BALANCE: Decimal("0.00")}),
        ((invoice(state="voided"),), {A.BALANCE: Decimal("0.00")}),
        ((credit(state="voided"),), {A.CREDIT: Decimal("0.00")}),
        ((credit(state="past_due"),), {A.PAST_DUE: Decimal("0.00"), A.PAST_DUE_INVOICES: 0}),
        ((invoice(due_at=at(12)),), {A.PAST_DUE_SINCE: date(2026, 11, 12)}),
        ((invoice(due_at=None, created_at=at(9)),), {A.PAST_DUE_SINCE: date(2026, 11, 9)}),
        (
            (
                invoice(due_at=at(12), dunning_events_sent=1),
                invoice(id="i2", uuid="i2", number="2", due_at=at(11), dunning_events_sent=3),
                invoice(id="i3", uuid="i3", number="3", due_at=at(14), dunning_events_sent=2),
            ),
            {A.PAST_DUE_SINCE: date(2026, 11, 11), A.DUNNING_STEP: 3, A.PAST_DUE_INVOICES: 3},
        ),
        # the currency is that of the newest invoice where no subscription is live
        (
            (
                invoice(currency="EUR", created_at=at(12), number="1"),
                invoice(id="i2", uuid="i2", created_at=at(10), number="2"),
            ),
            {A.CURRENCY: "EUR"},
        ),
        # the last payment is the newest that took money in that currency
        ((payment(type="capture"), invoice()), {A.LAST_PAYMENT: Decimal("49.00")}),
        ((payment(type="authorization"), invoice()), {A.LAST_PAYMENT: None}),
        ((refund(), invoice()), {A.LAST_PAYMENT: None}),
        ((payment(currency="EUR"), invoice()), {A.LAST_PAYMENT: None}),
        ((payment(collected_at=at(21)), invoice()), {A.LAST_PAYMENT_AT: at(21)}),
        (
            (
                payment(amount=Decimal("7"), created_at=at(11), collected_at=at(21)),
                payment(id="p2", uuid="9ay2", amount=Decimal("8"), created_at=at(19)),
                invoice(),
            ),
            {A.LAST_PAYMENT: Decimal("7.00"), A.LAST_PAYMENT_AT: at(21)},
        ),
        # a card is good until the end of its month
        ((account(payment_method=card(exp_month=1, exp_year=2027)),), {A.CARD_EXPIRES: date(2027, 1, 31)}),
        ((account(payment_method=card(exp_month=13)),), {A.CARD_EXPIRES: None}),
        ((account(payment_method=card(exp_year=0)),), {A.CARD_EXPIRES: None}),
        ((account(payment_method=card(exp_year=20299)),), {A.CARD_EXPIRES: None}),
        # what is live has a plan, what is active and not ending renews
        (
            (subscription(state="future"),),
            {A.PLAN: "Gold", A.SUBSCRIPTION_STATE: "future", A.NEXT_RENEWAL: None},
        ),
        ((subscription(state="canceled"),), {A.PLAN: "Gold", A.CURRENCY: "USD", A.NEXT_RENEWAL: None}),
        ((subscription(state="paused"),), {A.PLAN: "Gold", A.NEXT_RENEWAL: None}),
        ((subscription(auto_renew=None),), {A.NEXT_RENEWAL: at(15, month=12)}),
        ((subscription(plan_name=""),), {A.PLAN: "gold"}),
        (
            (
                subscription(current_period_ends_at=at(20, month=12)),
                subscription(id="s2", uuid="s2", current_period_ends_at=at(1, month=12)),
                subscription(id="s3", uuid="s3", state="paused", current_period_ends_at=at(25)),
            ),
            {A.NEXT_RENEWAL: at(1, month=12)},
        ),
    ],
)
def test_the_summary_fields(parts: tuple[object, ...], expected: dict[str, Any]) -> None:
    written = the_account(facts(*parts)).fields
    assert {name: written[name] for name in expected} == expected


STATES = ("active", "paused", "canceled", "future", "failed", "expired")


@pytest.mark.parametrize("number", range(len(STATES) - 1))
def test_the_state_that_says_most_about_a_customer_is_told(number: int) -> None:
    items = [subscription(id=state, uuid=state, state=state) for state in STATES[number:]]
    assert the_account(facts(*reversed(items))).fields[A.SUBSCRIPTION_STATE] == STATES[number]


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ({"activated_at": at(2)}, {"activated_at": at(1)}),
        ({"activated_at": at(2)}, {"activated_at": None, "created_at": at(1)}),
        ({"activated_at": at(2), "created_at": at(1)}, {"activated_at": at(1), "created_at": at(3)}),
        ({"activated_at": at(1), "uuid": "5ub2"}, {"activated_at": at(1), "uuid": "5ub1"}),
    ],
    ids=["activated", "not activated", "not by its creation", "by its uuid"],
)
def test_one_of_two_live_subscriptions_always_gives_the_currency(
    newer: dict[str, Any], older: dict[str, Any]
) -> None:
    euro = subscription(**{"id": "s2", "uuid": "5ub2", "currency": "EUR"} | newer)
    for known in ([euro, subscription(**older)], [subscription(**older), euro]):
        assert the_account(facts(*known)).fields[A.CURRENCY] == "EUR"


def test_the_newest_live_subscription_gives_the_currency_and_others_are_spelt_out() -> None:
    euro = subscription(id="s2", uuid="52", currency="EUR", activated_at=at(1), plan_name="Silver")
    debts = [
        invoice(id=f"i{n}", uuid=f"u{n}", number=n, currency=c, total=Decimal(a), balance=Decimal(a))
        for n, c, a in (
            ("1", "USD", "120.00"),
            ("2", "EUR", "30.00"),
            ("3", "JPY", "5000"),
            ("4", "CAD", "5.00"),
        )
    ]
    written = the_account(facts(subscription(), euro, *debts)).fields
    assert written[A.CURRENCY] == "EUR"
    assert written[A.PAST_DUE] == Decimal("30.00")
    assert written[A.PAST_DUE_TEXT] == "EUR 30.00; CAD 5.00; JPY 5,000; USD 120.00"
    assert written[A.MRR] == Decimal("49.00")
    assert written[A.PLAN] == "Gold, Silver"


@pytest.mark.parametrize("field", [A.EMAIL, A.COMPANY])
def test_personal_data_the_source_no_longer_has_is_never_blanked(field: str) -> None:
    assert field not in the_account(facts(account(email=None, company=None))).fields


def test_a_method_whose_validity_is_not_known_leaves_the_checkbox_alone() -> None:
    assert A.PAYMENT_METHOD_VALID not in the_account(facts(account(payment_method=card(valid=None)))).fields


def test_the_link_is_made_of_the_policy_and_quoted() -> None:
    policy = Policy(recurly_link="https://{site}.eu.example.com/a/{code}")
    known = facts(account(code="a/b c"), code="a/b c", subject="recurly:acme:account:a/b c")
    change = changes(known, "Account", policy=policy)["account:a/b c"]
    assert change.fields[A.LINK] == "https://acme.eu.example.com/a/a%2Fb%20c"


def test_the_contact_mirrors_the_billing_contact() -> None:
    change = the_contact(facts(account(phone="+1 555 0100")))
    assert change is not None
    assert change.fields == {
        "FirstName": "Bob", "LastName": "Rivera", "Email": "bob@example.com", "Phone": "+1 555 0100"
    }  # fmt: skip
    assert change.parents == {"AccountId": Parent("Account", "recurly:acme:account:bob")}
    assert not change.on_create


@pytest.mark.parametrize(
    ("told", "last_name"),
    [
        ({"last_name": None}, "Bob"),
        ({"last_name": None, "first_name": None}, "Rivera Books"),
        ({"last_name": " ", "first_name": None, "company": None}, "bob"),
        ({"last_name": None, "first_name": None, "company": None, "email": "@"}, "bob"),
    ],
)
def test_a_contact_without_a_last_name_gets_the_next_best_only_when_made(
    told: dict[str, Any], last_name: str
) -> None:
    change = the_contact(facts(account(**told)))
    assert change is not None
    assert change.on_create == {"LastName": last_name}
    assert "LastName" not in change.fields


def test_nobody_known_makes_no_contact_and_no_case_points_to_one() -> None:
    known = facts(account(first_name=None, last_name=None, email=None), invoice(dunning_events_sent=1))
    assert the_contact(known) is None
    (case,) = changes(known, "Case").values()
    assert "ContactId" not in case.parents


@pytest.mark.parametrize(
    "email", ["none", "a b@example.com", "a@b", "a@@example.com", f"{'x' * 80}@example.com"]
)
def test_what_is_no_address_is_kept_out_of_the_email_field(email: str) -> None:
    change = the_contact(facts(account(email=email)))
    assert change is not None
    assert "Email" not in change.fields


PAID = payment(gateway_reference="ch_1")
TAKEN = refund(status="chargeback", origin="chargeback", created_at=at(18))


@pytest.mark.parametrize(
    ("parts", "disputed"),
    [
        ((PAID,), "0.00"),
        ((PAID, dispute()), "49.00"),
        ((PAID, dispute(status=Status.UNDER_REVIEW)), "49.00"),
        ((PAID, dispute(amount=None)), "49.00"),
        ((PAID, dispute(amount=Decimal("20.00"))), "20.00"),
        ((PAID, dispute(status=Status.LOST)), "0.00"),
        ((PAID, TAKEN), "49.00"),
        ((PAID, TAKEN, dispute()), "49.00"),
        ((PAID, TAKEN, dispute(status=Status.WON)), "0.00"),
        ((PAID, TAKEN, dispute(references=("ch_9",))), "98.00"),
        ((dispute(references=("ch_9",)), dispute(id_="dp_2", references=("ch_8",), currency="EUR")), "49.00"),
    ],
)
def test_the_account_says_what_may_be_lost_and_counts_no_payment_twice(
    parts: tuple[object, ...], disputed: str
) -> None:
    found = changes(facts(subscription(), *parts), "Account").values()
    assert [change.fields["Billing_Open_Dispute_Amount__c"] for change in found] == [Decimal(disputed)]


EUROS = dispute(id_="dp_2", references=("ch_8",), currency="EUR", amount=Decimal("30.00"))
UNKNOWN = dispute(id_="dp_3", references=("ch_7",), amount=None, currency=None)


@pytest.mark.parametrize(
    ("parts", "amount", "text"),
    [
        ((PAID,), Decimal("0.00"), None),
        ((PAID, dispute()), Decimal("49.00"), "USD 49.00"),
        ((EUROS,), None, "EUR 30.00"),
        ((EUROS, replace(EUROS, status=Status.LOST)), None, "EUR 30.00"),
        ((PAID, EUROS, dispute()), Decimal("49.00"), "USD 49.00; EUR 30.00"),
        ((UNKNOWN,), None, "1 dispute of unknown amount"),
        (
            (PAID, dispute(), EUROS, UNKNOWN),
            Decimal("49.00"),
            "USD 49.00; EUR 30.00; 1 dispute of unknown amount",
        ),
        ((payment(currency="EUR"), refund(status="chargeback", currency="EUR")), None, "EUR 49.00"),
    ],
)
def test_what_is_in_dispute_is_told_in_every_currency(
    parts: tuple[object, ...], amount: Decimal | None, text: str | None
) -> None:
    (change,) = changes(facts(subscription(), *parts), "Account").values()
    assert change.fields["Billing_Open_Dispute_Amount__c"] == amount
    assert change.fields["Billing_Open_Dispute_Text__c"] == text


def test_an_amount_that_is_all_in_other_currencies_is_empty_and_not_zero() -> None:
    """Each amount of the account: zero would say that it owes, brings and has nothing."""
    owed = invoice(currency="EUR", state="past_due", balance=Decimal("30.00"))
    credited = credit(currency="EUR", balance=Decimal("-20.00"))
    trial = subscription(trial_ends_at=at(30, month=12))
    worth = subscription(id="sub2", uuid="5ub2", currency="EUR", activated_at=at(1, month=1))
    (change,) = changes(facts(trial, worth, owed, credited), "Account").values()
    amounts = ("Balance", "Past_Due_Amount", "Credit", "MRR")
    assert {name: change.fields[f"Billing_{name}__c"] for name in amounts} == dict.fromkeys(amounts)
    assert change.fields["Billing_Past_Due_Text__c"] == "EUR 30.00"
