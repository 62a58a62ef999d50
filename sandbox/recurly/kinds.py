"""The notifications this site can send: kind (``object_type.event_type``) → root element of the XML form.

Recurly's own list, cut down to what stories may send. XML names do not follow from the kinds: a reactivated
subscription is a ``reactivated_account_notification``, a closed account a ``canceled_account_notification``.
"""

from __future__ import annotations

from typing import Final

XML_ROOTS: Final[dict[str, str]] = {
    "account.created": "new_account_notification",
    "account.updated": "updated_account_notification",
    "account.closed": "canceled_account_notification",
    "billing_info.updated": "billing_info_updated_notification",
    "subscription.created": "new_subscription_notification",
    "subscription.updated": "updated_subscription_notification",
    "subscription.canceled": "canceled_subscription_notification",
    "subscription.expired": "expired_subscription_notification",
    "subscription.renewed": "renewed_subscription_notification",
    "subscription.reactivated": "reactivated_account_notification",
    "subscription.paused": "subscription_paused_notification",
    "subscription.resumed": "subscription_resumed_notification",
    "subscription.pause.scheduled": "scheduled_subscription_pause_notification",
    "subscription.pending_change.scheduled": "scheduled_subscription_update_notification",
    "subscription.renewal.skipped": "paused_subscription_renewal_notification",
    "subscription.renewal.scheduled": "prerenewal_notification.prerenewal",
    "subscription.renewal.cc_will_expire": "prerenewal_notification.cc_will_expire",
    "payment.scheduled": "scheduled_payment_notification",
    "payment.processing": "processing_payment_notification",
    "payment.succeeded": "successful_payment_notification",
    "payment.failed": "failed_payment_notification",
    "payment.refunded": "successful_refund_notification",
    "payment.voided": "void_payment_notification",
    "payment.transaction_status_updated": "transaction_status_updated_notification",
    "charge_invoice.created": "new_charge_invoice_notification",
    "charge_invoice.processing": "processing_charge_invoice_notification",
    "charge_invoice.past_due": "past_due_charge_invoice_notification",
    "charge_invoice.paid": "paid_charge_invoice_notification",
    "charge_invoice.failed": "failed_charge_invoice_notification",
    "charge_invoice.reopened": "reopened_charge_invoice_notification",
    "charge_invoice.updated": "updated_charge_invoice_notification",
    "credit_invoice.created": "new_credit_invoice_notification",
    "credit_invoice.processing": "processing_credit_invoice_notification",
    "credit_invoice.closed": "closed_credit_invoice_notification",
    "credit_invoice.voided": "voided_credit_invoice_notification",
    "credit_invoice.reopened": "reopened_credit_invoice_notification",
    "credit_invoice.opened": "open_credit_invoice_notification",
    "credit_invoice.updated": "updated_credit_invoice_notification",
    "credit_payment.created": "new_credit_payment_notification",
    "credit_payment.voided": "voided_credit_payment_notification",
    "dunning_event.created": "new_dunning_event_notification",
}


def split(kind: str) -> tuple[str, str]:
    """``("subscription", "renewal.cc_will_expire")``: the object type ends at the first dot."""
    object_type, _, event_type = kind.partition(".")
    return object_type, event_type
