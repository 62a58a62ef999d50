"""Which evidence helps against which kind of dispute. Short items for a checklist; our own words.

Rests on what the networks ask for: https://docs.stripe.com/disputes/categories and Visa's compelling evidence 3.0 (two
earlier undisputed payments, 120 to 365 days old, that share two of: IP address, device, account, delivery address).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_INVOICE: Final = "The invoice and the customer's record"
_TALKS: Final = "Messages with the customer about the purchase"
_USE: Final = "Proof of use after the charge (logins, downloads, activity)"
_TERMS: Final = "The terms the customer accepted, with date and IP address"

BY_CATEGORY: Final[Mapping[str, tuple[str, ...]]] = {
    "fraud": (
        "Address and security code check of the payment (AVS, CVV)",
        "3-D Secure result, if there was one",
        "Two earlier undisputed payments with the same IP address, device or account",
        _USE,
        _TALKS,
        _INVOICE,
    ),
    "authorization": (
        "The approval code, with its date and amount",
        "The processor's record of the payment",
        _INVOICE,
    ),
    "processing_error": (
        _INVOICE,
        "The processor's record of amount, currency and date",
        "What the customer had agreed to pay",
    ),
    "product": (
        "The description of the product as it was sold",
        "Proof of delivery or first access",
        _USE,
        "The refund and cancellation policy, as shown at the purchase",
        _TALKS,
    ),
    "duplicate": (
        "Both payments, with their dates, amounts and ids",
        "Both invoices, showing that each was for something else",
        "The refund's record, if one of them was given back",
    ),
    "credit": (
        "The refund policy, as shown at the purchase",
        "The refund's record, if it was made, with its date and reference",
        "Why no refund was due, and that the customer was told",
        _TALKS,
    ),
    "canceled_recurring": (
        "The cancellation policy, as shown at the purchase",
        "That there was no cancellation before the charge (subscription history)",
        "The renewal notices sent",
        _USE,
        _TERMS,
    ),
    "bank_debit": (
        "The authorisation of the debit (mandate, date, IP address)",
        "The notice of amount and date sent before the debit",
        _INVOICE,
    ),
    "general": (_INVOICE, _TERMS, _USE, _TALKS),
}
