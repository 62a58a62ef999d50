"""Subscriptions and their pending changes."""

from __future__ import annotations

from sandbox.recurly.objects import PendingChange, Plan, Subscription
from sandbox.recurly.render.shapes import Json, account_mini, when
from sandbox.recurly.store import Store


def _plan(row: Plan) -> Json:
    return {"object": "plan", "id": row.id, "code": row.code, "name": row.name}


def subscription(store: Store, row: Subscription) -> Json:
    return {
        "object": "subscription",
        "id": row.id,
        "uuid": row.uuid,
        "account": account_mini(store, row.account_id),
        "plan": _plan(row.plan),
        "state": row.state,
        "currency": row.currency,
        "quantity": row.quantity,
        "unit_amount": float(row.unit_amount),
        "subtotal": float(row.subtotal),
        "tax": 0.0,
        "total": float(row.subtotal),
        "add_ons": [],
        "add_ons_total": 0.0,
        "auto_renew": row.auto_renew,
        "collection_method": row.collection_method,
        "net_terms": row.net_terms,
        "net_terms_type": "net",
        "po_number": row.po_number,
        "gateway_code": row.gateway_code,
        "active_invoice_id": row.active_invoice_id,
        "coupon_redemptions": [],
        "custom_fields": [],
        "pending_change": None if row.pending_change is None else _change(row.id, row.pending_change),
        "expiration_reason": row.expiration_reason,
        "remaining_billing_cycles": 1,
        "remaining_pause_cycles": row.remaining_pause_cycles,
        "renewal_billing_cycles": 1,
        "total_billing_cycles": 1,
        "started_with_gift": False,
        **_dates(row),
    }


def _dates(row: Subscription) -> Json:
    moments = {
        "activated_at": row.activated_at,
        "trial_started_at": row.trial_started_at,
        "trial_ends_at": row.trial_ends_at,
        "current_period_started_at": row.current_period_started_at,
        "current_period_ends_at": row.current_period_ends_at,
        "current_term_started_at": row.current_period_started_at,
        "current_term_ends_at": row.current_period_ends_at,
        "bank_account_authorized_at": row.bank_account_authorized_at,
        "canceled_at": row.canceled_at,
        "expires_at": row.expires_at,
        "paused_at": row.paused_at,
        "resume_at": row.resume_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
    return {name: when(moment) for name, moment in moments.items()}


def _change(subscription_id: str, row: PendingChange) -> Json:
    return {
        "object": "subscription_change",
        "id": row.id,
        "subscription_id": subscription_id,
        "plan": _plan(row.plan),
        "add_ons": [],
        "unit_amount": float(row.unit_amount),
        "quantity": 1,
        "activated": False,
        "activate_at": when(row.activate_at),
        "created_at": when(row.created_at),
        "updated_at": when(row.created_at),
    }
