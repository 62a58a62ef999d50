"""An invoice's record."""

from __future__ import annotations

from collections.abc import Mapping

from connector.mappers import external_ids
from connector.mappers.field_limits import CODE, NAME, WORD, amount, line
from connector.mappers.fields import Invoice as F
from connector.models.facts import Facts, Invoice
from connector.models.plan import Value


def key(facts: Facts, item: Invoice) -> str:
    return external_ids.record(facts.source, facts.site, "invoice", item.number)


def record(item: Invoice, link: str | None) -> Mapping[str, Value]:
    return {
        F.NAME: line(item.number, NAME),
        F.NUMBER: line(item.number, CODE),
        F.TYPE: line(item.type, WORD),
        F.STATE: line(item.state, WORD),
        F.ORIGIN: line(item.origin, CODE),
        F.TOTAL: amount(item.total, item.currency),
        F.PAID: amount(item.paid, item.currency),
        F.BALANCE: amount(item.balance, item.currency),
        F.REFUNDABLE: amount(item.refundable, item.currency),
        F.CURRENCY: line(item.currency, 3),
        F.COLLECTION_METHOD: line(item.collection_method, WORD),
        F.DUNNING_STEP: item.dunning_events_sent,
        F.FINAL_DUNNING: item.final_dunning_event,
        F.ISSUED_AT: item.created_at,
        F.DUE_AT: item.due_at,
        F.CLOSED_AT: item.closed_at,
        F.LINK: link,
    }
