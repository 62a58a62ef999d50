"""What the processor behind a gateway holds of Recurly's payments and refunds: the same, whether or not it says so."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from sandbox.processors.objects import Charge, Mandate, Refund
from sandbox.recurly.ids import draw
from sandbox.recurly.objects import Transaction
from sandbox.recurly.scenarios.people import PROCESSORS
from sandbox.recurly.scenarios.scene import Scene

LOWER: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
UPPER: Final = LOWER.upper()
DIGITS: Final = "0123456789"

_SILENT: Final = ("gocardless",)
"""Processors to which Recurly is not known to send its invoice number."""
_STATUSES: Final = {"success": "succeeded", "processing": "pending", "declined": "failed"}


def enter_charge(scene: Scene, status: str | None = None) -> Charge | None:
    """The processor's side of the payment meant, as it stands; ``status``: where it differs from Recurly's. None
    where this sandbox has no such processor."""
    if scene.cast.gateway.type not in PROCESSORS:
        return None
    paid, source = scene.payment, scene.processor
    known = scene.processors.get(Charge, source, paid.gateway_reference) or _charge(scene, paid)
    return scene.keep(
        replace(
            known,
            status=status or _STATUSES[paid.status],
            code=paid.decline.gateway_code if paid.decline else known.code,
            words=paid.decline.gateway_message if paid.decline else known.words,
        )
    )


def _charge(scene: Scene, paid: Transaction) -> Charge:
    method = paid.method
    return Charge(
        source=scene.processor,
        id=paid.gateway_reference,
        amount=paid.amount,
        currency=paid.currency,
        customer=_customer(scene),
        created_at=paid.created_at,
        invoice=None if scene.processor in _SILENT else paid.invoice_number,
        brand=method.card_type if method else None,
        last_four=method.last_four if method else None,
        mandate=_mandate(scene).id if scene.processor == "gocardless" else None,
    )


def enter_refund(scene: Scene) -> None:
    """The processor's side of the refund meant, and what is given back of its charge."""
    if scene.cast.gateway.type not in PROCESSORS:
        return
    given, source = scene.payment, scene.processor
    paid = scene.store.must(Transaction, given.original_transaction_id or "")
    before = scene.processors.get(Refund, source, given.gateway_reference)
    refund = Refund(
        source=source,
        id=given.gateway_reference,
        charge_id=paid.gateway_reference,
        amount=given.amount,
        currency=given.currency,
        created_at=given.created_at,
        status=_STATUSES[given.status],
    )
    charge = scene.processors.get(Charge, source, refund.charge_id)
    if charge is not None:
        more = _given_back(refund) - (_given_back(before) if before else 0)
        scene.keep(replace(charge, refunded=charge.refunded + more))
    scene.keep(refund)


def _given_back(refund: Refund) -> Decimal:
    return Decimal(0) if refund.status == "failed" else refund.amount


def _customer(scene: Scene) -> str:
    """The processor's own id of the customer: the same for all its payments."""
    chance = draw("customer", scene.code)
    forms = {"stripe": ("cus_", UPPER, 14), "gocardless": ("CU", UPPER, 12), "braintree": ("", DIGITS, 9)}
    prefix, alphabet, length = forms.get(scene.processor, ("", LOWER, 12))
    return prefix + "".join(chance.choices(alphabet, k=length))


def _mandate(scene: Scene) -> Mandate:
    id_ = "MD" + "".join(draw("mandate", scene.code).choices(UPPER, k=12))
    known = scene.processors.get(Mandate, scene.processor, id_)
    if known is not None:
        return known
    scheme = "ach" if scene.cast.currency == "USD" else "sepa_core"
    return scene.keep(
        Mandate(
            source=scene.processor,
            id=id_,
            customer=_customer(scene),
            scheme=scheme,
            created_at=scene.now,
        )
    )
