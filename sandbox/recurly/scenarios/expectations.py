"""What a story should leave in the CRM, as rows to look for: object, match, count, fields.

Field names are Casewire's Salesforce names, written out: the sandbox knows nothing of the connector. Only what
a story is about is named; a test holds the names against the connector's.
"""

from __future__ import annotations

from typing import Any

from sandbox.processors.objects import Dispute, Payout, Refund
from sandbox.recurly.scenarios.scene import Scene

Expectation = dict[str, Any]


def key(scene: Scene) -> str:
    return f"recurly:{scene.site_name}:account:{scene.code}"


def account(scene: Scene, **fields: Any) -> Expectation:
    """The customer, once; active unless said otherwise."""
    shown = {"Billing_State__c": "active", **fields}
    return {"object": "Account", "match": {"Billing_Key__c": key(scene)}, "count": 1, "fields": shown}


def open_case(scene: Scene, rule: str, count: int = 1, **fields: Any) -> Expectation:
    return _case(scene, rule, count, {"Billing_State__c": "open", **fields})


def resolved_case(scene: Scene, rule: str, outcome: str) -> Expectation:
    return _case(scene, rule, 1, {"Billing_State__c": "resolved", "Billing_Outcome__c": outcome})


def no_case(scene: Scene, rule: str | None = None) -> Expectation:
    """No case of this rule, or none at all."""
    return _case(scene, rule, 0, {})


def no_open_case(scene: Scene, rule: str) -> Expectation:
    """There may be one that was resolved."""
    found = _case(scene, rule, 0, {})
    found["match"]["Billing_State__c"] = "open"
    return found


def payout_case(scene: Scene, outcome: str) -> Expectation:
    """The resolved case of the payee."""
    about = f"{scene.processor}:payee:{scene.at_processor(Payout).payee or 'own'}"
    return _case_about(about, "payout", 1, {"Billing_State__c": "resolved", "Billing_Outcome__c": outcome})


def incident_case(scene: Scene, outcome: str) -> Expectation:
    """The one resolved case of the gateway, whatever the number of accounts."""
    about = f"recurly:{scene.site_name}:gateway:{scene.cast.gateway.type}"
    return _case_about(about, "incident", 1, {"Billing_State__c": "resolved", "Billing_Outcome__c": outcome})


def _case(scene: Scene, rule: str | None, count: int, fields: dict[str, Any]) -> Expectation:
    return _case_about(key(scene), rule, count, fields)


def _case_about(about: str, rule: str | None, count: int, fields: dict[str, Any]) -> Expectation:
    match = {"Billing_Account_Key__c": about}
    if rule is not None:
        match["Billing_Rule__c"] = rule
    return {"object": "Case", "match": match, "count": count, "fields": fields}


def dispute(scene: Scene, status: str | None = None) -> Expectation:
    """The dispute meant, as its processor has it now. ``status``: where that is not its processor's word."""
    row = scene.at_processor(Dispute)
    return _processed("Billing_Dispute__c", row, Stage__c=row.stage, Status__c=status or row.status)


def refund(scene: Scene) -> Expectation:
    """The refund meant, as its processor has it now."""
    row = scene.at_processor(Refund)
    return _processed("Billing_Refund__c", row, Status__c=row.status)


def payout(row: Payout) -> Expectation:
    return _processed("Billing_Payout__c", row, Status__c=row.status)


def _processed(object_: str, row: Dispute | Refund | Payout, **fields: Any) -> Expectation:
    shown = {
        "Source__c": row.source,
        "Amount__c": float(row.amount),
        "Currency_Code__c": row.currency,
        **fields,
    }
    return {"object": object_, "match": {"Source_Id__c": row.id}, "count": 1, "fields": shown}


def invoice(scene: Scene, **fields: Any) -> Expectation:
    """The invoice meant, found by its number, in the state it has now."""
    row = scene.invoice
    shown = {"State__c": row.state, "Type__c": row.type, "Currency_Code__c": row.currency, **fields}
    match = {"Number__c": str(row.number)}
    return {"object": "Billing_Invoice__c", "match": match, "count": 1, "fields": shown}


def payment(scene: Scene) -> Expectation:
    """The payment meant, found by its gateway reference, in the status it has now."""
    row = scene.payment
    shown = {"Status__c": row.status, "Type__c": row.type, "Currency_Code__c": row.currency}
    match = {"Gateway_Reference__c": row.gateway_reference}
    return {"object": "Billing_Payment__c", "match": match, "count": 1, "fields": shown}
