"""A subscription's record, and what it is worth a month.

Monthly value: the subtotal of a period over the months it lasts. A period of whole calendar months counts those
(31 January to 28 February is one); any other is measured in days against a mean month of 365.25 / 12. A trial is
worth nothing until it converts; a paused, failed, expired or future subscription is worth nothing now; a canceled
one keeps its value until it ends.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from connector.mappers import external_ids
from connector.mappers.field_limits import CODE, LINE, NAME, WORD, amount, line
from connector.mappers.fields import Subscription as F
from connector.models.facts import Facts, Subscription
from connector.models.plan import Value

_MONTH: Final = Decimal("30.4375")
_EARNING: Final = frozenset({"active", "canceled"})


def key(facts: Facts, item: Subscription) -> str:
    return external_ids.record(facts.source, facts.site, "subscription", item.uuid)


def record(item: Subscription, link: str | None) -> Mapping[str, Value]:
    """Its fields. A checkbox cannot be empty, so what is not known there is left as it was."""
    known: dict[str, Value] = {
        F.NAME: line(item.plan_name or item.plan_code or item.uuid, NAME),
        F.STATE: line(item.state, WORD),
        F.PLAN_CODE: line(item.plan_code, LINE),
        F.PLAN_NAME: line(item.plan_name, LINE),
        F.QUANTITY: item.quantity,
        F.UNIT_AMOUNT: amount(item.unit_amount, item.currency),
        F.CURRENCY: line(item.currency, 3),
        F.MRR: mrr(item),
        F.COLLECTION_METHOD: line(item.collection_method, WORD),
        F.ACTIVATED_AT: item.activated_at,
        F.TRIAL_ENDS_AT: item.trial_ends_at,
        F.PERIOD_ENDS_AT: item.current_period_ends_at,
        F.CANCELED_AT: item.canceled_at,
        F.EXPIRES_AT: item.expires_at,
        F.EXPIRATION_REASON: line(item.expiration_reason, CODE),
        F.PAUSED_AT: item.paused_at,
        F.RESUME_AT: item.resume_at,
        F.LINK: link,
    }
    return known if item.auto_renew is None else {**known, F.AUTO_RENEW: item.auto_renew}


def mrr(item: Subscription) -> Decimal | None:
    """Its current monthly revenue."""
    if item.state not in _EARNING or _in_trial(item):
        return amount(Decimal(0), item.currency)
    return monthly(item)


def monthly(item: Subscription) -> Decimal | None:
    """Price of a full month, in any state; None if the period or the price is not known."""
    start, end = item.current_period_started_at, item.current_period_ends_at
    if item.subtotal is None or start is None or end is None or end <= start:
        return None
    return amount(item.subtotal / _months(start, end), item.currency)


def _in_trial(item: Subscription) -> bool:
    ends, period = item.trial_ends_at, item.current_period_ends_at
    return ends is not None and period is not None and period <= ends


def _months(start: datetime, end: datetime) -> Decimal:
    whole = (end.year - start.year) * 12 + end.month - start.month
    last_day = monthrange(end.year, end.month)[1]
    if whole > 0 and end.day == min(start.day, last_day):
        return Decimal(whole)
    return Decimal((end - start).total_seconds()) / Decimal(86_400) / _MONTH
