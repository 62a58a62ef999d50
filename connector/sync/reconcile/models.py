"""The observations of each system for one transfer, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from connector.models.facts import Difference, DiscrepancyState, Money, Movement, Payment, ProcessorObject


class System(StrEnum):
    RECURLY = "recurly"
    PROCESSOR = "processor"
    SALESFORCE = "salesforce"


class Outcome(StrEnum):
    """What became of the money, whatever a side calls it."""

    MOVED = "moved"
    PENDING = "pending"
    NOT_MOVED = "not moved"
    TAKEN_BACK = "taken back"


@dataclass(frozen=True, slots=True)
class Observation:
    """``status``: in the side's own word. ``standing``: None where it does not say. ``moments``: when it happened, in
    as many ways as the side dates it; what another side says is compared with each."""

    status: str
    standing: Outcome | None
    amount: Decimal | None
    currency: str | None
    moments: tuple[datetime, ...]
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One movement of money. ``key``: of the side that names it: Recurly, else the processor. ``asked``: the sides that
    were asked for it. ``processor``: the source, or the gateway in Recurly's word where none is configured. ``waits``:
    why Salesforce need not have it yet; ``unheard``: why Recurly may have it and the ledger does not know. ``guessed``:
    nobody says of which site it is. ``ahead``: Recurly says it newer than the ledger has it. ``charged_back``: Recurly
    has a chargeback of it, as a refund of its own. ``paid`` and ``item``: what is behind the sides."""

    kind: Movement
    key: str
    reference: str
    site: str
    processor: str
    at: datetime
    asked: frozenset[System]
    account: str | None = None
    bank: bool = False
    recurly: Observation | None = None
    at_processor: Observation | None = None
    salesforce: Observation | None = None
    waits: str = ""
    unheard: str = ""
    guessed: bool = False
    ahead: bool = False
    charged_back: bool = False
    paid: Payment | None = None
    item: ProcessorObject | None = None

    def side(self, side: System) -> Observation | None:
        return {
            System.RECURLY: self.recurly,
            System.PROCESSOR: self.at_processor,
            System.SALESFORCE: self.salesforce,
        }[side]

    @property
    def origin(self) -> Observation | None:
        """The side that Salesforce's record is written from."""
        return self.at_processor if self.kind is Movement.DISPUTE and self.item else self.recurly

    @property
    def sides(self) -> dict[System, Observation]:
        """Those that have it."""
        found = {side: self.side(side) for side in System}
        return {side: seen for side, seen in found.items() if seen is not None}


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which the sides of a transfer differ. ``stake``: what it is about."""

    transfer: Transfer
    difference: Difference
    state: DiscrepancyState
    why: str = ""
    stake: Money | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What is compared: money that moved from ``since`` to before ``until``, on these sites, and not before the ledger
    knows them (``known_from``, by site). ``processors``: through these only; None: all."""

    since: datetime
    until: datetime
    sites: tuple[str, ...]
    processors: frozenset[str] | None = None
    known_from: Mapping[str, datetime] = field(default_factory=dict)

    def begins(self, site: str) -> datetime:
        """From when on a site is compared."""
        return max(self.since, self.known_from.get(site, self.since))

    def covers(self, transfer: Transfer) -> bool:
        wanted = self.processors is None or transfer.processor in self.processors
        return (
            wanted and transfer.site in self.sites and self.begins(transfer.site) <= transfer.at < self.until
        )
