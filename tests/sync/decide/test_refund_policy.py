"""What the merchant's refund policy says of a refund, in one sentence; and what is wrong with a policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import SetupError
from connector.models.facts import Facts, Stage, Status
from connector.policy import Policy
from connector.sync.decide.context import refund_matching
from connector.sync.decide.context.facts_index import FactsIndex
from connector.sync.decide.refunds import eligibility, policy_review
from sync.processing import bounced, by_bank, paid, processed
from sync.world import NOW, at, dispute, facts, invoice, refund, subscription

FINE = "Eligible: 19 days after the payment, 1st refund in 12 months"
EXAMPLE = Path(__file__).resolve().parents[3] / "policy.example.toml"
SOLD = invoice(subscription_ids=("sub1",))
GOLD = subscription()


def judged(known: Facts, **terms: Any) -> str:
    """The sentence for the newest refund, under the default policy with these terms changed."""
    rule = {key: terms.pop(key) for key in ("review_amount",) if key in terms}
    policy = Policy.model_validate({"rules": {"refund": {**rule, "policy": terms}}})
    index = FactsIndex(known)
    told = refund_matching.of(index)
    newest = told[-1]
    return eligibility.verdict(newest, newest.payment, told, index, policy.rules.refund).sentence


def done(number: int, day: int, month: int = 11, **changed: Any) -> Any:
    """One of several refunds of the account."""
    return refund(
        **{
            "id": f"r{number}",
            "uuid": f"4{number}",
            "original_id": f"p{number}",
            "created_at": at(day, month=month),
        }
        | changed
    )


@pytest.mark.parametrize(
    ("known", "terms", "told"),
    [
        (facts(paid(), refund()), {}, FINE),
        (facts(refund()), {}, "Eligible: 1st refund in 12 months"),
        (facts(paid(), processed()), {}, "Eligible: 17 days after the payment, 1st refund in 12 months"),
        (facts(paid(), refund()), {"window_days": 19}, FINE),
        (facts(SOLD, GOLD, paid(), refund()), {}, FINE),
        (facts(SOLD, subscription(id="sub9", uuid="sub1"), paid(), refund()), {"plans_excluded": ["gold"]},
         "Not eligible: the plan gold is excluded"),
        (facts(paid(collected_at=at(3)), refund()), {}, "Eligible: 17 days after the payment, 1st refund in 12 months"),
        (facts(paid(created_at=at(21)), refund()), {}, "Eligible: 0 days after the payment, 1st refund in 12 months"),
        (facts(paid(payment_method=by_bank(), created_at=at(21, month=9)), refund()), {},
         "Needs approval: paid by Bank account, which can still be returned until 2026-11-20"),
        (facts(paid(payment_method=by_bank(), created_at=at(20, month=9)), refund()), {},
         "Eligible: 61 days after the payment, 1st refund in 12 months"),
        (
            facts(paid(), refund()),
            {"window_days": 18},
            "Not eligible: 19 days after the payment, the window is 18 days",
        ),
        (
            facts(paid(created_at=at(19)), refund()),
            {"window_days": 0},
            "Not eligible: 1 day after the payment, the window is 0 days",
        ),
        (facts(paid(), refund()), {"review_amount": 49}, "Needs approval: USD 49.00 reaches the limit of USD 49.00"),
        (facts(paid(), refund()), {"review_amount": 50}, FINE),
        (
            facts(paid(), refund()),
            {"tiers": [{"amount": 20, "verdict": "needs_approval"}, {"amount": 40, "verdict": "not_eligible"}]},
            "Not eligible: USD 49.00 reaches the limit of USD 40.00",
        ),
        (
            facts(paid(), refund()),
            {"tiers": [{"amount": 20, "verdict": "needs_approval"}, {"amount": 50, "verdict": "not_eligible"}]},
            "Needs approval: USD 49.00 reaches the limit of USD 20.00",
        ),
        (facts(SOLD, GOLD, paid(), refund()), {"plans_excluded": ["gold"]}, "Not eligible: the plan gold is excluded"),
        (facts(SOLD, GOLD, paid(), refund()), {"plans_allowed": ["gold"]}, FINE),
        (
            facts(SOLD, GOLD, paid(), refund()),
            {"plans_allowed": ["basic"]},
            "Not eligible: the plan gold is not among those allowed",
        ),
        (facts(paid(), refund()), {"plans_allowed": ["basic"]}, FINE),
        (
            facts(paid(payment_method=by_bank()), refund()),
            {},
            "Needs approval: paid by Bank account, which can still be returned until 2026-12-31",
        ),
        (
            facts(paid(payment_method=by_bank(), created_at=at(1, month=9)), refund()),
            {},
            "Eligible: 80 days after the payment, 1st refund in 12 months",
        ),
        (
            facts(paid(), refund()),
            {"methods": [{"method": "visa", "verdict": "not_eligible"}]},
            "Not eligible: paid by visa",
        ),
        (facts(paid(), refund(created_at=at(22)), dispute()), {}, "Not eligible: the payment is disputed"),
        (facts(paid(), refund(created_at=at(21)), dispute(opened_at=at(21))), {},
         "Not eligible: the payment is disputed"),
        (facts(paid(), refund(created_at=at(21, 13)), dispute(status=Status.WON, at=at(21, 13))), {},
         "Eligible: 20 days after the payment, 1st refund in 12 months"),
        (facts(paid(), refund(created_at=at(22)), dispute(status=Status.WITHDRAWN, at=at(21, 13))), {},
         "Eligible: 21 days after the payment, 1st refund in 12 months"),
        (facts(paid(), refund(created_at=at(22)), dispute(stage=Stage.INQUIRY, status=Status.ACCEPTED)), {},
         "Not eligible: the payment is disputed"),
        (
            facts(paid(), refund(created_at=at(22)), dispute(status=Status.LOST)),
            {},
            "Not eligible: the payment is disputed",
        ),
        (
            facts(paid(), refund(created_at=at(20)), dispute()),
            {},
            FINE,
        ),
        (
            facts(paid(), refund(created_at=at(22)), dispute(status=Status.WON, at=at(21, 13))),
            {},
            "Eligible: 21 days after the payment, 1st refund in 12 months",
        ),
        (
            facts(paid(), refund(created_at=at(22)), dispute(stage=Stage.INQUIRY)),
            {},
            "Eligible: 21 days after the payment, 1st refund in 12 months",
        ),
    ],
)  # fmt: skip
def test_each_term_of_the_policy_has_its_sentence(known: Facts, terms: dict[str, Any], told: str) -> None:
    assert judged(known, **terms) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, "Eligible: 1st refund in 12 months"),
        (2, "Eligible: 2nd refund in 12 months"),
        (3, "Eligible: 3rd refund in 12 months"),
        (4, "Eligible: 4th refund in 12 months"),
        (5, "Needs approval: 5th refund in 12 months"),
        (11, "Needs approval: 11th refund in 12 months"),
        (12, "Needs approval: 12th refund in 12 months"),
        (13, "Needs approval: 13th refund in 12 months"),
        (21, "Needs approval: 21st refund in 12 months"),
        (22, "Needs approval: 22nd refund in 12 months"),
    ],
)
def test_refunds_before_it_count(count: int, told: str) -> None:
    assert judged(facts(*(done(number, number) for number in range(1, count + 1)))) == told


def test_only_refunds_of_the_last_months_that_stand_count() -> None:
    others = [
        done(1, 1, month=1, created_at=at(19).replace(year=2025)),
        done(2, 2, status="declined", code="gateway_error"),
        done(3, 3, status="void", voided_at=at(4)),
        done(4, 4, origin="chargeback", status="chargeback"),
        done(5, 5),
        done(9, 21),
    ]
    known = facts(*others, done(6, 20))
    told = refund_matching.of(FactsIndex(known))
    mine = next(one for one in told if one.recorded and one.recorded.id == "r6")
    terms = Policy.model_validate({"rules": {"refund": {"policy": {"max_prior_refunds": 0}}}}).rules.refund
    verdict = eligibility.verdict(mine, None, told, FactsIndex(known), terms)
    assert verdict.sentence == "Needs approval: 2nd refund in 12 months"


def test_one_refund_that_both_tell_of_counts_once() -> None:
    both = (refund(created_at=at(18), gateway_reference="re_1"), processed())
    known = facts(paid(), *both, done(7, 20))
    assert judged(known, max_prior_refunds=0) == "Needs approval: 2nd refund in 12 months"


def test_a_month_is_a_month_of_the_calendar() -> None:
    for first, told in ((at(30, month=9), "Eligible: 2nd"), (at(30, hour=11, month=9), "Eligible: 1st")):
        known = facts(done(1, 1, created_at=first), done(2, 30, month=10))
        assert judged(known, prior_refund_months=1) == f"{told} refund in 1 month"
    leap = facts(done(1, 1, created_at=at(28, month=2)), done(2, 30, month=3))
    assert judged(leap, prior_refund_months=1) == "Eligible: 2nd refund in 1 month"


def test_the_strictest_term_is_told() -> None:
    known = facts(paid(created_at=at(1, month=1)), refund(amount=paid().amount * 20))
    assert judged(known).startswith("Not eligible: 323 days after the payment")


def test_a_verdict_does_not_depend_on_the_order_of_facts() -> None:
    parts = [paid(), refund(created_at=at(18)), processed(), done(3, 12), done(4, 14)]
    told = {judged(facts(*parts[turn:], *parts[:turn]), max_prior_refunds=1) for turn in range(len(parts))}
    assert told == {"Needs approval: 3rd refund in 12 months"}


def test_what_both_tell_of_is_one_refund_with_the_processors_state() -> None:
    (one,) = refund_matching.of(FactsIndex(facts(paid(), refund(created_at=at(18)), bounced())))
    assert (one.state, one.root) == (refund_matching.State.FAILED, "pay1")
    two = refund_matching.of(FactsIndex(facts(paid(), refund(created_at=at(16)), processed())))
    assert len(two) == 2
    other = replace(processed(), amount=paid().amount - 1)
    assert len(refund_matching.of(FactsIndex(facts(paid(), refund(created_at=at(18)), other)))) == 2


@pytest.mark.parametrize(
    ("recorded", "told", "number"),
    [
        ({"created_at": at(17)}, {}, 1),
        ({"created_at": at(17, 11)}, {}, 2),
        ({"created_at": at(19)}, {}, 1),
        ({"created_at": at(19, 13)}, {}, 2),
        ({"created_at": at(18)}, {"amount": None}, 1),
        ({"created_at": at(18), "currency": "EUR"}, {}, 2),
        ({"created_at": at(18), "original_id": "pay9"}, {}, 2),
        ({"created_at": None}, {}, 2),
        ({"created_at": at(10), "gateway_reference": "re_1"}, {}, 1),
        ({"created_at": at(18), "status": "declined"}, {}, 2),
        ({"created_at": at(18), "status": "declined"}, {"status": Status.FAILED}, 1),
        # recorded as done when it had failed already, it is another try
        ({"created_at": at(18, 13)}, {"status": Status.FAILED}, 2),
        ({"created_at": at(18)}, {"status": Status.FAILED}, 2),
        ({"created_at": at(18, 11)}, {"status": Status.FAILED}, 1),
    ],
)
def test_which_two_are_one_refund(recorded: dict[str, Any], told: dict[str, Any], number: int) -> None:
    known = facts(paid(), refund(**recorded), processed(**told))
    assert len(refund_matching.of(FactsIndex(known))) == number


def test_each_refund_of_the_processor_is_that_of_the_nearest_recorded_one() -> None:
    recorded = [refund(id=f"r{hour}", uuid=f"4{hour}", created_at=at(18, hour)) for hour in (6, 12)]
    told = [processed(id_=f"re_{hour}", opened_at=at(18, hour), at=at(18, hour)) for hour in (13, 7)]
    for parts in (recorded + told, told[::-1] + recorded[::-1]):
        pairs = {
            one.recorded.id: one.processed.id
            for one in refund_matching.of(FactsIndex(facts(paid(), *parts)))
            if one.recorded and one.processed
        }
        assert pairs == {"r6": "re_7", "r12": "re_13"}


def test_one_refund_of_the_processor_is_not_two_recorded_ones() -> None:
    known = facts(
        paid(), refund(created_at=at(18)), refund(id="r2", uuid="42", created_at=at(18, 13)), processed()
    )
    assert sorted(one.processed is not None for one in refund_matching.of(FactsIndex(known))) == [False, True]


@pytest.mark.parametrize(
    ("later", "settles"),
    [
        ({}, True),
        ({"amount": paid().amount - 1}, False),
        ({"amount": paid().amount + 1}, True),
        ({"currency": "EUR"}, False),
        ({"original_id": "pay9"}, False),
        ({"status": "processing"}, False),
        ({"status": "void"}, False),
        ({"created_at": at(19)}, False),
        ({"created_at": at(20)}, True),
    ],
)
def test_a_later_refund_of_as_much_settles_a_failed_one(later: dict[str, Any], settles: bool) -> None:
    again = refund(**{"id": "r2", "uuid": "42", "created_at": at(21), **later})
    known = refund_matching.of(FactsIndex(facts(paid(), bounced(), again)))
    failed = next(one for one in known if one.failed_at_the_processor)
    assert (refund_matching.settling(failed, known) is not None) is settles


@pytest.mark.parametrize(
    ("status", "told", "state", "stands"),
    [
        ("success", None, "DONE", True),
        ("void", Status.SUCCEEDED, "VOID", False),
        ("success", Status.PENDING, "UNDER_WAY", True),
        ("success", Status.REQUIRES_ACTION, "UNDER_WAY", True),
        ("success", Status.CANCELED, "VOID", False),
        ("declined", Status.FAILED, "FAILED", False),
    ],
)
def test_the_processors_word_counts_unless_it_was_voided(
    status: str, told: Status | None, state: str, stands: bool
) -> None:
    parts = [refund(created_at=at(18), status=status, gateway_reference="re_1")]
    (one,) = refund_matching.of(
        FactsIndex(facts(paid(), *parts, *([processed(status=told)] if told else [])))
    )
    assert (one.state.name, one.stands) == (state, stands)
    assert (one.ended_at is None) is stands


def test_a_voided_refund_ended_when_it_was_voided_and_not_when_the_processor_spoke() -> None:
    voided = refund(created_at=at(18), status="void", voided_at=at(19), gateway_reference="re_1")
    (one,) = refund_matching.of(FactsIndex(facts(paid(), voided, processed(at=at(20)))))
    assert one.ended_at == at(19)


def test_what_names_a_payment_and_its_refund_is_about_the_payment() -> None:
    both = dispute(references=("ch_1", "re_9"))
    known = facts(paid(), refund(gateway_reference="re_9"), both)
    assert FactsIndex(known).payment_behind(both) == paid()


def test_an_invoice_names_its_payment_only_where_it_has_one() -> None:
    named = dispute(references=(), invoice_number="1001")
    second = paid(id="pay2", uuid="9ay2", gateway_reference="ch_2")
    for payments, behind in (([paid()], paid()), ([paid(), second], None), ([], None)):
        known = facts(invoice(), *payments, named)
        assert FactsIndex(known).payment_behind(named) == behind


# What is reviewed -----------------------------------------------------------------------------------------------


def test_only_a_refund_that_recurly_does_not_know_is_waited_for() -> None:
    young = processed(known_since=NOW)
    for parts, waits in (
        ((young,), True),
        ((young, refund(created_at=at(18))), False),
        ((processed(),), False),
    ):
        known = facts(paid(), *parts)
        found = policy_review.next_reviewed(refund_matching.of(FactsIndex(known)), known, Policy())
        assert found == (NOW + timedelta(minutes=Policy().joining.wait_minutes) if waits else None)


# Mistakes in the policy -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "[rules.refund.policy]\nwindow = 3\n",
            (":2: rules.refund.policy.window:", "did you mean 'window_days'?"),
        ),
        ("[rules.refund.policy]\n\nwindow_days = -1\n", (":3: rules.refund.policy.window_days:",)),
        (
            "[rules.refund.policy]\nmax_prior_refunds = 'few'\n",
            (":2: rules.refund.policy.max_prior_refunds:",),
        ),
        ("[rules.refund.policy]\nprior_refund_months = 0\n", (":2:", "greater than or equal to 1")),
        (
            "[rules.refund.policy]\ntiers = [{ amount = 5, verdikt = 'not_eligible' }]\n",
            (
                ":2: rules.refund.policy.tiers.0.verdikt:",
                "did you mean 'verdict'?",
                "allowed: amount, verdict",
            ),
        ),
        (
            "[rules.refund.policy]\ntiers = [{ amount = 5, verdict = 'eligible' }]\n",
            (":2: rules.refund.policy.tiers.0.verdict:", "'needs_approval' or 'not_eligible'"),
        ),
        (
            "[rules.refund.policy]\nmethods = [\n  { method = 'PayPal', verdict = 'not_eligible', day = 3 },\n]\n",
            (":2: rules.refund.policy.methods.0.day:", "did you mean 'days'?"),
        ),
        ("[rules.refund.policy]\nplans_allowed = [3]\n", (":2: rules.refund.policy.plans_allowed.0:",)),
        (
            "[rules.refund]\ntiers = [{ amount = 5, prio = 'x' }]\n",
            (":2: rules.refund.tiers.0.prio:", "did you mean 'priority'?"),
        ),
        (
            "[rules.payout]\nescalation = [{ days = 5 }]\n",
            (":2: rules.payout.escalation.0.days:", "did you mean 'days_left'?"),
        ),
        (
            "[rules.payout]\n\nsubject = '{{ account }}'\n",
            (":3: rules.payout.subject:", "allowed: amount, payee"),
        ),
        ("[rules.bank_debit]\nqueu = 'X'\n", (":2: rules.bank_debit.queu:", "did you mean 'queue'?")),
    ],
)
def test_a_mistake_is_named_with_its_key_and_line(tmp_path: Path, source: str, told: tuple[str, ...]) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(source, encoding="utf-8")
    with pytest.raises(SetupError) as caught:
        Policy.load(path)
    for part in told:
        assert part in str(caught.value)


def test_the_example_shows_every_term_with_its_default() -> None:
    source = EXAMPLE.read_text(encoding="utf-8")
    section = source.partition("[rules.refund.policy]")[2].partition("\n[")[0]
    shown = {line.partition("=")[0].strip() for line in section.splitlines() if "=" in line}
    assert set(type(Policy().rules.refund.policy).model_fields) <= shown
    assert Policy.load(EXAMPLE).rules.refund == Policy().rules.refund


def test_an_org_must_have_the_queues_and_priorities_of_these_rules() -> None:
    assert {"Billing_Refunds", "Billing_Payouts", "Billing_Collections"} <= Policy().queues()
    tiers = Policy.model_validate({"rules": {"payout": {"tiers": [{"amount": 1, "priority": "Urgent"}]}}})
    assert "Urgent" in tiers.case_priorities()
