"""Each event is one row on the account's timeline, and on that of its case."""

from __future__ import annotations

import pytest

from connector.facts import Facts, SeenEvent
from connector.plan import Change
from sync.rules.asking import changes
from sync.world import (
    applied,
    at,
    credit,
    decline,
    event,
    facts,
    invoice,
    payment,
    refund,
    seen,
    subscription,
)

FAILED = event("payment.failed", at(10), "pay0", "uuid-9ay0", id_="e1")
ROW = "event:e1"


def the_row(known: Facts) -> Change:
    return changes(known, "Billing_Event__c")[ROW]


def row_of(said: SeenEvent, *objects: object) -> Change:
    return the_row(facts(said, *objects))


def named(kind: str, *refs: str) -> SeenEvent:
    return event(kind, at(10), *refs, id_="e1")


def test_a_row_says_what_happened_to_what_and_when() -> None:
    row = row_of(FAILED, invoice(), decline())
    assert row.fields == {
        "Name": "Payment failed",
        "Occurred_At__c": at(10),
        "Kind__c": "payment.failed",
        "Source__c": "recurly",
        "What__c": "Payment failed: USD 49.00, invoice 1001",
        "About_Key__c": "recurly:acme:payment:9ay0",
    }
    assert row.parents["Account__c"].key == "recurly:acme:account:bob"
    assert "Case__c" not in row.parents


@pytest.mark.parametrize(
    ("said", "what", "about"),
    [
        (named("charge_invoice.paid", "inv1"), "Invoice paid: invoice 1001, USD 49.00", "invoice:1001"),
        (
            named("dunning_event.created", "x", "number-1001"),
            "Dunning step reached: invoice 1001, USD 49.00",
            "invoice:1001",
        ),
        (named("subscription.canceled", "uuid-5ub1"), "Subscription canceled", "subscription:5ub1"),
        (named("account.updated", "code-bob"), "Account changed", "account:bob"),
        (named("billing_info.updated", "code-bob"), "Payment method updated", "account:bob"),
        (
            named("credit_payment.created", "uuid-c9"),
            "Credit applied: USD 20.00, invoice 1001",
            "credit_payment:c9",
        ),
        (
            named("payment.failed", "inv1", "uuid-9ay0"),
            "Payment failed: USD 49.00, invoice 1001",
            "payment:9ay0",
        ),
        (named("payment.failed", "somewhere-else"), "Payment failed", None),
        (named("brand.new"), "brand.new", None),
    ],
)
def test_the_words_come_from_the_kind_and_from_what_never_changes(
    said: SeenEvent, what: str, about: str | None
) -> None:
    row = row_of(said, invoice(), decline(), subscription(), applied())
    assert row.fields["What__c"] == what
    assert row.fields["About_Key__c"] == (f"recurly:acme:{about}" if about else None)


def test_a_row_does_not_change_with_the_state_of_its_object() -> None:
    before = row_of(FAILED, invoice(), decline())
    after = row_of(FAILED, invoice(state="paid", balance=invoice().paid), decline())
    assert before.fields == after.fields


def test_a_row_already_there_is_not_written_again() -> None:
    there = event("payment.failed", at(10), "pay0", id_="e1", on_timeline=True)
    assert not changes(facts(there, invoice(), decline()), "Billing_Event__c")


@pytest.mark.parametrize("on_timeline", [True, False])
def test_a_row_joins_the_case_that_is_made_after_it(on_timeline: bool) -> None:
    said = event("payment.failed", at(10), "pay0", id_="e1", on_timeline=on_timeline)
    row = row_of(said, invoice(dunning_events_sent=1), decline())
    assert row.parents["Case__c"].key == "recurly:acme:invoice:1001:past_due:1"


def test_a_row_joins_the_newest_cycle_and_earlier_rows_stay_where_they_are() -> None:
    old = event("payment.failed", at(9), "pay0", id_="e0", on_timeline=True)
    cases = [seen(f"invoice:1001:past_due:{n}", "payment_failed") for n in (1, 2)]
    found = changes(facts(old, FAILED, invoice(), decline(), *cases), "Billing_Event__c")
    assert set(found) == {ROW}
    assert found[ROW].parents["Case__c"].key == "recurly:acme:invoice:1001:past_due:2"


@pytest.mark.parametrize(
    ("said", "case"),
    [
        (named("payment.refunded", "ref1"), "payment:4ef1:refund_review:1"),
        (named("payment.succeeded", "pay1"), "payment:pay1:chargeback:1"),
        (named("charge_invoice.past_due", "inv1"), "invoice:1001:past_due:1"),
        (named("credit_invoice.opened", "inv2"), "invoice:1002:unapplied_credit:1"),
        (named("credit_payment.created", "cp1"), "invoice:1002:unapplied_credit:1"),
        (named("subscription.canceled", "sub1"), "subscription:5ub1:cancellation:1"),
        (named("subscription.renewal.cc_will_expire", "sub1"), "account:bob:payment_method:1"),
        (named("billing_info.updated", "code-bob"), "account:bob:payment_method:1"),
    ],
)
def test_each_kind_of_object_finds_its_case(said: SeenEvent, case: str) -> None:
    cases = [case] if case.startswith(("payment:4ef1", "payment:pay1")) else [case, "invoice:1001:past_due:1"]
    parts = (invoice(), credit(), applied(), payment(), refund(), subscription())
    known = facts(said, *parts, *(seen(key, "none") for key in cases))
    assert the_row(known).parents["Case__c"].key == f"recurly:acme:{case}"


def test_an_event_of_the_account_itself_belongs_to_no_case() -> None:
    said = named("account.updated", "code-bob")
    known = facts(said, seen("account:bob:payment_method:1", "none"))
    assert "Case__c" not in the_row(known).parents


def test_rows_of_a_removed_account_are_still_written() -> None:
    assert set(changes(facts(FAILED, gone=True), "Billing_Event__c")) == {ROW}
