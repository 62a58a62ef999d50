"""Stripe's kinds of event in plain words, for the timeline. A test holds them to the kinds handled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LABELS: Final[Mapping[str, str]] = {
    "charge.dispute.created": "Dispute opened",
    "charge.dispute.updated": "Dispute changed",
    "charge.dispute.closed": "Dispute closed",
    "charge.dispute.funds_withdrawn": "Disputed money taken back",
    "charge.dispute.funds_reinstated": "Disputed money returned",
    "radar.early_fraud_warning.created": "Issuer warns of fraud",
    "radar.early_fraud_warning.updated": "Fraud warning changed",
    "review.opened": "Payment held for review",
    "review.closed": "Payment review closed",
    "charge.pending": "Payment pending",
    "charge.succeeded": "Payment succeeded",
    "charge.captured": "Payment captured",
    "charge.updated": "Payment changed",
    "charge.failed": "Payment failed",
    "payment_intent.payment_failed": "Payment attempt failed",
    "charge.refunded": "Payment refunded",
    "charge.refund.updated": "Refund changed",
    "refund.created": "Refund started",
    "refund.updated": "Refund changed",
    "refund.failed": "Refund failed",
    "payout.created": "Payout started",
    "payout.updated": "Payout changed",
    "payout.paid": "Payout paid",
    "payout.reconciliation_completed": "Payout reconciled",
    "payout.canceled": "Payout canceled",
    "payout.failed": "Payout failed",
    "mandate.updated": "Mandate changed",
}
