"""What a payment that came back, or a lost permission to charge, is called, and what to do about it.

Wallets and cards are taken back and cut off as bank debits are (a PayPal reversal, a billing agreement that was ended).
The case is the same; but nobody's bank is concerned, and nobody should be told to ask it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connector.mappers import phrases, reasons
from connector.models.facts import Payment, ProcessorObject

_LOST: Final = "No debit can be taken from the customer's bank account any more."
_CUT_OFF: Final = "No payment can be taken by {} any more: the agreement with the customer ended there."
_NEW_METHOD: Final = "Ask the customer whether they want to go on, then for another payment method."
_TAKEN_BACK: Final = "The money of the payment went back; the processor does not say why."
_SEE_WHY: Final = (
    "See at the processor why the money went back and whether a dispute is behind it, then ask the customer for "
    "another payment method."
)
_SCHEMES: Final = frozenset(
    {"ach", "us_bank_account", "sepa", "sepa_core", "sepa_cor1", "sepa_b2b", "sepa_debit", "bacs", "becs"}
    | {"becs_nz", "pad", "autogiro", "betalingsservice", "faster_payments", "pay_to"}
)
"""Networks of bank debits, as the sources name them."""


@dataclass(frozen=True, slots=True)
class ReturnReason:
    """``problem``: what it is called; why it happened, its code, and what to do."""

    problem: str
    reason: str
    code: str | None
    action: str


def returned(item: ProcessorObject, payment: Payment | None) -> ReturnReason:
    """A charge that came back. ``payment``: the one behind it, where it is known."""
    why = reasons.explain(item)
    if _is_by_bank(item, payment):
        return ReturnReason("Bank debit returned", why.text, why.code, why.action)
    text = why.text if item.reason or item.network_code else _TAKEN_BACK
    return ReturnReason("Payment taken back", text, why.code, _SEE_WHY)


def lost(item: ProcessorObject) -> ReturnReason:
    """A mandate, or a wallet's agreement, by which nothing can be collected any more."""
    why = reasons.explain(item)
    if _is_by_bank(item):
        return ReturnReason("Mandate for bank debits lost", f"{_LOST} {why.text}", why.code, why.action)
    method = item.method or phrases.plain(item.network or "").capitalize()
    return ReturnReason(
        f"Permission to charge by {method} lost", _CUT_OFF.format(method), why.code, _NEW_METHOD
    )


def _is_by_bank(item: ProcessorObject, payment: Payment | None = None) -> bool:
    """Where nothing says by what it was paid, it is taken for a bank debit: those come back most."""
    if item.network:
        return item.network.lower() in _SCHEMES
    paid_with = payment.payment_method if payment else None
    method = (item.method or (paid_with.brand if paid_with else "")).lower()
    return not method or "bank" in method or "debit" in method
