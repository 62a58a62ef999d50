"""The rule about refunds, and which of them the merchant's refund policy allows."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from connector.policy.base import Amount, Days, DeveloperName, Section, Tier, TieredRule, Word
from connector.policy.templates import Text

Judgement = Literal["eligible", "needs_approval", "not_eligible"]
Beyond = Literal["needs_approval", "not_eligible"]
Plans = tuple[Annotated[str, Field(min_length=1, max_length=120)], ...]


class RefundTier(Section):
    """Refunds of this amount and more."""

    amount: Amount
    verdict: Beyond


class RefundMethod(Section):
    """Refunds of payments by this method, as Casewire shows it. ``days``: only so long after the payment."""

    method: Word
    verdict: Beyond
    days: Days | None = None


class RefundPolicy(Section):
    """``[rules.refund.policy]``. What is not known of a refund is not held against it."""

    window_days: Days = 90
    tiers: tuple[RefundTier, ...] = ()
    max_prior_refunds: Annotated[int, Field(ge=0, le=1000)] = 3
    prior_refund_months: Annotated[int, Field(ge=1, le=120)] = 12
    plans_allowed: Plans = ()
    plans_excluded: Plans = ()
    methods: tuple[RefundMethod, ...] = (
        RefundMethod(method="Bank account", verdict="needs_approval", days=60),
        RefundMethod(method="SEPA direct debit", verdict="needs_approval", days=56),
        RefundMethod(method="Bacs direct debit", verdict="needs_approval", days=60),
    )


class Refund(TieredRule):
    STABLE = {**TieredRule.STABLE, "problem": "Refund failed"}
    FRESH = {
        "amount": "USD 49.00",
        "original": "USD 49.00 on 2026-10-01",
        "invoice": "1001",
        "reason": "The payment has already been refunded.",
        "action": "Refund it at the gateway.",
        "attempts": 1,
        "method": "Visa ending 1111, expires 12/2027",
        "policy": "Needs approval: 4th refund in 12 months",
        "dispute": "dp_1 at Stripe, open, evidence due on 2026-11-30",
        "gateway": "Stripe",
        "id": "re_1",
        "joined": "Joined to account bob by gateway reference ch_1.",
        "look_for": "transaction reference ch_1, invoice 1001",
    }

    queue: DeveloperName = "Billing_Refunds"
    tiers: tuple[Tier, ...] = (Tier(amount=Decimal(500), priority="High"),)
    review_amount: Amount = Decimal(500)
    policy: RefundPolicy = RefundPolicy()
    subject: Text = Text(
        "{{ problem }} (account {% if account %}{{ account }}{% else %}not known{% endif %})"
    )
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}.
{% endif %}
{{ problem }}{% if amount %}: {{ amount }}{% endif %}{% if invoice %} on invoice {{ invoice }}{% endif %}\
{% if id %}, {{ id }} at {{ gateway }}{% endif %}.
{% if original %}
Original payment: {{ original }}{% if method %} with {{ method }}{% endif %}.
{% endif %}
{% if dispute %}
Dispute: {{ dispute }}.
{% endif %}
{% if reason %}
Why: {{ reason }}
{% endif %}
{% if policy %}
Refund policy: {{ policy }}.
{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{% if not account %}
No account was found for it. Look in Recurly for: {{ look_for|default("nothing that is known", true) }}.
{% endif %}
{% if joined %}
{{ joined }}
{% endif %}
{{ link }}"""
    )
