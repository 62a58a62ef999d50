"""Transactions and credit payments."""

from __future__ import annotations

from sandbox.recurly.objects import CreditPayment, Invoice, Transaction
from sandbox.recurly.render.accounts import payment_method
from sandbox.recurly.render.shapes import Json, account_mini, when
from sandbox.recurly.store import Store


def _invoice_mini(store: Store, invoice_id: str | None) -> Json | None:
    row = None if invoice_id is None else store.get(Invoice, invoice_id)
    if row is None:
        return None
    told = {"object": "invoice", "id": row.id, "number": str(row.number)}
    return {**told, "type": row.type, "state": row.state}


def transaction(store: Store, row: Transaction) -> Json:
    return {
        "object": "transaction",
        "id": row.id,
        "uuid": row.uuid,
        "original_transaction_id": row.original_transaction_id,
        "account": account_mini(store, row.account_id),
        "invoice": _invoice_mini(store, row.invoice_id),
        "voided_by_invoice": None,
        "subscription_ids": list(row.subscription_ids),
        "type": row.type,
        "origin": row.origin,
        "status": row.status,
        "success": row.success,
        "refunded": row.refunded,
        "amount": float(row.amount),
        "currency": row.currency,
        "collection_method": row.collection_method,
        "payment_method": None if row.method is None else payment_method(row.method),
        "backup_payment_method_used": False,
        "ip_address_v4": None,
        "ip_address_country": None,
        **_answer(row),
        "created_at": when(row.created_at),
        "updated_at": when(row.updated_at),
        "collected_at": when(row.collected_at),
        "voided_at": when(row.voided_at),
    }


def _answer(row: Transaction) -> Json:
    """What the gateway said."""
    decline, gateway = row.decline, row.gateway
    return {
        "status_code": decline.code if decline else None,
        "status_message": decline.message if decline else "Approved",
        "customer_message": decline.customer_message if decline else None,
        "customer_message_locale": "en-US" if decline else None,
        "payment_gateway": gateway
        and {
            "object": "transaction_payment_gateway",
            "id": gateway.id,
            "type": gateway.type,
            "name": gateway.name,
        },
        "gateway_message": decline.gateway_message if decline else "Approved",
        "gateway_reference": row.gateway_reference,
        "gateway_approval_code": row.approval_code,
        "gateway_response_code": decline.gateway_code if decline else None,
        "gateway_response_values": {},
        "payment_gateway_references": [],
        "cvv_check": None,
        "avs_check": None,
    }


def credit_payment(store: Store, row: CreditPayment) -> Json:
    refund = row.refund_transaction_id and store.get(Transaction, row.refund_transaction_id)
    return {
        "object": "credit_payment",
        "id": row.id,
        "uuid": row.uuid,
        "action": row.action,
        "account": account_mini(store, row.account_id),
        "applied_to_invoice": _invoice_mini(store, row.applied_to_invoice_id),
        "original_invoice": _invoice_mini(store, row.original_invoice_id),
        "original_credit_payment_id": None,
        "refund_transaction": transaction(store, refund) if refund else None,
        "amount": float(row.amount),
        "currency": row.currency,
        "created_at": when(row.created_at),
        "updated_at": when(row.updated_at),
        "voided_at": when(row.voided_at),
    }
