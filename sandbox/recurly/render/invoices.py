"""Invoices, with the transactions and credit payments they hold."""

from __future__ import annotations

from sandbox.recurly.objects import CreditPayment, Invoice, Transaction
from sandbox.recurly.render.payments import credit_payment, transaction
from sandbox.recurly.render.shapes import Json, account_mini, when
from sandbox.recurly.store import Store


def invoice(store: Store, row: Invoice) -> Json:
    payments = store.rows(Transaction, lambda t: t.invoice_id == row.id, account_id=row.account_id)
    return {
        "object": "invoice",
        "id": row.id,
        "uuid": row.uuid,
        "number": str(row.number),
        "type": row.type,
        "origin": row.origin,
        "state": row.state,
        "account": account_mini(store, row.account_id),
        "collection_method": row.collection_method,
        "currency": row.currency,
        **_amounts(row),
        "net_terms": row.net_terms,
        "net_terms_type": "net",
        "po_number": row.po_number,
        "previous_invoice_id": row.previous_invoice_id,
        "subscription_ids": list(row.subscription_ids),
        "dunning_campaign_id": row.dunning_campaign_id,
        "dunning_events_sent": row.dunning_events_sent,
        "final_dunning_event": row.final_dunning_event,
        "line_items": [_line_item(store, row)],
        "has_more_line_items": False,
        "transactions": [transaction(store, payment) for payment in payments],
        "credit_payments": [credit_payment(store, credit) for credit in _credits(store, row)],
        "custom_fields": [],
        "created_at": when(row.created_at),
        "updated_at": when(row.updated_at),
        "due_at": when(row.due_at),
        "closed_at": when(row.closed_at),
    }


def _amounts(row: Invoice) -> Json:
    return {
        "subtotal": float(row.total),
        "subtotal_after_discount": float(row.total),
        "discount": 0.0,
        "tax": 0.0,
        "total": float(row.total),
        "paid": float(row.paid),
        "balance": float(row.balance),
        "refundable_amount": None if row.refundable is None else float(row.refundable),
    }


def _credits(store: Store, row: Invoice) -> list[CreditPayment]:
    def belongs(credit: CreditPayment) -> bool:
        return row.id in (credit.original_invoice_id, credit.applied_to_invoice_id)

    return store.rows(CreditPayment, belongs, account_id=row.account_id)


def _line_item(store: Store, row: Invoice) -> Json:
    return {
        "object": "line_item",
        "id": row.id[:-1] + "l",
        "uuid": row.uuid[::-1],
        "type": row.type,
        "state": "invoiced",
        "origin": "plan" if row.plan else "debit",
        "account": account_mini(store, row.account_id),
        "invoice_id": row.id,
        "invoice_number": str(row.number),
        "subscription_id": row.subscription_ids[0] if row.subscription_ids else None,
        "plan_id": row.plan.id if row.plan else None,
        "plan_code": row.plan.code if row.plan else None,
        "description": row.description,
        "currency": row.currency,
        "quantity": 1,
        "unit_amount": float(row.total),
        "subtotal": float(row.total),
        "discount": 0.0,
        "tax": 0.0,
        "amount": float(row.total),
        "refund": row.type == "credit",
        "start_date": when(row.created_at),
        "created_at": when(row.created_at),
        "updated_at": when(row.updated_at),
    }
