"""Braintree's kinds of notification in plain words, for the timeline. A test holds them to the kinds handled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LABELS: Final[Mapping[str, str]] = {
    "dispute_opened": "Dispute opened",
    "dispute_under_review": "Dispute under review at Braintree",
    "dispute_disputed": "Dispute contested",
    "dispute_won": "Dispute won",
    "dispute_lost": "Dispute lost",
    "dispute_accepted": "Dispute accepted",
    "dispute_auto_accepted": "Dispute accepted automatically",
    "dispute_expired": "Dispute expired without an answer",
    "refund_failed": "Refund failed",
    "transaction_settled": "Bank transaction settled",
    "transaction_settlement_declined": "Bank transaction returned",
    "transaction_disbursed": "Payment paid out to the merchant",
    "transaction_retried": "Payment tried again",
    "transaction_reviewed": "Payment reviewed for fraud",
    "local_payment_completed": "Local payment approved",
    "local_payment_funded": "Local payment received",
    "local_payment_reversed": "Local payment reversed",
    "disbursement": "Payout sent",
    "disbursement_exception": "Payout failed",
    "payment_method_revoked_by_customer": "Payment method revoked by the customer",
}
