"""Billing stories: they change the objects of the site and send the notifications Recurly would send.

A new one is a ``Story`` in a file of its kind and a line in ``STORIES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sandbox.recurly.scenarios import (
    crowds,
    customers,
    debits,
    disputes,
    frauds,
    money,
    outages,
    payouts,
    refunds,
    renewals,
)
from sandbox.recurly.scenarios.orders import Order, UnknownScenario, read
from sandbox.recurly.scenarios.player import play_story
from sandbox.recurly.site import Site

STORIES: Final = (
    customers.NEW_CUSTOMER_SIGNS_UP,
    renewals.RENEWAL_SUCCEEDS,
    renewals.RENEWAL_FAILS_THEN_RECOVERS,
    renewals.RENEWAL_RECOVERS_WITH_NEW_CARD,
    renewals.RENEWAL_FAILS_HARD,
    renewals.RENEWAL_LOST,
    renewals.ACH_RETURN,
    renewals.REOPENED_INVOICE,
    renewals.MANUAL_INVOICE_OVERDUE,
    renewals.YEN_AND_DINAR,
    customers.CARD_EXPIRING_THEN_UPDATED,
    customers.CARD_UPDATE_FAILS,
    customers.CUSTOMER_CANCELS,
    customers.CUSTOMER_CANCELS_THEN_REACTIVATES,
    customers.SUBSCRIPTION_EXPIRES_AFTER_CANCEL,
    customers.SUBSCRIPTION_PAUSES,
    customers.SUBSCRIPTION_CHANGES_PLAN,
    customers.PROFILE_EDITS,
    customers.ACCOUNT_CLOSED_AND_REDACTED,
    money.REFUND_ISSUED,
    money.REFUND_FAILS,
    money.CHARGEBACK_RECORDED,
    money.CREDIT_LEFT_UNAPPLIED,
    disputes.FAILED_RENEWAL_RECOVERS_AT_STRIPE,
    disputes.CHARGEBACK_WON,
    disputes.CHARGEBACK_WON_THEN_REVERSED,
    disputes.DISPUTE_UNANSWERED,
    disputes.DISPUTE_BEFORE_RECURLY,
    disputes.PAYPAL_INQUIRY_WITHDRAWN,
    refunds.REFUND_MEETS_DISPUTE,
    refunds.REFUND_FAILS_AT_BANK,
    payouts.PAYOUT_BOUNCES_THEN_PAID,
    debits.ACH_RETURN_AFTER_SUCCESS,
    debits.MANDATE_LOST,
    frauds.FRAUD_WARNING_REFUNDED,
    frauds.FRAUD_HELD_THEN_APPROVED,
    outages.GATEWAY_OUTAGE,
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What can be played by name. ``count``: by how many accounts, where the order does not say."""

    name: str
    title: str
    description: str
    play: Callable[[Site, Order], dict[str, Any]]
    count: int = 1


SCENARIOS: Final = (
    *(Scenario(s.name, s.title, s.description, partial(play_story, s), s.count) for s in STORIES),
    Scenario("population", "A population", "Customers from before; nothing is announced.", crowds.populate),
    Scenario("news", "News of a population", "One notification about each of its customers.", crowds.news),
    Scenario("burst", "A burst", "Many notifications about a population, at once.", crowds.burst),
)


def play(site: Site, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Raises UnknownScenario, BadOrder, Conflict."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario.play(site, read(body, _seed(site, body), scenario.count))
    raise UnknownScenario(f"unknown scenario {name}; GET scenarios lists them")


def _seed(site: Site, body: Mapping[str, Any]) -> int:
    """Without a seed each play is a new one."""
    return 0 if body.get("seed") is not None else site.next_seed()
