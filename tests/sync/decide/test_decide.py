"""The same facts leave the same records behind, however often and whenever they are looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappers import fields
from connector.models.events import Urgency
from connector.models.plan import Plan
from connector.policy import Policy
from connector.sync.decide.context.facts_index import with_currencies
from connector.sync.decide.decide import decide
from sync.crm import MemoryCrm
from sync.stories import STORIES, tell
from sync.world import (
    NOW,
    SUBJECT,
    account,
    at,
    card,
    decline,
    dispute,
    event,
    facts,
    invoice,
    paid_invoice,
    payment,
    seen,
    subscription,
    warning,
)

POLICY = Policy()


@pytest.mark.parametrize("name", STORIES)
def test_deciding_after_every_step_leaves_what_deciding_once_at_the_end_leaves(name: str) -> None:
    story = STORIES[name]
    once = tell(story, frozenset(), {}, POLICY)
    always = tell(story, frozenset(range(len(story))), {}, POLICY)
    assert always.records == once.records


@given(data=st.data())
def test_late_events_and_missed_moments_leave_the_same_records(data: st.DataObject) -> None:
    story = STORIES[data.draw(st.sampled_from(sorted(STORIES)))]
    looks = data.draw(st.frozensets(st.integers(0, len(story) - 1)))
    late = {said.event_id: data.draw(st.integers(0, 4)) for step in story for said in step.events}
    expected = tell(story, frozenset(), {}, POLICY)
    assert tell(story, looks, late, POLICY).records == expected.records


@pytest.mark.parametrize("name", STORIES)
def test_a_second_look_changes_nothing_and_moves_no_row_to_another_case(name: str) -> None:
    story = STORIES[name]
    crm = tell(story, frozenset(range(len(story))), {}, POLICY)
    before, created = {key: dict(record) for key, record in crm.records.items()}, list(crm.created)
    last = story[-1]
    now = last.when + timedelta(hours=1)
    events = [replace(said, on_timeline=True) for step in story for said in step.events]
    plan = decide(facts(*last.objects, *events, *crm.cases(), now=now), POLICY)
    crm.apply(plan, now)
    assert crm.records == before
    assert crm.created == created
    assert not [change for change in plan.changes if fields.Event.CASE in change.parents or change.transition]


@given(data=st.data())
def test_the_order_of_facts_does_not_matter(data: st.DataObject) -> None:
    story = STORIES[data.draw(st.sampled_from(sorted(STORIES)))]
    events = [said for step in story for said in step.events]
    parts = data.draw(st.permutations([*story[-1].objects, *events]))
    assert decide(facts(*parts), POLICY) == decide(facts(*story[-1].objects, *events), POLICY)


@pytest.mark.parametrize("name", STORIES)
def test_parents_come_before_children_and_each_record_once(name: str) -> None:
    story = STORIES[name]
    changes = decide(facts(*story[-1].objects, *story[-1].events), POLICY).changes
    ranks = [fields.ORDER.index(change.object) for change in changes]
    assert ranks == sorted(ranks)
    assert len({(change.object, change.key) for change in changes}) == len(changes)
    assert all(change.rule and change.reason for change in changes)
    assert all(not set(change.fields) & set(change.on_create) for change in changes)


def test_an_account_not_heard_of_gives_an_empty_plan() -> None:
    assert decide(facts(invoice(), account=None), POLICY) == Plan(SUBJECT)


def test_an_account_that_is_gone_keeps_its_records_and_has_its_cases_resolved() -> None:
    case = seen("invoice:1001:past_due:1", "payment_failed")
    plan = decide(facts(invoice(), case, gone=True), POLICY)
    by_key = {change.key: change for change in plan.changes}
    assert by_key[SUBJECT].fields == {"Billing_State__c": "gone"}
    assert by_key[case.key].fields["Billing_Outcome__c"] == "Account removed"
    assert by_key[case.key].transition_fields == {"Status": "Closed"}
    assert set(by_key) == {SUBJECT, case.key}


def test_a_case_whose_account_is_gone_is_resolved_only_once() -> None:
    case = seen("invoice:1001:past_due:1", "payment_failed", state="resolved", closed=True, closed_at=at(20))
    plan = decide(facts(case, account=None, gone=True), POLICY)
    assert [change.object for change in plan.changes] == ["Account"]


def test_a_disabled_rule_leaves_its_cases_alone() -> None:
    rules = POLICY.rules.model_copy(
        update={"payment_failed": POLICY.rules.payment_failed.model_copy(update={"enabled": False})}
    )
    case = seen("invoice:1001:past_due:1", "payment_failed")
    plan = decide(facts(invoice(dunning_events_sent=3), case), POLICY.model_copy(update={"rules": rules}))
    assert not [change for change in plan.changes if change.object == "Case"]


def test_cases_of_rules_not_known_here_are_left_alone() -> None:
    plan = decide(facts(seen("incident:gateway:down:1", "incident")), POLICY)
    assert not [change for change in plan.changes if change.object == "Case"]


def test_it_looks_again_when_a_card_is_about_to_count_as_expiring() -> None:
    renewal = NOW + timedelta(days=60)
    running = subscription(current_period_ends_at=renewal)
    known = facts(account(payment_method=card(exp_month=12, exp_year=2026)), running)
    plan = decide(known, POLICY)
    assert plan.look_again_at == renewal - timedelta(days=30)
    assert plan.look_again_as is Urgency.ROUTINE
    assert not [change for change in plan.changes if change.object == "Case"]
    later = decide(replace(known, now=renewal - timedelta(days=30)), POLICY)
    assert [change.rule for change in later.changes if change.object == "Case"] == ["payment_method"]
    assert later.look_again_at is None


def test_it_looks_again_as_urgently_as_the_most_urgent_date() -> None:
    """Though the card's comes first: while that waits for calls, the evidence would come too late."""
    running = subscription(current_period_ends_at=NOW + timedelta(days=60))
    known = facts(account(payment_method=card(exp_month=12, exp_year=2026)), running)
    disputed = replace(known, objects=(dispute(due_at=NOW + timedelta(days=60)),))
    assert decide(disputed, POLICY).look_again_at == NOW + timedelta(days=30)
    assert decide(disputed, POLICY).look_again_as is Urgency.DISPUTE


def test_old_history_makes_no_cases_however_bad_it_was() -> None:
    old = at(1, month=3)
    plan = decide(
        facts(
            paid_invoice(dunning_events_sent=4, closed_at=old),
            decline(created_at=old),
            payment(id="cb", uuid="cb", status="chargeback", origin="chargeback", created_at=old),
            payment(id="rf", uuid="rf", type="refund", amount=Decimal(900), created_at=old),
            event("subscription.canceled", old, "sub1"),
            subscription(state="expired", canceled_at=old, expires_at=at(1, month=4)),
        ),
        POLICY,
    )
    assert not [change for change in plan.changes if change.object == "Case"]


def test_a_case_an_agent_closed_stays_closed_and_fresh_until_something_new_fails() -> None:
    crm = MemoryCrm()
    crm.apply(decide(facts(invoice(dunning_events_sent=1), decline()), POLICY), at(11))
    key = "recurly:acme:invoice:1001:past_due:1"
    crm.close(key, at(12))
    crm.apply(decide(facts(invoice(dunning_events_sent=2), decline(), *crm.cases()), POLICY), at(13))
    assert crm.of("Case")[key]["Status"] == "Closed"
    assert crm.of("Case")[key]["Billing_Dunning_Step__c"] == 2
    again = decline(id="pay2", uuid="9ay2", created_at=at(14))
    crm.apply(decide(facts(invoice(dunning_events_sent=2), decline(), again, *crm.cases()), POLICY), at(14))
    assert crm.of("Case")[key]["Status"] == "New"
    assert len(crm.of("Case")) == 1


def test_plans_of_one_moment_are_equal_and_sorted() -> None:
    known = facts(subscription(), invoice(dunning_events_sent=1), decline(), payment())
    first, second = decide(known, POLICY), decide(known, POLICY)
    assert first == second
    for one, two in pairwise(first.changes):
        assert (fields.ORDER.index(one.object), one.key) < (fields.ORDER.index(two.object), two.key)


@pytest.mark.parametrize(
    ("known", "amount", "currency", "text"),
    [
        (True, Decimal("12.00"), "EUR", "EUR 12.00"),
        (False, Decimal("12.00"), None, "12.00"),
    ],
)
def test_an_amount_without_a_currency_is_in_that_of_its_payment_and_never_empty(
    known: bool, amount: Decimal, currency: str | None, text: str
) -> None:
    paid = (payment(gateway_reference="ch_1", currency="EUR"),) if known else ()
    told = facts(*paid, dispute(amount=Decimal("12"), currency=None))
    found = {change.object: change for change in decide(told, POLICY).changes}
    record, case = found["Billing_Dispute__c"].fields, found["Case"]
    assert (record["Amount__c"], record["Currency_Code__c"]) == (amount, currency)
    assert (case.fields["Billing_Amount__c"], case.fields["Billing_Currency__c"]) == (amount, currency)
    assert case.fields["Billing_Amount_Text__c"] == text
    assert text in str(case.on_create["Subject"])
    assert found["Account"].fields["Billing_Open_Dispute_Text__c"] == text


def test_a_currency_that_was_said_stays_beside_one_that_was_not() -> None:
    paid = payment(gateway_reference="ch_1", currency="EUR")
    said, unsaid = (
        dispute(id_="dp_1", amount=Decimal("12"), currency="GBP"),
        dispute(id_="dp_2", amount=Decimal("7"), currency=None),
    )
    found = [item.currency for item in with_currencies(facts(paid, said, unsaid)).objects]
    assert found == ["GBP", "EUR"]


def test_an_account_with_many_disputes_costs_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def could_be(source: str, gateway: str | None) -> bool:
        compared.append(source)
        return True

    def comparisons(count: int) -> int:
        compared.clear()
        references = [f"ch_{number:03d}" for number in range(count)]
        objects: list[object] = [account()]
        for ref in references:
            objects.append(payment(id=ref, uuid=ref, gateway_reference=ref, payment_method=card()))
            objects.append(dispute(id=f"dp_{ref}", references=(ref,)))
            objects.append(warning(id=f"w_{ref}", references=(ref,)))
        decide(facts(*objects), Policy())
        return len(compared)

    monkeypatch.setattr("connector.mappers.match_keys.could_be", could_be)
    assert 0 < comparisons(60) <= 2.5 * comparisons(30)
