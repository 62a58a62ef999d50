"""Accounts, how they pay, and what they owe."""

from __future__ import annotations

from decimal import Decimal

from sandbox.recurly.objects import Account, BillingInfo, Invoice, PaymentMethod, Subscription
from sandbox.recurly.render.shapes import Json, account_mini, when
from sandbox.recurly.store import Store


def account(store: Store, row: Account) -> Json:
    return {
        "object": "account",
        "id": row.id,
        "code": row.code,
        "state": row.state,
        "bill_to": "self",
        "email": row.email,
        "cc_emails": None,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "company": row.company,
        "username": None,
        "vat_number": row.vat_number,
        "tax_exempt": False,
        "preferred_locale": row.preferred_locale,
        "parent_account_id": None,
        "dunning_campaign_id": row.dunning_campaign_id,
        "hosted_login_token": row.hosted_login_token,
        "address": _address(row),
        "billing_info": None if row.billing_info is None else billing_info(row, row.billing_info),
        "shipping_addresses": [],
        "custom_fields": [{"name": name, "value": value} for name, value in row.custom_fields],
        **_standing(store, row),
        "created_at": when(row.created_at),
        "updated_at": when(row.updated_at),
        "deleted_at": when(row.deleted_at),
    }


def _address(row: Account) -> Json:
    address = row.address
    return {
        "street1": address.street1,
        "street2": None,
        "city": address.city,
        "region": address.region,
        "postal_code": address.postal_code,
        "country": address.country,
        "phone": address.phone,
    }


def _standing(store: Store, row: Account) -> Json:
    states = {s.state for s in store.rows(Subscription, account_id=row.id)}
    past_due = any(i.state == "past_due" for i in store.rows(Invoice, account_id=row.id))
    return {
        "has_live_subscription": bool(states & {"active", "canceled", "future", "paused"}),
        "has_active_subscription": "active" in states,
        "has_future_subscription": "future" in states,
        "has_canceled_subscription": "canceled" in states,
        "has_paused_subscription": "paused" in states,
        "has_past_due_invoice": past_due,
    }


def billing_info(owner: Account, row: BillingInfo) -> Json:
    return {
        "object": "billing_info",
        "id": row.id,
        "account_id": owner.id,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "company": owner.company,
        "address": _address(owner),
        "vat_number": owner.vat_number,
        "valid": row.valid,
        "payment_method": payment_method(row.method),
        "primary_payment_method": True,
        "backup_payment_method": False,
        "payment_gateway_references": [],
        "created_at": when(row.created_at),
        "updated_at": when(row.updated_at),
        "updated_by": {"ip": None, "country": row.country},
    }


def payment_method(row: PaymentMethod) -> Json:
    told = {
        "object": row.object,
        "card_type": row.card_type,
        "last_four": row.last_four,
        "exp_month": row.exp_month,
        "exp_year": row.exp_year,
        "funding_source": row.funding_source,
        "cc_bin_country": row.country,
        "account_type": row.account_type,
        "routing_number_bank": row.bank,
        "name_on_account": row.name_on_account,
        "billing_agreement_id": row.billing_agreement_id,
    }
    return {name: value for name, value in told.items() if value is not None}


def balance(store: Store, row: Account) -> Json:
    """What an account owes and is owed, by currency."""
    invoices = store.rows(Invoice, account_id=row.id)
    owed = [i for i in invoices if i.type == "charge" and i.state in ("pending", "processing", "past_due")]
    credits = [i for i in invoices if i.type == "credit" and i.state == "open"]
    currencies = sorted({i.currency for i in owed + credits}) or ["USD"]
    return {
        "object": "account_balance",
        "account": account_mini(store, row.id),
        "past_due": any(i.state == "past_due" for i in invoices),
        "balances": [
            {
                "currency": currency,
                "amount": _sum(owed, currency) + _sum(credits, currency),
                "processing_prepayment_amount": 0.0,
                "available_credit_amount": -_sum(credits, currency),
            }
            for currency in currencies
        ],
    }


def _sum(invoices: list[Invoice], currency: str) -> float:
    return float(sum((i.balance for i in invoices if i.currency == currency), Decimal(0)))
