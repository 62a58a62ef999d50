"""Every kind of event GoCardless sends, and what Casewire does with it.

``created`` alone says nothing, so a kind is ``resource_type.action``. Two tables: handled kind → what it is about;
ignored kind → why. A kind in neither is UNKNOWN: stored, counted, shown. Words for the timeline are in
``connector/sources/gocardless.py``.

Checked 2026-11 against https://developer.gocardless.com/api-reference/#events-event-actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.models.events import Urgency
from connector.models.facts import Kind
from connector.webhooks.processor_event import Handled, Kinds

_CHARGE = Handled(Kind.CHARGE)
_FAILED_CHARGE = Handled(Kind.CHARGE, Urgency.FAILURE)
_CHARGED_BACK = Handled(Kind.DISPUTE, Urgency.DISPUTE)
_REFUND = Handled(Kind.REFUND)
_FAILED_REFUND = Handled(Kind.REFUND, Urgency.FAILURE)
_PAYOUT = Handled(Kind.PAYOUT)
_FAILED_PAYOUT = Handled(Kind.PAYOUT, Urgency.FAILURE)
_MANDATE = Handled(Kind.MANDATE)
_LOST_MANDATE = Handled(Kind.MANDATE, Urgency.FAILURE)

HANDLED: Final[Mapping[str, Handled]] = {
    "payments.created": _CHARGE,
    "payments.customer_approval_granted": _CHARGE,
    "payments.customer_approval_denied": _FAILED_CHARGE,
    "payments.submitted": _CHARGE,
    "payments.resubmission_requested": _CHARGE,
    "payments.confirmed": _CHARGE,
    "payments.paid_out": _CHARGE,
    "payments.cancelled": _FAILED_CHARGE,
    "payments.failed": _FAILED_CHARGE,
    "payments.late_failure_settled": _FAILED_CHARGE,
    "payments.charged_back": _CHARGED_BACK,
    "payments.chargeback_cancelled": _CHARGED_BACK,
    "payments.chargeback_settled": _CHARGED_BACK,
    "refunds.created": _REFUND,
    "refunds.paid": _REFUND,
    "refunds.refund_settled": _REFUND,
    "refunds.failed": _FAILED_REFUND,
    "refunds.funds_returned": _FAILED_REFUND,
    "payouts.paid": _PAYOUT,
    "creditors.bounced_payout": _FAILED_PAYOUT,  # there is no "failed" among the payouts' own events
    "mandates.created": _MANDATE,
    "mandates.customer_approval_granted": _MANDATE,
    "mandates.customer_approval_skipped": _MANDATE,
    "mandates.submitted": _MANDATE,
    "mandates.resubmission_requested": _MANDATE,
    "mandates.active": _MANDATE,
    "mandates.reinstated": _MANDATE,
    "mandates.transferred": _MANDATE,
    "mandates.replaced": _MANDATE,
    "mandates.consumed": _MANDATE,
    "mandates.cancelled": _LOST_MANDATE,
    "mandates.failed": _LOST_MANDATE,
    "mandates.expired": _LOST_MANDATE,
    "mandates.blocked": _LOST_MANDATE,
}


def _ignored(resource_type: str, reason: str, actions: str) -> dict[str, str]:
    return {f"{resource_type}.{action}": reason for action in actions.split()}


_FEE = "A fee between GoCardless and the merchant: the customer's payment has events of its own."
_RATE = "An exchange rate of a payout: other events report whether the money arrived."
_CREDITOR = "The merchant's own GoCardless account: it concerns no customer and no payout."
_FLOW = "A step on the way to a mandate or payment, which has events of its own."
_PLAN = "GoCardless's own schedule: Recurly bills here, and each payment has events of its own."
_EXPORT = "A file that was requested from GoCardless: it concerns no customer."

IGNORED: Final[Mapping[str, str]] = {
    **_ignored("payments", _FEE, "surcharge_fee_debited"),
    **_ignored("payouts", _RATE, "fx_rate_confirmed tax_exchange_rates_confirmed"),
    **_ignored(
        "creditors",
        _CREDITOR,
        "account_auto_frozen account_auto_frozen_reverted new_payout_currency_added updated",
    ),
    **_ignored(
        "billing_requests",
        _FLOW,
        "bank_authorisation_authorised bank_authorisation_denied bank_authorisation_expired "
        "bank_authorisation_failed bank_authorisation_visited cancelled choose_currency collect_amount "
        "collect_bank_account collect_customer_details created failed flow_created flow_exited flow_visited "
        "fulfilled payer_details_confirmed payer_geo_blocked select_institution",
    ),
    **_ignored("payer_authorisations", _FLOW, "completed failed"),
    **_ignored("instalment_schedules", _PLAN, "cancelled completed created creation_failed errored resumed"),
    **_ignored(
        "subscriptions",
        _PLAN,
        "amended cancelled created customer_approval_denied customer_approval_granted finished paused "
        "payment_created resumed scheduled_pause scheduled_pause_cancelled scheduled_resume",
    ),
    **_ignored("exports", _EXPORT, "started completed failed"),
    **_ignored("scheme_identifiers", _CREDITOR, "activated"),
}

KINDS: Final = Kinds(HANDLED, IGNORED)
