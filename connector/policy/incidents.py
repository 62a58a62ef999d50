"""The rule about gateways that fail for many accounts at once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from connector.policy.base import CaseRule, Days, DeveloperName, Word
from connector.policy.templates import Text


class IncidentRule(CaseRule):
    """``release_hours``: how long after the end of an incident the accounts it touched are given to be charged again
    before they get cases of their own; one that fails again gets it at once."""

    STABLE = {"gateway": "stripe", "site": "acme"}
    FRESH = {
        "accounts": 120,
        "failed": 240,
        "success_rate": 4,
        "started": "2026-11-02 14:05 UTC",
        "last_failure": "2026-11-02 15:20 UTC",
        "action": "Check the gateway's status page.",
    }

    queue: DeveloperName = "Billing_Operations"
    priority: Word = "High"
    reopen_window_days: Days | None = 0
    accounts: Annotated[int, Field(ge=2, le=100_000)] = 20
    window_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    failure_percent: Annotated[int, Field(ge=1, le=100)] = 50
    categories: tuple[Literal["gateway", "unknown", "soft", "authentication", "bank_debit"], ...] = (
        "gateway",
    )
    release_hours: Annotated[int, Field(ge=0, le=720)] = 24
    subject: Text = Text("Payments are failing at {{ gateway }} (site {{ site }})")
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}: payments go through {{ gateway }} again.
{% else %}
Payments through {{ gateway }} are failing, and not for the customers' fault.
{% endif %}
Accounts touched: {{ accounts }}. Failed attempts: {{ failed }}. Successful meanwhile: {{ success_rate }} %.
Since {{ started }}{% if last_failure %}, the last failure at {{ last_failure }}{% endif %}.
Their own cases are held back; those that still fail afterwards get one.
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}"""
    )
