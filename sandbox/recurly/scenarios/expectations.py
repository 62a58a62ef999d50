"""What a story should leave in the CRM, as rows to look for: object, match, count, fields.

Field names are Casewire's Salesforce names, written out: the sandbox knows nothing of the connector. Only what
a story is about is named; a test holds the names against the connector's.
"""

from __future__ import annotations

from typing import Any

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


def _case(scene: Scene, rule: str | None, count: int, fields: dict[str, Any]) -> Expectation:
    match = {"Billing_Account_Key__c": key(scene)}
    if rule is not None:
        match["Billing_Rule__c"] = rule
    return {"object": "Case", "match": match, "count": count, "fields": fields}


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
