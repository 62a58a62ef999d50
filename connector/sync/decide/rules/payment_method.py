"""The next renewal will fail: the payment method is invalid, or its card expires first.

A card counts as expiring when it expires before the next renewal of a live subscription and that renewal is within
``days_before`` days, or when Recurly reported it in the current period. The case is over when the method is valid
again ("Updated"), or when no renewal needs it ("No longer needed").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from connector.mappers import phrases
from connector.mappers.fields import Case as F
from connector.mappers.records import recurly_links
from connector.mappers.records import subscription as subscriptions
from connector.models.facts import Account, Facts, Money, PaymentMethod, Subscription, TimelineEvent
from connector.models.plan import Change, Parent
from connector.policy import Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.context.facts_index import (
    CARD_WILL_EXPIRE,
    METHOD_UPDATED,
    UPDATE_FAILED,
    FactsIndex,
    earliest,
    final_declines,
    latest,
    live,
    times,
)
from connector.sync.decide.lifecycle import Problem

NAME = "payment_method"
STEM = "payment_method"
_INVALID = "The payment method is no longer valid."
_EXPIRING = "The card expires before the next renewal."
_ACTION = "Ask the customer to update the payment method before the renewal."


@dataclass(frozen=True, slots=True)
class _State:
    """``problem``: None if the method is valid; ``trouble``: times of certain signs of a problem, also past ones."""

    problem: str | None
    renewal: Subscription | None
    trouble: tuple[datetime, ...]
    updates: tuple[datetime, ...]
    since: datetime | None


def changes(facts: Facts, policy: Policy) -> list[Change]:
    account, settings = facts.account, policy.rules.payment_method
    if account is None:
        return []
    index = FactsIndex(facts)
    state = _state(account, index, settings.days_before)
    return lifecycle.changes(NAME, [_problem(account, state, index, policy)], facts, policy, settings)


def look_again_at(facts: Facts, policy: Policy) -> datetime | None:
    """When the card on file will count as expiring."""
    method = facts.account.payment_method if facts.account else None
    days = timedelta(days=policy.rules.payment_method.days_before)
    due = [at - days for at in (_renews_at(s) for s in _threatened(facts, method)) if at]
    return min((at for at in due if at > facts.now), default=None)


def _state(account: Account, index: FactsIndex, days_before: int) -> _State:
    facts, method = index.facts, account.payment_method
    warnings = index.events(CARD_WILL_EXPIRE, *facts.subscriptions)
    updates = tuple(at for at in times(index.events(METHOD_UPDATED, account)) if at)
    failures = _failures(account, index, updates)
    renewing = _renewing(facts)
    trouble = tuple(sorted([event.occurred_at for event in warnings] + failures))
    if method is not None and method.valid is False:
        since = next((at for at in failures if not any(at <= u for u in updates)), None)
        return _State(_INVALID, _first(renewing), trouble, updates, since or method.updated_at)
    expiring = _expiring(facts, method, days_before)
    warned = [s for s in renewing if _warned(s, method, warnings, updates, index)]
    threatened = _first([*expiring, *warned])
    if threatened is None:
        return _State(None, None, trouble, updates, earliest(*trouble))
    return _State(
        _EXPIRING,
        threatened,
        trouble,
        updates,
        _noticed(threatened, method, warnings, days_before, index.facts.zone),
    )


def _failures(account: Account, index: FactsIndex, updates: tuple[datetime, ...]) -> list[datetime]:
    """Times of final declines and failed updates. A decline counts only if the method was updated later or is invalid
    now; otherwise it concerns only its payment."""
    method = account.payment_method
    invalid = method is not None and method.valid is False
    declined = [at for at in times(final_declines(index.facts.payments)) if at]
    counted = [at for at in declined if invalid or any(at <= update for update in updates)]
    failed = [at for at in times(index.events(UPDATE_FAILED, account)) if at]
    return sorted(counted + failed)


def _renewing(facts: Facts) -> list[Subscription]:
    return [s for s in live(facts.subscriptions) if s.state == "active" and s.auto_renew is not False]


def _renews_at(item: Subscription) -> datetime | None:
    return item.current_period_ends_at


def _threatened(facts: Facts, method: PaymentMethod | None) -> list[Subscription]:
    """Renewing subscriptions whose next renewal is after the expiry of the card."""
    expires = _expires_at(method, facts.zone)
    if expires is None:
        return []
    return [s for s in _renewing(facts) if (at := _renews_at(s)) is not None and expires <= at]


def _expiring(facts: Facts, method: PaymentMethod | None, days_before: int) -> list[Subscription]:
    horizon = facts.now + timedelta(days=days_before)
    return [s for s in _threatened(facts, method) if (at := _renews_at(s)) is not None and at <= horizon]


def _warned(
    item: Subscription,
    method: PaymentMethod | None,
    warnings: list[TimelineEvent],
    updates: tuple[datetime, ...],
    index: FactsIndex,
) -> bool:
    """Whether Recurly warned in this period, and nothing was updated since."""
    changed = latest(*updates, method.updated_at if method else None)
    mine = {event.event_id for event in index.events(CARD_WILL_EXPIRE, item)}
    warned_at = latest(*(event.occurred_at for event in warnings if event.event_id in mine))
    started = item.current_period_started_at
    if warned_at is None or (started is not None and warned_at < started):
        return False
    return changed is None or changed < warned_at


def _expires_at(method: PaymentMethod | None, zone: tzinfo) -> datetime | None:
    """When the card expires: the end of its month in the time zone of the site."""
    if method is None or method.exp_month is None or method.exp_year is None:
        return None
    month, year = method.exp_month, method.exp_year
    if not (1 <= month <= 12 and 1 <= year < 9999):
        return None
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)


def _first(items: list[Subscription]) -> Subscription | None:
    """The subscription that renews first."""
    far = datetime.max.replace(tzinfo=UTC)
    return min(items, key=lambda s: (_renews_at(s) or far, s.uuid), default=None)


def _noticed(
    item: Subscription,
    method: PaymentMethod | None,
    warnings: list[TimelineEvent],
    days_before: int,
    zone: tzinfo,
) -> datetime | None:
    renewal = _renews_at(item)
    near = renewal - timedelta(days=days_before) if renewal else None
    warned = [
        event.occurred_at for event in warnings if event.occurred_at >= _epoch(item.current_period_started_at)
    ]
    return earliest(near, _expires_at(method, zone), *warned)


def _epoch(at: datetime | None) -> datetime:
    return at or datetime.min.replace(tzinfo=UTC)


def _problem(account: Account, state: _State, index: FactsIndex, policy: Policy) -> Problem:
    facts, method, renewal = index.facts, account.payment_method, state.renewal
    at_stake = subscriptions.monthly(renewal) if renewal else None
    subscription = {F.SUBSCRIPTION: _parent(facts, renewal)} if renewal else {}
    renews_at = _renews_at(renewal) if renewal else None
    return Problem(
        object="account",
        id=account.code,
        name=STEM,
        open=state.problem is not None,
        evident=state.problem is not None or bool(state.trouble),
        why=_why(state),
        opened_at=state.since,
        last_signal_at=latest(*state.trouble),
        resolved_at=_over_at(state, method),
        outcome="Updated" if _is_updated(state, method) else "No longer needed",
        amount=Money(at_stake, renewal.currency) if renewal and at_stake is not None else None,
        fields={
            F.REASON: state.problem,
            F.ACTION: _ACTION if state.problem else None,
            F.DEADLINE: phrases.on(renews_at),
            F.LINK: recurly_links.account(facts, policy),
        },
        parents=subscription,
        stable={"account": facts.code},
        fresh={
            "problem": state.problem,
            "action": _ACTION if state.problem else None,
            "method": phrases.method(method),
            "renewal_on": phrases.day(renews_at),
            "at_stake": phrases.money(at_stake, renewal.currency) if renewal else None,
            "plan": renewal.plan_name or renewal.plan_code if renewal else None,
        },
    )


def _parent(facts: Facts, item: Subscription) -> Parent:
    return Parent("Billing_Subscription__c", subscriptions.key(facts, item))


def _why(state: _State) -> str:
    if state.problem == _INVALID:
        return "the payment method is invalid"
    return "the card expires before the next renewal" if state.problem else "the payment method is good"


def _over_at(state: _State, method: PaymentMethod | None) -> datetime | None:
    """Time of the update that solved it; without one, of the last sign of a problem."""
    last, changed = latest(*state.trouble), method.updated_at if method else None
    updated_after = [at for at in state.updates if last is None or at >= last]
    if updated_after:
        return min(updated_after)
    return changed if last is None or (changed is not None and changed >= last) else last


def _is_updated(state: _State, method: PaymentMethod | None) -> bool:
    last, changed = latest(*state.trouble), latest(*state.updates, method.updated_at if method else None)
    return changed is not None and (last is None or changed >= last)
