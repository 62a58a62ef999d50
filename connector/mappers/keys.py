"""Billing_Key__c: built from stable source facts, never from event ids (but for the timeline itself).

A payment processor has no site: its keys leave it out (``stripe:dispute:dp_1``).
"""

from __future__ import annotations

OWN_PAYEE = "own"
"""The payee of a merchant's own payouts."""


def subject(source: str, site: str, code: str) -> str:
    """The key of an account, which is also the subject of its plans."""
    return f"{source}:{site}:account:{code}"


def is_account(subject: str) -> bool:
    """Whether a subject is an account of billing, not a payee, a gateway or an object that waits for its account."""
    return ":account:" in subject


def account_of(subject: str) -> tuple[str, str, str]:
    """The source, site and code of an account by its subject."""
    source, _, rest = subject.partition(":")
    site, _, code = rest.partition(":account:")
    return source, site, code


def unjoined(source: str, kind: str, id_: str) -> str:
    """The subject of a processor's object while it is joined to no account: the key of its record."""
    return record(source, "", kind, id_)


def payee(source: str, id_: str) -> str:
    """The subject of the payouts of one payee."""
    return record(source, "", "payee", id_ or OWN_PAYEE)


def gateway(source: str, site: str, name: str) -> str:
    """The subject of the incidents of one gateway."""
    return record(source, site, "gateway", name)


def discrepancy(source: str, site: str, difference: str) -> str:
    """The subject of one class of discrepancies."""
    return record(source, site, "discrepancy", difference)


def record(source: str, site: str, object_: str, id_: str) -> str:
    """The key of a contact, subscription, invoice, payment or dispute: ``recurly:acme:invoice:1001``."""
    return _joined(source, site, object_, id_)


def case(source: str, site: str, object_: str, id_: str, problem: str, cycle: int) -> str:
    """The key of the cycle-th case about one problem: ``recurly:acme:invoice:1001:past_due:1``."""
    return _joined(source, site, object_, id_, problem, str(cycle))


def is_case_of(key: str, record_key: str) -> bool:
    """Whether a case of this key is about the object with this record."""
    return key.rsplit(":", 2)[0] == record_key


def event(source: str, site: str, event_id: str) -> str:
    """The key of a timeline row."""
    return _joined(source, site, "event", event_id)


def _joined(source: str, site: str, *rest: str) -> str:
    return ":".join((source, *((site,) if site else ()), *rest))
