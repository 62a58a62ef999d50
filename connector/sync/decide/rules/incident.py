"""Payments of many accounts fail at one gateway: operations gets one case, and the cases of accounts are suppressed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from connector.mappers import phrases
from connector.mappers.fields import Case as F
from connector.models.facts import Facts, Incident
from connector.models.plan import Change
from connector.policy import Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.lifecycle import Problem

NAME = "incident"
STEM = "incident"
_ACTION = (
    "Check the gateway's status page and settings, and tell it if it does not know yet. Once payments go through "
    "again, Recurly's retries collect most invoices by themselves; start a collection by hand for those that cannot "
    "wait."
)


def changes(facts: Facts, policy: Policy) -> list[Change]:
    """The case of the newest incident of a gateway; earlier incidents have had theirs."""
    problems = [_problem(one, facts) for one in facts.incidents[-1:]]
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.incident)


def _problem(one: Incident, facts: Facts) -> Problem:
    lasts, touched = one.ended_at is None, phrases.count(one.accounts, "account")
    return Problem(
        object="gateway",
        id=one.gateway,
        name=STEM,
        open=lasts,
        evident=True,
        why=f"payments of {touched} failed through {one.gateway}"
        if lasts
        else f"payments go through {one.gateway} again",
        opened_at=one.started_at,
        last_signal_at=one.last_failure_at,
        resolved_at=one.ended_at,
        outcome="Recovered",
        fields={
            F.REASON: f"{phrases.count(one.failed, 'payment')} of {touched} failed at the gateway.",
            F.ACTION: _ACTION,
            F.GATEWAY: one.gateway,
            F.AFFECTED: one.accounts,
            F.SUCCESS_RATE: success_rate(one),
        },
        stable={"account": None, "gateway": one.gateway, "site": facts.site},
        fresh={
            "accounts": one.accounts,
            "failed": one.failed,
            "success_rate": int(success_rate(one)),
            "started": _at(one.started_at),
            "last_failure": _at(one.last_failure_at),
            "action": _ACTION,
        },
    )


def success_rate(one: Incident) -> Decimal:
    """Percentage of successful attempts during the incident."""
    tried = one.failed + one.succeeded
    return (Decimal(100 * one.succeeded) / tried).quantize(Decimal("0.01")) if tried else Decimal(0)


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
