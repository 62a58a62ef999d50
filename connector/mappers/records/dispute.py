"""A dispute's record, as its processor reports it, with the reason in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from connector.mappers import external_ids, phrases, reasons
from connector.mappers.field_limits import CODE, NAME, WORD, amount, line, url
from connector.mappers.fields import Dispute as F
from connector.models.facts import ProcessorObject, Status
from connector.models.plan import Value

_STANDING: Final = {
    Status.NEEDS_RESPONSE: "needs a response",
    Status.UNDER_REVIEW: "is under review",
    Status.WON: "was won",
    Status.LOST: "was lost",
    Status.ACCEPTED: "was accepted",
    Status.EXPIRED: "expired without a response",
    Status.WITHDRAWN: "was called off",
}


def standing(item: ProcessorObject) -> str:
    """How it stands, for the audit trail: ``dispute dp_1 of stripe was won``."""
    told = _STANDING.get(item.status) if item.status else None
    return f"dispute {item.id} of {item.source} {told or 'does not say how it stands'}"


def key(item: ProcessorObject) -> str:
    return external_ids.record(item.source, "", "dispute", item.id)


def record(item: ProcessorObject, opened_at: datetime | None) -> Mapping[str, Value]:
    """``opened_at``: as its processor says, or when it was first heard of."""
    reason, currency = reasons.explain(item), item.currency or ""
    return {
        F.NAME: line(f"Dispute {phrases.money(item.amount, currency) or ''} {item.id}", NAME),
        F.SOURCE: line(item.source, WORD),
        F.SOURCE_ID: line(item.id, CODE),
        F.STAGE: line(item.stage, WORD),
        F.STATUS: line(item.status, WORD),
        F.REASON: line(reason.text),
        F.REASON_CATEGORY: line(reason.category, WORD),
        F.REASON_CODE: line(reason.code, CODE),
        F.NETWORK: line(item.network, WORD),
        F.AMOUNT: amount(item.amount, currency),
        F.CURRENCY: line(currency, 3),
        F.OPENED_AT: opened_at,
        F.DUE_AT: item.due_at,
        F.AS_OF: item.at,
        F.METHOD: line(item.method),
        F.REFERENCE: line(", ".join(item.references)),
        F.JOINED_BY: line(item.joined_by),
        F.LINK: url(item.link),
    }
