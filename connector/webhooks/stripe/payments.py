"""Maps Stripe's charges, payment intents and refunds to attributes of a ProcessorObject; and helpers for ids, amounts,
networks and payment methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.mappers import stripe_statuses
from connector.mappers.phrases import plain
from connector.models.facts import Status
from connector.webhooks.processor_event import currency, epoch, minor, need, part, word

Body = Mapping[str, Any]
Attributes = dict[str, Any]

_BRANDS: Final[Mapping[str, str]] = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "eftpos_au": "Eftpos",
    "jcb": "JCB",
    "unionpay": "UnionPay",
    "unknown": "Card",
}
_METHODS: Final[Mapping[str, str]] = {
    "ach_debit": "Bank account",
    "acss_debit": "Bank account",
    "au_becs_debit": "BECS direct debit",
    "bacs_debit": "Bacs direct debit",
    "paypal": "PayPal",
    "sepa_debit": "SEPA direct debit",
    "us_bank_account": "Bank account",
}


def id_of(value: object) -> str | None:
    """An id, given as text or as the expanded object."""
    return word(value.get("id")) if isinstance(value, dict) else word(value)


def references(*values: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found for value in values if (found := id_of(value))))


def amount(found: Body) -> Attributes:
    """``amount`` and ``currency``; empty if one is missing."""
    return _money(found, found.get("amount"))


def _money(found: Body, value: object) -> Attributes:
    code = currency(found.get("currency"))
    return {
        "amount": minor(value, code, stripe_statuses.EXPONENTS.get(code or "")),
        "currency": code,
    }


# Charges ---------------------------------------------------------------------------------------------------


def charge(found: Body) -> Attributes:
    details = part(found.get("payment_method_details"))
    outcome = part(found.get("outcome"))
    intent_ = part(found.get("payment_intent"))
    network, _ = stripe_statuses.network_of_method(details)
    charge_id = need(found.get("id"), "which charge it is about")
    return {
        "id": charge_id,
        "status": _charge_status(found, intent_, details, outcome),
        "reason": _decline(found.get("failure_code"), outcome.get("reason")),
        "reason_text": word(found.get("failure_message")),
        "network": network,
        "network_code": word(outcome.get("network_decline_code")),
        **_money(found, stripe_statuses.amount_of_charge(found, intent_)),
        "references": references(charge_id, found.get("payment_intent")),
        "invoice_number": _invoice_number(found),
        "customer": id_of(found.get("customer")),
        "refundable": False if found.get("refunded") is True else None,
        "refunded": _refunded(found),
        "method": _method(details),
    }


def _charge_status(found: Body, intent_: Body, details: Body, outcome: Body) -> Status | None:
    """Status of a charge. A failed bank debit was returned by the bank, unless it never reached the bank."""
    status = stripe_statuses.of_charge(found, intent_)
    sent = outcome.get("network_status") != "not_sent_to_network"
    if status is Status.FAILED and sent and word(details.get("type")) in stripe_statuses.NETWORKS:
        return Status.RETURNED
    return status


def _refunded(found: Body) -> bool | None:
    """Whether it was refunded completely: after a partial refund the rest can still be disputed."""
    refunded = found.get("refunded")
    return refunded if isinstance(refunded, bool) else None


def intent(found: Body) -> Attributes:
    """A failed payment, with the id of its last charge, else of the intent."""
    error = part(found.get("last_payment_error"))
    method = part(error.get("payment_method"))
    network, _ = stripe_statuses.network_of_method(method)
    tried = id_of(stripe_statuses.charge_of_intent(found)) or id_of(error.get("charge"))
    intent_id = need(found.get("id"), "which payment it is about")
    returned = bool(tried) and word(method.get("type")) in stripe_statuses.NETWORKS
    return {
        "id": tried or intent_id,
        "status": Status.RETURNED if returned else Status.FAILED,
        "reason": _decline(error.get("code"), error.get("decline_code")),
        "reason_text": word(error.get("message")),
        "network": network,
        "network_code": word(error.get("network_decline_code")),
        **amount(found),
        "references": references(tried, intent_id),
        "invoice_number": _invoice_number(found),
        "customer": id_of(found.get("customer")),
        "method": _method(method),
    }


def _invoice_number(found: Body) -> str | None:
    """Recurly writes its complete invoice number there."""
    return word(part(found.get("metadata")).get("invoiceNumber"))


def _decline(code: object, detail: object) -> str | None:
    """Decline code of the issuer (``insufficient_funds``), because ``card_declined`` has no meaning."""
    found = word(code)
    return (word(detail) or found) if found == "card_declined" else found


# Refunds ---------------------------------------------------------------------------------------------------


def refund(found: Body, of: Body) -> Attributes:
    """``of``: the charge that contains the refund."""
    status = stripe_statuses.REFUND.get(str(found.get("status")))
    failure = word(found.get("failure_reason"))
    intent_ = found.get("payment_intent") or of.get("payment_intent")
    return {
        "id": need(found.get("id"), "which refund it is"),
        "status": status,
        "reason": (failure if status is Status.FAILED else None) or word(found.get("reason")),
        **amount(found),
        "opened_at": epoch(found.get("created")),
        "references": references(found.get("charge") or of.get("id"), intent_),
        "customer": id_of(found.get("customer")),
    }


# Methods ----------------------------------------------------------------------------------------------------


def _method(details: Body) -> str | None:
    """``Visa ending 4242``, ``Bank account ending 6789``, ``Cashapp``."""
    kind = word(details.get("type"))
    if kind is None:
        return None
    inside = part(details.get(kind))
    last_four = word(inside.get("last4"))
    name = _brand(inside) if kind.startswith("card") else _METHODS.get(kind) or plain(kind).capitalize()
    return f"{name} ending {last_four}" if last_four else name


def _brand(card: Body) -> str:
    brand = word(card.get("brand")) or "unknown"
    return _BRANDS.get(brand) or plain(brand).capitalize()
