"""Every kind of notification Braintree sends, and what Casewire does with it.

Two tables: handled kind → what it is about; ignored kind → why. A kind in neither is UNKNOWN: stored, counted, shown.
Words for the timeline are in ``connector/sources/braintree.py``.

Checked 2026-11 against braintree 4.48 (``WebhookNotification.Kind``: 41) and
https://developer.paypal.com/braintree/docs/reference/general/webhooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.models.events import Urgency
from connector.models.facts import Kind
from connector.webhooks.processor_event import Handled, Kinds

_DISPUTE = Handled(Kind.DISPUTE, Urgency.DISPUTE)
_CHARGE = Handled(Kind.CHARGE)
_FAILED_CHARGE = Handled(Kind.CHARGE, Urgency.FAILURE)

HANDLED: Final[Mapping[str, Handled]] = {
    "dispute_opened": _DISPUTE,
    "dispute_under_review": _DISPUTE,
    "dispute_disputed": _DISPUTE,
    "dispute_won": _DISPUTE,
    "dispute_lost": _DISPUTE,
    "dispute_accepted": _DISPUTE,
    "dispute_auto_accepted": _DISPUTE,
    "dispute_expired": _DISPUTE,
    "refund_failed": Handled(Kind.REFUND, Urgency.FAILURE),
    # Bank debits, and their refunds, which become a refund object.
    "transaction_settled": _CHARGE,
    "transaction_settlement_declined": _FAILED_CHARGE,
    "transaction_disbursed": _CHARGE,
    "transaction_retried": _CHARGE,
    "transaction_reviewed": _CHARGE,
    "local_payment_completed": _CHARGE,
    "local_payment_funded": _CHARGE,
    "local_payment_reversed": _FAILED_CHARGE,
    "disbursement": Handled(Kind.PAYOUT),
    "disbursement_exception": Handled(Kind.PAYOUT, Urgency.FAILURE),
    "payment_method_revoked_by_customer": Handled(Kind.MANDATE, Urgency.FAILURE),
}

_SUBSCRIPTION = "A subscription of Braintree's own: Recurly bills here, and its events report the renewals."
_GRANT = "A payment method shared between two merchants through the Grant API, which Recurly does not use."
_PARTNER = "It concerns the connection of a merchant to a platform, and no customer."

IGNORED: Final[Mapping[str, str]] = {
    "check": "A test notification from the Control Panel: the address and the keys are right.",
    "account_updater_daily_report": "A file of renewed cards: Recurly gets them by its own updater.",
    "payment_method_customer_data_updated": "Profile data of a Venmo customer, which is not kept in the CRM.",
    "local_payment_expired": "The customer never finished this payment, so there is nothing to follow.",
    "granted_payment_method_revoked": _GRANT,
    "grantor_updated_granted_payment_method": _GRANT,
    "recipient_updated_granted_payment_method": _GRANT,
    "connected_merchant_paypal_status_changed": _PARTNER,
    "connected_merchant_status_transitioned": _PARTNER,
    "oauth_access_revoked": _PARTNER,
    "partner_merchant_connected": _PARTNER,
    "partner_merchant_declined": _PARTNER,
    "partner_merchant_disconnected": _PARTNER,
    "subscription_billing_skipped": _SUBSCRIPTION,
    "subscription_canceled": _SUBSCRIPTION,
    "subscription_charged_successfully": _SUBSCRIPTION,
    "subscription_charged_unsuccessfully": _SUBSCRIPTION,
    "subscription_expired": _SUBSCRIPTION,
    "subscription_trial_ended": _SUBSCRIPTION,
    "subscription_went_active": _SUBSCRIPTION,
    "subscription_went_past_due": _SUBSCRIPTION,
}

KINDS: Final = Kinds(HANDLED, IGNORED)
