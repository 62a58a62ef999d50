"""The XML form of a notification: the account and the objects whole, no id, no time, no signature.

Amounts are in the minor unit of the currency, as ``*_in_cents`` says for two decimals; how Recurly writes yen
and dinar there is not documented.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from sandbox.recurly.kinds import XML_ROOTS
from sandbox.recurly.notifications import Notification
from sandbox.recurly.objects import Account, CreditPayment, Invoice, Plan, Subscription, Thing, Transaction
from sandbox.recurly.render import when

_DECIMALS: Final = {"JPY": 0, "KWD": 3}


def body(note: Notification) -> bytes:
    name, _, notification_type = XML_ROOTS[note.kind].partition(".")
    root = Element(name)
    if notification_type:
        SubElement(root, "notification_type").text = notification_type
    _account(root, note.account)
    for thing in (note.about, *note.beside):
        _thing(root, thing)
    document: bytes = tostring(root, encoding="UTF-8", xml_declaration=True, short_empty_elements=False)
    return document


def _thing(root: Element, thing: Thing) -> None:
    if isinstance(thing, Subscription):
        _subscription(root, thing)
    elif isinstance(thing, Invoice):
        _invoice(root, thing)
    elif isinstance(thing, Transaction):
        _transaction(root, thing)
    elif isinstance(thing, CreditPayment):
        _credit_payment(root, thing)


def _put(parent: Element, name: str, value: Any) -> None:
    """A field with the type attribute Recurly gives it."""
    child = SubElement(parent, name)
    if value is None:
        child.set("nil", "true")
    elif isinstance(value, bool):
        child.set("type", "boolean")
        child.text = str(value).lower()
    elif isinstance(value, int):
        child.set("type", "integer")
        child.text = str(value)
    elif isinstance(value, datetime):
        child.set("type", "datetime")
        child.text = when(value)
    else:
        child.text = str(value)


def _cents(amount: Decimal, currency: str) -> int:
    return int(amount.scaleb(_DECIMALS.get(currency, 2)))


def _account(root: Element, row: Account) -> None:
    node = SubElement(root, "account")
    _put(node, "account_code", row.code)
    _put(node, "username", None)
    _put(node, "email", row.email)
    _put(node, "first_name", row.first_name)
    _put(node, "last_name", row.last_name)
    _put(node, "company_name", row.company)
    _put(node, "phone", row.address.phone)


def _plan(node: Element, plan: Plan) -> None:
    child = SubElement(node, "plan")
    _put(child, "plan_code", plan.code)
    _put(child, "name", plan.name)


def _subscription(root: Element, row: Subscription) -> None:
    node = SubElement(root, "subscription")
    _plan(node, row.plan)
    _put(node, "uuid", row.uuid)
    _put(node, "state", row.state)
    _put(node, "quantity", row.quantity)
    _put(node, "total_amount_in_cents", _cents(row.subtotal, row.currency))
    SubElement(node, "subscription_add_ons").set("type", "array")
    for name in (
        "activated_at",
        "canceled_at",
        "expires_at",
        "current_period_started_at",
        "current_period_ends_at",
        "trial_started_at",
        "trial_ends_at",
        "paused_at",
        "resume_at",
        "remaining_pause_cycles",
    ):
        _put(node, name, getattr(row, name))


def _invoice(root: Element, row: Invoice) -> None:
    node = SubElement(root, "invoice")
    _put(node, "uuid", row.uuid)
    _put(node, "state", row.state)
    _put(node, "origin", row.origin)
    _put(node, "invoice_number_prefix", "")
    _put(node, "invoice_number", row.number)
    _put(node, "po_number", row.po_number)
    _put(node, "currency", row.currency)
    _put(node, "balance_in_cents", _cents(row.balance, row.currency))
    _put(node, "total_in_cents", _cents(row.total, row.currency))
    ids = SubElement(node, "subscription_ids")
    ids.set("type", "array")
    for id_ in row.subscription_ids:
        _put(ids, "subscription_id", id_)
    for name in ("created_at", "updated_at", "closed_at"):
        _put(node, name, getattr(row, name))
    _put(node, "due_on", row.due_at)
    if row.type == "charge":
        _put(node, "dunning_events_count", row.dunning_events_sent)
        _put(node, "final_dunning_event", row.final_dunning_event)
        _put(node, "dunning_campaign_id", row.dunning_campaign_id)
    _put(node, "net_terms", row.net_terms)
    _put(node, "collection_method", row.collection_method)


def _transaction(root: Element, row: Transaction) -> None:
    node = SubElement(root, "transaction")
    decline = row.decline
    # the uuid is the only id this form has, under the name id
    _put(node, "id", row.uuid)
    _put(node, "invoice_id", row.invoice_uuid)
    _put(node, "invoice_number", row.invoice_number)
    _put(node, "action", "credit" if row.type == "refund" else row.type)
    _put(node, "date", row.created_at)
    _put(node, "gateway", row.gateway.type if row.gateway else None)
    _put(node, "amount_in_cents", _cents(row.amount, row.currency))
    _put(node, "status", row.status)
    _put(node, "message", decline.gateway_message if decline else "Approved")
    _put(node, "gateway_error_codes", decline.gateway_code if decline else None)
    _put(node, "failure_type", decline.code if decline else None)
    _put(node, "reference", row.gateway_reference)
    _put(node, "source", "subscription" if row.subscription_ids else "transaction")
    _put(node, "test", True)
    _put(node, "voidable", row.success)
    _put(node, "refundable", row.success and row.type == "purchase")


def _credit_payment(root: Element, row: CreditPayment) -> None:
    node = SubElement(root, "credit_payment")
    _put(node, "uuid", row.uuid)
    _put(node, "action", row.action)
    _put(node, "currency", row.currency)
    _put(node, "amount_in_cents", _cents(row.amount, row.currency))
    for name in ("created_at", "updated_at", "voided_at"):
        _put(node, name, getattr(row, name))
