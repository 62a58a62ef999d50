"""Problems of an account that an incident explains: suppressed while it lasts, and some hours after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.mappers import declines
from connector.models.facts import Facts, Incident, Payment
from connector.policy import Policy

SUPPRESSED: Final = "Part of an incident"
"""The outcome of a case that was opened before the incident was noticed."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """``until``: end of the suppression; None while the incident lasts."""

    until: datetime | None

    def lasts_at(self, now: datetime) -> bool:
        return self.until is None or now < self.until


def suppression_of(declined: Sequence[Payment], facts: Facts, policy: Policy) -> Suppression | None:
    """The suppression of an invoice whose newest failure belongs to an incident; None otherwise."""
    settings = policy.rules.incident
    if not declined or not settings.enabled:
        return None
    found = _incident(declined[-1], facts, policy)
    return _suppression(found, timedelta(hours=settings.release_hours)) if found else None


def case_of_incident(declined: Sequence[Payment], facts: Facts, policy: Policy) -> str | None:
    """Key of the case of the newest incident that explains any of these failures; None without a case."""
    found = [one for one in (_incident(payment, facts, policy) for payment in declined) if one]
    return max(found, key=lambda one: one.started_at).case_key if found else None


def _incident(failed: Payment, facts: Facts, policy: Policy) -> Incident | None:
    if not policy.rules.incident.enabled or not _counts(failed, policy):
        return None
    covers = (one for one in reversed(facts.incidents) if one.covers(failed.gateway, failed.created_at))
    return next(covers, None)


def _counts(payment: Payment, policy: Policy) -> bool:
    decline = declines.of(payment)
    return decline is not None and decline.category in policy.rules.incident.categories


def _suppression(incident: Incident, grace: timedelta) -> Suppression:
    until = None if incident.ended_at is None else incident.ended_at + grace
    return Suppression(until)
