"""The rules about billing objects: collections, payment methods, cancellations, credit."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from connector.policy.base import Amount, CaseRule, Days, DeveloperName, Tier, TieredRule, Word
from connector.policy.templates import Text


class PaymentFailed(TieredRule):
    """``tiers`` go by the invoice's total, which stays as it is while its balance shrinks."""

    STABLE = {**CaseRule.STABLE, "invoice": "1001", "amount": "USD 49.00"}
    FRESH = {
        "balance": "USD 49.00",
        "attempts": 2,
        "reason": "There is not enough money in the account.",
        "action": "Agree a date with the customer.",
        "category": "soft",
        "dunning_step": 2,
        "final_step": False,
        "due_on": "2026-11-01",
        "last_attempt_on": "2026-11-05",
        "method": "Visa ending 1111, expires 12/2027",
        "how": "an automatic retry",
    }

    queue: DeveloperName = "Billing_Collections"
    dunning_step: Annotated[int, Field(ge=1, le=60)] = 1
    at_once_when_final: bool = True
    minimum_amount: Amount = Decimal(0)
    tiers: tuple[Tier, ...] = (Tier(amount=Decimal(500), priority="High"),)
    subject: Text = Text("Payment failed: invoice {{ invoice }}, {{ amount }} (account {{ account }})")
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}{% if how %} by {{ how }}{% endif %}.
{% else %}
Invoice {{ invoice }} is unpaid: {{ balance }} of {{ amount }}{% if due_on %}, due {{ due_on }}{% endif %}.
{% endif %}
{% if attempts %}
Failed attempts: {{ attempts }}{% if last_attempt_on %}, the last on {{ last_attempt_on }}{% endif %}\
{% if method %} with {{ method }}{% endif %}.
{% endif %}
{% if reason %}
Why: {{ reason }}
{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{% if dunning_step %}
Dunning step: {{ dunning_step }}{% if final_step %} (the last one){% endif %}.
{% endif %}
{{ link }}"""
    )


class PaymentMethod(CaseRule):
    FRESH = {
        "problem": "The card expires before the next renewal.",
        "action": "Ask the customer to update the card.",
        "method": "Visa ending 1111, expires 12/2027",
        "renewal_on": "2026-12-15",
        "at_stake": "USD 49.00",
        "plan": "Gold",
    }

    queue: DeveloperName = "Billing_Collections"
    days_before: Days = 30
    subject: Text = Text("Payment method needs attention (account {{ account }})")
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}.
{% else %}
{{ problem }}
{% endif %}
{% if method %}
On file: {{ method }}.
{% endif %}
{% if renewal_on and not outcome %}
At stake: the renewal{% if plan %} of {{ plan }}{% endif %} on {{ renewal_on }}\
{% if at_stake %}, {{ at_stake }} a month{% endif %}.
{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{{ link }}"""
    )


class Cancellation(CaseRule):
    FRESH = {
        "problem": "The subscription is canceled and ends on its expiry date.",
        "action": "Call the customer before the subscription ends.",
        "plan": "Gold",
        "value": "USD 49.00",
        "customer_since": "2024-02-01",
        "ends_on": "2026-12-15",
        "expiration_reason": "canceled",
    }

    queue: DeveloperName = "Billing_Retention"
    include_paused: bool = True
    include_non_renewing: bool = True
    subject: Text = Text("Customer is leaving (account {{ account }})")
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}.
{% else %}
{{ problem }}
{% endif %}
Plan: {{ plan }}{% if value %}, {{ value }} a month{% endif %}\
{% if customer_since %}, since {{ customer_since }}{% endif %}.
{% if ends_on and not outcome %}
Ends on: {{ ends_on }}.
{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{{ link }}"""
    )


class Chargeback(CaseRule):
    STABLE = {**CaseRule.STABLE, "amount": "USD 49.00"}
    FRESH = {
        "invoice": "1001",
        "original": "USD 49.00 on 2026-10-01",
        "method": "Visa ending 1111, expires 12/2027",
        "gateway": "Stripe",
        "reference": "ch_123",
        "refunded": False,
        "dispute": "dp_1 at Stripe",
        "action": "Check that it was not refunded as well.",
    }

    queue: DeveloperName = "Billing_Disputes"
    priority: Word = "High"
    subject: Text = Text("Chargeback: {{ amount }} (account {{ account }})")
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}.
{% endif %}
{% if dispute %}
Its work goes on in the case of dispute {{ dispute }}.
{% endif %}
A chargeback took back {{ amount }}{% if invoice %} of invoice {{ invoice }}{% endif %}.
{% if original %}
Disputed payment: {{ original }}{% if method %} with {{ method }}{% endif %}.
{% endif %}
{% if refunded %}
This payment was refunded too: the customer may have been paid back twice.
{% endif %}
{% if gateway %}
At {{ gateway }}{% if reference %}: {{ reference }}{% endif %}.
{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{{ link }}"""
    )


class UnappliedCredit(CaseRule):
    STABLE = {**CaseRule.STABLE, "credit_invoice": "1002", "credit_amount": "USD 20.00"}
    FRESH = {
        "balance": "USD 20.00",
        "invoices": "1001",
        "past_due": "USD 49.00",
        "action": "Apply the credit to the past due invoice.",
    }

    queue: DeveloperName = "Billing_Triage"
    minimum_amount: Amount = Decimal(0)
    subject: Text = Text("Credit {{ credit_invoice }} is not applied (account {{ account }})")
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}.
{% else %}
Credit invoice {{ credit_invoice }} has {{ balance }} left while {{ past_due }} is past due.
{% endif %}
{% if invoices %}
Past due: {{ invoices }}.
{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{{ link }}"""
    )
