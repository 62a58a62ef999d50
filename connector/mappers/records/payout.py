"""A payout's record, as its processor reports it, with an explanation of its return."""

from __future__ import annotations

from collections.abc import Mapping

from connector.mappers import external_ids, phrases, reasons
from connector.mappers.field_limits import CODE, NAME, WORD, amount, line, url
from connector.mappers.fields import Payout as F
from connector.models.facts import ProcessorObject, Status
from connector.models.plan import Value


def key(item: ProcessorObject) -> str:
    return external_ids.record(item.source, "", "payout", item.id)


def record(item: ProcessorObject) -> Mapping[str, Value]:
    """An empty payee is the merchant itself."""
    reason = reasons.explain(item) if item.status is Status.FAILED else None
    currency = item.currency or ""
    return {
        F.NAME: line(f"Payout {phrases.money(item.amount, currency) or ''} {item.id}", NAME),
        F.SOURCE: line(item.source, WORD),
        F.SOURCE_ID: line(item.id, CODE),
        F.PAYEE: line(item.payee, CODE),
        F.STATUS: line(item.status, WORD),
        F.REASON: line(reason.text) if reason else None,
        F.REASON_CODE: line(reason.code, CODE) if reason else None,
        F.AMOUNT: amount(item.amount, currency),
        F.CURRENCY: line(currency, 3),
        F.OPENED_AT: item.opened_at,
        F.ARRIVES_ON: phrases.on(item.settles_at),
        F.AS_OF: item.at,
        F.LINK: url(item.link),
    }
