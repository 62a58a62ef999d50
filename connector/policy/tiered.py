"""Rules whose cases are more urgent the more money they are about."""

from __future__ import annotations

from decimal import Decimal

from connector.policy.base import CaseRule, Tier


class TieredRule(CaseRule):
    """``tiers``: from an amount on, a priority; the highest tier reached wins over ``priority``."""

    tiers: tuple[Tier, ...] = ()

    def priority_of(self, amount: Decimal | None) -> str:
        reached = [tier for tier in self.tiers if amount is not None and amount >= tier.amount]
        return max(reached, key=lambda tier: tier.amount).priority if reached else self.priority

    def priorities(self) -> frozenset[str]:
        return super().priorities() | {tier.priority for tier in self.tiers}
