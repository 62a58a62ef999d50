"""GoCardless: its settings, labels and API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connector.sources.info import ApiInfo, ProcessorSettings, SourceInfo, listed, optional, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ProcessorSettings):
    webhook_secrets: tuple[str, ...] = setting(
        "GOCARDLESS_WEBHOOK_SECRETS",
        listed,
        question="secret of the webhook endpoint",
        needed=True,
        secret=True,
        sandbox="{secret}",
        proof="secret",
    )
    access_token: str = setting(
        "GOCARDLESS_ACCESS_TOKEN",
        question="read-only access token (optional)",
        secret=True,
        test_keys=("sandbox_",),
        live_keys=("live_",),
        sandbox="sandbox",
    )
    api_url: str | None = setting("GOCARDLESS_API_URL", optional, sandbox="{api}")


LABELS: Final[Mapping[str, str]] = {
    "payments.created": "Bank debit created",
    "payments.customer_approval_granted": "Bank debit approved by the customer",
    "payments.customer_approval_denied": "Bank debit not approved by the customer",
    "payments.submitted": "Bank debit submitted",
    "payments.resubmission_requested": "Bank debit submitted again",
    "payments.confirmed": "Bank debit collected",
    "payments.paid_out": "Bank debit paid out",
    "payments.cancelled": "Bank debit canceled",
    "payments.failed": "Bank debit failed",
    "payments.late_failure_settled": "Bank debit returned late",
    "payments.charged_back": "Bank debit charged back",
    "payments.chargeback_cancelled": "Chargeback called off",
    "payments.chargeback_settled": "Chargeback deducted from a payout",
    "refunds.created": "Refund created",
    "refunds.paid": "Refund paid",
    "refunds.refund_settled": "Refund deducted from a payout",
    "refunds.failed": "Refund failed",
    "refunds.funds_returned": "Refund returned to us",
    "payouts.paid": "Payout paid",
    "creditors.bounced_payout": "Payout bounced",
    "mandates.created": "Debit mandate created",
    "mandates.customer_approval_granted": "Debit mandate approved by the customer",
    "mandates.customer_approval_skipped": "Debit mandate needed no approval",
    "mandates.submitted": "Debit mandate submitted",
    "mandates.resubmission_requested": "Debit mandate submitted again",
    "mandates.active": "Debit mandate active",
    "mandates.reinstated": "Debit mandate reinstated",
    "mandates.transferred": "Debit mandate moved to another bank account",
    "mandates.replaced": "Debit mandate replaced",
    "mandates.consumed": "Debit mandate used up",
    "mandates.cancelled": "Debit mandate canceled",
    "mandates.failed": "Debit mandate could not be set up",
    "mandates.expired": "Debit mandate expired",
    "mandates.blocked": "Debit mandate blocked",
}

INFO: Final = SourceInfo(
    name="gocardless",
    title="GoCardless",
    labels=LABELS,
    verified_by="GOCARDLESS_WEBHOOK_SECRETS",
    shown_in="Developers > the webhook endpoint > Secret",
    settings=Settings,
    api=ApiInfo(
        keys="GOCARDLESS_ACCESS_TOKEN",
        advice="GOCARDLESS_ACCESS_TOKEN to a read-only token of this environment",
        unknown_ids=("PM00000000CASE",),
    ),
    gateways=("gocardless",),
    bank_debits_only=True,
)
