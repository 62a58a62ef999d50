"""The API budget: which urgencies may still use the org's API calls. Disputes always, others while many remain."""

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
"""While work waits for the budget, the org is asked for its usage after so many seconds without an update."""

WAITS: Final[Mapping[Urgency, str]] = {
    Urgency.ROUTINE: "",
    Urgency.FAILURE: "profile edits wait",
    Urgency.DISPUTE: "only disputes are written",
}
"""Level → the work that waits, in words."""


class Limits(Protocol):
    """The API usage and limits that the org reports (``clients/salesforce``)."""

    @property
    def usage(self) -> tuple[int, int] | None: ...
    @property
    def usage_at(self) -> float | None: ...
    def limits(self) -> Mapping[str, Mapping[str, int]]: ...


def level(usage: ApiUsage, settings: Budget) -> Urgency:
    """The least urgent work that is allowed at this usage."""
    left = max(usage.allowed - usage.used, 0) * 100
    reserve = usage.allowed * settings.reserve_percent
    if left > reserve + usage.allowed * settings.urgent_percent:
        return Urgency.ROUTINE
    return Urgency.FAILURE if left > reserve else Urgency.DISPUTE


def in_words(usage: ApiUsage, settings: Budget) -> str:
    """Describe the usage in one line for an admin."""
    reserve = usage.allowed * settings.reserve_percent // 100
    waits = WAITS[level(usage, settings)]
    line = f"{usage.used:,} of {usage.allowed:,} calls used in 24 hours, {reserve:,} kept for people"
    return f"{line}: {waits}" if waits else line


def left(engine: Engine, settings: Budget) -> str:
    """Describe the remaining API calls, if the org has reported them."""
    with engine.connect() as connection:
        usage = api_usage.load(connection, DESTINATION)
    return in_words(usage, settings) if usage else "the org has not reported how many calls are left"


def free(engine: Engine, settings: Budget) -> int | None:
    """How many calls remain beyond the reserve for people; None if the org has not reported its usage."""
    with engine.connect() as connection:
        usage = api_usage.load(connection, DESTINATION)
    if usage is None:
        return None
    return max(usage.allowed - usage.used - usage.allowed * settings.reserve_percent // 100, 0)


@dataclass
class ApiBudget:
    """The org's API budget, shared by all workers through the ledger."""

    engine: Engine
    crm: Limits
    settings: Budget
    _last: Urgency = field(default=Urgency.ROUTINE, init=False)
    _noted_at: float | None = field(default=None, init=False)

    def level(self) -> Urgency:
        """The least urgent work that is allowed now. If work waits and the usage is old, ask the org by one call."""
        usage = self._told()
        found = level(usage, self.settings) if usage else Urgency.ROUTINE
        if usage and found is not Urgency.ROUTINE and usage.age > ASKED_EVERY:
            daily = self.crm.limits()["DailyApiRequests"]
            usage = ApiUsage(daily["Max"] - daily["Remaining"], daily["Max"], 0.0)
            self._keep(usage)
            found = level(usage, self.settings)
        if usage and found is not self._last:
            log.warning("budget", told=in_words(usage, self.settings), outcome=WAITS[found] or "all goes on")
            self._last = found
        return found

    def note(self) -> None:
        """Store the usage of the last response, once."""
        if self.crm.usage is not None and self.crm.usage_at != self._noted_at:
            self._noted_at = self.crm.usage_at
            self._keep(ApiUsage(*self.crm.usage, 0.0))

    def require(self) -> None:
        """Raise Permanent if routine work has to wait: an admin's command is not more urgent than the calls that people
        need."""
        if self.level() < Urgency.ROUTINE:
            raise Permanent("The org's API calls are short: what is left is kept for people and urgent work.")

    def _told(self) -> ApiUsage | None:
        with self.engine.connect() as connection:
            return api_usage.load(connection, DESTINATION)

    def _keep(self, usage: ApiUsage) -> None:
        with self.engine.begin() as connection:
            api_usage.note(connection, DESTINATION, usage.used, usage.allowed)
