"""Stripe: its settings, labels and API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connector.errors import SetupError
from connector.sources.info import ApiInfo, ProcessorSettings, SourceInfo, listed, optional, setting


def _connected_accounts(text: str) -> tuple[str, ...]:
    found = listed(text)
    for one in found:
        if not re.fullmatch(r"acct_[A-Za-z0-9_]{1,200}", one):
            raise SetupError(f"STRIPE_CONNECTED_ACCOUNTS: {one!r} is no account id; they begin with acct_.")
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ProcessorSettings):
    """``connected_accounts``: ids of accounts connected to it whose payments are compared too (Stripe Connect)."""

    webhook_secrets: tuple[str, ...] = setting(
        "STRIPE_WEBHOOK_SECRETS",
        listed,
        question="signing secret (whsec_…)",
        needed=True,
        secret=True,
        sandbox="{secret}",
        proof="secret",
    )
    api_key: str = setting(
        "STRIPE_API_KEY",
        question="restricted key, read access to Charges, PaymentIntents, Refunds and Disputes (optional)",
        secret=True,
        test_keys=("sk_test_", "rk_test_"),
        live_keys=("sk_live_", "rk_live_"),
        sandbox="sk_test_sandbox",
    )
    api_url: str | None = setting("STRIPE_API_URL", optional, sandbox="{api}")
    connected_accounts: tuple[str, ...] = setting("STRIPE_CONNECTED_ACCOUNTS", _connected_accounts)


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

INFO: Final = SourceInfo(
    name="stripe",
    title="Stripe",
    labels=LABELS,
    verified_by="STRIPE_WEBHOOK_SECRETS",
    shown_in="Workbench > Webhooks > the destination > Signing secret",
    settings=Settings,
    api=ApiInfo(
        keys="STRIPE_API_KEY",
        advice="STRIPE_API_KEY to a restricted key with read access to Charges, PaymentIntents, Refunds and Disputes",
        unknown_ids=("ch_casewiredoctor", "pi_casewiredoctor"),
    ),
    gateways=("stripe",),
    library_settings=frozenset({"STRIPE_LOG", "STRIPE_SUPPRESS_NOTICES"}),
)
