"""Each event is one row on the account's timeline, and on that of its case."""

from __future__ import annotations

import pkgutil
from dataclasses import replace

import pytest

from connector import webhooks
from connector.mappers import phrases
from connector.models.facts import Facts, Kind, ProcessorObject, Stage, Status, SubjectKind, TimelineEvent
from connector.models.plan import Change, Parent
from connector.sources.registry import SOURCES
from sync.decide.rules.asking import changes, policy
from sync.world import (
    applied,
    at,
    charge,
    credit,
    decline,
    dispute,
    event,
    facts,
    invoice,
    payment,
    refund,
    said,
    seen,
    subscription,
    told_of,
    unjoined,
    warning,
)

FAILED = event("payment.failed", at(10), "pay0", "uuid-9ay0", id_="e1")
ROW = "event:e1"


def the_row(known: Facts) -> Change:
    return changes(known, "Billing_Event__c")[ROW]


def row_of(said: TimelineEvent, *objects: object) -> Change:
    return the_row(facts(said, *objects))


def named(kind: str, *refs: str) -> TimelineEvent:
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
    said: TimelineEvent, what: str, about: str | None
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
def test_each_kind_of_object_finds_its_case(said: TimelineEvent, case: str) -> None:
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


# Processors' events -----------------------------------------------------------------------------------------

PAID = payment(gateway_reference="ch_1")
OPENED = said("charge.dispute.created", at(21), "dp_1", event_id="evt_1")


def processors_row(*parts: object) -> Change:
    return changes(facts(*parts), "Billing_Event__c")["stripe:event:evt_1"]


def test_a_processors_event_says_what_it_is_about_and_why() -> None:
    row = processors_row(OPENED, PAID, dispute())
    assert row.fields == {
        "Name": "Dispute opened",
        "Occurred_At__c": at(21),
        "Kind__c": "charge.dispute.created",
        "Source__c": "stripe",
        "What__c": "Dispute opened: USD 49.00, Visa 10.4 fraud",
        "About_Key__c": "stripe:dispute:dp_1",
    }
    assert row.parents["Account__c"].key == "recurly:acme:account:bob"
    assert row.parents["Case__c"].key == "stripe:dispute:dp_1:dispute:1"


def test_its_row_does_not_change_while_the_dispute_goes_on() -> None:
    first = processors_row(OPENED, PAID, dispute())
    later = processors_row(OPENED, PAID, dispute(status=Status.LOST, stage=Stage.ARBITRATION, at=at(22)))
    assert first.fields == later.fields


def test_an_amount_that_is_told_later_is_on_its_row_too() -> None:
    there = replace(OPENED, on_timeline=True)
    case = seen("", "none", key="stripe:dispute:dp_1:dispute:1")
    row = processors_row(there, PAID, dispute(), case)
    assert row.fields["What__c"] == "Dispute opened: USD 49.00, Visa 10.4 fraud"
    assert set(row.parents) == {"Account__c"}, "it stays with the case it was written to"


@pytest.mark.parametrize(
    ("item", "what", "case"),
    [
        (warning(), "USD 49.00, unauthorized use of card", "fraud_warning:issfr_1:fraud_warning:1"),
        (told_of(Kind.REFUND, "re_1", status=Status.PENDING), "USD 49.00", "refund:re_1:refund_failed:1"),
        (told_of(Kind.REFUND, "re_1", status=Status.SUCCEEDED), "USD 49.00", "refund:re_1:refund_review:1"),
        (told_of(Kind.MANDATE, "md_1", amount=None), None, "mandate:md_1:mandate_lost:1"),
        (charge(), "USD 49.00", "charge:ch_1:bank_debit:1"),
        (charge(currency=None), "USD 49.00", "charge:ch_1:bank_debit:1"),
        (charge(amount=None), None, "charge:ch_1:bank_debit:1"),
    ],
)
def test_each_kind_of_processors_object_finds_its_case(
    item: ProcessorObject, what: str | None, case: str
) -> None:
    event_ = said("new.kind", at(21), "elsewhere", item.id, event_id="evt_1")
    row = processors_row(event_, PAID, item, seen("", "none", key=f"stripe:{case}"))
    assert row.fields["What__c"] == (f"new.kind: {what}" if what else "new.kind")
    assert row.fields["About_Key__c"] == f"stripe:{item.kind}:{item.id}"
    assert row.parents["Case__c"].key == f"stripe:{case}"


def test_a_payouts_rows_have_no_account() -> None:
    payout = told_of(Kind.PAYOUT, "po_1", status=Status.PAID, payee="acct_1")
    known = unjoined(
        payout,
        said("payout.paid", at(21), "po_1", event_id="evt_1"),
        seen("", "none", key="stripe:payout:po_1:payout_failed:1"),
        about=SubjectKind.PAYEE,
        subject="stripe:payee:acct_1",
    )
    row = changes(known, "Billing_Event__c")["stripe:event:evt_1"]
    assert set(row.parents) == {"Case__c"}
    assert row.fields["What__c"] == "Payout paid: USD 49.00"


def test_an_event_whose_object_is_not_known_still_has_its_row() -> None:
    row = processors_row(OPENED)
    assert row.fields["What__c"] == "Dispute opened"
    assert row.fields["About_Key__c"] is None
    assert "Case__c" not in row.parents


def test_another_processors_object_of_the_same_id_is_another() -> None:
    assert processors_row(OPENED, PAID, dispute(source="adyen")).fields["About_Key__c"] is None


def test_where_a_payment_and_its_dispute_share_an_id_the_row_joins_either_case() -> None:
    shared = (charge(), dispute(id_="ch_1"))
    event_ = said("charge.failed", at(21), "ch_1", event_id="evt_1")
    for case in ("dispute:ch_1:dispute:1", "charge:ch_1:bank_debit:1"):
        off = policy("dispute", enabled=False)
        known = facts(PAID, event_, *shared, seen("", "none", key=f"stripe:{case}"))
        row = changes(known, "Billing_Event__c", policy=off)["stripe:event:evt_1"]
        assert row.parents["Case__c"].key == f"stripe:{case}"


@pytest.mark.parametrize("on_timeline", [True, False])
def test_rows_from_before_the_wait_was_over_join_the_case(on_timeline: bool) -> None:
    waited = dispute(known_since=at(20))
    known = unjoined(waited, replace(OPENED, on_timeline=on_timeline))
    row = changes(known, "Billing_Event__c")["stripe:event:evt_1"]
    assert row.parents == {"Case__c": Parent("Case", "stripe:dispute:dp_1:dispute:1")}


def test_every_source_has_its_words() -> None:
    assert phrases.event_label("stripe", "charge.dispute.created") == "Dispute opened"
    assert phrases.event_label("braintree", "dispute_won") == "Dispute won"
    assert phrases.event_label("recurly", "payment.failed") == "Payment failed"
    assert phrases.event_label("stripe", "payment.failed") == "payment.failed"
    sources = {module.name for module in pkgutil.iter_modules(webhooks.__path__) if module.ispkg}
    assert sources == set(SOURCES)
