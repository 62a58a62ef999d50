"""What becomes of a case, for every way in which a problem and Salesforce can meet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from connector.facts import CaseSeen
from connector.plan import Change, Parent, Transition
from connector.policy import Cases, Policy, Statuses
from connector.sync import lifecycle
from connector.sync.lifecycle import Problem
from sync.world import NOW, at, facts, seen

STEM = "invoice:1001:past_due"
KEY = f"recurly:acme:{STEM}:1"
POLICY = Policy()


def problem(**changed: Any) -> Problem:
    usual: dict[str, Any] = {
        "object": "invoice",
        "id": "1001",
        "name": "past_due",
        "open": True,
        "evident": True,
        "why": "invoice 1001 is past due",
        "opened_at": at(10),
        "last_signal_at": at(10),
        "resolved_at": at(20),
        "outcome": "Recovered",
        "stable": POLICY.rules.payment_failed.STABLE,
        "fresh": POLICY.rules.payment_failed.FRESH,
    }
    return Problem(**usual | changed)


def case(cycle: int = 1, **changed: Any) -> CaseSeen:
    return seen(f"{STEM}:{cycle}", "payment_failed", **changed)


def closed(when: datetime, **changed: Any) -> CaseSeen:
    return case(closed=True, closed_at=when, **changed)


def ask(*problems: Problem, cases: tuple[CaseSeen, ...] = (), policy: Policy = POLICY) -> list[Change]:
    known = facts(*cases)
    return lifecycle.changes("payment_failed", problems, known, policy, policy.rules.payment_failed)


def with_cases(**changed: Any) -> Policy:
    return Policy(cases=Cases(**changed))


def test_a_problem_without_a_case_opens_one_for_the_queue() -> None:
    (change,) = ask(problem())
    assert (change.key, change.transition) == (KEY, Transition.OPEN)
    assert change.on_create["Status"] == "New"
    assert change.on_create["Subject"] == "Payment failed: invoice 1001, USD 49.00 (account bob)"
    assert change.fields["Billing_State__c"] == "open"
    assert change.fields["Billing_Outcome__c"] is None
    assert change.fields["Billing_Resolved_At__c"] is None
    assert change.parents["AccountId"] == Parent("Account", "recurly:acme:account:bob")
    assert not change.transition_fields


def test_a_problem_over_before_it_was_seen_gets_a_closed_case() -> None:
    (change,) = ask(problem(open=False))
    assert (change.key, change.on_create["Status"]) == (KEY, "Closed")
    assert change.fields["Billing_State__c"] == "resolved"
    assert change.fields["Billing_Outcome__c"] == "Recovered"
    assert change.fields["Billing_Resolved_At__c"] == at(20)
    assert "before anyone had to act" in change.reason


@pytest.mark.parametrize(
    ("told", "policy"),
    [
        (problem(evident=False), POLICY),
        (problem(open=False, evident=False), POLICY),
        (problem(open=False), with_cases(record_already_resolved=False)),
        (problem(open=False, resolved_at=NOW - timedelta(days=15)), POLICY),
        (problem(lasting=True, last_signal_at=NOW - timedelta(days=15)), POLICY),
    ],
    ids=["not evident", "over and not evident", "switched off", "ended long ago", "lasting and old"],
)
def test_no_case_is_made(told: Problem, policy: Policy) -> None:
    assert ask(told, policy=policy) == []


def test_a_problem_that_began_long_ago_and_lasts_still_gets_a_case() -> None:
    (change,) = ask(problem(opened_at=at(1, month=2), last_signal_at=at(1, month=2)))
    assert change.transition is Transition.OPEN


@pytest.mark.parametrize("seen_case", [case(), closed(at(15)), case(state="open", closed=False)])
def test_while_it_lasts_only_our_fields_are_kept_fresh(seen_case: CaseSeen) -> None:
    (change,) = ask(problem(last_signal_at=at(12)), cases=(seen_case,))
    assert change.transition is None
    assert not change.on_create
    assert not change.transition_fields
    assert change.fields["Billing_State__c"] == "open"


def test_when_it_is_over_the_case_is_resolved_and_closed() -> None:
    (change,) = ask(problem(open=False), cases=(case(),))
    assert change.transition is Transition.RESOLVE
    assert change.transition_fields == {"Status": "Closed"}
    assert change.fields["Billing_Outcome__c"] == "Recovered"


@pytest.mark.parametrize(
    "seen_case", [closed(at(15)), closed(at(15), state="resolved"), case(state="resolved")]
)
def test_what_an_agent_did_with_a_case_that_is_over_is_respected(seen_case: CaseSeen) -> None:
    """Closed before us, closed by us, or opened again by an agent after we resolved it."""
    (change,) = ask(problem(open=False), cases=(seen_case,))
    assert change.transition is None
    assert change.fields["Billing_State__c"] == "resolved"


@pytest.mark.parametrize(
    ("seen_case", "signal"),
    [
        (closed(at(15)), at(16)),
        (closed(at(15), state="resolved"), at(16)),
        (closed(at(15), state="resolved"), at(10)),
    ],
    ids=[
        "a new failure after an agent closed it",
        "a new failure after we resolved it",
        "undone after we resolved it",
    ],
)
def test_a_problem_that_is_back_soon_reopens_its_case(seen_case: CaseSeen, signal: datetime) -> None:
    policy = Policy(statuses=Statuses(reopened="Reopened"))
    (change,) = ask(problem(last_signal_at=signal), cases=(seen_case,), policy=policy)
    assert change.transition is Transition.REOPEN
    assert change.transition_fields == {"Status": "Reopened"}
    assert change.fields["Billing_Outcome__c"] is None
    assert change.fields["Billing_Resolved_At__c"] is None


@pytest.mark.parametrize(
    ("seen_case", "policy"),
    [
        (closed(at(1), state="resolved"), POLICY),
        (closed(at(18), state="resolved"), with_cases(after_close="link")),
    ],
    ids=["after the window", "by policy"],
)
def test_otherwise_a_new_case_follows_the_old_one(seen_case: CaseSeen, policy: Policy) -> None:
    old, new = ask(problem(last_signal_at=at(19)), cases=(seen_case,), policy=policy)
    assert new.key == f"recurly:acme:{STEM}:2"
    assert new.on_create["ParentId"] == Parent("Case", KEY)
    assert new.transition is Transition.OPEN
    assert (old.key, old.fields) == (KEY, {"Billing_State__c": "resolved"})


def test_the_case_that_was_left_open_by_us_counts_as_resolved_once_another_follows_it() -> None:
    old, _ = ask(problem(last_signal_at=at(19)), cases=(closed(at(1)),))
    assert old.fields["Billing_State__c"] == "resolved"
    assert old.fields["Billing_Resolved_At__c"] == at(1)
    assert old.transition is None


def test_only_the_newest_cycle_is_touched() -> None:
    changes = ask(problem(), cases=(closed(at(1), state="resolved"), case(cycle=2), case(cycle=10)))
    assert [change.key for change in changes] == [f"recurly:acme:{STEM}:10"]


def test_a_lasting_problem_that_an_agent_closed_stays_closed() -> None:
    (change,) = ask(problem(lasting=True), cases=(closed(at(15), state="resolved"),))
    assert change.transition is None


def test_a_case_whose_problem_vanished_is_resolved_once() -> None:
    (change,) = ask(cases=(case(),))
    assert change.transition is Transition.RESOLVE
    assert change.fields["Billing_Outcome__c"] == "No longer found"
    assert ask(cases=(case(state="resolved", closed=True, closed_at=at(20)),)) == []


def test_a_vanished_case_that_an_agent_closed_keeps_its_status() -> None:
    (change,) = ask(cases=(closed(at(15)),))
    assert change.transition is None
    assert change.fields["Billing_State__c"] == "resolved"


def test_cases_of_other_rules_and_strange_keys_are_left_alone() -> None:
    strange = (
        seen("whatever", "payment_failed"),
        seen(f"{STEM}:1", "other"),
        seen(f"{STEM}:x", "payment_failed"),
    )
    assert ask(cases=strange) == []


def test_texts_are_cut_to_what_their_fields_hold() -> None:
    told = {**POLICY.rules.payment_failed.STABLE, "account": "x" * 400}
    fresh = {**POLICY.rules.payment_failed.FRESH, "reason": "y" * 40_000}
    (change,) = ask(problem(open=True, stable=told, fresh=fresh))
    assert len(str(change.on_create["Subject"])) == 255
    assert len(str(change.fields["Billing_Summary__c"])) == 32_000
