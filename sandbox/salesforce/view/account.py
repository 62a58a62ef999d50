"""An account with all that hangs on it."""

from __future__ import annotations

from typing import Any, Final

from sandbox.salesforce.org import Org
from sandbox.salesforce.view.cases import by_urgency, line
from sandbox.salesforce.view.rows import children, newest, timeline

_LISTS: Final = (
    ("Disputes", "Billing_Dispute__c", "Opened_At__c"),
    ("Refunds at the processors", "Billing_Refund__c", "Opened_At__c"),
    ("Subscriptions", "Billing_Subscription__c", "Activated_At__c"),
    ("Invoices", "Billing_Invoice__c", "Issued_At__c"),
    ("Payments and refunds", "Billing_Payment__c", "At__c"),
)


def account_page(org: Org, account_id: str) -> dict[str, Any] | None:
    """The account with its related lists, newest first; None if there is none."""
    with org.store.lock:
        row = org.store.row(account_id)
        if row is None or not account_id.startswith("001"):
            return None
        cases = by_urgency(children(org, "Case", "AccountId", account_id))
        return {
            "account": row,
            "contacts": children(org, "Contact", "AccountId", account_id),
            "cases": [line(org, case) for case in cases],
            "lists": [
                (title, name, newest(children(org, name, "Account__c", account_id), at))
                for title, name, at in _LISTS
            ],
            "timeline_rows": timeline(org, "Account__c", account_id),
        }
