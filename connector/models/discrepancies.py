"""Where billing system, processor and CRM tell differently of the same money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connector.models.billing import Money


class Difference(StrEnum):
    """The classes of discrepancies; each has one case for a billing site."""

    MISSING_AT_PROCESSOR = "missing_at_processor"
    MISSING_IN_RECURLY = "missing_in_recurly"
    MISSING_IN_SALESFORCE = "missing_in_salesforce"
    AMOUNT = "amount"
    CURRENCY = "currency"
    STATUS = "status"
    DATE = "date"


class Movement(StrEnum):
    """Money that moved."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"


class DiscrepancyState(StrEnum):
    """How a discrepancy stands."""

    EXPLAINED = "explained"
    """Time mends it: nobody has to act yet."""
    OPEN = "open"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class DisplayedRow:
    """What one side says, as people read it: ``USD 49.00``, ``success``, ``2026-11-02``. None: it does not say."""

    amount: str | None = None
    status: str | None = None
    day: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One way in which the sides differ about one movement of money.

    ``key``: ``recurly:<site>:payment:<uuid>:amount``, always the same for the same. ``reference``: by what people find
    it. ``at``: when the money moved. ``stake``: the amount it is about, or by how much the amounts differ. A side that
    is None lacks it, or was not asked (``why`` tells). ``account``: the subject of its account. ``opened_at``: when it
    was first seen without an explanation. ``written``: Salesforce has a record of it.
    """

    key: str
    difference: Difference
    site: str
    processor: str
    movement: Movement
    reference: str
    at: datetime
    state: DiscrepancyState
    why: str = ""
    account: str | None = None
    stake: Money | None = None
    recurly: DisplayedRow | None = None
    at_processor: DisplayedRow | None = None
    salesforce: DisplayedRow | None = None
    link: str | None = None
    first_seen_at: datetime | None = None
    opened_at: datetime | None = None
    cleared_at: datetime | None = None
    written: bool = False


@dataclass(frozen=True, slots=True)
class Discrepancies:
    """All of one class on one billing site.

    ``open``: how many; ``explained``: how many more were open, and time explains them now. ``amounts``: what the open
    ones are about, a sum for each currency; ``oldest_at``: the moment of the oldest. ``opened_at`` and
    ``last_opened_at``: when the first and the newest were noticed; where none is open, those of the one that was open
    last, and ``cleared_at``: since when it is not. ``told``: the newest ones, and those that Salesforce still shows as
    open.
    """

    open: int
    explained: int = 0
    amounts: tuple[Money, ...] = ()
    oldest_at: datetime | None = None
    opened_at: datetime | None = None
    last_opened_at: datetime | None = None
    cleared_at: datetime | None = None
    told: tuple[Discrepancy, ...] = ()
