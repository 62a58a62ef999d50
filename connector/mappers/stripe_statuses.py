"""Stripe's statuses and ours, and how it counts, in events and answers. https://docs.stripe.com/api (2026-11)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from connector.mappers.safe_parse import part, word
from connector.models.facts import Status

NETWORKS: Final[Mapping[str, str]] = {
    "ach_debit": "ach",
    "acss_debit": "pad",
    "au_becs_debit": "becs",
    "bacs_debit": "bacs",
    "nz_bank_account": "becs_nz",
    "sepa_debit": "sepa_core",
    "us_bank_account": "ach",
}
"""Bank debits by Stripe's type of payment method → the scheme they run through."""


def network_of_dispute(found: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The network and its code for the reason. Wallets that decide themselves (PayPal, Klarna) have their own."""
    network, code = network_of_method(part(found.get("payment_method_details")))
    return network, code or word(found.get("network_reason_code"))


def network_of_method(details: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The same of how something was paid."""
    kind = word(details.get("type")) or ""
    inside = part(details.get(kind))
    name = (
        word(inside.get("network")) or word(inside.get("brand"))
        if kind == "card"
        else NETWORKS.get(kind, kind)
    )
    code = word(inside.get("network_reason_code")) or word(inside.get("reason_code"))
    return (name.lower() if name else None), code


Body = Mapping[str, Any]

CHARGE: Final[Mapping[str, Status]] = {
    "pending": Status.PENDING,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
}
REFUND: Final[Mapping[str, Status]] = {
    "pending": Status.PENDING,
    "requires_action": Status.REQUIRES_ACTION,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELED,
}
DISPUTE: Final[Mapping[str, Status]] = {
    "warning_needs_response": Status.NEEDS_RESPONSE,
    "needs_response": Status.NEEDS_RESPONSE,
    "appeal_needs_response": Status.NEEDS_RESPONSE,
    "warning_under_review": Status.UNDER_REVIEW,
    "under_review": Status.UNDER_REVIEW,
    "appeal_under_review": Status.UNDER_REVIEW,
    "won": Status.WON,
    "lost": Status.LOST,
    "warning_closed": Status.WITHDRAWN,  # an inquiry that never became a chargeback
    "prevented": Status.WITHDRAWN,  # settled by a refund before it became one
}

EXPONENTS: Final[Mapping[str, int]] = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe counts other decimals than ISO 4217: krónur and shillings still come with two, for old
integrations; ariary with none. https://docs.stripe.com/currencies#special-cases"""


def answered(evidence: Body) -> bool | None:
    """Whether evidence was ever sent, by a dispute's ``evidence_details``. Stripe calls a dispute ``lost`` also where
    nobody answered. https://docs.stripe.com/api/disputes/object#dispute_object-evidence_details-submission_count"""
    sent = evidence.get("submission_count")
    return sent > 0 if isinstance(sent, int) and not isinstance(sent, bool) else None


def of_charge(found: Body, intent: Body) -> Status | None:
    """A charge that succeeded and is not captured is authorized: Stripe holds the money and has not taken it. One that
    is captured in several steps has moved money from the first on, although ``captured`` is still false.
    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method"""
    status = CHARGE.get(str(found.get("status")))
    held = found.get("captured") is False and not _captured(found, intent)
    return Status.AUTHORIZED if status is Status.SUCCEEDED and held else status


def amount_of_charge(found: Body, intent: Body) -> object:
    """In minor units: what was captured, which may be less or more than what was authorized; where nothing is captured,
    what was authorized."""
    return _captured(found, intent) or found.get("amount")


def _captured(found: Body, intent: Body) -> int:
    """In minor units. The oldest API versions do not say it of a charge, but of its payment intent."""
    if (captured := _count(found.get("amount_captured"))) or "amount_captured" in found:
        return captured
    latest = intent.get("latest_charge")
    named = latest.get("id") if isinstance(latest, Mapping) else latest
    return _count(intent.get("amount_received")) if named in (None, found.get("id")) else 0


def charge_of_intent(intent: Body) -> Body:
    """The newest charge of a payment intent, as far as it is there. Before API version 2022-11-15 an intent lists its
    charges, the newest first, and has no ``latest_charge``."""
    latest = intent.get("latest_charge")
    if isinstance(latest, Mapping):
        return latest
    if isinstance(latest, str):
        return {"id": latest}
    listed = intent.get("charges")
    data = listed.get("data") if isinstance(listed, Mapping) else None
    first = data[0] if isinstance(data, list) and data else None
    return first if isinstance(first, Mapping) else {}


def refunds_of(found: Body) -> list[Body]:
    """The refunds that an event lists in a charge, without those that gave nothing back. Before API version
    2025-03-31.basil Stripe also books a refund where a hold is released: for all of it when it is cancelled, for the
    rest when a part is captured.
    https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow"""
    listed = found.get("refunds")
    data = listed.get("data") if isinstance(listed, Mapping) else None
    refunds = [one for one in data if isinstance(one, Mapping)] if isinstance(data, list) else []
    captured = _count(found.get("amount_captured"))
    if not captured:
        return [] if found.get("captured") is False else refunds
    released = _count(found.get("amount")) - captured
    if not 0 < released <= _count(found.get("amount_refunded")):
        return refunds
    # it is booked with the capture, before a refund is possible
    first = min(refunds, key=lambda one: _count(one.get("created")), default=None)
    is_release = first is not None and first.get("amount") == released
    return [one for one in refunds if not (is_release and one is first)]


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def dashboard(path: str, live: object, account: str | None) -> str:
    """A page of the dashboard; ``account``: of a connected account.
    https://docs.stripe.com/stripe-apps/deep-links"""
    where = f"{account}/" if account else ""
    return f"https://dashboard.stripe.com/{where}{'' if live else 'test/'}{path}"


def connected_account(value: object) -> str | None:
    """The id of a connected account, safe in a header and in an address; None for what is none."""
    return value if isinstance(value, str) and _ACCOUNT.fullmatch(value) else None


_ACCOUNT: Final = re.compile(r"acct_[A-Za-z0-9_]{1,200}")
