"""Every kind of event Authorize.Net sends, and what Casewire does with it.

Two tables: handled kind → what it is about; ignored kind → why. A kind in neither is UNKNOWN: stored, counted, shown.
Words for the timeline are in ``connector/sources/authorizenet.py``. There is none for chargebacks and returned eChecks.

Checked 2026-11 against https://developer.authorize.net/api/reference/features/webhooks.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.models.events import Urgency
from connector.models.facts import Kind
from connector.webhooks.processor_event import Handled, Kinds

_CHARGE = Handled(Kind.CHARGE)
_FRAUD_WARNING = Handled(Kind.FRAUD_WARNING, Urgency.DISPUTE)

HANDLED: Final[Mapping[str, Handled]] = {
    # Successes are read too: a later review or refund refers to them.
    "net.authorize.payment.authorization.created": _CHARGE,
    "net.authorize.payment.authcapture.created": _CHARGE,
    "net.authorize.payment.capture.created": _CHARGE,
    "net.authorize.payment.priorAuthCapture.created": _CHARGE,
    "net.authorize.payment.void.created": _CHARGE,
    "net.authorize.payment.refund.created": Handled(Kind.REFUND),  # only the response code shows a failure
    "net.authorize.payment.fraud.held": _FRAUD_WARNING,
    "net.authorize.payment.fraud.approved": _FRAUD_WARNING,
    "net.authorize.payment.fraud.declined": _FRAUD_WARNING,
}

_IGNORED: Final[Mapping[str, str]] = {
    "Authorize.Net's copy of a customer: Recurly reports accounts and their billing information.": """
        customer.created customer.updated customer.deleted
        customer.paymentProfile.created customer.paymentProfile.updated customer.paymentProfile.deleted
    """,
    "Authorize.Net's own recurring billing: Recurly bills here, and each payment has events of its own.": """
        customer.subscription.created customer.subscription.updated customer.subscription.suspended
        customer.subscription.terminated customer.subscription.cancelled customer.subscription.expiring
        customer.subscription.expired customer.subscription.failed
    """,
    "How a partner's merchant gets its Authorize.Net account: it concerns no customer.": """
        partner.boarding.gateway.created partner.boarding.rejected partner.boarding.incomplete
        partner.boarding.merchantAccount.created partner.boarding.merchantAccount.rejected
        partner.boarding.merchantAccount.updated
    """,
}

IGNORED: Final[Mapping[str, str]] = {
    f"net.authorize.{kind}": reason for reason, kinds in _IGNORED.items() for kind in kinds.split()
}

KINDS: Final = Kinds(HANDLED, IGNORED)
