"""Every kind of event Adyen sends, and what Casewire does with it.

A kind is the ``eventCode``. Two tables: handled kind → what it is about; ignored kind → why. A kind in neither is
UNKNOWN: stored, counted, shown. ``NAMED`` gives the webhooks that have a ``type`` instead the name of their page.
Words for the timeline are in ``connector/sources/adyen.py``.

Checked 2026-11 against https://docs.adyen.com/api-explorer/Webhooks/1/overview (48 webhooks) and the event codes its
items may have beside those (AUTHENTICATION, HANDLED_EXTERNALLY, REFUND_NOT_CLEARED).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.models.events import Urgency
from connector.models.facts import Kind
from connector.webhooks.processor_event import Handled, Kinds

_DISPUTE = Handled(Kind.DISPUTE, Urgency.DISPUTE)
_FRAUD = Handled(Kind.FRAUD_WARNING, Urgency.DISPUTE)
_REFUND = Handled(Kind.REFUND, Urgency.FAILURE)  # most codes are used for success and failure
_PAYOUT = Handled(Kind.PAYOUT, Urgency.FAILURE)
_CHARGE = Handled(Kind.CHARGE)
_FAILED_CHARGE = Handled(Kind.CHARGE, Urgency.FAILURE)
_MANDATE = Handled(Kind.MANDATE)

HANDLED: Final[Mapping[str, Handled]] = {
    "REQUEST_FOR_INFORMATION": _DISPUTE,
    "NOTIFICATION_OF_CHARGEBACK": _DISPUTE,
    "CHARGEBACK": _DISPUTE,
    "INFORMATION_SUPPLIED": _DISPUTE,
    "CHARGEBACK_REVERSED": _DISPUTE,
    "SECOND_CHARGEBACK": _DISPUTE,
    "DISPUTE_DEFENSE_PERIOD_ENDED": _DISPUTE,
    "ISSUER_COMMENTS": _DISPUTE,
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": _DISPUTE,
    "PREARBITRATION_OPEN": _DISPUTE,
    "PREARBITRATION_ACCEPTED": _DISPUTE,
    "PREARBITRATION_DECLINED": _DISPUTE,
    "PREARBITRATION_ISSUER_WITHDRAWN": _DISPUTE,
    "PREARBITRATION_WON": _DISPUTE,
    "PREARBITRATION_LOST": _DISPUTE,
    "SCHEME_ARBITRATION": _DISPUTE,
    "SCHEME_ARBITRATION_WON": _DISPUTE,
    "SCHEME_ARBITRATION_LOST": _DISPUTE,
    "NOTIFICATION_OF_FRAUD": _FRAUD,
    "MANUAL_REVIEW_ACCEPT": _FRAUD,
    "MANUAL_REVIEW_REJECT": _FRAUD,
    "REFUND": _REFUND,
    "REFUND_FAILED": _REFUND,
    "REFUNDED_REVERSED": _REFUND,
    "REFUND_WITH_DATA": _REFUND,
    "POSTPONED_REFUND": _REFUND,
    "VOID_PENDING_REFUND": _REFUND,
    "CANCEL_OR_REFUND": _REFUND,
    "PAYOUT_THIRDPARTY": _PAYOUT,
    "PAYOUT_DECLINE": _PAYOUT,
    "PAYOUT_EXPIRE": _PAYOUT,
    "PAIDOUT_REVERSED": _PAYOUT,
    "AUTHORISATION": _CHARGE,
    "CAPTURE": _CHARGE,
    "CAPTURE_FAILED": _FAILED_CHARGE,
    "CANCELLATION": _CHARGE,
    "TECHNICAL_CANCEL": _CHARGE,
    "EXPIRE": _CHARGE,
    "ACH_NOTIFICATION_OF_CHANGE": _MANDATE,
    "DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION": _MANDATE,
}

_RESCUE = (
    "Adyen's own retries of a declined payment: Recurly retries here, and each payment has events of its own."
)
_ORDER = "A part of an order that is paid in parts: each payment has events of its own."

IGNORED: Final[Mapping[str, str]] = {
    "AUTHENTICATION": "The result of 3-D Secure alone: AUTHORISATION reports whether the payment succeeded.",
    "AUTHORISATION_ADJUSTMENT": "The amount held was changed: the capture reports the final amount.",
    "AUTORESCUE": _RESCUE,
    "CANCEL_AUTORESCUE": _RESCUE,
    "HANDLED_EXTERNALLY": "The payment went on outside Adyen, which does not know how it ended.",
    "OFFER_CLOSED": "The customer never finished this payment, so there is nothing to follow.",
    "ORDER_CLOSED": _ORDER,
    "ORDER_OPENED": _ORDER,
    "RECURRING_CONTRACT": "A payment method was saved: Recurly keeps those, and its events report them.",
    "REFUND_NOT_CLEARED": "The customer has the money: it is only not settled yet between Adyen and the bank.",
    "REPORT_AVAILABLE": "A settlement report is ready: it concerns the accountants, and no single customer.",
}

KINDS: Final = Kinds(HANDLED, IGNORED)

NAMED: Final[Mapping[str, str]] = {
    "ach.notificationOfChange": "ACH_NOTIFICATION_OF_CHANGE",
    "eft.notificationOfChange": "DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION",
}
"""``type`` → kind, for webhooks without an ``eventCode``. Any other type is its own kind."""
