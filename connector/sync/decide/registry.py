"""The rules in the order in which they are asked, each with the subjects it reads and its next check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.models.events import Urgency
from connector.models.facts import Facts, SubjectKind
from connector.models.plan import Change
from connector.policy import Policy
from connector.sync.decide.context.processor_helpers import ABOUT
from connector.sync.decide.rules import (
    account,
    account_match,
    bank_debit,
    cancellation,
    chargeback,
    discrepancy,
    dispute,
    fraud_warning,
    incident,
    payment_failed,
    payment_method,
    payout,
    records,
    refund,
    unapplied_credit,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """``look_again_at``: when time alone will change what the rule says, for one that watches a date; ``urgency``: how
    urgent that date is. ``about``: the kinds of subject it has something to say of."""

    name: str
    changes: Callable[[Facts, Policy], list[Change]]
    look_again_at: Callable[[Facts, Policy], datetime | None] | None = None
    about: frozenset[SubjectKind] = frozenset({SubjectKind.ACCOUNT})
    urgency: Urgency = Urgency.ROUTINE


RULES: Final = (
    Rule(account.NAME, account.changes, account.look_again_at),
    Rule(account_match.NAME, account_match.changes),
    Rule(records.SUBSCRIPTIONS, records.subscriptions),
    Rule(records.INVOICES, records.invoices),
    Rule(records.PAYMENTS, records.payments),
    Rule(payment_failed.NAME, payment_failed.changes, payment_failed.look_again_at, urgency=Urgency.FAILURE),
    Rule(payment_method.NAME, payment_method.changes, payment_method.look_again_at),
    Rule(cancellation.NAME, cancellation.changes),
    Rule(records.REFUNDS, records.refunds, about=ABOUT),
    Rule(refund.NAME, refund.changes, refund.look_again_at, ABOUT, Urgency.FAILURE),
    Rule(records.DISPUTES, records.disputes, about=ABOUT),
    Rule(dispute.NAME, dispute.changes, dispute.look_again_at, ABOUT, Urgency.DISPUTE),
    Rule(fraud_warning.NAME, fraud_warning.changes, fraud_warning.look_again_at, ABOUT, Urgency.DISPUTE),
    Rule(chargeback.NAME, chargeback.changes),
    Rule(bank_debit.NAME, bank_debit.changes, bank_debit.look_again_at, ABOUT, Urgency.FAILURE),
    Rule(unapplied_credit.NAME, unapplied_credit.changes),
    Rule(records.PAYOUTS, records.payouts, about=frozenset({SubjectKind.PAYEE})),
    Rule(payout.NAME, payout.changes, about=frozenset({SubjectKind.PAYEE})),
    Rule(incident.NAME, incident.changes, about=frozenset({SubjectKind.GATEWAY})),
    Rule(discrepancy.NAME, discrepancy.changes, about=frozenset({SubjectKind.DISCREPANCY})),
)
"""All but the timeline, which comes last because it links events to the cases of the same plan."""
