"""A customer is leaving."""

from __future__ import annotations

from typing import Any

import pytest

from connector.models.facts import Facts
from connector.models.plan import Queue
from sync.decide.rules.asking import policy, standing, the_case
from sync.world import at, event, facts, subscription

RULE = "cancellation"
CANCELED = subscription(state="canceled", canceled_at=at(16), expires_at=at(15, month=12))
PAUSED = subscription(state="paused", paused_at=at(16), resume_at=at(15, month=12))
ENDING = subscription(auto_renew=False)
SAID = event("subscription.canceled", at(16), "sub1", "uuid-5ub1")
SAID_PAUSED = event("subscription.paused", at(16), "uuid-5ub1")
BACK = event("subscription.reactivated", at(18), "uuid-5ub1")


def expired(**changed: Any) -> Facts:
    usual = {"state": "expired", "expires_at": at(20), "canceled_at": None, "updated_at": at(20)}
    return facts(subscription(**usual | changed))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(subscription()), None),
        (facts(subscription(auto_renew=None)), None),
        (facts(subscription(state="future")), None),
        (facts(CANCELED), "opens"),
        (facts(PAUSED), "opens"),
        (facts(ENDING), "opens"),
        (facts(subscription(auto_renew=False, current_period_ends_at=None)), None),
        (facts(subscription(), SAID, BACK), "Saved"),
        (facts(subscription(), SAID_PAUSED), "Saved"),
        (facts(subscription(), BACK), None),
        (facts(subscription(), event("subscription.canceled", at(16), "someone-else")), None),
        (expired(canceled_at=at(5)), "Lost"),
        (expired(canceled_at=at(20)), None),
        (expired(expiration_reason="nonpayment"), None),
        (expired(auto_renew=False), "Lost"),
        (expired(canceled_at=at(20), auto_renew=False), None),
        (facts(subscription(state="expired", canceled_at=at(1, month=1), expires_at=at(1, month=2))), None),
    ],
)
def test_when_it_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


def test_the_case_says_what_is_lost_and_when() -> None:
    case = the_case(facts(CANCELED), RULE)
    assert case is not None
    assert case.key == "recurly:acme:subscription:5ub1:cancellation:1"
    assert str(case.fields["Billing_Deadline__c"]) == "2026-12-15"
    assert case.fields["Billing_Amount_Text__c"] == "USD 49.00"
    assert case.fields["Billing_Opened_At__c"] == at(16)
    assert case.on_create["OwnerId"] == Queue("Billing_Retention")
    assert case.parents["Billing_Subscription__c"].key == "recurly:acme:subscription:5ub1"
    assert "since 2026-01-15" in str(case.fields["Billing_Summary__c"])


def test_a_saved_customer_is_resolved_at_the_moment_of_coming_back() -> None:
    case = the_case(facts(subscription(updated_at=at(21)), SAID, BACK), RULE)
    assert case is not None
    assert case.fields["Billing_Resolved_At__c"] == at(18)


@pytest.mark.parametrize(
    ("known", "settings"),
    [
        (facts(PAUSED), {"include_paused": False}),
        (facts(subscription(), SAID_PAUSED), {"include_paused": False}),
        (facts(ENDING), {"include_non_renewing": False}),
        (expired(auto_renew=False), {"include_non_renewing": False}),
    ],
)
def test_the_policy_may_leave_some_out(known: Facts, settings: dict[str, bool]) -> None:
    assert standing(known, RULE) is not None
    assert standing(known, RULE, policy(RULE, **settings)) is None
