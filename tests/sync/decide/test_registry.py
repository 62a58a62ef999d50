"""A rule carries its policy and its timeline objects; what is written down elsewhere agrees with it."""

from __future__ import annotations

from connector.models.facts import BillingObject, Kind
from connector.policy.rules import Rules
from connector.sync.decide.registry import PROCESSOR_CASES, RULES
from connector.sync.decide.rules import timeline
from sync.world import account, applied, at, facts, invoice, payment, said, subscription

CASE_RULES = {rule.name: rule for rule in RULES if rule.policy}


def test_every_rule_that_opens_cases_has_its_section_of_the_policy() -> None:
    sections = {name: field.annotation for name, field in Rules.model_fields.items()}
    assert {name: rule.policy for name, rule in CASE_RULES.items()} == sections


def test_only_rules_that_open_cases_are_on_timelines() -> None:
    assert all(rule.policy for rule in RULES if rule.timeline)


def test_a_problem_of_one_object_belongs_to_one_rule() -> None:
    pairs = [
        (object_, problem)
        for rule in RULES
        for object_, problems in rule.timeline.items()
        for problem in problems
    ]
    assert len(pairs) == len(set(pairs))


def test_every_kind_of_processor_object_has_a_case_for_its_events() -> None:
    assert {kind for kind, _ in PROCESSOR_CASES} == set(Kind)


def test_where_several_objects_have_one_id_the_order_of_their_cases_is_fixed() -> None:
    assert PROCESSOR_CASES == (
        (Kind.DISPUTE, "dispute"),
        (Kind.FRAUD_WARNING, "fraud_warning"),
        (Kind.REFUND, "refund_failed"),
        (Kind.PAYOUT, "payout_failed"),
        (Kind.MANDATE, "mandate_lost"),
        (Kind.CHARGE, "bank_debit"),
        (Kind.REFUND, "refund_review"),
    )


BILLING: list[tuple[str, BillingObject]] = [
    ("payment.failed", payment(invoice_number="1001")),
    ("charge_invoice.past_due", invoice()),
    ("credit_payment.created", applied(original_invoice_number="1000", applied_invoice_number="1001")),
    ("subscription.canceled", subscription()),
    ("subscription.renewal.cc_will_expire", subscription()),
    ("billing_info.updated", account()),
]


def test_billing_objects_lead_to_the_cases_that_the_rules_declare() -> None:
    known = facts(account())
    found = {
        (type(about), problem)
        for kind, about in BILLING
        for _, _, problem in timeline._problems(said(kind, at(1), "x"), about, known)
    }
    declared = {
        (object_, problem)
        for rule in RULES
        for object_, problems in rule.timeline.items()
        for problem in problems
        if not isinstance(object_, Kind)
    }
    assert found == declared
