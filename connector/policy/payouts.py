"""The rules about bank accounts: payouts that bounce, debits that come back, mandates that are lost."""

from __future__ import annotations

from connector.policy.base import CaseRule, DeveloperName, TieredRule, Word
from connector.policy.templates import Text


class Payout(TieredRule):
    STABLE = {"payee": "acct_1", "amount": "USD 250.00"}
    FRESH = {
        "reason": "The payee's bank account has been closed.",
        "action": "Ask the payee for another bank account, then pay out again.",
        "how": "the payout po_2",
        "gateway": "Stripe",
        "id": "po_1",
    }

    queue: DeveloperName = "Billing_Payouts"
    priority: Word = "High"
    subject: Text = Text("Payout failed{% if amount %}: {{ amount }}{% endif %} to {{ payee }}")
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}{% if how %} by {{ how }}{% endif %}.
{% endif %}
Payout{% if amount %} of {{ amount }}{% endif %} to {{ payee }}{% if opened_on %}, failed on {{ opened_on }}{% endif %}\
{% if id %}, {{ id }} at {{ gateway }}{% endif %}.
{% if reason %}
Why it failed: {{ reason }}
{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{{ link }}"""
    )


class BankDebit(CaseRule):
    STABLE = {**CaseRule.STABLE, "problem": "Bank debit returned", "amount": "USD 49.00"}
    FRESH = {
        "reason": "There was not enough money in the account.",
        "action": "Agree a date with the customer, then debit again.",
        "invoice": "1001",
        "method": "Bank account ending 6789",
        "renewal_on": "2026-12-15",
        "at_stake": "USD 49.00",
        "plan": "Gold",
        "how": "a payment on 2026-11-20",
        "gateway": "GoCardless",
        "id": "PM123",
        "joined": "Joined to account bob by gateway reference PM123.",
        "look_for": "transaction reference PM123",
    }

    queue: DeveloperName = "Billing_Collections"
    subject: Text = Text(
        "{{ problem }}{% if amount %}: {{ amount }}{% endif %} "
        "(account {% if account %}{{ account }}{% else %}not known{% endif %})"
    )
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}{% if how %} by {{ how }}{% endif %}.
{% endif %}
{{ problem }}{% if amount %}: {{ amount }}{% endif %}{% if invoice %} on invoice {{ invoice }}{% endif %}\
{% if id %}, {{ id }} at {{ gateway }}{% endif %}.
{% if method %}
Paid with {{ method }}.
{% endif %}
{% if reason %}
Why: {{ reason }}
{% endif %}
{% if renewal_on and not outcome %}
At stake: the renewal{% if plan %} of {{ plan }}{% endif %} on {{ renewal_on }}\
{% if at_stake %}, {{ at_stake }} a month{% endif %}.
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
