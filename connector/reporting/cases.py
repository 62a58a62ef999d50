"""A case as a report sees it: what Salesforce has, and what the ledger knows of it besides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from connector.sync.decide import lifecycle


class Owner(StrEnum):
    """Kind of the current owner."""

    QUEUE = "queue"
    PERSON = "person"
    CASEWIRE = "casewire"


class Ending(StrEnum):
    """How a case came to be closed."""

    RESOLVED = "resolved"
    """Its problem was over."""
    CLOSED_BY_HAND = "closed by hand"
    """A person closed it while its problem lasted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``opened_at``: when the problem began; of a case that continues one, when it was made: the time before is that
    of the case before. ``began_at``: when the problem began, where that is not the same. ``resolved_at``: when it was
    over, None while it lasts. ``closed_at``: when the case was last closed, None while it is open. ``closed_by_us``:
    Casewire closed it.

    ``due_at`` and ``dispute_status`` are those of its dispute. ``reopened``: when Casewire reopened it.
    """

    key: str
    number: str = ""
    kind: str
    cycle: int = 1
    opened_at: datetime
    began_at: datetime | None = None
    closed_at: datetime | None = None
    resolved_at: datetime | None = None
    outcome: str = ""
    closed_by_us: bool = False
    amount: Decimal | None = None
    currency: str = ""
    dunning_step: int = 0
    decline: str = ""
    reason: str = ""
    dispute_reason: str = ""
    dispute_status: str = ""
    due_at: datetime | None = None
    gateway: str = ""
    owner: Owner = Owner.QUEUE
    reopened: tuple[datetime, ...] = ()
    escalated: bool = False

    @property
    def problem(self) -> str:
        """Key that all cases of one problem share."""
        return lifecycle.split(self.key)[0]

    @property
    def ending(self) -> Ending | None:
        """None while it is open."""
        if self.closed_at is None:
            return None
        over = self.resolved_at is not None and (self.closed_by_us or self.resolved_at <= self.closed_at)
        return Ending.RESOLVED if over else Ending.CLOSED_BY_HAND

    @property
    def ended_at(self) -> datetime | None:
        """When it was off the desk: the end of its problem, or the closing where a person was quicker. News of an end
        may come late, so the closing that followed it does not count. None while it is open; never before it began."""
        if self.closed_at is None:
            return None
        return max(self.opened_at, min(self.closed_at, self.resolved_at or self.closed_at))

    def is_open_at(self, moment: datetime) -> bool:
        """Whether it was open just before this moment."""
        return self.opened_at < moment and (self.ended_at is None or self.ended_at >= moment)
