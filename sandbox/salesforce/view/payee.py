"""Who is paid by a processor: payouts belong to no account."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.org import Org
from sandbox.salesforce.view.cases import by_urgency, line
from sandbox.salesforce.view.rows import children, newest, rows


def payee_page(org: Org, source: str, payee: str) -> dict[str, Any] | None:
    """Their payouts, newest first, and the cases about them; None if nothing was paid out to them.

    An empty payee is the merchant itself.
    """
    with org.store.lock:
        found = [
            row
            for row in rows(org, "Billing_Payout__c")
            if (row.get("Source__c") or "", row.get("Payee__c") or "") == (source, payee)
        ]
        cases = (case for row in found for case in children(org, "Case", "Billing_Payout__c", row["Id"]))
        if not found:
            return None
        return {
            "source": source,
            "payee": payee,
            "payouts": newest(found, "Opened_At__c"),
            "cases": [line(org, case) for case in by_urgency(cases)],
        }
