"""A refund failed, is beyond the refund policy, or meets a dispute about the same payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.models.facts import ExistingCase, Facts, Stage, Status
from connector.models.plan import Parent, Queue, Transition
from connector.policy import Policy
from connector.sync.decide.decide import decide
from sync.crm import MemoryCrm
from sync.decide.rules.asking import changes, policy, standing, the_case
from sync.processing import bounced, in_every_order, paid, processed, told_cases
from sync.world import NOW, at, dispute, facts, invoice, payment, refund, seen, unjoined

RULE = "refund"
FAILED_AT_STRIPE = "stripe:refund:re_1:refund_failed:1"
REVIEW_AT_STRIPE = "stripe:refund:re_1:refund_review:1"
TWICE = "payment:pay1:double_refund:1"
FAILED = refund(status="declined", code="transaction_already_refunded", created_at=at(18))
LARGE = refund(amount=Decimal("500.00"), created_at=at(18))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(payment()), None),
        (facts(payment(), refund()), None),
        (facts(FAILED), "opens"),
        (facts(refund(status="error", code=None)), "opens"),
        (facts(FAILED, refund(id="r2", uuid="42", created_at=at(19))), "Refunded"),
        (facts(FAILED, refund(id="r2", uuid="42", created_at=at(17))), "opens"),
        (facts(FAILED, refund(id="r2", uuid="42", created_at=at(19), original_id="other")), "opens"),
        (facts(FAILED, refund(id="r2", uuid="42", created_at=at(19), status="declined")), "opens"),
        (facts(refund(status="processing")), None),
        (facts(LARGE), "opens"),
        (facts(refund(amount=Decimal("499.99"))), None),
        (facts(refund(amount=Decimal(900), status="void", voided_at=at(19))), "Voided"),
        (facts(refund(amount=Decimal(900), origin="chargeback")), None),
        (facts(refund(status="declined", created_at=at(1, month=2))), "opens"),
        (facts(refund(amount=Decimal(900), created_at=at(1, month=2))), None),
    ],
)
def test_when_it_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


def test_two_failed_tries_for_one_payment_are_one_case() -> None:
    again = refund(id="r2", uuid="42", status="declined", code="gateway_error", created_at=at(19))
    case = the_case(facts(invoice(), payment(created_at=at(1)), FAILED, again), RULE)
    assert case is not None
    assert case.key == "recurly:acme:payment:pay1:refund_failed:1"
    assert case.fields["Billing_Attempts__c"] == 2
    assert case.fields["Billing_Decline_Category__c"] == "gateway"
    assert case.parents["Billing_Invoice__c"].key == "recurly:acme:invoice:1001"
    assert "USD 49.00 on 2026-11-01 with Visa ending 1111" in str(case.fields["Billing_Summary__c"])


def test_the_summary_may_tell_how_often_it_was_tried() -> None:
    told = policy(RULE, summary="Tried: {{ attempts }}")
    again = refund(id="r2", uuid="42", status="declined", code="gateway_error", created_at=at(19))
    case = the_case(facts(FAILED, again), RULE, told)
    assert case is not None
    assert case.fields["Billing_Summary__c"] == "Tried: 2"


def test_a_refund_under_review_stays_until_an_agent_closes_it() -> None:
    stem = "payment:4ef1:refund_review:1"
    assert standing(facts(LARGE, seen(stem, RULE)), RULE) == "stays"
    case = the_case(facts(LARGE, seen(stem, RULE, closed=True, closed_at=at(19))), RULE)
    assert case is not None
    assert case.transition is None


def test_the_policy_says_what_is_large() -> None:
    assert standing(facts(refund()), RULE, policy(RULE, review_amount=49)) == "opens"


def test_a_large_refund_that_failed_first_is_two_problems() -> None:
    failed = refund(status="declined", amount=Decimal(900), created_at=at(18))
    done = refund(id="r2", uuid="42", amount=Decimal(900), created_at=at(19))
    found = changes(facts(failed, done), "Case")
    assert set(found) == {"payment:pay1:refund_failed:1", "payment:42:refund_review:1"}


# What its processor tells ---------------------------------------------------------------------------------------


def of_stripe(key: str, **changed: Any) -> ExistingCase:
    usual: dict[str, Any] = {"state": "open", "closed": False, "closed_at": None}
    return ExistingCase(**{"id": "500A", "key": key, "rule": RULE} | usual | changed)


def billed(**changed: Any) -> Any:
    """The refund ``re_1`` as Recurly recorded it."""
    return refund(**{"gateway_reference": "re_1", "created_at": at(18), "updated_at": at(18)} | changed)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(paid(), processed()), None),
        (facts(paid(), processed(status=Status.PENDING)), None),
        (facts(paid(), processed(status=Status.REQUIRES_ACTION)), None),
        (facts(paid(), processed(status=Status.CANCELED)), None),
        (facts(paid(), bounced()), "opens"),
        (facts(bounced()), "opens"),
        (facts(paid(), bounced(), of_stripe(FAILED_AT_STRIPE)), "stays"),
        (facts(paid(), processed(), of_stripe(FAILED_AT_STRIPE)), "Refunded"),
        (facts(paid(), processed(status=Status.CANCELED), of_stripe(FAILED_AT_STRIPE)), "Canceled"),
        (facts(paid(), processed(status=Status.PENDING), of_stripe(FAILED_AT_STRIPE)), "Tried again"),
        (
            facts(paid(), bounced(), billed(status="void", voided_at=at(19)), of_stripe(FAILED_AT_STRIPE)),
            "Voided",
        ),
    ],
)
def test_when_a_failure_at_the_processor_opens_and_how_it_ends(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


@pytest.mark.parametrize(
    ("later", "told"),
    [
        (processed(id_="re_2", opened_at=at(21), at=at(21)), "Refunded"),
        (refund(id="r2", uuid="42", created_at=at(21), updated_at=at(21)), "Refunded"),
        (processed(id_="re_2", opened_at=at(21), at=at(21), amount=Decimal("48.99")), "opens"),
        (processed(id_="re_2", opened_at=at(21), at=at(21), currency="EUR"), "opens"),
        (processed(id_="re_2", opened_at=at(21), at=at(21), references=("ch_other",)), "opens"),
        (processed(id_="re_2", opened_at=at(21), at=at(21), status=Status.PENDING), "opens"),
        (processed(id_="re_2", opened_at=at(19), at=at(19)), "opens"),
        (billed(), "opens"),
        (refund(id="r2", uuid="42", created_at=at(18), updated_at=at(18)), "opens"),
    ],
    ids=[
        "another at the processor",
        "another by Recurly",
        "of less",
        "of another currency",
        "of another payment",
        "under way",
        "begun before it failed",
        "the same, which Recurly believes done",
        "the same without its reference",
    ],
)
def test_a_later_refund_of_the_same_payment_settles_it(later: Any, told: str) -> None:
    assert standing(facts(paid(), bounced(), later), RULE) == told


def test_a_failure_at_the_processor_says_why_and_what_to_do() -> None:
    case = the_case(facts(invoice(), paid(), bounced(link="https://dashboard.stripe.com/refunds/re_1")), RULE)
    assert case is not None
    assert case.key == FAILED_AT_STRIPE
    assert case.on_create["OwnerId"] == Queue("Billing_Refunds")
    assert case.on_create["Subject"] == "Refund failed (account bob)"
    assert case.parents["Billing_Refund__c"] == Parent("Billing_Refund__c", "stripe:refund:re_1")
    assert case.parents["Billing_Payment__c"].key == "recurly:acme:payment:9ay1"
    assert case.parents["Billing_Invoice__c"].key == "recurly:acme:invoice:1001"
    assert "lost" in str(case.fields["Billing_Reason__c"])
    assert (
        case.fields["Billing_Refund_Policy__c"]
        == "Eligible: 17 days after the payment, 1st refund in 12 months"
    )
    assert case.fields["Billing_Link__c"] == "https://dashboard.stripe.com/refunds/re_1"
    summary = str(case.fields["Billing_Summary__c"])
    assert "Refund failed: USD 49.00 on invoice 1001, re_1 at Stripe." in summary
    assert "Refund policy: Eligible: 17 days" in summary
    assert "Joined to account bob by gateway reference ch_1." in summary


def test_when_the_payment_is_disputed_it_says_not_to_pay_back_by_other_means() -> None:
    case = the_case(facts(paid(), bounced(), dispute()), RULE)
    assert case is not None
    assert "do not pay it back by other means" in str(case.fields["Billing_Recommended_Action__c"])
    assert "Dispute: dp_1 at Stripe, needs response" in str(case.fields["Billing_Summary__c"])


def test_what_is_told_of_a_failure_later_does_not_bring_back_a_case_that_an_agent_closed() -> None:
    mine = of_stripe(FAILED_AT_STRIPE, closed=True, closed_at=at(21))
    case = the_case(facts(paid(), bounced(at=at(22)), mine), RULE)
    assert case is not None
    assert case.transition is None


def test_a_large_refund_that_fails_is_more_urgent() -> None:
    for amount, told in (("500.00", "High"), ("499.99", "Medium")):
        case = the_case(facts(paid(amount=Decimal(900)), bounced(amount=Decimal(amount))), RULE)
        assert case is not None
        assert case.on_create["Priority"] == told


DECLINED = billed(status="declined", code="gateway_error", created_at=at(18))


@pytest.mark.parametrize("recorded", [DECLINED, replace(DECLINED, gateway_reference=None)])
def test_what_both_tell_of_is_one_case(recorded: Any) -> None:
    found = changes(facts(paid(), recorded, bounced()), "Case")
    assert set(found) == {FAILED_AT_STRIPE}


def test_recurlys_own_case_goes_on_in_the_processors() -> None:
    mine = seen("payment:pay1:refund_failed:1", RULE)
    found = changes(facts(paid(), DECLINED, bounced(), mine), "Case")
    assert found[FAILED_AT_STRIPE].transition is Transition.OPEN
    assert found["payment:pay1:refund_failed:1"].transition is Transition.RESOLVE
    assert found["payment:pay1:refund_failed:1"].fields["Billing_Outcome__c"] == "Continued"


def test_recurlys_failure_is_over_when_the_processor_says_the_refund_was_done() -> None:
    assert standing(facts(paid(), DECLINED, processed()), RULE) == "Refunded"
    later = processed(id_="re_2", opened_at=at(20), at=at(20))
    assert standing(facts(paid(), replace(DECLINED, gateway_reference=None), later), RULE) == "Refunded"


def test_the_case_that_is_open_does_not_depend_on_who_told_first() -> None:
    news = [processed(status=Status.PENDING), bounced(), DECLINED]
    for crm in in_every_order(news, facts, paid()):
        found = told_cases(crm)
        assert found.pop(FAILED_AT_STRIPE) == ("open", None, "New")
        assert set(found.values()) <= {("resolved", "Continued", "Closed")}


def test_a_refund_that_fails_and_is_made_again_ends_alike_in_every_order() -> None:
    again = processed(id_="re_2", opened_at=at(21), at=at(21))
    for crm in in_every_order([processed(), bounced(), again, billed()], facts, paid()):
        assert told_cases(crm) == {FAILED_AT_STRIPE: ("resolved", "Refunded", "Closed")}


# It is joined to no account -------------------------------------------------------------------------------------


def test_a_failed_refund_without_an_account_waits_and_then_asks_a_person() -> None:
    known = unjoined(bounced(known_since=NOW - timedelta(minutes=59)))
    plan = decide(known, Policy())
    assert [change.object for change in plan.changes] == ["Billing_Refund__c"]
    assert plan.look_again_at == NOW + timedelta(minutes=1)
    case = the_case(replace(known, now=NOW + timedelta(minutes=1)), RULE)
    assert case is not None
    assert case.on_create["OwnerId"] == Queue("Billing_Triage")
    assert case.on_create["Subject"] == "Refund failed (account not known)"
    assert case.fields["Billing_Refund_Policy__c"] is None
    assert "Look in Recurly for: transaction reference ch_1." in str(case.fields["Billing_Summary__c"])
    assert set(case.parents) == {"Billing_Refund__c"}


def test_other_refunds_without_an_account_only_have_their_record() -> None:
    for status in (Status.PENDING, Status.SUCCEEDED, Status.CANCELED, Status.REQUIRES_ACTION):
        known = unjoined(processed(status=status, amount=Decimal(900), known_since=at(1)))
        assert [change.object for change in decide(known, Policy()).changes] == ["Billing_Refund__c"]


def test_its_case_moves_to_the_account_once_that_is_known() -> None:
    crm = MemoryCrm()
    crm.apply(decide(unjoined(bounced()), Policy()), NOW)
    crm.apply(decide(facts(paid(), bounced(), *crm.cases()), Policy()), NOW)
    case = crm.of("Case")[FAILED_AT_STRIPE]
    assert case["OwnerId"] == Queue("Billing_Refunds")
    assert case["Subject"] == "Refund failed (account bob)"
    assert len(crm.of("Case")) == 1


# Beyond the policy ----------------------------------------------------------------------------------------------

LATE = paid(created_at=at(1, month=5))
BIG = Decimal("900.00")


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(LATE, billed()), "opens"),
        (facts(LATE, billed(status="processing")), None),
        (facts(paid(), billed(amount=BIG, status="void", voided_at=at(19))), "Voided"),
        (facts(paid(), processed(amount=BIG)), "opens"),
        (facts(paid(), processed(amount=BIG, known_since=NOW - timedelta(minutes=59))), None),
        (facts(paid(), processed(amount=BIG, status=Status.PENDING)), None),
        (facts(paid(), billed(amount=BIG), processed(amount=BIG)), "opens"),
        (facts(paid(), processed(), of_stripe(REVIEW_AT_STRIPE)), "Within policy"),
        (facts(paid(), processed(amount=BIG, status=Status.CANCELED), of_stripe(REVIEW_AT_STRIPE)), "Voided"),
        (facts(paid(), processed(amount=BIG, opened_at=at(1, month=2), at=at(1, month=2))), None),
    ],
)
def test_a_refund_beyond_the_policy_is_reviewed(known: Facts, told: str | None) -> None:
    assert standing(known, RULE) == told


def test_a_refund_that_recurly_does_not_know_waits_for_recurlys_word() -> None:
    known = facts(paid(), processed(amount=BIG, known_since=NOW))
    plan = decide(known, Policy())
    assert plan.look_again_at == NOW + timedelta(minutes=60)
    assert not [change for change in plan.changes if change.object == "Case"]
    case = the_case(replace(known, now=NOW + timedelta(minutes=60)), RULE)
    assert case is not None
    assert case.key == REVIEW_AT_STRIPE
    assert "Recurly does not know of this refund" in str(case.fields["Billing_Recommended_Action__c"])


def test_the_review_of_a_refund_that_both_tell_of_is_recurlys_in_every_order() -> None:
    news = [processed(amount=BIG, known_since=NOW), billed(amount=BIG)]
    for crm in in_every_order(news, facts, paid(amount=BIG)):
        assert set(told_cases(crm)) == {"recurly:acme:payment:4ef1:refund_review:1"}


def test_a_refund_under_review_that_bounces_is_not_reviewed_any_more() -> None:
    mine = seen("payment:4ef1:refund_review:1", RULE)
    found = changes(facts(paid(), billed(amount=BIG), bounced(amount=BIG), mine), "Case")
    assert found["payment:4ef1:refund_review:1"].fields["Billing_Outcome__c"] == "Refund failed"
    assert found[FAILED_AT_STRIPE].transition is Transition.OPEN


# It meets a dispute ---------------------------------------------------------------------------------------------

TAKEN_BACK = refund(id="cb", uuid="cb", status="chargeback", origin="chargeback", created_at=at(21))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(paid(), dispute()), None),
        (facts(paid(), billed(), dispute()), "opens"),
        (facts(paid(), processed(), dispute()), "opens"),
        (facts(paid(), processed(status=Status.PENDING), dispute()), "opens"),
        (facts(paid(), billed(), processed(), dispute()), "opens"),
        (facts(paid(), billed(status="declined", code=None), dispute()), None),
        (facts(paid(), billed(), dispute(references=("ch_other",))), None),
        (facts(paid(), billed(), dispute(status=Status.UNDER_REVIEW)), "opens"),
        (facts(paid(), billed(), dispute(status=Status.LOST)), "opens"),
        (facts(paid(), billed(), dispute(status=Status.ACCEPTED)), "opens"),
        (facts(paid(), billed(), dispute(stage=Stage.INQUIRY)), None),
        (facts(paid(), billed(), dispute(stage=Stage.INQUIRY, status=Status.LOST)), "opens"),
        (facts(paid(), billed(), TAKEN_BACK), "opens"),
        (facts(paid(status="chargeback"), billed()), "opens"),
        (facts(paid(), billed(), dispute(status=Status.WON, at=at(22))), "Risk over"),
        (facts(paid(), billed(), dispute(status=Status.WITHDRAWN, at=at(22))), "Risk over"),
        (facts(paid(), billed(created_at=at(22)), dispute(status=Status.WON, at=at(21, 18))), None),
        (facts(paid(), billed(status="void", voided_at=at(22)), dispute()), "Risk over"),
        (facts(paid(), billed(status="void", voided_at=at(20)), dispute()), None),
        (facts(paid(), billed(), replace(TAKEN_BACK, status="void", voided_at=at(22))), "Risk over"),
        (
            facts(
                paid(created_at=at(1, month=3)),
                billed(created_at=at(9, month=3)),
                dispute(status=Status.LOST, opened_at=at(10, month=3), at=at(12, month=4)),
            ),
            None,
        ),
    ],
)
def test_a_refund_that_meets_a_dispute_is_guarded(known: Facts, told: str | None) -> None:
    keys = {key: case for key, case in changes(known, "Case", RULE).items() if key == TWICE}
    case = keys.get(TWICE)
    if told is None:
        assert case is None
    else:
        assert case is not None
        assert (case.fields["Billing_Outcome__c"] or "opens") == told


OPEN = dispute(id_="dp_2", opened_at=at(21), at=at(21))
LOST = dispute(status=Status.LOST, opened_at=at(19), at=at(20))


@pytest.mark.parametrize("disputes", [(OPEN, LOST), (LOST, OPEN)], ids=["open first", "lost first"])
def test_of_an_open_and_a_lost_dispute_the_lost_one_weighs_more(disputes: tuple[Any, ...]) -> None:
    case = changes(facts(paid(), billed(), *disputes), "Case", RULE)[TWICE]
    assert "was paid back twice" in str(case.fields["Billing_Reason__c"])
    assert case.parents["Billing_Dispute__c"].key == "stripe:dispute:dp_1"
    assert case.fields["Billing_Deadline__c"] is None


def test_a_lost_dispute_of_a_refund_that_failed_is_no_loss() -> None:
    case = changes(facts(paid(), billed(status="void", voided_at=at(22)), LOST), "Case", RULE)[TWICE]
    assert case.fields["Billing_Outcome__c"] == "Risk over"
    assert "may be paid back twice" in str(case.fields["Billing_Reason__c"])


def test_a_risk_that_is_over_has_no_deadline() -> None:
    case = changes(facts(paid(), billed(status="void", voided_at=at(22)), dispute()), "Case", RULE)[TWICE]
    assert case.fields["Billing_Outcome__c"] == "Risk over"
    assert case.fields["Billing_Deadline__c"] is None


def test_a_refund_that_was_voided_as_the_dispute_began_never_met_it() -> None:
    known = facts(paid(), billed(status="void", voided_at=at(21)), dispute(opened_at=at(21)))
    assert TWICE not in changes(known, "Case", RULE)


@pytest.mark.parametrize(("own", "days"), [(None, Policy().cases.reopen_window_days), (3, 3), (60, 60)])
@pytest.mark.parametrize("beyond", [timedelta(0), timedelta(seconds=1)])
def test_a_dispute_that_was_lost_before_the_reopen_window_is_history(
    own: int | None, days: int, beyond: timedelta
) -> None:
    ended = NOW - timedelta(days=days) - beyond
    lost = dispute(status=Status.LOST, opened_at=ended - timedelta(days=9), at=ended)
    known = facts(
        paid(created_at=ended - timedelta(days=20)), billed(created_at=ended - timedelta(days=10)), lost
    )
    terms = policy(RULE, reopen_window_days=own) if own else Policy()
    found = changes(known, "Case", RULE, policy=terms)
    assert (TWICE in found) is not bool(beyond)


@pytest.mark.parametrize("status", [Status.LOST, Status.ACCEPTED, Status.EXPIRED])
def test_however_the_money_was_lost_it_was_paid_back_twice(status: Status) -> None:
    case = changes(facts(paid(), billed(), dispute(status=status)), "Case", RULE)[TWICE]
    assert "was paid back twice" in str(case.fields["Billing_Reason__c"])


def test_a_chargeback_began_when_recurly_added_one_of_its_own_and_not_with_the_payment_it_marked() -> None:
    case = changes(facts(paid(status="chargeback"), billed(), TAKEN_BACK), "Case", RULE)[TWICE]
    assert case.fields["Billing_Opened_At__c"] == TAKEN_BACK.created_at


def test_a_chargeback_that_recurly_voided_is_not_lost() -> None:
    voided = replace(TAKEN_BACK, status="void", voided_at=at(22))
    case = changes(facts(paid(), billed(), voided), "Case", RULE)[TWICE]
    assert "may be paid back twice" in str(case.fields["Billing_Reason__c"])


def test_the_guard_says_what_met_and_what_to_do() -> None:
    known = facts(invoice(), paid(), billed(), processed(), dispute())
    case = changes(known, "Case", RULE)[TWICE]
    assert case.on_create["Subject"] == "Refund meets a dispute (account bob)"
    assert case.parents["Billing_Dispute__c"].key == "stripe:dispute:dp_1"
    assert case.parents["Billing_Refund__c"].key == "stripe:refund:re_1"
    assert case.parents["Billing_Payment__c"].key == "recurly:acme:payment:9ay1"
    assert "may be paid back twice" in str(case.fields["Billing_Reason__c"])
    assert "evidence" in str(case.fields["Billing_Recommended_Action__c"])
    assert case.fields["Billing_Deadline__c"] == at(20, month=12).date()
    lost = changes(facts(paid(), billed(), dispute(status=Status.LOST)), "Case", RULE)[TWICE]
    assert "was paid back twice" in str(lost.fields["Billing_Reason__c"])


def test_the_bounce_of_a_refund_ends_the_risk() -> None:
    met = dispute(opened_at=at(19), at=at(19))
    case = changes(facts(paid(), processed(), met), "Case", RULE)[TWICE]
    assert case.transition is Transition.OPEN
    over = changes(facts(paid(), bounced(), met), "Case", RULE)[TWICE]
    assert over.fields["Billing_Outcome__c"] == "Risk over"


def test_a_refund_during_a_dispute_is_one_case_not_two() -> None:
    known = facts(paid(), billed(created_at=at(22), amount=BIG), dispute())
    found = changes(known, "Case", RULE)
    assert set(found) == {TWICE}
    assert found[TWICE].fields["Billing_Refund_Policy__c"] == "Not eligible: the payment is disputed"


def test_a_refund_and_a_dispute_end_alike_in_every_order() -> None:
    opened = dispute(opened_at=at(19), at=at(19))
    won, lost = (
        replace(opened, status=status, at=when)
        for status, when in ((Status.WON, at(20)), (Status.LOST, at(21)))
    )
    for news, told in (
        ([billed(), processed(), opened, won], ("resolved", "Risk over", "Closed")),
        ([billed(), processed(), opened, won, lost], ("open", None, "New")),
    ):
        for crm in in_every_order(news, facts, paid()):
            assert told_cases(crm)[f"recurly:acme:{TWICE}"] == told


def test_when_the_dispute_is_lost_after_an_agent_looked_the_case_stays_closed() -> None:
    mine = seen(TWICE, RULE, closed=True, closed_at=at(21, 13))
    for at_ in (at(21, 14), at(22)):
        known = facts(paid(), billed(), dispute(status=Status.LOST, at=at_), mine)
        assert changes(known, "Case", RULE)[TWICE].transition is None


def test_the_guard_escalates_with_the_evidence_that_is_due() -> None:
    near = policy(RULE, escalation=[{"days_left": 3, "queue": "Billing_Escalations"}])
    plan = decide(facts(paid(), billed(), dispute(due_at=at(26))), near)
    assert plan.look_again_at == at(23)
