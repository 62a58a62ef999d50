"""A customer is leaving: canceled, not renewing, or paused, with the value at stake and the day it ends."""

from __future__ import annotations

from datetime import datetime

from connector.mappers import phrases
from connector.mappers.fields import Case as F
from connector.mappers.records import recurly_links
from connector.mappers.records import subscription as subscriptions
from connector.models.facts import Facts, Money, Subscription
from connector.models.plan import Change, Parent
from connector.policy import Cancellation, Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.context.facts_index import BACK, CANCELED, PAUSED, FactsIndex, times
from connector.sync.decide.lifecycle import Problem

NAME = "cancellation"
STEM = "cancellation"
_PROBLEMS = {
    "canceled": "The subscription is canceled and will not renew.",
    "paused": "The subscription is paused.",
    "non-renewing": "The subscription ends with its term; renewal is off.",
}
_ACTION = "Call the customer before it ends: learn the reason and make the offers that policy allows."


def changes(facts: Facts, policy: Policy) -> list[Change]:
    index, settings = FactsIndex(facts), policy.rules.cancellation
    problems = [_problem(item, index, settings, policy) for item in facts.subscriptions]
    return lifecycle.changes(NAME, problems, facts, policy, settings)


def _problem(item: Subscription, index: FactsIndex, settings: Cancellation, policy: Policy) -> Problem:
    leaving = _leaving(item)
    value = subscriptions.monthly(item)
    ends = _ends(item, leaving)
    problem_text = _PROBLEMS.get(leaving or "")
    return Problem(
        object="subscription",
        id=item.uuid,
        name=STEM,
        open=leaving is not None,
        evident=_is_evident(item, leaving, index, settings),
        why=f"subscription {item.uuid} is {leaving or phrases.plain(item.state)}",
        opened_at=_since(item, leaving, index),
        last_signal_at=_signal(item, index),
        resolved_at=_over_at(item, index),
        outcome="Lost" if item.state in ("expired", "failed") else "Saved",
        amount=Money(value, item.currency) if value is not None else None,
        fields={
            F.REASON: problem_text,
            F.ACTION: _ACTION,
            F.DEADLINE: phrases.on(ends),
            F.LINK: recurly_links.to(item, index.facts, policy),
        },
        parents={F.SUBSCRIPTION: Parent("Billing_Subscription__c", subscriptions.key(index.facts, item))},
        stable={"account": index.facts.code},
        fresh={
            "problem": problem_text,
            "action": _ACTION,
            "plan": item.plan_name or item.plan_code,
            "value": phrases.money(value, item.currency),
            "customer_since": phrases.day(item.activated_at),
            "ends_on": phrases.day(ends),
            "expiration_reason": item.expiration_reason,
        },
    )


def _leaving(item: Subscription) -> str | None:
    if item.state in ("canceled", "paused"):
        return item.state
    ends = item.expires_at or item.current_period_ends_at
    return "non-renewing" if item.state == "active" and item.auto_renew is False and ends else None


def _is_evident(item: Subscription, leaving: str | None, index: FactsIndex, settings: Cancellation) -> bool:
    """Whether it certainly happened, also if it is over: by an event, or by the times of an expired subscription."""
    if leaving == "canceled" or index.events(CANCELED, item) or _was_canceled(item):
        return True
    if settings.include_paused and (leaving == "paused" or index.events(PAUSED, item)):
        return True
    ran_out = item.state == "expired" and item.auto_renew is False and not _was_ended_at_once(item)
    return settings.include_non_renewing and (leaving == "non-renewing" or ran_out)


def _was_canceled(item: Subscription) -> bool:
    """Canceled before it expired. If it ended at once both times are the same, and there was no time to call."""
    canceled, expired = item.canceled_at, item.expires_at
    return item.state == "expired" and canceled is not None and expired is not None and canceled < expired


def _was_ended_at_once(item: Subscription) -> bool:
    return item.canceled_at is not None and item.canceled_at == item.expires_at


def _since(item: Subscription, leaving: str | None, index: FactsIndex) -> datetime | None:
    if leaving == "non-renewing":
        return item.current_period_started_at or item.activated_at
    if leaving == "paused" and item.paused_at:
        return item.paused_at
    return _signal(item, index) or item.current_period_started_at or item.activated_at


def _signal(item: Subscription, index: FactsIndex) -> datetime | None:
    """Time of the last cancellation or pause: from the object if possible, because it outlives events."""
    events = times(index.events(CANCELED | PAUSED, item))
    reported_at = item.canceled_at if item.state in ("canceled", "expired") else item.paused_at
    return reported_at or (events[-1] if events else None)


def _over_at(item: Subscription, index: FactsIndex) -> datetime | None:
    if item.state == "expired":
        return item.expires_at or item.updated_at
    signal = _signal(item, index)
    back = times(index.events(BACK, item))
    later = [at for at in back if at and (signal is None or at >= signal)]
    return later[0] if later else item.updated_at


def _ends(item: Subscription, leaving: str | None) -> datetime | None:
    if leaving == "paused":
        return item.resume_at
    return item.expires_at or item.current_period_ends_at
