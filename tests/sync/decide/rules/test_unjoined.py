"""A dispute or a warning that no account was found for waits, and then a person is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.models.facts import Facts, ProcessorObject, Status
from connector.models.plan import Change, Parent, Queue
from connector.policy import Policy
from connector.sync.decide.decide import decide
from sync.crm import MemoryCrm
from sync.decide.rules.asking import POLICY, the_case
from sync.world import NOW, SUBJECT, dispute, facts, paid_invoice, payment, unjoined, warning

CASE = "stripe:dispute:dp_1:dispute:1"
PAID = payment(gateway_reference="ch_1")
WAITS = dispute(known_since=NOW - timedelta(minutes=59), invoice_number="1001", customer="cus_1")
WAITED = replace(WAITS, known_since=NOW - timedelta(minutes=60))


def case_of(known: Facts, policy: Policy = POLICY) -> Change:
    found = the_case(known, "dispute", policy)
    assert found is not None
    return found


def summary(known: Facts) -> str:
    return str(case_of(known).fields["Billing_Summary__c"])


def test_one_without_an_account_waits_and_says_when_to_look_again() -> None:
    plan = decide(unjoined(WAITS), POLICY)
    assert [change.object for change in plan.changes] == ["Billing_Dispute__c"]
    assert plan.look_again_at == NOW + timedelta(minutes=1)


def test_then_a_person_is_asked_with_all_that_is_known() -> None:
    case = case_of(unjoined(WAITED))
    assert case.key == CASE
    assert case.on_create["OwnerId"] == Queue("Billing_Triage")
    assert case.on_create["Subject"] == "Dispute: USD 49.00, Visa 10.4 fraud (account not known)"
    assert "AccountId" not in case.parents
    assert case.fields["Billing_Account_Key__c"] == "stripe:dispute:dp_1"
    assert (
        "No account was found for it. Look in Recurly for: transaction reference ch_1, invoice 1001, "
        "customer cus_1 of the gateway." in str(case.fields["Billing_Summary__c"])
    )


def test_one_that_names_nothing_says_so() -> None:
    silent = replace(WAITED, references=(), invoice_number=None, customer=None)
    assert "Look in Recurly for: nothing that is known." in summary(unjoined(silent))


def test_the_policy_says_how_long_and_where() -> None:
    quick = Policy.model_validate({"joining": {"wait_minutes": 0, "queue": "Lost_And_Found"}})
    assert case_of(unjoined(WAITS), quick).on_create["OwnerId"] == Queue("Lost_And_Found")


def test_when_its_account_is_known_its_case_goes_to_the_disputes_team_under_its_name() -> None:
    crm = MemoryCrm()
    crm.apply(decide(unjoined(WAITED), POLICY), NOW)
    crm.apply(decide(facts(PAID, paid_invoice(), WAITED, *crm.cases()), POLICY), NOW)
    case = crm.of("Case")[CASE]
    assert case["OwnerId"] == Queue("Billing_Disputes")
    assert case["Subject"] == "Dispute: USD 49.00, Visa 10.4 fraud (account bob)"
    assert case["AccountId"] == Parent("Account", SUBJECT)
    assert "No account was found" not in str(case["Billing_Summary__c"])
    assert list(crm.of("Case")) == [CASE]


def test_one_without_an_account_escalates_too() -> None:
    late = replace(WAITED, due_at=NOW + timedelta(days=1))
    assert case_of(unjoined(late)).on_create["OwnerId"] == Queue("Billing_Escalations")


def test_one_that_was_decided_while_it_waited_gets_its_case_closed() -> None:
    case = case_of(unjoined(replace(WAITED, status=Status.LOST)))
    assert case.on_create["Status"] == "Closed"
    assert case.fields["Billing_Outcome__c"] == "Lost"


@pytest.mark.parametrize("minutes", [59, 60])
def test_a_warning_waits_as_long(minutes: int) -> None:
    item: ProcessorObject = warning(known_since=NOW - timedelta(minutes=minutes))
    case = the_case(unjoined(item), "fraud_warning")
    assert (case is not None) == (minutes == 60)
    if case:
        assert case.on_create["OwnerId"] == Queue("Billing_Triage")
        assert "account not known" in str(case.on_create["Subject"])


def test_one_that_was_escalated_while_it_waited_stays_escalated_when_it_is_joined() -> None:
    crm = MemoryCrm()
    late = replace(WAITED, due_at=NOW + timedelta(days=1))
    crm.apply(decide(unjoined(late), POLICY), NOW)
    crm.apply(decide(facts(PAID, paid_invoice(), late, *crm.cases()), POLICY), NOW)
    assert crm.of("Case")[CASE]["OwnerId"] == Queue("Billing_Escalations")


def test_a_case_that_an_agent_took_keeps_its_owner_when_it_is_joined() -> None:
    crm = MemoryCrm()
    crm.apply(decide(unjoined(WAITED), POLICY), NOW)
    crm.take(CASE)
    crm.apply(decide(facts(PAID, paid_invoice(), WAITED, *crm.cases()), POLICY), NOW)
    assert crm.of("Case")[CASE]["OwnerId"] == "005A"
