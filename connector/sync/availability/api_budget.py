"""Which work the org's API calls are still enough for: disputes always, profile edits only while there are plenty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent
from connector.ledger import api_usage
from connector.ledger.api_usage import ApiUsage
from connector.models.events import Urgency
from connector.policy import Budget
from connector.sync.availability.circuit_breaker import DESTINATION

log = structlog.get_logger("connector.spending")

ASKED_EVERY: Final = 300.0
"""Seconds after which the org is asked how much is left, where what it said last makes work wait."""

WAITS: Final[Mapping[Urgency, str]] = {
    Urgency.ROUTINE: "",
    Urgency.FAILURE: "profile edits wait",
    Urgency.DISPUTE: "only disputes are written",
}
"""What does not go on at each level."""


class Limits(Protocol):
    """What the org says of its limit (``clients/salesforce``)."""

    @property
    def usage(self) -> tuple[int, int] | None: ...
    @property
    def usage_at(self) -> float | None: ...
    def limits(self) -> Mapping[str, Mapping[str, int]]: ...


def level(told: ApiUsage, settings: Budget) -> Urgency:
    """The least urgent work that goes on."""
    left = max(told.allowed - told.used, 0) * 100
    reserve = told.allowed * settings.reserve_percent
    if left > reserve + told.allowed * settings.urgent_percent:
        return Urgency.ROUTINE
    return Urgency.FAILURE if left > reserve else Urgency.DISPUTE


def in_words(told: ApiUsage, settings: Budget) -> str:
    """One line for an admin."""
    reserve = told.allowed * settings.reserve_percent // 100
    waits = WAITS[level(told, settings)]
    line = f"{told.used:,} of {told.allowed:,} calls used in 24 hours, {reserve:,} kept for people"
    return f"{line}: {waits}" if waits else line


def left(engine: Engine, settings: Budget) -> str:
    """What is left of the org's calls, in words, as far as it has told."""
    with engine.connect() as connection:
        told = api_usage.told(connection, DESTINATION)
    return in_words(told, settings) if told else "the org has not told how many calls are left"


def free(engine: Engine, settings: Budget) -> int | None:
    """How many calls are left but for those that are kept for people; None where the org has not told."""
    with engine.connect() as connection:
        told = api_usage.told(connection, DESTINATION)
    if told is None:
        return None
    return max(told.allowed - told.used - told.allowed * settings.reserve_percent // 100, 0)


@dataclass
class ApiBudget:
    """The org's budget as all workers see it."""

    engine: Engine
    crm: Limits
    settings: Budget
    _last: Urgency = field(default=Urgency.ROUTINE, init=False)
    _noted_at: float | None = field(default=None, init=False)

    def level(self) -> Urgency:
        """The least urgent work that may be done now. Where that makes work wait and nobody has heard from the org
        for a while, it is asked: one call."""
        told = self._told()
        found = level(told, self.settings) if told else Urgency.ROUTINE
        if told and found is not Urgency.ROUTINE and told.age > ASKED_EVERY:
            daily = self.crm.limits()["DailyApiRequests"]
            told = ApiUsage(daily["Max"] - daily["Remaining"], daily["Max"], 0.0)
            self._keep(told)
            found = level(told, self.settings)
        if told and found is not self._last:
            log.warning("budget", told=in_words(told, self.settings), outcome=WAITS[found] or "all goes on")
            self._last = found
        return found

    def note(self) -> None:
        """Keep what the last answer said, once."""
        if self.crm.usage is not None and self.crm.usage_at != self._noted_at:
            self._noted_at = self.crm.usage_at
            self._keep(ApiUsage(*self.crm.usage, 0.0))

    def require(self) -> None:
        """Permanent where routine work has to wait: what an admin asked for is no more urgent than what people need the
        calls for."""
        if self.level() < Urgency.ROUTINE:
            raise Permanent("The org's API calls are short: what is left is kept for people and urgent work.")

    def _told(self) -> ApiUsage | None:
        with self.engine.connect() as connection:
            return api_usage.told(connection, DESTINATION)

    def _keep(self, told: ApiUsage) -> None:
        with self.engine.begin() as connection:
            api_usage.note(connection, DESTINATION, told.used, told.allowed)
