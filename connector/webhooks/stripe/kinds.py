"""Every kind of event Stripe sends, and what Casewire does with it.

Two tables: handled kind → what it is about and how urgent; ignored kind → why. A kind in neither is UNKNOWN:
stored, counted, shown. Words for the timeline are in ``connector/sources/stripe.py``.

Checked 2026-11 against the list in the official library, stripe 16.1 (a test compares them), and
https://docs.stripe.com/api/events/types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.models.events import Urgency
from connector.models.facts import Kind
from connector.webhooks.processor_event import Handled, Kinds

_CHARGE = Handled(Kind.CHARGE)
_FAILED_CHARGE = Handled(Kind.CHARGE, Urgency.FAILURE)
_REFUND = Handled(Kind.REFUND)
_FAILED_REFUND = Handled(Kind.REFUND, Urgency.FAILURE)
_PAYOUT = Handled(Kind.PAYOUT)
_FAILED_PAYOUT = Handled(Kind.PAYOUT, Urgency.FAILURE)
_DISPUTE = Handled(Kind.DISPUTE, Urgency.DISPUTE)
_FRAUD_WARNING = Handled(Kind.FRAUD_WARNING, Urgency.DISPUTE)
_MANDATE = Handled(Kind.MANDATE, Urgency.FAILURE)

HANDLED: Final[Mapping[str, Handled]] = {
    "charge.dispute.created": _DISPUTE,  # can be lost already: some disputes cannot be contested
    "charge.dispute.updated": _DISPUTE,
    "charge.dispute.closed": _DISPUTE,
    "charge.dispute.funds_withdrawn": _DISPUTE,
    "charge.dispute.funds_reinstated": _DISPUTE,
    "radar.early_fraud_warning.created": _FRAUD_WARNING,
    "radar.early_fraud_warning.updated": _FRAUD_WARNING,
    "review.opened": _FRAUD_WARNING,
    "review.closed": _FRAUD_WARNING,
    # Successes are read too: they show payment and invoice of a later dispute, without an API call.
    "charge.pending": _CHARGE,
    "charge.succeeded": _CHARGE,
    "charge.captured": _CHARGE,
    "charge.updated": _CHARGE,
    "charge.failed": _FAILED_CHARGE,
    "payment_intent.payment_failed": _FAILED_CHARGE,
    "charge.refunded": _CHARGE,  # the object is the charge, with the sum of its refunds
    "charge.refund.updated": _FAILED_REFUND,  # reported failures before refund.failed existed
    "refund.created": _REFUND,
    "refund.updated": _REFUND,
    "refund.failed": _FAILED_REFUND,
    "payout.created": _PAYOUT,
    "payout.updated": _PAYOUT,
    "payout.paid": _PAYOUT,  # not the end: it may still fail
    "payout.reconciliation_completed": _PAYOUT,
    "payout.canceled": _PAYOUT,
    "payout.failed": _FAILED_PAYOUT,
    "mandate.updated": _MANDATE,
}

_IGNORED: Final[Mapping[str, str]] = {
    "Recurly bills here, not Stripe: Stripe's own billing objects do not matter.": """
        billing.alert.triggered billing.credit_balance_transaction.created billing.credit_grant.created
        billing.credit_grant.updated billing.meter.created billing.meter.deactivated billing.meter.reactivated
        billing.meter.updated billing_portal.configuration.created billing_portal.configuration.updated
        billing_portal.session.created coupon.created coupon.deleted coupon.updated credit_note.created
        credit_note.updated credit_note.voided customer.discount.created customer.discount.deleted
        customer.discount.updated customer.subscription.created customer.subscription.deleted
        customer.subscription.paused customer.subscription.pending_update_applied
        customer.subscription.pending_update_expired customer.subscription.resumed
        customer.subscription.trial_will_end customer.subscription.updated
        entitlements.active_entitlement_summary.updated invoice.created invoice.deleted
        invoice.finalization_failed invoice.finalized invoice.marked_uncollectible invoice.overdue
        invoice.overpaid invoice.paid invoice.payment_action_required invoice.payment_attempt_required
        invoice.payment_failed invoice.payment_succeeded invoice.sent invoice.upcoming invoice.updated
        invoice.voided invoice.will_be_due invoice_payment.paid invoiceitem.created invoiceitem.deleted
        plan.created plan.deleted plan.updated price.created price.deleted price.updated product.created
        product.deleted product.updated promotion_code.created promotion_code.updated quote.accepted
        quote.canceled quote.created quote.finalized subscription_schedule.aborted
        subscription_schedule.canceled subscription_schedule.completed subscription_schedule.created
        subscription_schedule.expiring subscription_schedule.released subscription_schedule.updated
        tax.settings.updated tax_rate.created tax_rate.updated
        """,
    "Recurly reports payment method and customer; Stripe only has copies.": """
        customer.created customer.deleted customer.source.created customer.source.deleted
        customer.source.expiring customer.source.updated customer.tax_id.created customer.tax_id.deleted
        customer.tax_id.updated customer.updated payment_method.attached payment_method.automatically_updated
        payment_method.detached payment_method.updated setup_intent.canceled setup_intent.created
        setup_intent.requires_action setup_intent.setup_failed setup_intent.succeeded source.canceled
        source.chargeable source.failed source.mandate_notification source.refund_attributes_required
        source.transaction.created source.transaction.updated
        """,
    "An intermediate step of a payment; its charge has events of its own.": """
        charge.expired checkout.session.async_payment_failed checkout.session.async_payment_succeeded
        checkout.session.completed checkout.session.expired payment_intent.amount_capturable_updated
        payment_intent.canceled payment_intent.created payment_intent.partially_funded
        payment_intent.processing payment_intent.requires_action payment_intent.succeeded
        payment_link.created payment_link.updated three_d_secure.authentication.canceled
        three_d_secure.authentication.challenge_started three_d_secure.authentication.errored
        three_d_secure.authentication.failed three_d_secure.authentication.requires_challenge
        three_d_secure.authentication.requires_submission three_d_secure.authentication.succeeded
        """,
    "It concerns the merchant's own balance with Stripe, and no customer or payee.": """
        application_fee.created application_fee.refund.updated application_fee.refunded balance.available
        balance_settings.updated cash_balance.funds_available customer_cash_balance_transaction.created
        reserve.hold.created reserve.hold.updated reserve.plan.created reserve.plan.disabled
        reserve.plan.expired reserve.plan.updated reserve.release.created topup.canceled topup.created
        topup.failed topup.reversed topup.succeeded transfer.created transfer.reversed transfer.updated
        """,
    "It concerns the set-up of an account at Stripe; what is paid to it shows as a payout.": """
        account.application.authorized account.application.deauthorized account.external_account.created
        account.external_account.deleted account.external_account.updated account.updated
        apps.install.created apps.install.deleted apps.install.updated capability.updated person.created
        person.deleted person.updated
        """,
    "It is of another product of Stripe, which Casewire does not follow.": """
        climate.order.canceled climate.order.created climate.order.delayed climate.order.delivered
        climate.order.product_substituted climate.product.created climate.product.pricing_updated file.created
        financial_connections.account.account_numbers_updated financial_connections.account.created
        financial_connections.account.deactivated financial_connections.account.disconnected
        financial_connections.account.expected_deactivation_date_updated
        financial_connections.account.reactivated financial_connections.account.refreshed_balance
        financial_connections.account.refreshed_ownership financial_connections.account.refreshed_transactions
        financial_connections.account.supported_payment_method_types_updated
        financial_connections.account.upcoming_account_number_expiry
        financial_connections.account.upcoming_deactivation
        financial_connections.authorization.expected_deactivation_date_updated
        financial_connections.authorization.upcoming_deactivation identity.verification_session.canceled
        identity.verification_session.created identity.verification_session.processing
        identity.verification_session.redacted identity.verification_session.requires_input
        identity.verification_session.verified issuing_authorization.created issuing_authorization.request
        issuing_authorization.updated issuing_card.created issuing_card.updated issuing_cardholder.created
        issuing_cardholder.updated issuing_dispute.closed issuing_dispute.created
        issuing_dispute.funds_reinstated issuing_dispute.funds_rescinded issuing_dispute.submitted
        issuing_dispute.updated issuing_personalization_design.activated
        issuing_personalization_design.deactivated issuing_personalization_design.rejected
        issuing_personalization_design.updated issuing_token.created issuing_token.updated
        issuing_transaction.created issuing_transaction.purchase_details_receipt_updated
        issuing_transaction.updated reporting.report_run.failed reporting.report_run.succeeded
        reporting.report_type.updated sigma.scheduled_query_run.created terminal.reader.action_failed
        terminal.reader.action_succeeded terminal.reader.action_updated test_helpers.test_clock.advancing
        test_helpers.test_clock.created test_helpers.test_clock.deleted
        test_helpers.test_clock.internal_failure test_helpers.test_clock.ready
        treasury.credit_reversal.created treasury.credit_reversal.posted treasury.debit_reversal.completed
        treasury.debit_reversal.created treasury.debit_reversal.initial_credit_granted
        treasury.financial_account.closed treasury.financial_account.created
        treasury.financial_account.features_status_updated treasury.inbound_transfer.canceled
        treasury.inbound_transfer.created treasury.inbound_transfer.failed treasury.inbound_transfer.succeeded
        treasury.outbound_payment.canceled treasury.outbound_payment.created
        treasury.outbound_payment.expected_arrival_date_updated treasury.outbound_payment.failed
        treasury.outbound_payment.posted treasury.outbound_payment.returned
        treasury.outbound_payment.tracking_details_updated treasury.outbound_transfer.canceled
        treasury.outbound_transfer.created treasury.outbound_transfer.expected_arrival_date_updated
        treasury.outbound_transfer.failed treasury.outbound_transfer.posted treasury.outbound_transfer.returned
        treasury.outbound_transfer.tracking_details_updated treasury.received_credit.created
        treasury.received_credit.failed treasury.received_credit.succeeded treasury.received_debit.created
        """,
}
"""Reason → kinds that are ignored for it."""

IGNORED: Final[Mapping[str, str]] = {kind: why for why, kinds in _IGNORED.items() for kind in kinds.split()}

KINDS: Final = Kinds(HANDLED, IGNORED)
