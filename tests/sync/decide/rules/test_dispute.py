"""A processor tells of a dispute: one case, until it is decided, with the deadline and what is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.models.facts import Facts, Payment, Stage, Status
from connector.models.plan import Change, Parent, Queue, Transition
from connector.policy import Escalation, Policy
from connector.sync.decide.decide import decide
from sync.crm import MemoryCrm
from sync.decide.rules.asking import POLICY, changes, policy, standing, the_case
from sync.world import (
    NOW,
    SUBJECT,
    at,
    charge,
    dispute,
    facts,
    paid_invoice,
    payment,
    refund,
    said,
    seen,
    unjoined,
)

RULE = "dispute"
CASE = "stripe:dispute:dp_1:dispute:1"
PAID = payment(gateway_reference="ch_1")
SEEN = seen("", RULE, key=CASE, subject=SUBJECT)


def case_of(known: Facts, policy: Policy = POLICY) -> Change:
    found = the_case(known, RULE, policy)
    assert found is not None
    return found


def summary(known: Facts, policy: Policy = POLICY) -> str:
    return str(case_of(known, policy).fields["Billing_Summary__c"])


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (Status.NEEDS_RESPONSE, "opens"),
        (Status.UNDER_REVIEW, "opens"),
        (None, "opens"),
        (Status.WON, "Won"),
        (Status.LOST, "Lost"),
        (Status.ACCEPTED, "Accepted"),
        (Status.EXPIRED, "Expired"),
        (Status.WITHDRAWN, "Withdrawn"),
    ],
)
def test_it_lasts_until_it_is_decided(status: Status | None, told: str) -> None:
    assert standing(facts(PAID, dispute(status=status)), RULE) == told
    left = standing(facts(PAID, dispute(status=status), SEEN), RULE)
    assert left == ("stays" if told == "opens" else told)


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_is_a_case_and_is_named(stage: Stage) -> None:
    case = case_of(facts(PAID, dispute(stage=stage)))
    assert case.fields["Billing_Stage__c"] == stage
    assert summary(facts(PAID, dispute(stage=stage))).startswith(
        stage.replace("pre_", "pre-").capitalize() + " of USD 49.00, opened on 2026-11-21, dp_1 at Stripe."
    )


def test_the_disputes_team_gets_it_with_everything_they_need() -> None:
    case = case_of(facts(PAID, paid_invoice(), dispute()))
    assert case.key == CASE
    assert case.on_create["OwnerId"] == Queue("Billing_Disputes")
    assert case.on_create["Priority"] == "High"
    assert case.on_create["Subject"] == "Dispute: USD 49.00, Visa 10.4 fraud (account bob)"
    assert case.fields["Billing_Deadline__c"] == at(20, month=12).date()
    assert case.fields["Billing_Reason_Code__c"] == "Visa 10.4"
    assert case.fields["Billing_Amount__c"] == Decimal("49.00")
    assert case.fields["Billing_Link__c"] == "https://dashboard.stripe.com/disputes/dp_1"
    assert case.parents["Billing_Dispute__c"] == Parent("Billing_Dispute__c", "stripe:dispute:dp_1")
    assert case.parents["Billing_Payment__c"].key == "recurly:acme:payment:9ay1"
    assert case.parents["Billing_Invoice__c"].key == "recurly:acme:invoice:1001"


def test_the_summary_says_what_to_do_by_when_and_what_is_behind_it() -> None:
    told = summary(facts(PAID, paid_invoice(), dispute(), refund(amount=Decimal("10.00"))))
    for part in (
        "Evidence is due on 2026-12-20.",
        "The cardholder denies a payment",
        "What to do: Compare it with the customer's earlier undisputed payments",
        "Disputed payment: USD 49.00 on 2026-11-20 with Visa ending 1111, expires 12/2029, invoice 1001.",
        "Refunds of this payment: USD 10.00 on 2026-11-20.",
        "Joined to account bob by gateway reference ch_1.",
        "[ ] 3-D Secure result, if there was one",
    ):
        assert part in told


def test_once_the_evidence_is_in_there_is_no_deadline_and_nothing_to_do_but_wait() -> None:
    known = facts(PAID, dispute(status=Status.UNDER_REVIEW))
    assert case_of(known).fields["Billing_Deadline__c"] is None
    assert "Wait for the decision" in summary(known)
    assert "due on" not in summary(known)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (Status.WON, "Won on 2026-11-21. The money stays with us."),
        (Status.LOST, "Lost on 2026-11-21. The money is lost: it went back to the customer."),
        (Status.EXPIRED, "Expired on 2026-11-21. The money is lost: no evidence came in time."),
    ],
)
def test_the_end_says_what_became_of_the_money(status: Status, told: str) -> None:
    known = facts(PAID, dispute(status=status), SEEN)
    assert summary(known).startswith(told)
    assert "What to do" not in summary(known)
    assert case_of(known).fields["Billing_Resolved_At__c"] == at(21)


@pytest.mark.parametrize(
    "changed", [{"amount": None}, {"currency": None}, {"reason": None}, {"due_at": None}]
)
def test_what_its_processor_does_not_say_keeps_no_case_from_opening(changed: dict[str, Any]) -> None:
    silent = {"amount": None, "network": None, "network_code": None, "stage": None, "references": ()}
    known = facts(dispute(**silent | changed))
    assert standing(known, RULE) == "opens"
    assert "Billing_Payment__c" not in case_of(known).parents
    assert "None" not in summary(known)
    assert "None" not in str(case_of(known).on_create["Subject"])


def test_a_dispute_that_says_no_amount_is_about_that_of_its_payment() -> None:
    unsaid = dispute(amount=None, currency=None)
    case = case_of(facts(PAID, unsaid))
    assert (case.fields["Billing_Amount__c"], case.fields["Billing_Currency__c"]) == (Decimal("49.00"), "USD")
    assert str(case.on_create["Subject"]).startswith("Dispute: USD 49.00")
    assert case_of(facts(unsaid)).fields["Billing_Amount__c"] is None


SAME = {"gateway_reference": "ch_1"}
DECLINED = payment(id="pay0", uuid="0ay0", status="declined", created_at=at(15), **SAME)
HELD = payment(id="pay2", uuid="2ay2", type="authorization", created_at=at(21), **SAME)
GIVEN_BACK = payment(
    id="pay3",
    uuid="3ay3",
    type="refund",
    original_id="pay1",
    amount=Decimal("10.00"),
    created_at=at(22),
    **SAME,
)
TRIED_LATER = payment(id="pay4", uuid="4ay4", status="declined", created_at=at(23), **SAME)


@pytest.mark.parametrize(
    "others",
    [[GIVEN_BACK], [DECLINED], [TRIED_LATER], [HELD], [TRIED_LATER, GIVEN_BACK, HELD, DECLINED]],
    ids=["a refund", "a declined try before", "a declined try after", "an authorization", "all of them"],
)
def test_of_several_payments_with_one_reference_it_is_about_the_one_that_took_the_money(
    others: list[Payment],
) -> None:
    for order in ([PAID, *others], [*others, PAID]):
        case = case_of(facts(paid_invoice(), *order, dispute(references=("ch_1",))))
        assert case.parents["Billing_Payment__c"].key == "recurly:acme:payment:9ay1"


def test_of_two_purchases_with_one_reference_it_is_about_the_one_of_its_amount() -> None:
    other = payment(id="pay5", uuid="5ay5", amount=Decimal("12.00"), created_at=at(23), **SAME)
    case = case_of(facts(paid_invoice(), PAID, other, dispute(references=("ch_1",))))
    assert case.parents["Billing_Payment__c"].key == "recurly:acme:payment:9ay1"


@pytest.mark.parametrize(
    ("changed", "is_known"),
    [
        ({}, True),
        ({"amount": Decimal("12.50")}, True),
        ({"amount": Decimal("49.01")}, False),
        ({"currency": "GBP"}, False),
        ({"source": "adyen"}, False),
        ({"invoice_number": "001"}, False),
        ({"invoice_number": "001", "truncated": True}, True),
    ],
    ids=str,
)
def test_an_invoice_number_leads_to_no_payment_that_it_cannot_be_about(
    changed: dict[str, Any], is_known: bool
) -> None:
    """Its account may be known by the customer, and the number be that of another system."""
    paid = payment(gateway="stripe", gateway_reference="other")
    numbered = dispute(**{"references": ("ch_9",), "invoice_number": "1001"} | changed)
    assert ("Billing_Payment__c" in case_of(facts(paid_invoice(), paid, numbered)).parents) is is_known


def test_two_disputes_are_two_cases() -> None:
    found = changes(facts(PAID, dispute(), dispute(id_="dp_2")), "Case", RULE)
    assert set(found) == {CASE, "stripe:dispute:dp_2:dispute:1"}


def test_a_dispute_that_is_over_for_longer_than_its_window_makes_no_case() -> None:
    old = dispute(status=Status.LOST, at=NOW - timedelta(days=181))
    assert standing(facts(PAID, old), RULE) is None
    assert standing(facts(PAID, replace(old, at=NOW - timedelta(days=179))), RULE) == "Lost"


# Agents -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "reopens"),
    [
        (dispute(at=at(18)), False),
        (dispute(status=Status.UNDER_REVIEW, at=at(21), opened_at=at(18)), False),
        (dispute(at=at(21), opened_at=at(18), stage=Stage.PRE_ARBITRATION), True),
    ],
    ids=["nothing new", "only under review", "a response is asked for again"],
)
def test_a_case_an_agent_closed_comes_back_only_when_a_response_is_asked_for(
    item: Any, reopens: bool
) -> None:
    closed = replace(SEEN, closed=True, closed_at=at(20))
    case = case_of(facts(PAID, item, closed))
    assert case.transition is (Transition.REOPEN if reopens else None)


# Deadlines --------------------------------------------------------------------------------------------------

DUE = at(20, month=12)
URGENT = policy(
    RULE,
    priority="Medium",
    escalation=[
        {"days_left": 7, "priority": "High"},
        {"days_left": 2, "priority": "Critical", "queue": "Billing_Escalations"},
    ],
)


def at_days_left(days: float, crm: MemoryCrm, policy: Policy = URGENT) -> datetime | None:
    """Look at it so many days before the deadline, without a new event; when it wants to be looked at again."""
    now = DUE - timedelta(days=days)
    plan = decide(facts(PAID, charge(), dispute(), *crm.cases(), now=now), policy)
    crm.apply(plan, now)
    return plan.look_again_at


def test_as_the_deadline_nears_priority_and_queue_change_by_themselves() -> None:
    crm = MemoryCrm()
    assert at_days_left(20, crm) == DUE - timedelta(days=7)
    assert crm.of("Case")[CASE]["Priority"] == "Medium"
    assert at_days_left(7, crm) == DUE - timedelta(days=2)
    case = crm.of("Case")[CASE]
    assert (case["Priority"], case["OwnerId"]) == ("High", Queue("Billing_Disputes"))
    assert at_days_left(2, crm) is None
    case = crm.of("Case")[CASE]
    assert (case["Priority"], case["OwnerId"]) == ("Critical", Queue("Billing_Escalations"))


def test_a_case_that_an_agent_took_keeps_its_owner() -> None:
    crm = MemoryCrm()
    at_days_left(20, crm)
    crm.take(CASE)
    at_days_left(1, crm)
    case = crm.of("Case")[CASE]
    assert (case["Priority"], case["OwnerId"]) == ("Critical", "005A")


def test_a_priority_an_agent_set_is_not_set_again_at_every_look() -> None:
    crm = MemoryCrm()
    at_days_left(6, crm)
    crm.records["Case", CASE]["Priority"] = "Low"
    at_days_left(5, crm)
    assert crm.of("Case")[CASE]["Priority"] == "Low"


def test_by_default_two_days_before_it_goes_to_the_escalations() -> None:
    crm = MemoryCrm()
    assert at_days_left(20, crm, POLICY) == DUE - timedelta(days=7)
    at_days_left(2, crm, POLICY)
    assert crm.of("Case")[CASE]["OwnerId"] == Queue("Billing_Escalations")
    assert POLICY.rules.dispute.escalation[0] == Escalation(days_left=7, priority="High")


@pytest.mark.parametrize("status", [Status.UNDER_REVIEW, Status.WON])
def test_a_deadline_that_was_met_escalates_nothing(status: Status) -> None:
    known = facts(PAID, dispute(status=status), SEEN, now=DUE)
    assert case_of(known).fields["Billing_Escalation__c"] == 0
    assert decide(known, POLICY).look_again_at is None


def test_nothing_it_says_changes_by_time_alone() -> None:
    for days in (6.9, 3):
        early, late = (
            case_of(facts(PAID, dispute(), SEEN, now=DUE - timedelta(days=d))) for d in (days, days - 0.9)
        )
        assert early.fields == late.fields


# Records ----------------------------------------------------------------------------------------------------


def test_every_dispute_has_its_record_with_its_account_payment_and_invoice() -> None:
    (record,) = changes(facts(PAID, paid_invoice(), dispute()), "Billing_Dispute__c").values()
    assert record.key == "stripe:dispute:dp_1"
    assert record.parents == {
        "Account__c": Parent("Account", SUBJECT),
        "Payment__c": Parent("Billing_Payment__c", "recurly:acme:payment:9ay1"),
        "Invoice__c": Parent("Billing_Invoice__c", "recurly:acme:invoice:1001"),
    }
    assert record.reason == "dispute dp_1 of stripe needs a response"


def test_one_without_an_account_has_its_record_at_once() -> None:
    (record,) = changes(unjoined(dispute(known_since=NOW)), "Billing_Dispute__c").values()
    assert record.parents == {}
    assert record.fields["Joined_By__c"] is None


def test_a_disabled_rule_still_keeps_the_records() -> None:
    known = facts(PAID, dispute())
    off = policy(RULE, enabled=False)
    assert changes(known, "Billing_Dispute__c", policy=off)
    assert the_case(known, RULE, off) is None


def test_when_it_began_is_told_by_its_first_event_if_its_processor_does_not_say() -> None:
    events = [said("dispute.updated", at(19), "dp_1"), said("dispute.opened", at(17), "dp_1", "ch_1")]
    known = facts(PAID, dispute(opened_at=None), *events, said("charge.pending", at(1), "ch_1"))
    assert case_of(known).fields["Billing_Opened_At__c"] == at(17)
