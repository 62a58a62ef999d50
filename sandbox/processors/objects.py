"""What the processors hold: one plain shape for all of them. Each sender and API tells of it in its vendor's words.

Frozen values, amounts in major units, times aware UTC with whole seconds. ``id`` is the vendor's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A payment. ``status``: pending, succeeded, failed, held, returned. ``invoice``: the invoice number the billing
    system sent along. ``mandate``: of a bank debit. ``account``: the connected account it is in, with all that comes of
    it; empty for the merchant's own. ``code`` and ``words``: why it failed."""

    object: ClassVar[str] = "charge"
    source: str
    id: str
    amount: Decimal
    currency: str
    customer: str
    created_at: datetime
    status: str = "succeeded"
    invoice: int | None = None
    brand: str | None = None
    last_four: str | None = None
    mandate: str | None = None
    refunded: Decimal = Decimal(0)
    disputed: bool = False
    account: str = ""
    code: str | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """``status``: pending, succeeded, failed. ``why``: of its failure, in the vendor's word."""

    object: ClassVar[str] = "refund"
    source: str
    id: str
    charge_id: str
    amount: Decimal
    currency: str
    created_at: datetime
    status: str = "succeeded"
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """``stage``: inquiry, chargeback, pre_arbitration. ``status``: needs_response, under_review, won, lost,
    withdrawn. ``reason``: in the vendor's word; ``code``: the card network's."""

    object: ClassVar[str] = "dispute"
    source: str
    id: str
    charge_id: str
    amount: Decimal
    currency: str
    reason: str
    code: str
    due_at: datetime
    created_at: datetime
    updated_at: datetime
    stage: str = "chargeback"
    status: str = "needs_response"
    evidence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """Money on its way to a payee. ``status``: paid, failed. ``code`` and ``words``: why the bank sent it back."""

    object: ClassVar[str] = "payout"
    source: str
    id: str
    payee: str
    amount: Decimal
    currency: str
    arrives_at: datetime
    created_at: datetime
    status: str = "paid"
    code: str | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudWarning:
    """``fraud_type``: in the vendor's word."""

    object: ClassVar[str] = "fraud_warning"
    source: str
    id: str
    charge_id: str
    fraud_type: str
    created_at: datetime
    actionable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """A customer's leave to debit its bank account. ``scheme``: ach, sepa_core, bacs. ``status``: active,
    cancelled."""

    object: ClassVar[str] = "mandate"
    source: str
    id: str
    customer: str
    scheme: str
    created_at: datetime
    status: str = "active"


Thing = Charge | Refund | Dispute | Payout | FraudWarning | Mandate

STATUSES: Final[Mapping[str, frozenset[str]]] = {
    Charge.object: frozenset({"pending", "succeeded", "failed", "held", "returned"}),
    Refund.object: frozenset({"pending", "succeeded", "failed"}),
    Dispute.object: frozenset({"needs_response", "under_review", "won", "lost", "withdrawn"}),
}
"""Those that every processor has a word for."""
