"""A discrepancy's record: what each side says, beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.mappers import phrases
from connector.mappers.field_limits import NAME, WORD, amount, line, url
from connector.mappers.fields import Discrepancy as F
from connector.models.facts import Difference, Discrepancy, DisplayedRow
from connector.models.plan import Value

TITLES: Final[Mapping[Difference, str]] = {
    Difference.MISSING_AT_PROCESSOR: "Missing at the processor",
    Difference.MISSING_IN_RECURLY: "Missing in Recurly",
    Difference.MISSING_IN_SALESFORCE: "Missing in Salesforce",
    Difference.AMOUNT: "Amounts differ",
    Difference.CURRENCY: "Currencies differ",
    Difference.STATUS: "Statuses differ",
    Difference.DATE: "Dates differ",
}

LACKS: Final = "–"
"""Shown for a side that lacks the record, or was not read."""


def record(item: Discrepancy) -> Mapping[str, Value]:
    stake = item.stake
    return {
        F.NAME: line(f"{TITLES[item.difference]}: {item.reference}", NAME),
        F.CLASS: str(item.difference),
        F.MOVEMENT: str(item.movement),
        F.STATE: str(item.state),
        F.SOURCE: line(item.processor, WORD),
        F.REFERENCE: line(item.reference),
        F.AMOUNT: amount(stake.amount, stake.currency) if stake else None,
        F.CURRENCY: line(stake.currency, 3) if stake else None,
        F.MOVED_AT: item.at,
        **_side(item.recurly, F.RECURLY_AMOUNT, F.RECURLY_STATUS, F.RECURLY_DATE),
        **_side(item.at_processor, F.PROCESSOR_AMOUNT, F.PROCESSOR_STATUS, F.PROCESSOR_DATE),
        **_side(item.salesforce, F.SALESFORCE_AMOUNT, F.SALESFORCE_STATUS, F.SALESFORCE_DATE),
        F.WHY: line(item.why),
        F.FIRST_SEEN_AT: item.first_seen_at,
        F.CLEARED_AT: item.cleared_at,
        F.LINK: url(item.link),
    }


def _side(said: DisplayedRow | None, amount_: str, status: str, day: str) -> Mapping[str, Value]:
    known = said or DisplayedRow()
    return {
        amount_: line(known.amount, WORD) or LACKS,
        status: line(known.status, WORD) or LACKS,
        day: line(known.day, WORD) or LACKS,
    }


def sentence(item: Discrepancy) -> str:
    """``payment ch_1: Recurly USD 49.00 success 2026-11-02 · Stripe USD 45.00 succeeded 2026-11-02 · Salesforce –``."""
    sides = (
        ("Recurly", item.recurly),
        (phrases.source_title(item.processor) or "processor", item.at_processor),
        ("Salesforce", item.salesforce),
    )
    told = " · ".join(f"{name} {_told(said)}" for name, said in sides)
    return f"{phrases.plain(item.movement)} {item.reference}: {told}"


def _told(said: DisplayedRow | None) -> str:
    known = (said.amount, said.status, said.day) if said else ()
    return " ".join(part for part in known if part) or LACKS
