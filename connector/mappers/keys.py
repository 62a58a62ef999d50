"""Billing_Key__c: built from stable source facts, never from event ids (but for the timeline itself)."""

from __future__ import annotations


def subject(source: str, site: str, code: str) -> str:
    """The key of an account, which is also the subject of its plans."""
    return f"{source}:{site}:account:{code}"


def record(source: str, site: str, object_: str, id_: str) -> str:
    """The key of a contact, subscription, invoice or payment: ``recurly:acme:invoice:1001``."""
    return f"{source}:{site}:{object_}:{id_}"


def case(source: str, site: str, object_: str, id_: str, problem: str, cycle: int) -> str:
    """The key of the cycle-th case about one problem: ``recurly:acme:invoice:1001:past_due:1``."""
    return f"{source}:{site}:{object_}:{id_}:{problem}:{cycle}"


def event(source: str, site: str, event_id: str) -> str:
    """The key of a timeline row."""
    return f"{source}:{site}:event:{event_id}"
