"""PayPal's kinds of event in plain words, for the timeline. A test holds them to the kinds handled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LABELS: Final[Mapping[str, str]] = {
    "CUSTOMER.DISPUTE.CREATED": "Dispute opened",
    "CUSTOMER.DISPUTE.UPDATED": "Dispute changed",
    "CUSTOMER.DISPUTE.RESOLVED": "Dispute resolved",
    "RISK.DISPUTE.CREATED": "Dispute opened",
    "PAYMENT.CAPTURE.COMPLETED": "Payment succeeded",
    "PAYMENT.CAPTURE.PENDING": "Payment pending",
    "PAYMENT.CAPTURE.DECLINED": "Payment declined",
    "PAYMENT.CAPTURE.DENIED": "Payment denied",
    "PAYMENT.CAPTURE.REVERSED": "Payment taken back",
    "PAYMENT.CAPTURE.REFUNDED": "Payment refunded",
    "PAYMENT.REFUND.PENDING": "Refund pending",
    "PAYMENT.REFUND.FAILED": "Refund failed",
    "PAYMENT.SALE.COMPLETED": "Payment succeeded",
    "PAYMENT.SALE.PENDING": "Payment pending",
    "PAYMENT.SALE.DENIED": "Payment denied",
    "PAYMENT.SALE.REVERSED": "Payment taken back",
    "PAYMENT.SALE.REFUNDED": "Payment refunded",
    "PAYMENT.PAYOUTS-ITEM.SUCCEEDED": "Payout paid",
    "PAYMENT.PAYOUTS-ITEM.HELD": "Payout held",
    "PAYMENT.PAYOUTS-ITEM.UNCLAIMED": "Payout not claimed yet",
    "PAYMENT.PAYOUTS-ITEM.CANCELED": "Payout canceled",
    "PAYMENT.PAYOUTS-ITEM.BLOCKED": "Payout blocked",
    "PAYMENT.PAYOUTS-ITEM.DENIED": "Payout denied",
    "PAYMENT.PAYOUTS-ITEM.FAILED": "Payout failed",
    "PAYMENT.PAYOUTS-ITEM.REFUNDED": "Payout sent back by the payee",
    "PAYMENT.PAYOUTS-ITEM.RETURNED": "Payout returned",
    "PAYMENT.PAYOUTSBATCH.DENIED": "Payout batch denied",
    "BILLING_AGREEMENTS.AGREEMENT.CANCELLED": "PayPal agreement canceled",
    "VAULT.PAYMENT-TOKEN.DELETED": "PayPal payment method removed",
}
