"""What a Recurly site holds. Frozen values: a change is a new version, a notification can keep the old one.

Amounts are ``Decimal`` in major units, times aware UTC with whole seconds (the official client cannot read
fractions). References between objects are ids; ``render.py`` turns them into the nested shapes of the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """``object``: credit_card, bank_account_info, iban_bank_account, paypal_billing_agreement, wire_transfer.
    A card is its brand and last four, nothing more: even a sandbox holds no card number."""

    object: str
    card_type: str | None = None
    last_four: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    funding_source: str | None = None
    country: str | None = None
    account_type: str | None = None
    bank: str | None = None
    name_on_account: str | None = None
    billing_agreement_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    id: str
    type: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    id: str
    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    street1: str
    city: str
    postal_code: str
    country: str
    region: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingInfo:
    """Part of its account: it has no list of its own, only ``/accounts/{id}/billing_info``."""

    id: str
    first_name: str
    last_name: str
    method: PaymentMethod
    created_at: datetime
    updated_at: datetime
    valid: bool = True
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    object: ClassVar[str] = "account"
    id: str
    code: str
    email: str
    first_name: str
    last_name: str
    company: str
    address: Address
    hosted_login_token: str
    dunning_campaign_id: str
    created_at: datetime
    updated_at: datetime
    state: str = "active"
    vat_number: str | None = None
    preferred_locale: str | None = None
    billing_info: BillingInfo | None = None
    deleted_at: datetime | None = None
    custom_fields: tuple[tuple[str, str], ...] = ()

    @property
    def forms(self) -> tuple[str, ...]:
        return (self.id, f"code-{self.code}")

    @property
    def account_id(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChange:
    id: str
    plan: Plan
    unit_amount: Decimal
    activate_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """``state``: active, canceled (runs until ``expires_at``), expired, failed, future, paused."""

    object: ClassVar[str] = "subscription"
    id: str
    uuid: str
    account_id: str
    plan: Plan
    currency: str
    unit_amount: Decimal
    current_period_started_at: datetime
    current_period_ends_at: datetime
    activated_at: datetime
    created_at: datetime
    updated_at: datetime
    quantity: int = 1
    state: str = "active"
    auto_renew: bool = True
    collection_method: str = "automatic"
    net_terms: int = 0
    po_number: str | None = None
    gateway_code: str | None = None
    active_invoice_id: str | None = None
    canceled_at: datetime | None = None
    expires_at: datetime | None = None
    expiration_reason: str | None = None
    paused_at: datetime | None = None
    resume_at: datetime | None = None
    remaining_pause_cycles: int | None = None
    trial_started_at: datetime | None = None
    trial_ends_at: datetime | None = None
    pending_change: PendingChange | None = None
    bank_account_authorized_at: datetime | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        return (self.id, f"uuid-{self.uuid}")

    @property
    def subtotal(self) -> Decimal:
        return self.unit_amount * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """``state`` of a charge invoice: pending, processing, past_due, paid, failed; of a credit invoice: open,
    processing, closed, voided. The total of a credit invoice is negative, as Recurly has it."""

    object: ClassVar[str] = "invoice"
    id: str
    uuid: str
    number: int
    account_id: str
    origin: str
    currency: str
    total: Decimal
    description: str
    due_at: datetime
    created_at: datetime
    updated_at: datetime
    type: str = "charge"
    state: str = "pending"
    paid: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)
    collection_method: str = "automatic"
    net_terms: int = 0
    po_number: str | None = None
    plan: Plan | None = None
    subscription_ids: tuple[str, ...] = ()
    previous_invoice_id: str | None = None
    dunning_campaign_id: str | None = None
    dunning_events_sent: int = 0
    final_dunning_event: bool = False
    closed_at: datetime | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        return (self.id, f"number-{self.number}")

    @property
    def balance(self) -> Decimal:
        """What is still to be paid; of an open credit invoice the unused credit, negative."""
        if self.state in ("failed", "voided"):
            return Decimal(0)
        return self.total - self.paid - self.credited

    @property
    def refundable(self) -> Decimal | None:
        return self.paid - self.refunded if self.type == "charge" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Why money did not move: Recurly's status code, what it tells the merchant and the customer, and the
    gateway's own code and words."""

    code: str
    message: str
    customer_message: str
    gateway_code: str
    gateway_message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    object: ClassVar[str] = "transaction"
    id: str
    uuid: str
    account_id: str
    type: str
    status: str
    origin: str
    amount: Decimal
    currency: str
    gateway_reference: str
    created_at: datetime
    updated_at: datetime
    collected_at: datetime
    gateway: Gateway | None = None
    method: PaymentMethod | None = None
    invoice_id: str | None = None
    invoice_uuid: str | None = None
    invoice_number: int | None = None
    original_transaction_id: str | None = None
    subscription_ids: tuple[str, ...] = ()
    collection_method: str = "automatic"
    decline: Decline | None = None
    refunded: bool = False
    approval_code: str | None = None
    voided_at: datetime | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        return (self.id, f"uuid-{self.uuid}")

    @property
    def success(self) -> bool:
        return self.status == "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditPayment:
    """Credit moved from one invoice to another. ``action``: payment, reduction, refund, write_off."""

    object: ClassVar[str] = "credit_payment"
    id: str
    uuid: str
    account_id: str
    action: str
    amount: Decimal
    currency: str
    original_invoice_id: str
    created_at: datetime
    updated_at: datetime
    applied_to_invoice_id: str | None = None
    refund_transaction_id: str | None = None
    voided_at: datetime | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        return (self.id, f"uuid-{self.uuid}")


Thing = Account | Subscription | Invoice | Transaction | CreditPayment
