"""Every kind of event Recurly sends, and what Casewire does with it.

Three tables: handled kind → the object it points to; ignored kind → why; XML root → the kind it is the twin
of. ``created`` alone says nothing, so a kind is ``object_type.event_type``. A kind in none of them is
UNKNOWN: stored, counted, shown. Words for the timeline are in ``connector/sources/recurly.py``.

Checked 2026-11 against https://docs.recurly.com/recurly-subscriptions/docs/overview-webhooks (Notifications).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from connector.models.events import Urgency


class Handled(NamedTuple):
    """``object``: which object the event points to (``events.Pointer``)."""

    object: str
    urgency: Urgency = Urgency.ROUTINE


_ACCOUNT = Handled("account")
_SUBSCRIPTION = Handled("subscription")
_PAYMENT = Handled("payment")
_INVOICE = Handled("invoice")
_CREDIT_PAYMENT = Handled("credit_payment")
_FAILED_METHOD = Handled("account", Urgency.FAILURE)
_FAILED_PAYMENT = Handled("payment", Urgency.FAILURE)
_FAILED_INVOICE = Handled("invoice", Urgency.FAILURE)
_DISPUTE = Handled("payment", Urgency.DISPUTE)

HANDLED: Final[Mapping[str, Handled]] = {
    "account.created": _ACCOUNT,
    "account.updated": _ACCOUNT,
    "account.closed": _ACCOUNT,
    "billing_info.updated": _ACCOUNT,
    "billing_info.update_failed": _FAILED_METHOD,
    "subscription.created": _SUBSCRIPTION,
    "subscription.updated": _SUBSCRIPTION,
    "subscription.canceled": _SUBSCRIPTION,
    "subscription.expired": _SUBSCRIPTION,
    "subscription.renewed": _SUBSCRIPTION,  # sent for successful and failed payments
    "subscription.reactivated": _SUBSCRIPTION,
    "subscription.paused": _SUBSCRIPTION,
    "subscription.resumed": _SUBSCRIPTION,
    "subscription.pause.scheduled": _SUBSCRIPTION,
    "subscription.pause.modified": _SUBSCRIPTION,
    "subscription.pause.canceled": _SUBSCRIPTION,
    "subscription.pending_change.scheduled": _SUBSCRIPTION,
    "subscription.renewal.skipped": _SUBSCRIPTION,
    # Changes nothing, but the reminder and its time are evidence in a dispute.
    "subscription.renewal.scheduled": _SUBSCRIPTION,
    "subscription.renewal.six_month_subscription_reminder": _SUBSCRIPTION,
    "subscription.renewal.annual_subscription_reminder": _SUBSCRIPTION,
    "subscription.renewal.bill_date_reminder": _SUBSCRIPTION,
    "subscription.renewal.cc_will_expire": _SUBSCRIPTION,
    "subscription.renewal.mastercard_subscription_will_renew": _SUBSCRIPTION,
    "subscription.renewal.ramp_price_will_change": _SUBSCRIPTION,
    "subscription.renewal.sepa_subscription_will_renew": _SUBSCRIPTION,
    "subscription.renewal.bacs_subscription_will_renew": _SUBSCRIPTION,
    "subscription.renewal.subscription_trial_expiring": _SUBSCRIPTION,
    "subscription.renewal.term_renewal_reminder": _SUBSCRIPTION,
    "payment.scheduled": _PAYMENT,
    "payment.processing": _PAYMENT,
    "payment.authorized": _PAYMENT,
    "payment.succeeded": _PAYMENT,
    "payment.failed": _FAILED_PAYMENT,
    "payment.refunded": _PAYMENT,
    "payment.voided": _PAYMENT,
    # Sent for late bank returns and chargebacks; only the payment shows which.
    "payment.transaction_status_updated": _DISPUTE,
    "payment.fraud_info_updated": _DISPUTE,
    "charge_invoice.created": _INVOICE,
    "charge_invoice.processing": _INVOICE,
    "charge_invoice.past_due": _FAILED_INVOICE,
    "charge_invoice.paid": _INVOICE,
    "charge_invoice.failed": _FAILED_INVOICE,
    "charge_invoice.reopened": _INVOICE,
    "charge_invoice.updated": _INVOICE,
    "credit_invoice.created": _INVOICE,
    "credit_invoice.processing": _INVOICE,
    "credit_invoice.closed": _INVOICE,
    "credit_invoice.voided": _INVOICE,
    "credit_invoice.reopened": _INVOICE,
    "credit_invoice.opened": _INVOICE,
    "credit_invoice.updated": _INVOICE,
    "credit_payment.created": _CREDIT_PAYMENT,
    "credit_payment.voided": _CREDIT_PAYMENT,
    "invoice.created": _INVOICE,
    "invoice.pending": _INVOICE,
    "invoice.processing": _INVOICE,
    "invoice.closed": _INVOICE,
    "invoice.past_due": _FAILED_INVOICE,
    "invoice.updated": _INVOICE,
    "dunning_event.created": _FAILED_INVOICE,
}

_SHIPPING = "Shipping addresses are not kept in the CRM by Casewire."
_USAGE = "Usage changes nothing for the customer until it is invoiced; the invoice has events of its own."
_GIFT_CARD = "Gift cards are not kept in the CRM; what one pays for shows on the invoice."
_ITEM = "An item of the catalogue concerns no customer."
_EXTERNAL = "Apple, Google or Roku bill this subscription: it has no invoice or payment in Recurly."

IGNORED: Final[Mapping[str, str]] = {
    "shipping_address.created": _SHIPPING,
    "shipping_address.updated": _SHIPPING,
    "shipping_address.deleted": _SHIPPING,
    "usage.created": _USAGE,
    "subscription.low_balance": _GIFT_CARD,
    "gift_card.purchased": _GIFT_CARD,
    "gift_card.canceled": _GIFT_CARD,
    "gift_card.updated": _GIFT_CARD,
    "gift_card.regenerated": _GIFT_CARD,
    "gift_card.redeemed": _GIFT_CARD,
    "gift_card.balance_updated": _GIFT_CARD,
    "item.created": _ITEM,
    "item.updated": _ITEM,
    "item.deactivated": _ITEM,
    "item.reactivated": _ITEM,
    "external_subscription.created": _EXTERNAL,
    "external_subscription.renewed": _EXTERNAL,
    "external_subscription.canceled": _EXTERNAL,
    "external_subscription.downgraded": _EXTERNAL,
    "external_subscription.upgraded": _EXTERNAL,
    "external_subscription.expired": _EXTERNAL,
    "external_subscription.extended_renewal": _EXTERNAL,
    "external_subscription.failed_renewal": _EXTERNAL,
    "external_subscription.failed_renewal_with_grace_period": _EXTERNAL,
    "external_subscription.grace_period_expired": _EXTERNAL,
    "external_subscription.reactivated": _EXTERNAL,
    "external_subscription.resubscribed": _EXTERNAL,
    "external_subscription.refunded": _EXTERNAL,
    "external_subscription.refund_declined": _EXTERNAL,
    "external_subscription.refund_reversed": _EXTERNAL,
    "external_subscription.paused": _EXTERNAL,
    "external_subscription.revoked": _EXTERNAL,
    "external_subscription.recovered": _EXTERNAL,
    "external_subscription.price_change_confirmed": _EXTERNAL,
    "external_subscription.pause_schedule_changed": _EXTERNAL,
    "external_subscription.voided": _EXTERNAL,
    "external_subscription.plan_changed": _EXTERNAL,
    "external_subscription.downgrade_canceled": _EXTERNAL,
    "external_subscription.consumption_requested": _EXTERNAL,
    "incorrect_account_notice.resubscribed_incorrect_account": _EXTERNAL,
}

XML_ROOTS: Final[Mapping[str, str]] = {
    "new_account_notification": "account.created",
    "updated_account_notification": "account.updated",
    "canceled_account_notification": "account.closed",
    "billing_info_updated_notification": "billing_info.updated",
    "billing_info_update_failed_notification": "billing_info.update_failed",
    "new_shipping_address_notification": "shipping_address.created",
    "updated_shipping_address_notification": "shipping_address.updated",
    "deleted_shipping_address_notification": "shipping_address.deleted",
    "new_subscription_notification": "subscription.created",
    "updated_subscription_notification": "subscription.updated",
    "canceled_subscription_notification": "subscription.canceled",
    "expired_subscription_notification": "subscription.expired",
    "renewed_subscription_notification": "subscription.renewed",
    "reactivated_account_notification": "subscription.reactivated",  # it holds a subscription
    "subscription_paused_notification": "subscription.paused",
    "subscription_resumed_notification": "subscription.resumed",
    "scheduled_subscription_pause_notification": "subscription.pause.scheduled",
    "subscription_pause_modified_notification": "subscription.pause.modified",
    "subscription_pause_canceled_notification": "subscription.pause.canceled",
    "scheduled_subscription_update_notification": "subscription.pending_change.scheduled",
    "paused_subscription_renewal_notification": "subscription.renewal.skipped",
    "low_balance_gift_card_notification": "subscription.low_balance",
    "prerenewal_notification": "subscription.renewal.scheduled",
    "prerenewal_notification.prerenewal": "subscription.renewal.scheduled",
    "prerenewal_notification.six_month_subscription_reminder": (
        "subscription.renewal.six_month_subscription_reminder"
    ),
    "prerenewal_notification.annual_subscription_reminder": (
        "subscription.renewal.annual_subscription_reminder"
    ),
    "prerenewal_notification.bill_date_reminder": "subscription.renewal.bill_date_reminder",
    "prerenewal_notification.cc_will_expire": "subscription.renewal.cc_will_expire",
    "prerenewal_notification.mastercard_subscription_will_renew": (
        "subscription.renewal.mastercard_subscription_will_renew"
    ),
    "prerenewal_notification.ramp_price_will_change": "subscription.renewal.ramp_price_will_change",
    "prerenewal_notification.sepa_subscription_will_renew": (
        "subscription.renewal.sepa_subscription_will_renew"
    ),
    "prerenewal_notification.bacs_subscription_will_renew": (
        "subscription.renewal.bacs_subscription_will_renew"
    ),
    "prerenewal_notification.subscription_trial_expiring": "subscription.renewal.subscription_trial_expiring",
    "prerenewal_notification.term_renewal_reminder": "subscription.renewal.term_renewal_reminder",
    "scheduled_payment_notification": "payment.scheduled",
    "processing_payment_notification": "payment.processing",
    "transaction_authorized_notification": "payment.authorized",
    "successful_payment_notification": "payment.succeeded",
    "failed_payment_notification": "payment.failed",
    "successful_refund_notification": "payment.refunded",
    "void_payment_notification": "payment.voided",
    "transaction_status_updated_notification": "payment.transaction_status_updated",
    "fraud_info_updated_notification": "payment.fraud_info_updated",
    "new_charge_invoice_notification": "charge_invoice.created",
    "processing_charge_invoice_notification": "charge_invoice.processing",
    "past_due_charge_invoice_notification": "charge_invoice.past_due",
    "paid_charge_invoice_notification": "charge_invoice.paid",
    "failed_charge_invoice_notification": "charge_invoice.failed",
    "reopened_charge_invoice_notification": "charge_invoice.reopened",
    "updated_charge_invoice_notification": "charge_invoice.updated",
    "new_credit_invoice_notification": "credit_invoice.created",
    "processing_credit_invoice_notification": "credit_invoice.processing",
    "closed_credit_invoice_notification": "credit_invoice.closed",
    "voided_credit_invoice_notification": "credit_invoice.voided",
    "reopened_credit_invoice_notification": "credit_invoice.reopened",
    "open_credit_invoice_notification": "credit_invoice.opened",
    "updated_credit_invoice_notification": "credit_invoice.updated",
    "new_credit_payment_notification": "credit_payment.created",
    "voided_credit_payment_notification": "credit_payment.voided",
    "new_invoice_notification": "invoice.created",
    "pending_invoice_notification": "invoice.pending",
    "processing_invoice_notification": "invoice.processing",
    "closed_invoice_notification": "invoice.closed",
    "past_due_invoice_notification": "invoice.past_due",
    "updated_invoice_notification": "invoice.updated",
    "new_dunning_event_notification": "dunning_event.created",
    "new_usage_notification": "usage.created",
    "purchased_gift_card_notification": "gift_card.purchased",
    "canceled_gift_card_notification": "gift_card.canceled",
    "updated_gift_card_notification": "gift_card.updated",
    "regenerated_gift_card_notification": "gift_card.regenerated",
    "redeemed_gift_card_notification": "gift_card.redeemed",
    "updated_balance_gift_card_notification": "gift_card.balance_updated",
    "new_item_notification": "item.created",
    "updated_item_notification": "item.updated",
    "deactivated_item_notification": "item.deactivated",
    "reactivated_item_notification": "item.reactivated",
    "new_external_subscription_notification": "external_subscription.created",
    "renewed_external_subscription_notification": "external_subscription.renewed",
    "canceled_external_subscription_notification": "external_subscription.canceled",
    "downgraded_external_subscription_notification": "external_subscription.downgraded",
    "upgraded_external_subscription_notification": "external_subscription.upgraded",
    "expired_external_subscription_notification": "external_subscription.expired",
    "extended_renewal_external_subscription_notification": "external_subscription.extended_renewal",
    "renewal_failure_external_subscription_notification": "external_subscription.failed_renewal",
    "renewal_failure_with_grace_period_external_subscription_notification": (
        "external_subscription.failed_renewal_with_grace_period"
    ),
    "reactivated_external_subscription_notification": "external_subscription.reactivated",
    "resubscribed_external_subscription_notification": "external_subscription.resubscribed",
    "refunded_external_subscription_notification": "external_subscription.refunded",
    "refund_declined_external_subscription_notification": "external_subscription.refund_declined",
    "refund_reversed_external_subscription_notification": "external_subscription.refund_reversed",
    "paused_external_subscription_notification": "external_subscription.paused",
    "revoked_external_subscription_notification": "external_subscription.revoked",
    "recovered_external_subscription_notification": "external_subscription.recovered",
    "price_change_confirmed_external_subscription_notification": (
        "external_subscription.price_change_confirmed"
    ),
    "pause_schedule_changed_external_subscription_notification": (
        "external_subscription.pause_schedule_changed"
    ),
    "voided_external_subscription_notification": "external_subscription.voided",
    "plan_changed_external_subscription_notification": "external_subscription.plan_changed",
    "downgrade_canceled_external_subscription_notification": "external_subscription.downgrade_canceled",
    "consumption_requested_external_subscription_notification": "external_subscription.consumption_requested",
    "resubscribed_incorrect_account_incorrect_account_notice_notification": (
        "incorrect_account_notice.resubscribed_incorrect_account"
    ),
}

LISTED_ONLY: Final = frozenset({"invoice.updated", "external_subscription.grace_period_expired"})
"""On Recurly's pages without a sample of the body."""

XML_ONLY: Final = frozenset({"payment.fraud_info_updated", "billing_info.update_failed"})
"""Kinds that exist only in XML; the names are ours. The second has not been on Recurly's pages since 2017."""
