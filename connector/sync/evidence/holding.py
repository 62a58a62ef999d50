"""Which problems of an account belong to an incident: they are held back while it lasts, and for a while after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.facts import Facts, Incident, Payment
from connector.mappers import declines
from connector.policy import Policy

HELD: Final = "Part of an incident"
"""The outcome of a case that was opened before the incident was noticed."""


@dataclass(frozen=True, slots=True)
class Hold:
    """``until``: None while the incident lasts. ``case_key``: the incident's case, where it is known."""

    until: datetime | None
    case_key: str | None

    def lasts_at(self, now: datetime) -> bool:
        return self.until is None or now < self.until


def hold(declined: Sequence[Payment], facts: Facts, policy: Policy) -> Hold | None:
    """What holds an invoice back, if its newest failure belongs to an incident. A failure after it is its own."""
    settings = policy.rules.incident
    if not declined or not settings.enabled:
        return None
    last = declined[-1]
    if not _counts(last, policy):
        return None
    found = next(
        (one for one in reversed(facts.incidents) if one.covers(last.gateway, last.created_at)), None
    )
    return _hold(found, timedelta(hours=settings.release_hours)) if found else None


def _counts(payment: Payment, policy: Policy) -> bool:
    decline = declines.of(payment)
    return decline is not None and decline.category in policy.rules.incident.categories


def _hold(incident: Incident, grace: timedelta) -> Hold:
    until = None if incident.ended_at is None else incident.ended_at + grace
    return Hold(until, incident.case_key)
