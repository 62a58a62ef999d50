"""A payment's or refund's record, with why it failed in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from connector.mappers import declines, external_ids, phrases
from connector.mappers.field_limits import ADVICE, CODE, NAME, WORD, amount, line, page
from connector.mappers.fields import Payment as F
from connector.models.facts import Facts, Payment
from connector.models.plan import Value


def key(facts: Facts, item: Payment) -> str:
    return external_ids.record(facts.source, facts.site, "payment", item.uuid)


def record(item: Payment, link: str | None, original_key: str | None) -> Mapping[str, Value]:
    """``original_key``: the key of the refunded payment, if it is known."""
    decline = declines.of(item)
    return {
        F.NAME: line(
            f"{phrases.plain(item.type).capitalize()} {phrases.money(item.amount, item.currency)}", NAME
        ),
        F.TYPE: line(item.type, WORD),
        F.STATUS: line(item.status, WORD),
        F.ORIGIN: line(item.origin, CODE),
        F.AMOUNT: amount(item.amount, item.currency),
        F.CURRENCY: line(item.currency, 3),
        F.AT: item.collected_at or item.created_at,
        F.DECLINE_CODE: line(item.code, CODE) if decline else None,
        F.DECLINE_CATEGORY: decline.category if decline else None,
        F.DECLINE_REASON: page(decline.reason, ADVICE) if decline else None,
        F.ACTION: page(decline.action, ADVICE) if decline else None,
        F.METHOD: line(phrases.method(item.payment_method)),
        F.GATEWAY: line(item.gateway, CODE),
        F.GATEWAY_REFERENCE: line(item.gateway_reference),
        F.GATEWAY_CODE: line(item.gateway_code, CODE),
        F.ORIGINAL_KEY: original_key,
        F.LINK: link,
    }
