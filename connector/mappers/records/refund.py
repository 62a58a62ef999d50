"""A refund's record, as its processor reports it, with an explanation of its failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from connector.mappers import external_ids, phrases, reasons
from connector.mappers.field_limits import CODE, NAME, WORD, amount, line, url
from connector.mappers.fields import Refund as F
from connector.models.facts import ProcessorObject, Status
from connector.models.plan import Value

_EXPLAINED: Final = frozenset({Status.FAILED, Status.CANCELED, Status.REQUIRES_ACTION})
"""Otherwise the reason is why it was asked for, in the processor's words: nobody has to act on it."""


def key(item: ProcessorObject) -> str:
    return external_ids.record(item.source, "", "refund", item.id)


def record(item: ProcessorObject, opened_at: datetime | None) -> Mapping[str, Value]:
    """``opened_at``: as its processor says, or when it was first heard of."""
    reason = reasons.explain(item) if item.status in _EXPLAINED else None
    currency = item.currency or ""
    return {
        F.NAME: line(f"Refund {phrases.money(item.amount, currency) or ''} {item.id}", NAME),
        F.SOURCE: line(item.source, WORD),
        F.SOURCE_ID: line(item.id, CODE),
        F.STATUS: line(item.status, WORD),
        F.REASON: line(reason.text) if reason else None,
        F.REASON_CODE: line(reason.code, CODE) if reason else None,
        F.AMOUNT: amount(item.amount, currency),
        F.CURRENCY: line(currency, 3),
        F.OPENED_AT: opened_at,
        F.AS_OF: item.at,
        F.REFERENCE: line(", ".join(item.references)),
        F.JOINED_BY: line(item.joined_by),
        F.LINK: url(item.link),
    }
