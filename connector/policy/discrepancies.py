"""The rule about discrepancies, and the tolerances of the comparison."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from connector.policy.base import Amount, CaseRule, DeveloperName, Section
from connector.policy.templates import Text

Hours = Annotated[int, Field(ge=0, le=2160)]


class Compare(Section):
    """``amount_tolerance``: amounts that are no further apart agree, in every currency. ``date_tolerance_days``: the
    same for dates. ``settlement_hours``: for so long after a payment by card it is no discrepancy that only one side
    knows it, or knows it to be settled; ``bank_debit_hours``: the same for bank debits. ``chargebacks_in_recurly``:
    the processors whose lost disputes Recurly records. ``only_invoiced``: charges that name no invoice are not
    Recurly's.
    """

    amount_tolerance: Amount = Decimal(0)
    date_tolerance_days: Annotated[int, Field(ge=0, le=30)] = 2
    settlement_hours: Hours = 72
    bank_debit_hours: Hours = 240
    chargebacks_in_recurly: tuple[str, ...] = ()
    only_invoiced: bool = False


class DiscrepancyRule(CaseRule):
    """``samples``: how many of each class, the newest ones, are records under the case."""

    STABLE = {"difference": "Amounts differ", "site": "acme"}
    FRESH = {
        "count": 3,
        "explained": 0,
        "totals": "USD 12.00",
        "oldest": "2026-11-02",
        "first": "payment ch_1: Recurly USD 49.00 success 2026-11-02 · Stripe USD 45.00 succeeded 2026-11-02",
        "action": "Find out which amount is right.",
    }

    queue: DeveloperName = "Billing_Operations"
    samples: Annotated[int, Field(ge=1, le=200)] = 50
    subject: Text = Text("{{ difference }} (site {{ site }})")
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}: {% if explained %}
{{ explained }} of them time explains, and nobody has to act.
{% else %}
Recurly, the processors and Salesforce agree again.
{% endif %}
{% else %}
{{ difference }}: {{ count }} not explained{% if totals %}, about {{ totals }}{% endif %}.
{% if oldest %}
The oldest is of {{ oldest }}.
{% endif %}
{% if first %}
{{ first }}
{% endif %}
{% if action %}
What to do: {{ action }}
{% endif %}
{% endif %}"""
    )
