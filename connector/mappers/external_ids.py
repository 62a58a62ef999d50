"""Billing_Key__c: built from stable source facts, never from event ids (but for the timeline itself).

A payment processor has no site: its keys leave it out (``stripe:dispute:dp_1``).

An external id in Salesforce holds 255 UTF-16 code units. Where a key would be longer, the id in it is replaced by its
beginning and a digest of all of it. Every key is built here, so an object has the same key on every path.
"""

from __future__ import annotations

import hashlib
from typing import Final

from connector.mappers.field_limits import LINE, utf16_length

OWN_PAYEE = "own"
"""The payee of a merchant's own payouts."""


def subject(source: str, site: str, code: str) -> str:
    """The key of an account, which is also the subject of its plans."""
    return _joined((source, site, "account"), code)


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
    return _joined(_owner(source, site, object_), id_)


def case(source: str, site: str, object_: str, id_: str, problem: str, cycle: int) -> str:
    """The key of the cycle-th case about one problem: ``recurly:acme:invoice:1001:past_due:1``. All cycles have the
    same stem."""
    stem = _joined(_owner(source, site, object_), id_, problem, limit=LINE - _CYCLE)
    return f"{stem}:{cycle}"


def is_case_of(key: str, record_key: str) -> bool:
    """Whether a case of this key is about the object with this record."""
    return key.rsplit(":", 2)[0] == record_key


def event(source: str, site: str, event_id: str) -> str:
    """The key of a timeline row."""
    return _joined(_owner(source, site, "event"), event_id)


_CYCLE: Final = 11
"""Room for the colon and the number of a case's cycle."""
_KEPT: Final = 64
_DIGEST: Final = 32


def _owner(source: str, site: str, object_: str) -> tuple[str, ...]:
    return (source, site, object_) if site else (source, object_)


def _joined(owner: tuple[str, ...], id_: str, *rest: str, limit: int = LINE) -> str:
    key = ":".join((*owner, id_, *rest))
    return key if utf16_length(key) <= limit else ":".join((*owner, _shortened(id_), *rest))


def _shortened(id_: str) -> str:
    """The beginning of an id, for people, and a digest of all of it. Does not depend on where it is used; what was
    shortened stays as it is, as it is short enough."""
    start = id_.encode("utf-16-le", "surrogatepass")[: 2 * _KEPT].decode("utf-16-le", "ignore")
    return f"{start}~{hashlib.sha256(id_.encode('utf-8', 'surrogatepass')).hexdigest()[:_DIGEST]}"
