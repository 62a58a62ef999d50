"""The rules about what a payment's bank or its holder objects to: disputes, and warnings of fraud."""

from __future__ import annotations

from connector.policy.base import CaseRule, Days, DeveloperName, Escalation, Word
from connector.policy.templates import Text


class Dispute(CaseRule):
    """Its window is wide: a dispute that was won may be lost again months later, and is still the same one."""

    STABLE = {**CaseRule.STABLE, "amount": "USD 49.00", "reason": "Visa 10.4 fraud"}
    FRESH = {
        "stage": "Chargeback",
        "why": "The cardholder says somebody else paid with the card.",
        "due_on": "2026-11-30",
        "action": "Send the evidence before it is due.",
        "result": "The money stays with us.",
        "payment": "USD 49.00 on 2026-11-20 with Visa ending 1111, invoice 1001",
        "refunds": "USD 49.00 on 2026-11-21",
        "method": "Visa ending 1111",
        "gateway": "Stripe",
        "id": "dp_1",
        "joined": "Its payment is known by the reference of the gateway.",
        "look_for": "reference ch_1, invoice 1001",
        "evidence": "[x] The payment: USD 49.00 on 2026-11-20\n[ ] Proof of delivery",
    }

    queue: DeveloperName = "Billing_Disputes"
    priority: Word = "High"
    reopen_window_days: Days | None = 180
    escalation: tuple[Escalation, ...] = (
        Escalation(days_left=7, priority="High"),
        Escalation(days_left=2, queue="Billing_Escalations"),
    )
    subject: Text = Text(
        "Dispute{% if amount %}: {{ amount }}{% endif %}{% if reason %}, {{ reason }}{% endif %} "
        "(account {% if account %}{{ account }}{% else %}not known{% endif %})"
    )
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}.{% if result %} {{ result }}{% endif %}

{% endif %}
{{ stage|default("Dispute", true) }}{% if amount %} of {{ amount }}{% endif %}\
{% if opened_on %}, opened on {{ opened_on }}{% endif %}, {{ id }} at {{ gateway }}.
{% if due_on %}
Evidence is due on {{ due_on }}.
{% endif %}
{% if why %}
Why: {{ why }}{% if reason %} ({{ reason }}){% endif %}

{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{% if not account %}
No account was found for it. Look in Recurly for: {{ look_for|default("nothing that is known", true) }}.
{% endif %}
{% if payment %}
Disputed payment: {{ payment }}.
{% elif method %}
Paid with {{ method }}.
{% endif %}
{% if refunds %}
Refunds of this payment: {{ refunds }}. Say so in the evidence: nothing may be paid back twice.
{% endif %}
{% if joined %}
{{ joined }}
{% endif %}
{% if evidence and not outcome %}
Evidence:
{{ evidence }}
{% endif %}
{{ link }}"""
    )


class FraudWarning(CaseRule):
    STABLE = {**CaseRule.STABLE, "amount": "USD 49.00", "reason": "unauthorized use"}
    FRESH = {
        "why": "The card's bank says the payment was not made by its holder.",
        "refund": "A refund still helps.",
        "action": "Refund the payment unless you are sure of the customer.",
        "payment": "USD 49.00 on 2026-11-20 with Visa ending 1111, invoice 1001",
        "refunds": "USD 10.00 on 2026-11-21",
        "method": "Visa ending 1111",
        "gateway": "Stripe",
        "id": "issfr_1",
        "joined": "Its payment is known by the reference of the gateway.",
        "look_for": "reference ch_1, invoice 1001",
    }

    queue: DeveloperName = "Billing_Fraud"
    priority: Word = "High"
    subject: Text = Text(
        "Fraud warning{% if amount %}: {{ amount }}{% endif %}{% if reason %}, {{ reason }}{% endif %} "
        "(account {% if account %}{{ account }}{% else %}not known{% endif %})"
    )
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}.
{% endif %}
Warning of fraud{% if amount %} about {{ amount }}{% endif %}\
{% if opened_on %}, of {{ opened_on }}{% endif %}, {{ id }} at {{ gateway }}.
{% if why %}
Why: {{ why }}
{% endif %}
{% if refund %}
{{ refund }}
{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{% if not account %}
No account was found for it. Look in Recurly for: {{ look_for|default("nothing that is known", true) }}.
{% endif %}
{% if payment %}
Payment: {{ payment }}.
{% elif method %}
Paid with {{ method }}.
{% endif %}
{% if refunds %}
Refunds of this payment: {{ refunds }}.
{% endif %}
{% if joined %}
{{ joined }}
{% endif %}
{{ link }}"""
    )
