"""What becomes of a case, for every way in which a problem and Salesforce can meet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from connector.models.facts import ExistingCase, ProcessorObject, SubjectKind
from connector.models.plan import Change, Parent, Queue, RecordType, Transition
from connector.policy import CaseRule, Cases, Escalation, Policy, Statuses
from connector.sync.decide import lifecycle
from connector.sync.decide.lifecycle import Problem
from sync.world import NOW, SUBJECT, at, dispute, facts, seen, unjoined

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


def case(cycle: int = 1, **changed: Any) -> ExistingCase:
    return seen(f"{STEM}:{cycle}", "payment_failed", **changed)


def closed(when: datetime, **changed: Any) -> ExistingCase:
    return case(closed=True, closed_at=when, **changed)


def ask(*problems: Problem, cases: tuple[ExistingCase, ...] = (), policy: Policy = POLICY) -> list[Change]:
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
def test_while_it_lasts_only_our_fields_are_kept_fresh(seen_case: ExistingCase) -> None:
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
def test_what_an_agent_did_with_a_case_that_is_over_is_respected(seen_case: ExistingCase) -> None:
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
def test_a_problem_that_is_back_soon_reopens_its_case(seen_case: ExistingCase, signal: datetime) -> None:
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
def test_otherwise_a_new_case_follows_the_old_one(seen_case: ExistingCase, policy: Policy) -> None:
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


# ── what a rule may have of its own ───────────────────────────────────────────────────────────────────────────


def by_rule(told: Problem, *cases: ExistingCase, **changed: Any) -> Change:
    """What is written last, with a rule of these settings."""
    rule = POLICY.rules.payment_failed.model_copy(update=changed)
    return lifecycle.changes("payment_failed", [told], facts(*cases), POLICY, rule)[-1]


def test_a_rule_may_have_its_own_record_type() -> None:
    assert by_rule(problem()).on_create["RecordTypeId"] == RecordType("Billing")
    assert by_rule(problem(), record_type="Dispute").on_create["RecordTypeId"] == RecordType("Dispute")


@pytest.mark.parametrize(
    ("window", "transition"),
    [(None, Transition.REOPEN), (180, Transition.REOPEN), (3, Transition.OPEN), (0, Transition.OPEN)],
)
def test_a_rule_may_have_its_own_window(window: int | None, transition: Transition) -> None:
    was = closed(at(15), state="resolved")
    assert by_rule(problem(last_signal_at=at(19)), was, reopen_window_days=window).transition is transition


def test_a_rules_window_also_says_how_old_a_problem_may_be_that_was_over_before_it_was_seen() -> None:
    long_over = problem(open=False, resolved_at=NOW - timedelta(days=100))
    rule = POLICY.rules.payment_failed.model_copy(update={"reopen_window_days": 180})
    assert ask(long_over) == []
    assert len(lifecycle.changes("payment_failed", [long_over], facts(), POLICY, rule)) == 1


DAYS_14, A_SECOND = timedelta(days=14), timedelta(seconds=1)


@pytest.mark.parametrize(("later", "number"), [(timedelta(0), 1), (A_SECOND, 0)])
def test_the_window_ends_with_its_last_moment(later: timedelta, number: int) -> None:
    ended = problem(open=False, resolved_at=NOW - DAYS_14 - later)
    lasting = problem(lasting=True, last_signal_at=NOW - DAYS_14 - later)
    assert (len(ask(ended)), len(ask(lasting))) == (number, number)


@pytest.mark.parametrize(
    ("later", "transition"), [(timedelta(0), Transition.REOPEN), (A_SECOND, Transition.OPEN)]
)
def test_a_case_is_reopened_up_to_the_last_moment_of_the_window(
    later: timedelta, transition: Transition
) -> None:
    was = closed(at(1, 6), state="resolved")
    back = problem(last_signal_at=at(1, 6) + DAYS_14 + later)
    assert ask(back, cases=(was,))[-1].transition is transition


def test_a_signal_of_the_moment_in_which_it_was_closed_brings_nothing_back() -> None:
    (change,) = ask(problem(last_signal_at=at(15)), cases=(closed(at(15)),))
    assert change.transition is None


def test_a_lasting_problem_that_we_resolved_is_back_only_with_a_new_signal() -> None:
    was = closed(at(15), state="resolved")
    assert ask(problem(lasting=True, last_signal_at=at(14)), cases=(was,))[0].transition is None
    assert ask(problem(lasting=True, last_signal_at=at(16)), cases=(was,))[0].transition is Transition.REOPEN


def test_a_rules_short_window_forgets_nothing_that_the_usual_one_remembers() -> None:
    """A problem without a case is history only beyond both."""
    over = problem(open=False, resolved_at=NOW - timedelta(days=10))
    rule = POLICY.rules.payment_failed.model_copy(update={"reopen_window_days": 3})
    assert len(lifecycle.changes("payment_failed", [over], facts(), POLICY, rule)) == 1


def test_a_new_cycle_leaves_the_old_case_as_it_was_resolved() -> None:
    old, new = ask(problem(last_signal_at=at(20)), cases=(closed(at(1)),))
    assert old.fields == {
        "Billing_State__c": "resolved",
        "Billing_Outcome__c": "Continued",
        "Billing_Resolved_At__c": at(1),
    }
    assert new.key == f"recurly:acme:{STEM}:2"


def test_what_is_over_has_no_advice_and_what_lasts_no_end() -> None:
    advised = {"fields": {"Billing_Recommended_Action__c": "Call them."}}
    (lasts,) = ask(problem(**advised), cases=(case(),))
    (over,) = ask(problem(open=False, **advised), cases=(case(),))
    names = ("Billing_Recommended_Action__c", "Billing_Resolved_At__c", "Billing_Outcome__c")
    assert [lasts.fields[name] for name in names] == ["Call them.", None, None]
    assert [over.fields[name] for name in names] == [None, at(20), "Recovered"]


def test_lookups_that_a_problem_does_not_have_are_emptied() -> None:
    (change,) = ask(problem(parents={"Billing_Invoice__c": Parent("Billing_Invoice__c", "i")}))
    emptied = {name for name, value in change.fields.items() if name in LOOKUPS and value is None}
    assert emptied == LOOKUPS - {"Billing_Invoice__c"}


LOOKUPS = {
    "Billing_Invoice__c", "Billing_Subscription__c", "Billing_Payment__c", "Billing_Dispute__c", "Billing_Refund__c",
    "Billing_Payout__c",
}  # fmt: skip


# ── escalation ────────────────────────────────────────────────────────────────────────────────────────────────

STEPS = (
    Escalation(days_left=7, priority="High"),
    Escalation(days_left=2, queue="Billing_Escalations"),
    Escalation(days_left=1, priority="Urgent", queue="Billing_Managers"),
)
LEVEL = "Billing_Escalation__c"


def due(days: float) -> Problem:
    return problem(due_at=NOW + timedelta(days=days))


def escalate(told: Problem, *cases: ExistingCase) -> Change:
    return by_rule(told, *cases, escalation=STEPS)


def test_no_step_is_reached_while_the_deadline_is_far() -> None:
    change = escalate(due(8), case())
    assert (change.transition, change.fields[LEVEL]) == (None, 0)
    assert not change.transition_fields


def test_a_case_without_a_deadline_never_escalates() -> None:
    assert escalate(problem(), case()).transition is None


@pytest.mark.parametrize(
    ("days", "before", "level", "written"),
    [
        (7, 0, 1, {"Priority": "High"}),
        (2, 1, 2, {"Priority": "High", "OwnerId": Queue("Billing_Escalations")}),
        (1, 2, 3, {"Priority": "Urgent", "OwnerId": Queue("Billing_Managers")}),
        (-1, 0, 3, {"Priority": "Urgent", "OwnerId": Queue("Billing_Managers")}),
    ],
    ids=["the first step", "the second", "the last", "all at once, long after"],
)
def test_each_step_is_taken_as_it_is_reached(
    days: float, before: int, level: int, written: dict[str, object]
) -> None:
    change = escalate(due(days), case(escalation=before))
    assert (change.transition, change.fields[LEVEL]) == (Transition.ESCALATE, level)
    assert change.transition_fields == written
    assert f"step {level}" in change.reason


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_step_is_taken_once(level: int) -> None:
    days = {1: 6, 2: 1.5, 3: 0.5}[level]
    change = escalate(due(days), case(escalation=level))
    assert (change.transition, change.fields[LEVEL]) == (None, level)


def test_a_case_that_an_agent_has_taken_is_not_taken_from_them() -> None:
    change = escalate(due(1), case(in_queue=False))
    assert change.transition is Transition.ESCALATE
    assert change.transition_fields == {"Priority": "Urgent"}


def test_a_new_case_begins_at_the_step_that_is_reached() -> None:
    change = escalate(due(2))
    assert (change.transition, change.fields[LEVEL]) == (Transition.OPEN, 2)
    assert (change.on_create["Priority"], change.on_create["OwnerId"]) == (
        "High",
        Queue("Billing_Escalations"),
    )


def test_a_case_that_an_agent_closed_is_left_alone_and_escalates_when_it_is_back() -> None:
    left = escalate(due(1), closed(at(15)))
    assert (left.transition, left.fields[LEVEL], left.transition_fields) == (None, 0, {})
    back = escalate(problem(due_at=NOW, last_signal_at=at(16)), closed(at(15)))
    assert (back.transition, back.fields[LEVEL]) == (Transition.REOPEN, 3)
    assert back.transition_fields == {
        "Status": "New",
        "Priority": "Urgent",
        "OwnerId": Queue("Billing_Managers"),
    }


def test_a_deadline_that_was_put_off_takes_the_case_back_and_can_be_neared_again() -> None:
    later = escalate(due(30), case(escalation=3, priority="Urgent"))
    assert (later.transition, later.fields[LEVEL]) == (Transition.DEESCALATE, 0)
    assert later.transition_fields == {"Priority": "Medium", "OwnerId": Queue("Billing_Collections")}
    assert escalate(due(7), case(escalation=0)).transition is Transition.ESCALATE


def test_a_deadline_that_was_put_off_a_little_takes_the_case_back_some_steps() -> None:
    change = escalate(due(1.5), case(escalation=3, priority="Urgent"))
    assert (change.transition, change.fields[LEVEL]) == (Transition.DEESCALATE, 2)
    assert change.transition_fields == {"Priority": "High", "OwnerId": Queue("Billing_Escalations")}
    change = escalate(due(5), case(escalation=3, priority="Urgent"))
    assert change.transition_fields == {"Priority": "High", "OwnerId": Queue("Billing_Collections")}


def test_a_step_that_gave_no_queue_takes_none_back() -> None:
    change = escalate(due(30), case(escalation=1, priority="High"))
    assert (change.transition, change.transition_fields) == (Transition.DEESCALATE, {"Priority": "Medium"})


def test_a_step_back_that_does_not_change_the_queue_leaves_the_owner_alone() -> None:
    """A person may have given the case to a queue of their own."""
    steps = (
        Escalation(days_left=7, queue="Billing_Escalations"),
        Escalation(days_left=2, priority="High"),
    )
    change = by_rule(due(5), case(escalation=2, priority="High"), escalation=steps)
    assert (change.transition, change.fields[LEVEL]) == (Transition.DEESCALATE, 1)
    assert change.transition_fields == {"Priority": "Medium"}


def test_what_a_person_chose_since_is_not_taken_back() -> None:
    taken = escalate(due(30), case(escalation=3, priority="Low", in_queue=False))
    assert (taken.transition, taken.fields[LEVEL], taken.transition_fields) == (Transition.DEESCALATE, 0, {})
    unknown = escalate(due(30), case(escalation=1, priority=None))
    assert unknown.transition_fields == {}


def test_a_problem_that_is_over_is_at_no_step_any_more() -> None:
    over = problem(open=False, due_at=NOW)
    change = escalate(over, case(escalation=3, priority="Urgent"))
    assert (change.transition, change.fields[LEVEL]) == (Transition.RESOLVE, 0)
    assert change.transition_fields == {
        "Status": "Closed",
        "Priority": "Medium",
        "OwnerId": Queue("Billing_Collections"),
    }


def test_a_case_that_an_agent_closed_stays_where_it_is_when_its_problem_is_over() -> None:
    over = problem(open=False, due_at=NOW)
    change = escalate(over, closed(at(15), escalation=3, priority="Urgent"))
    assert (change.transition, change.fields[LEVEL], change.transition_fields) == (None, 0, {})


# ── when the account becomes known ────────────────────────────────────────────────────────────────────────────

OWN = "stripe:dispute:dp_1"
DISPUTED: CaseRule = POLICY.rules.dispute
TOLD: ProcessorObject = dispute()


def about_dispute(**changed: Any) -> Problem:
    usual = {"object": "dispute", "id": "dp_1", "name": "dispute", "source": "stripe"}
    texts = {"stable": DISPUTED.STABLE, "fresh": DISPUTED.FRESH}
    return problem(**usual | texts | changed)


def triaged(**changed: Any) -> ExistingCase:
    """The case that a dispute without an account got."""
    usual = {"key": f"{OWN}:dispute:1", "subject": OWN}
    return seen("", "dispute", **usual | changed)


def join(told: Problem, *cases: ExistingCase) -> Change:
    (change,) = lifecycle.changes("dispute", [told], facts(*cases), POLICY, DISPUTED)
    return change


def test_without_an_account_a_case_waits_in_the_queue_that_the_problem_names() -> None:
    known = unjoined(TOLD)
    (change,) = lifecycle.changes("dispute", [about_dispute(queue="Billing_Triage")], known, POLICY, DISPUTED)
    assert (change.key, known.about) == (f"{OWN}:dispute:1", SubjectKind.OBJECT)
    assert change.on_create["OwnerId"] == Queue("Billing_Triage")
    assert not {"AccountId", "ContactId"} & change.parents.keys()
    assert change.fields["Billing_Account_Key__c"] == OWN


def test_the_case_goes_to_the_account_and_its_rules_queue_with_its_new_subject() -> None:
    change = join(about_dispute(), triaged())
    assert (change.key, change.transition) == (f"{OWN}:dispute:1", Transition.JOIN)
    assert change.transition_fields == {
        "Subject": "Dispute: USD 49.00, Visa 10.4 fraud (account bob)",
        "OwnerId": Queue("Billing_Disputes"),
    }
    assert change.fields["Billing_Account_Key__c"] == SUBJECT
    assert change.parents["AccountId"] == Parent("Account", SUBJECT)
    assert "its account is known now" in change.reason


def test_a_case_that_an_agent_has_taken_changes_its_subject_and_not_its_owner() -> None:
    change = join(about_dispute(), triaged(in_queue=False))
    assert set(change.transition_fields) == {"Subject"}


def test_a_case_of_the_account_does_not_join_it_again() -> None:
    change = join(about_dispute(), triaged(subject=SUBJECT))
    assert (change.transition, change.transition_fields) == (None, {})


def test_a_case_that_escalated_while_it_waited_keeps_the_queue_of_its_step() -> None:
    near = about_dispute(due_at=NOW + timedelta(days=1))
    change = join(near, triaged(escalation=2))
    assert change.transition is Transition.JOIN
    assert change.transition_fields["OwnerId"] == Queue("Billing_Escalations")
    assert "Priority" not in change.transition_fields


def test_a_step_that_is_reached_as_the_account_becomes_known_is_taken_with_it() -> None:
    near = about_dispute(due_at=NOW + timedelta(days=1))
    change = join(near, triaged(escalation=0))
    assert (change.transition, change.fields[LEVEL]) == (Transition.JOIN, 2)
    assert change.transition_fields["OwnerId"] == Queue("Billing_Escalations")
    assert change.transition_fields["Priority"] == "High"


def test_a_dispute_that_was_decided_meanwhile_is_resolved_under_its_account() -> None:
    change = join(about_dispute(open=False, outcome="Won"), triaged())
    assert change.transition is Transition.RESOLVE
    assert change.transition_fields["Status"] == "Closed"
    assert change.fields["Billing_Account_Key__c"] == SUBJECT


# ── what belongs to something larger ──────────────────────────────────────────────────────────────────────────


def test_what_is_held_gets_no_case_and_the_one_it_had_is_resolved() -> None:
    suppressed = problem(suppressed="Part of an incident")
    assert ask(suppressed) == []
    (change,) = ask(suppressed, cases=(case(),))
    assert change.transition is Transition.RESOLVE
    assert change.fields["Billing_Outcome__c"] == "Part of an incident"
    assert change.fields["Billing_State__c"] == "resolved"


def test_what_was_held_and_still_lasts_gets_its_case_back() -> None:
    was = case(state="resolved", closed=True, closed_at=at(21))
    (change,) = ask(problem(), cases=(was,))
    assert change.transition is Transition.REOPEN
