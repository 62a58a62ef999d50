"""What a billing system holds about an account: who it is, what it subscribed to, owes and paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final

from connector.redaction import redact_fields

_REFERENCES: Final = frozenset({"code", "gateway_customers", "number", "plan_code"})


class _Redacted:
    """Texts are redacted when the value is made: whatever fetches or reads it, no fact holds card or bank data."""

    __slots__ = ()

    def __post_init__(self) -> None:
        redact_fields(self, _REFERENCES)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in major units (``49.00``, not cents) with its ISO 4217 code."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class PaymentMethod(_Redacted):
    """How an account pays. ``brand`` is the card brand or the kind of method (``PayPal``, ``Bank account``)."""

    brand: str
    last_four: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    valid: bool | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account(_Redacted):
    """A customer of one billing site. ``code`` is the merchant's own name for it; ``gateway_customers`` what its
    gateways call it (``cus_…``)."""

    object: ClassVar[str] = "account"
    id: str
    code: str
    state: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    phone: str | None = None
    country: str | None = None
    vat_number: str | None = None
    parent_account_id: str | None = None
    payment_method: PaymentMethod | None = None
    has_past_due_invoice: bool | None = None
    has_live_subscription: bool | None = None
    created_at: datetime | None = None
    closed_at: datetime | None = None
    updated_at: datetime | None = None
    custom_fields: tuple[tuple[str, str], ...] = ()
    gateway_customers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription(_Redacted):
    """``state``: active, canceled (runs until ``expires_at``), expired, failed, future, paused."""

    object: ClassVar[str] = "subscription"
    id: str
    uuid: str
    account_code: str
    state: str
    plan_code: str
    plan_name: str
    currency: str
    quantity: int = 1
    unit_amount: Decimal | None = None
    subtotal: Decimal | None = None
    auto_renew: bool | None = None
    collection_method: str | None = None
    activated_at: datetime | None = None
    trial_ends_at: datetime | None = None
    current_period_started_at: datetime | None = None
    current_period_ends_at: datetime | None = None
    canceled_at: datetime | None = None
    expires_at: datetime | None = None
    expiration_reason: str | None = None
    paused_at: datetime | None = None
    resume_at: datetime | None = None
    remaining_pause_cycles: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    account_id: str | None = None
    custom_fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Invoice(_Redacted):
    """``type``: charge, credit, legacy. ``number`` carries its prefix. ``state``: open, pending, processing,
    past_due, paid, closed, failed, voided. ``dunning_events_sent``: the dunning step reached."""

    object: ClassVar[str] = "invoice"
    id: str
    uuid: str
    number: str
    account_code: str
    type: str
    state: str
    origin: str
    currency: str
    total: Decimal
    paid: Decimal
    balance: Decimal
    refundable: Decimal | None = None
    collection_method: str | None = None
    dunning_campaign_id: str | None = None
    dunning_events_sent: int = 0
    final_dunning_event: bool = False
    previous_invoice_id: str | None = None
    subscription_ids: tuple[str, ...] = ()
    created_at: datetime | None = None
    due_at: datetime | None = None
    closed_at: datetime | None = None
    updated_at: datetime | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Payment(_Redacted):
    """Money that moved or tried to. ``type``: authorization, capture, purchase, refund, verify. ``status``:
    success, declined, error, void, pending, processing, scheduled, chargeback. ``code``: the source's
    decline code (``insufficient_funds``). ``gateway_references``: what the gateway calls it, besides
    ``gateway_reference``."""

    object: ClassVar[str] = "payment"
    id: str
    uuid: str
    account_code: str
    type: str
    status: str
    origin: str
    amount: Decimal
    currency: str
    invoice_id: str | None = None
    invoice_number: str | None = None
    original_id: str | None = None
    code: str | None = None
    message: str | None = None
    customer_message: str | None = None
    gateway: str | None = None
    gateway_reference: str | None = None
    gateway_code: str | None = None
    payment_method: PaymentMethod | None = None
    refunded: bool | None = None
    created_at: datetime | None = None
    collected_at: datetime | None = None
    voided_at: datetime | None = None
    updated_at: datetime | None = None
    account_id: str | None = None
    gateway_references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreditPayment(_Redacted):
    """Credit moved between invoices. ``action``: payment, reduction, refund, write_off."""

    object: ClassVar[str] = "credit_payment"
    id: str
    uuid: str
    account_code: str
    action: str
    amount: Decimal
    currency: str
    original_invoice_number: str | None = None
    applied_invoice_number: str | None = None
    created_at: datetime | None = None
    voided_at: datetime | None = None
    updated_at: datetime | None = None
    account_id: str | None = None


BillingObject = Account | Subscription | Invoice | Payment | CreditPayment
