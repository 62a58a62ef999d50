"""The official client's resources → facts, so that Recurly's words stop here.

A resource only has the attributes its answer had: everything is read with a default. Read here on purpose:
only what a rule or a support specialist needs. Never: login tokens, gateway tokens, the first six digits,
routing numbers, IP addresses, or more of an address than its country. Amounts are floats in major units.
Shapes: Recurly API v2021-02-25 (https://recurly.com/developers/api/v2021-02-25/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from connector.errors import Permanent
from connector.mappers import money
from connector.models import facts

_METHODS: Final = {
    "amazon": "Amazon Pay",
    "amazon_billing_agreement": "Amazon Pay",
    "apple_pay": "Apple Pay",
    "apple_pay_merchant_token": "Apple Pay",
    "bacs": "Bacs direct debit",
    "bank_account_info": "Bank account",
    "boleto": "Boleto",
    "braintree_apple_pay": "Apple Pay",
    "braintree_google_pay": "Google Pay",
    "braintree_v_zero": "Braintree",
    "cash_app": "Cash App",
    "check": "Check",
    "credit_card": "Card",
    "eft": "Bank transfer",
    "gateway_token": "Stored with the gateway",
    "google_pay": "Google Pay",
    "google_pay_device_pan": "Google Pay",
    "iban_bank_account": "Bank account",
    "klarna": "Klarna",
    "mercadopago": "Mercado Pago",
    "money_order": "Money order",
    "other": "Other",
    "paypal": "PayPal",
    "paypal_billing_agreement": "PayPal",
    "pix_automatico": "Pix",
    "roku": "Roku",
    "sepadirectdebit": "SEPA direct debit",
    "stripe_link": "Link",
    "upi_autopay": "UPI",
    "venmo": "Venmo",
    "wire_transfer": "Wire transfer",
}
"""Recurly's PaymentMethodEnum → plain words. One it adds later is shown as its own word."""

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_BRANDS: Final = {"MasterCard": "Mastercard", "ELO": "Elo", "Union Pay": "UnionPay", "Unknown": "Card"}
"""Recurly's card types that are not spelt as the network spells itself."""


def billing_object(kind: str, resource: Any) -> facts.BillingObject:
    """The resource as ``kind`` (account, subscription, invoice, payment, credit_payment).

    Raises Permanent for one that names no account: it cannot be assigned.
    """
    found = _KINDS[kind](resource)
    if not isinstance(found, facts.Account) and not found.account_code:
        raise _lacks(resource, "account")
    return found


def invoice_objects(resource: Any) -> tuple[facts.BillingObject, ...]:
    """An invoice and what comes inside it: its payments, then its credit payments."""
    owner = invoice(resource)
    payments = (_embedded_payment(item, owner) for item in _list(resource, "transactions"))
    credits_ = (_embedded_credit(item, owner) for item in _list(resource, "credit_payments"))
    return (owner, *payments, *credits_)


def account(resource: Any) -> facts.Account:
    """``country`` is the account's, else that of its billing info."""
    info = _get(resource, "billing_info")
    address = _get(resource, "address")
    return facts.Account(
        id=_required(resource, "id"),
        code=_required(resource, "code"),
        state=_word(resource, "state"),
        email=_text(resource, "email"),
        first_name=_text(resource, "first_name"),
        last_name=_text(resource, "last_name"),
        company=_text(resource, "company"),
        phone=_text(address, "phone"),
        country=_text(address, "country") or _text(_get(info, "address"), "country"),
        vat_number=_text(resource, "vat_number"),
        parent_account_id=_text(resource, "parent_account_id"),
        payment_method=_billing_method(info),
        has_past_due_invoice=_get(resource, "has_past_due_invoice"),
        has_live_subscription=_get(resource, "has_live_subscription"),
        created_at=_time(resource, "created_at"),
        closed_at=_time(resource, "deleted_at"),
        updated_at=_time(resource, "updated_at"),
        custom_fields=_custom_fields(resource),
        gateway_customers=_gateway_references(info, customers=True),
    )


def subscription(resource: Any) -> facts.Subscription:
    currency = _word(resource, "currency")
    plan = _get(resource, "plan")
    return facts.Subscription(
        id=_required(resource, "id"),
        uuid=_word(resource, "uuid"),
        account_code=_word(_get(resource, "account"), "code"),
        state=_word(resource, "state"),
        plan_code=_word(plan, "code"),
        plan_name=_word(plan, "name"),
        currency=currency,
        quantity=_whole(resource, "quantity", 1),
        unit_amount=_amount(resource, "unit_amount", currency),
        subtotal=_amount(resource, "subtotal", currency),
        auto_renew=_get(resource, "auto_renew"),
        collection_method=_text(resource, "collection_method"),
        activated_at=_time(resource, "activated_at"),
        trial_ends_at=_time(resource, "trial_ends_at"),
        current_period_started_at=_time(resource, "current_period_started_at"),
        current_period_ends_at=_time(resource, "current_period_ends_at"),
        canceled_at=_time(resource, "canceled_at"),
        expires_at=_time(resource, "expires_at"),
        expiration_reason=_text(resource, "expiration_reason"),
        paused_at=_time(resource, "paused_at"),
        resume_at=_time(resource, "resume_at"),
        remaining_pause_cycles=_get(resource, "remaining_pause_cycles"),
        created_at=_time(resource, "created_at"),
        updated_at=_time(resource, "updated_at"),
        account_id=_text(_get(resource, "account"), "id"),
        custom_fields=_custom_fields(resource),
    )


def invoice(resource: Any) -> facts.Invoice:
    currency = _required(resource, "currency")
    return facts.Invoice(
        id=_required(resource, "id"),
        uuid=_word(resource, "uuid"),
        number=_word(resource, "number"),
        account_code=_word(_get(resource, "account"), "code"),
        type=_word(resource, "type"),
        state=_word(resource, "state"),
        origin=_word(resource, "origin"),
        currency=currency,
        total=_required_amount(resource, "total", currency),
        paid=_required_amount(resource, "paid", currency),
        balance=_required_amount(resource, "balance", currency),
        refundable=_amount(resource, "refundable_amount", currency),
        collection_method=_text(resource, "collection_method"),
        dunning_campaign_id=_text(resource, "dunning_campaign_id"),
        dunning_events_sent=_whole(resource, "dunning_events_sent", 0),
        final_dunning_event=bool(_get(resource, "final_dunning_event")),
        previous_invoice_id=_text(resource, "previous_invoice_id"),
        subscription_ids=tuple(str(id_) for id_ in _list(resource, "subscription_ids")),
        created_at=_time(resource, "created_at"),
        due_at=_time(resource, "due_at"),
        closed_at=_time(resource, "closed_at"),
        updated_at=_time(resource, "updated_at"),
        account_id=_text(_get(resource, "account"), "id"),
    )


def payment(resource: Any) -> facts.Payment:
    """A transaction. ``gateway`` is the kind of gateway (``stripe``), else the name the merchant gave it."""
    currency = _required(resource, "currency")
    gateway = _get(resource, "payment_gateway")
    on_invoice = _get(resource, "invoice")
    return facts.Payment(
        id=_required(resource, "id"),
        uuid=_word(resource, "uuid"),
        account_code=_word(_get(resource, "account"), "code"),
        type=_word(resource, "type"),
        status=_word(resource, "status"),
        origin=_word(resource, "origin"),
        amount=_required_amount(resource, "amount", currency),
        currency=currency,
        invoice_id=_text(on_invoice, "id"),
        invoice_number=_text(on_invoice, "number"),
        original_id=_text(resource, "original_transaction_id"),
        code=_text(resource, "status_code"),
        message=_text(resource, "status_message"),
        customer_message=_text(resource, "customer_message"),
        gateway=_text(gateway, "type") or _text(gateway, "name"),
        gateway_reference=_text(resource, "gateway_reference"),
        gateway_references=_gateway_references(resource, customers=False),
        gateway_code=_text(resource, "gateway_response_code"),
        payment_method=_method(_get(resource, "payment_method")),
        refunded=_get(resource, "refunded"),
        created_at=_time(resource, "created_at"),
        collected_at=_time(resource, "collected_at"),
        voided_at=_time(resource, "voided_at"),
        updated_at=_time(resource, "updated_at"),
        account_id=_text(_get(resource, "account"), "id"),
    )


def credit_payment(resource: Any) -> facts.CreditPayment:
    currency = _required(resource, "currency")
    return facts.CreditPayment(
        id=_required(resource, "id"),
        uuid=_word(resource, "uuid"),
        account_code=_word(_get(resource, "account"), "code"),
        action=_word(resource, "action"),
        amount=_required_amount(resource, "amount", currency),
        currency=currency,
        original_invoice_number=_text(_get(resource, "original_invoice"), "number"),
        applied_invoice_number=_text(_get(resource, "applied_to_invoice"), "number"),
        created_at=_time(resource, "created_at"),
        voided_at=_time(resource, "voided_at"),
        updated_at=_time(resource, "updated_at"),
        account_id=_text(_get(resource, "account"), "id"),
    )


_KINDS: Final[Mapping[str, Callable[[Any], facts.BillingObject]]] = {
    "account": account,
    "subscription": subscription,
    "invoice": invoice,
    "payment": payment,
    "credit_payment": credit_payment,
}


def _embedded_payment(resource: Any, owner: facts.Invoice) -> facts.Payment:
    """Inside an invoice the account and the invoice may be left out: they are the invoice's own."""
    found = payment(resource)
    return replace(
        found,
        account_code=found.account_code or owner.account_code,
        account_id=found.account_id or owner.account_id,
        invoice_id=found.invoice_id or owner.id,
        invoice_number=found.invoice_number or owner.number,
    )


def _embedded_credit(resource: Any, owner: facts.Invoice) -> facts.CreditPayment:
    found = credit_payment(resource)
    return replace(
        found,
        account_code=found.account_code or owner.account_code,
        account_id=found.account_id or owner.account_id,
    )


def _billing_method(info: Any) -> facts.PaymentMethod | None:
    method = _method(_get(info, "payment_method"))
    if method is None:
        return None
    return replace(method, valid=_get(info, "valid"), updated_at=_time(info, "updated_at"))


def _method(resource: Any) -> facts.PaymentMethod | None:
    if resource is None:
        return None
    return facts.PaymentMethod(
        brand=_brand(_text(resource, "object"), _text(resource, "card_type")),
        last_four=_text(resource, "last_four"),
        exp_month=_get(resource, "exp_month"),
        exp_year=_get(resource, "exp_year"),
    )


def _brand(kind: str | None, card_type: str | None) -> str:
    if card_type and kind in (None, "credit_card"):
        return _BRANDS.get(card_type, card_type)
    if kind is None:
        return "Other"
    return _METHODS.get(kind) or kind.replace("_", " ").capitalize()


def _gateway_references(resource: Any, *, customers: bool) -> tuple[str, ...]:
    """References of the gateway for the customer (``stripe_customer``), or the payment. Means of payment are neither:
    Recurly gives their tokens here too, and those are not read."""
    listed = _list(resource, "payment_gateway_references")
    typed = [(_word(one, "reference_type"), _text(one, "token")) for one in listed]
    wanted = ("customer",) if customers else ("charge", "payment_intent", "transaction")
    return tuple(token for kind, token in typed if token and kind.endswith(wanted))


def _custom_fields(resource: Any) -> tuple[tuple[str, str], ...]:
    pairs = ((_text(item, "name"), _text(item, "value")) for item in _list(resource, "custom_fields"))
    return tuple((name, value) for name, value in pairs if name and value is not None)


def _get(resource: Any, name: str) -> Any:
    return getattr(resource, name, None)


def _list(resource: Any, name: str) -> list[Any]:
    """The items that the client could type: one of a kind it does not know stays a plain dict."""
    return [item for item in _get(resource, name) or [] if not isinstance(item, dict)]


def _text(resource: Any, name: str) -> str | None:
    """Blank is unknown: a redacted account answers with blanks, which must not read as values.

    What no database keeps as text (a NUL, half a surrogate pair) is left out: it must not hold back the rest.
    """
    value = _get(resource, name)
    return (_UNSTORABLE.sub("", str(value)).strip() or None) if value is not None else None


def _word(resource: Any, name: str) -> str:
    return _text(resource, name) or ""


def _required(resource: Any, name: str) -> str:
    value = _text(resource, name)
    if value is None:
        raise _lacks(resource, name)
    return value


def _whole(resource: Any, name: str, default: int) -> int:
    value = _get(resource, name)
    return default if value is None else int(value)


def _amount(resource: Any, name: str, currency: str) -> Decimal | None:
    value = _get(resource, name)
    return None if value is None else money.amount(value, currency)


def _required_amount(resource: Any, name: str, currency: str) -> Decimal:
    value = _amount(resource, name, currency)
    if value is None:
        raise _lacks(resource, name)
    return value


def _time(resource: Any, name: str) -> datetime | None:
    value = _get(resource, name)
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _lacks(resource: Any, name: str) -> Permanent:
    """Guessing zero or a name would put a falsehood into the CRM."""
    what = f"{type(resource).__name__} {_get(resource, 'id') or 'without id'}"
    return Permanent(
        f"Recurly answered with {what} that has no {name}. Look at it in Recurly, then replay the event.",
        code="incomplete",
    )
