"""The rules in the order of evaluation, each with its subjects, next check, policy and timeline objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from connector.models.events import Urgency
from connector.models.facts import (
    Account,
    CreditPayment,
    Facts,
    Invoice,
    Kind,
    Payment,
    SubjectKind,
    Subscription,
)
from connector.models.plan import Change
from connector.policy import Policy
from connector.policy.base import CaseRule
from connector.policy.billing import Cancellation, Chargeback, PaymentFailed, PaymentMethod, UnappliedCredit
from connector.policy.discrepancies import DiscrepancyRule
from connector.policy.disputes import Dispute, FraudWarning
from connector.policy.incidents import IncidentRule
from connector.policy.linking import AccountMatch
from connector.policy.payouts import BankDebit, Payout
from connector.policy.refunds import Refund
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
    timeline,
    unapplied_credit,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with all that others ask of it.

    ``look_again_at``: when time alone will change the result, for a rule that watches a date; ``urgency``: how urgent
    that date is. ``about``: the kinds of subject that it decides. ``policy``: its section ``[rules.<name>]`` of the
    policy; None for a rule that opens no cases. ``timeline``: the objects whose events appear on the timeline of its
    cases, each with the problems of those cases.
    """

    name: str
    changes: Callable[[Facts, Policy], list[Change]]
    look_again_at: Callable[[Facts, Policy], datetime | None] | None = None
    about: frozenset[SubjectKind] = frozenset({SubjectKind.ACCOUNT})
    urgency: Urgency = Urgency.ROUTINE
    policy: type[CaseRule] | None = None
    timeline: Mapping[Kind | type, tuple[str, ...]] = field(default_factory=dict)


RULES: Final = (
    Rule(account.NAME, account.changes, account.look_again_at),
    Rule(account_match.NAME, account_match.changes, policy=AccountMatch),
    Rule(records.SUBSCRIPTIONS, records.subscriptions),
    Rule(records.INVOICES, records.invoices),
    Rule(records.PAYMENTS, records.payments),
    Rule(
        payment_failed.NAME,
        payment_failed.changes,
        payment_failed.look_again_at,
        urgency=Urgency.FAILURE,
        policy=PaymentFailed,
        timeline={Invoice: ("past_due",), Payment: ("past_due",), CreditPayment: ("past_due",)},
    ),
    Rule(
        payment_method.NAME,
        payment_method.changes,
        payment_method.look_again_at,
        policy=PaymentMethod,
        timeline={Account: ("payment_method",), Subscription: ("payment_method",)},
    ),
    Rule(
        cancellation.NAME,
        cancellation.changes,
        policy=Cancellation,
        timeline={Subscription: ("cancellation",)},
    ),
    Rule(records.REFUNDS, records.refunds, about=ABOUT),
    Rule(
        refund.NAME,
        refund.changes,
        refund.look_again_at,
        ABOUT,
        Urgency.FAILURE,
        policy=Refund,
        timeline={
            Kind.REFUND: ("refund_failed", "refund_review"),
            Payment: ("refund_failed", "refund_review"),
        },
    ),
    Rule(records.DISPUTES, records.disputes, about=ABOUT),
    Rule(
        dispute.NAME,
        dispute.changes,
        dispute.look_again_at,
        ABOUT,
        Urgency.DISPUTE,
        policy=Dispute,
        timeline={Kind.DISPUTE: ("dispute",)},
    ),
    Rule(
        fraud_warning.NAME,
        fraud_warning.changes,
        fraud_warning.look_again_at,
        ABOUT,
        Urgency.DISPUTE,
        policy=FraudWarning,
        timeline={Kind.FRAUD_WARNING: ("fraud_warning",)},
    ),
    Rule(chargeback.NAME, chargeback.changes, policy=Chargeback, timeline={Payment: ("chargeback",)}),
    Rule(
        bank_debit.NAME,
        bank_debit.changes,
        bank_debit.look_again_at,
        ABOUT,
        Urgency.FAILURE,
        policy=BankDebit,
        timeline={Kind.MANDATE: ("mandate_lost",), Kind.CHARGE: ("bank_debit",)},
    ),
    Rule(
        unapplied_credit.NAME,
        unapplied_credit.changes,
        policy=UnappliedCredit,
        timeline={Invoice: ("unapplied_credit",), CreditPayment: ("unapplied_credit",)},
    ),
    Rule(records.PAYOUTS, records.payouts, about=frozenset({SubjectKind.PAYEE})),
    Rule(
        payout.NAME,
        payout.changes,
        about=frozenset({SubjectKind.PAYEE}),
        policy=Payout,
        timeline={Kind.PAYOUT: ("payout_failed",)},
    ),
    Rule(incident.NAME, incident.changes, about=frozenset({SubjectKind.GATEWAY}), policy=IncidentRule),
    Rule(
        discrepancy.NAME,
        discrepancy.changes,
        about=frozenset({SubjectKind.DISCREPANCY}),
        policy=DiscrepancyRule,
    ),
)
"""All but the timeline, which comes last because it links events to the cases of the same plan."""

PROCESSOR_CASES: Final = timeline.in_order(
    (kind, problems) for rule in RULES for kind, problems in rule.timeline.items() if isinstance(kind, Kind)
)
"""Kind of processor object and problem of each case on whose timeline its events may appear."""
