"""Braintree: its settings, labels and API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connector.errors import SetupError
from connector.models.facts import Kind
from connector.sources.info import ApiInfo, ProcessorSettings, SourceInfo, listed, optional, setting


def _environment(text: str) -> str:
    name = text.lower() or "production"
    if name not in {"production", "sandbox"}:
        raise SetupError(f"BRAINTREE_ENVIRONMENT is {name!r}; it must be production or sandbox.")
    return name


def _currencies(text: str) -> Mapping[str, str]:
    """``USD``, or ``acme_usd:USD,acme_eur:EUR``, or both."""
    found: dict[str, str] = {}
    for one in listed(text):
        account, _, code = one.rpartition(":")
        if not re.fullmatch(r"[A-Za-z]{3}", code.strip()):
            raise SetupError(
                f"BRAINTREE_CURRENCIES: {one!r} is no currency; write USD, or a merchant account and its currency "
                "like acme_usd:USD."
            )
        found[account.strip()] = code.strip().upper()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ProcessorSettings):
    """``environment``: production or sandbox. Its keys differ between the two, and so do its signatures.
    ``currencies``: of its merchant accounts, by their ids; under an empty id that of all others."""

    environment: str = setting(
        "BRAINTREE_ENVIRONMENT",
        _environment,
        question="environment",
        choices=("production", "sandbox"),
        sandbox="sandbox",
    )
    merchant_id: str = setting(
        "BRAINTREE_MERCHANT_ID", question="merchant id", needed=True, sandbox="sandbox", proof="merchant_id"
    )
    public_key: str = setting(
        "BRAINTREE_PUBLIC_KEY", question="public key", needed=True, sandbox="sandbox", proof="public_key"
    )
    private_key: str = setting(
        "BRAINTREE_PRIVATE_KEY",
        question="private key",
        needed=True,
        secret=True,
        sandbox="sandbox",
        proof="private_key",
    )
    api_url: str | None = setting("BRAINTREE_API_URL", optional, sandbox="{api}")
    currencies: Mapping[str, str] = setting("BRAINTREE_CURRENCIES", _currencies)


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

INFO: Final = SourceInfo(
    name="braintree",
    title="Braintree",
    labels=LABELS,
    verified_by="BRAINTREE_PUBLIC_KEY and BRAINTREE_PRIVATE_KEY",
    shown_in="Settings > API > Keys",
    settings=Settings,
    api=ApiInfo(
        keys="BRAINTREE_MERCHANT_ID, BRAINTREE_PUBLIC_KEY and BRAINTREE_PRIVATE_KEY",
        advice="BRAINTREE_MERCHANT_ID, _PUBLIC_KEY, _PRIVATE_KEY and _ENVIRONMENT to what its Control Panel shows",
        unknown_ids=("casewiredoctor",),
    ),
    gateways=("braintree",),
    # https://developer.paypal.com/braintree/docs/reference/general/webhooks
    reports_only_failures=frozenset({Kind.REFUND}),
)
