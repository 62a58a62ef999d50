"""Authorize.Net's kinds of event in plain words, for the timeline. A test holds them to the kinds handled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LABELS: Final[Mapping[str, str]] = {
    "net.authorize.payment.authorization.created": "Payment authorized",
    "net.authorize.payment.authcapture.created": "Payment authorized and captured",
    "net.authorize.payment.capture.created": "Payment captured",
    "net.authorize.payment.priorAuthCapture.created": "Authorized payment captured",
    "net.authorize.payment.void.created": "Payment voided",
    "net.authorize.payment.refund.created": "Refund created",
    "net.authorize.payment.fraud.held": "Payment held for review",
    "net.authorize.payment.fraud.approved": "Payment approved after review",
    "net.authorize.payment.fraud.declined": "Payment declined after review",
}
