"""What Salesforce should say, rule by rule: one file for each, in the order in which they are asked.

A rule is pure: facts and policy in, changes out. Rules do not know each other. To add one: write its file, say it
in one sentence at its top, add its line here, its section to the policy, and its table test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.facts import Facts
from connector.plan import Change
from connector.policy import Policy
from connector.sync.rules import (
    account,
    cancellation,
    chargeback,
    invoices,
    payment_failed,
    payment_method,
    payments,
    refund,
    subscriptions,
    unapplied_credit,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """``look_again_at``: when time alone will change what the rule says, for the one that watches a date."""

    name: str
    changes: Callable[[Facts, Policy], list[Change]]
    look_again_at: Callable[[Facts, Policy], datetime | None] | None = None


RULES: Final = (
    Rule(account.NAME, account.changes),
    Rule(subscriptions.NAME, subscriptions.changes),
    Rule(invoices.NAME, invoices.changes),
    Rule(payments.NAME, payments.changes),
    Rule(payment_failed.NAME, payment_failed.changes),
    Rule(payment_method.NAME, payment_method.changes, payment_method.look_again_at),
    Rule(cancellation.NAME, cancellation.changes),
    Rule(refund.NAME, refund.changes),
    Rule(chargeback.NAME, chargeback.changes),
    Rule(unapplied_credit.NAME, unapplied_credit.changes),
)
"""All but the timeline, which comes last because it links events to the cases of the same plan."""
