"""PayPal: its settings and labels. Its API is not called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connector.sources.info import ProcessorSettings, SourceInfo, listed, setting


def _hosts(text: str) -> tuple[str, ...] | None:
    return listed(text) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ProcessorSettings):
    """``cert_hosts``: where its certificates may be fetched from, and nowhere else. None: PayPal's own hosts."""

    webhook_ids: tuple[str, ...] = setting(
        "PAYPAL_WEBHOOK_IDS",
        listed,
        question="webhook id",
        needed=True,
        sandbox="WH-SANDBOX",
        proof="webhook_id",
    )
    cert_hosts: tuple[str, ...] | None = setting("PAYPAL_CERT_HOSTS", _hosts, sandbox="{host}")


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

INFO: Final = SourceInfo(
    name="paypal",
    title="PayPal",
    labels=LABELS,
    verified_by="PAYPAL_WEBHOOK_IDS",
    shown_in="developer dashboard > the app > Webhooks > Webhook ID",
    settings=Settings,
    gateways=("paypal",),
)
