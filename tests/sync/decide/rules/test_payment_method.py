"""The next renewal will fail: invalid or expiring payment method."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.models.facts import Facts
from connector.sync.decide.decide import decide
from sync.decide.rules.asking import POLICY, policy, standing, the_case
from sync.world import NOW, account, at, card, decline, event, facts, seen, subscription

RULE = "payment_method"
SUB = subscription()
EXPIRED = account(payment_method=card(exp_month=10, exp_year=2026))
ENDS = account(payment_method=card(exp_month=11, exp_year=2026))
DECEMBER = account(payment_method=card(exp_month=12, exp_year=2026))
INVALID = account(payment_method=card(valid=False))
WARNING = event("subscription.renewal.cc_will_expire", at(16), "sub1", "uuid-5ub1")
UPDATE = event("billing_info.updated", at(18), "acc1", "code-bob")
FAILED_UPDATE = event("billing_info.update_failed", at(17), "acc1", "code-bob")
RENEWED = account(payment_method=card(updated_at=at(18)))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(SUB), None),
        (facts(account(payment_method=None), SUB), None),
        (facts(account(payment_method=card(valid=None)), SUB), None),
        (facts(account(payment_method=card(exp_month=None, exp_year=None)), SUB), None),
        (facts(account(payment_method=card(exp_month=13, exp_year=2026)), SUB), None),
        (facts(INVALID, SUB), "opens"),
        (facts(INVALID), "opens"),
        (facts(EXPIRED, SUB), "opens"),
        (facts(ENDS, SUB), "opens"),
        (facts(DECEMBER, SUB), None),
        (facts(ENDS), None),
        (facts(ENDS, subscription(state="canceled")), None),
        (facts(ENDS, subscription(state="paused")), None),
        (facts(ENDS, subscription(auto_renew=False, expires_at=None)), None),
        (facts(ENDS, subscription(current_period_ends_at=NOW + timedelta(days=31))), None),
        (facts(ENDS, subscription(current_period_ends_at=NOW + timedelta(days=30))), "opens"),
        (facts(DECEMBER, SUB, WARNING), "opens"),
        (facts(RENEWED, SUB, WARNING, UPDATE), "Updated"),
        (facts(RENEWED, SUB, WARNING), "Updated"),
        (facts(RENEWED, SUB, UPDATE), None),
        (facts(DECEMBER, subscription(state="canceled"), WARNING), "No longer needed"),
        (facts(RENEWED, SUB, UPDATE, decline("expired_card")), "Updated"),
        (facts(RENEWED, SUB, UPDATE, decline("insufficient_funds")), None),
        (facts(RENEWED, SUB, decline("expired_card")), None),
        (facts(RENEWED, SUB, UPDATE, FAILED_UPDATE), "Updated"),
    ],
)
def test_when_it_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


def test_a_warning_of_an_earlier_period_is_history() -> None:
    old = event("subscription.renewal.cc_will_expire", at(14), "sub1")
    assert standing(facts(DECEMBER, SUB, old), RULE) == "No longer needed"


def test_the_case_says_what_is_at_stake_and_until_when() -> None:
    later = subscription(id="s2", uuid="52", current_period_ends_at=at(30, month=12))
    case = the_case(facts(INVALID, later, SUB), RULE)
    assert case is not None
    assert case.key == "recurly:acme:account:bob:payment_method:1"
    assert str(case.fields["Billing_Deadline__c"]) == "2026-12-15"
    assert case.fields["Billing_Amount_Text__c"] == "USD 49.00"
    assert case.parents["Billing_Subscription__c"].key == "recurly:acme:subscription:5ub1"
    assert "renewal of Gold on 2026-12-15" in str(case.fields["Billing_Summary__c"])


def test_a_case_that_time_alone_opened_is_resolved_when_the_card_is_good() -> None:
    case = the_case(facts(RENEWED, SUB, seen("account:bob:payment_method:1", RULE)), RULE)
    assert case is not None
    assert case.fields["Billing_Outcome__c"] == "Updated"
    assert case.fields["Billing_Resolved_At__c"] == at(18)


def test_an_expiring_card_an_agent_closed_is_not_brought_up_again() -> None:
    closed = seen("account:bob:payment_method:1", RULE, closed=True, closed_at=at(20))
    case = the_case(facts(ENDS, SUB, closed), RULE)
    assert case is not None
    assert case.transition is None


@pytest.mark.parametrize(("days", "told"), [(22, None), (23, "opens")])
def test_the_policy_says_how_long_before_the_renewal(days: int, told: str | None) -> None:
    assert standing(facts(ENDS, SUB), RULE, policy(RULE, days_before=days)) == told


@pytest.mark.parametrize(
    "known", [facts(SUB), facts(ENDS, SUB), facts(ENDS), facts(account(payment_method=None), SUB)]
)
def test_it_looks_again_only_if_time_alone_changes_the_answer(known: Facts) -> None:
    assert decide(known, POLICY).look_again_at is None


def test_a_disabled_rule_is_not_looked_at_again() -> None:
    known = facts(ENDS, subscription(current_period_ends_at=NOW + timedelta(days=60)))
    assert decide(known, POLICY).look_again_at == NOW + timedelta(days=30)
    assert decide(known, policy(RULE, enabled=False)).look_again_at is None
