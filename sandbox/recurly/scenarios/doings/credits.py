"""Credit, refunds, chargebacks, write-offs: whatever makes a credit invoice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.recurly.objects import CreditPayment, Decline, Invoice, Transaction
from sandbox.recurly.scenarios.doings.bookkeeping import enter_refund
from sandbox.recurly.scenarios.scene import Doing, Scene


def gets_credit(amount: str, why: str) -> Doing:
    """Credit that nothing has used yet. The charge invoice meant stays the one it was."""

    def do(scene: Scene) -> None:
        credit = _credit_invoice(scene, Decimal(amount), "credit", state="open", description=why)
        scene.announce("credit_invoice.created", credit)

    return do


def is_refunded(amount: str) -> Doing:
    """Part or all of the payment goes back at once."""

    def do(scene: Scene) -> None:
        charge, paid = scene.invoice, scene.payment
        credit = _credit_invoice(scene, Decimal(amount), "refund", charge, state="closed")
        refund = _refund(scene, paid, credit, "success")
        enter_refund(scene)
        scene.announce("credit_invoice.created", credit)
        scene.announce("payment.refunded", refund)
        scene.announce("credit_invoice.closed", credit)
        _mark_refunded(scene, charge, paid, Decimal(amount))

    return do


def refund_starts(amount: str) -> Doing:
    """A refund to a bank or a closed card takes days; Recurly says nothing while it is under way."""

    def do(scene: Scene) -> None:
        charge, paid = scene.invoice, scene.payment
        credit = _credit_invoice(scene, Decimal(amount), "refund", charge, state="processing")
        scene.announce("credit_invoice.created", credit)
        _refund(scene, paid, credit, "processing")
        enter_refund(scene)
        scene.announce("credit_invoice.processing", credit)

    return do


def refund_bounces(decline: Decline) -> Doing:
    """The money comes back; what was to be refunded is now credit. No notification is about the failed refund
    itself but for the change of its status."""

    def do(scene: Scene) -> None:
        refund = scene.change(scene.payment, status="declined", decline=decline)
        enter_refund(scene)
        scene.announce("payment.transaction_status_updated", refund)
        credit = scene.store.must(Invoice, refund.invoice_id or "")
        opened = scene.store.change(replace(credit, state="open", paid=Decimal(0)), scene.tick())
        scene.announce("credit_invoice.opened", opened)

    return do


def is_charged_back(scene: Scene) -> None:
    """Recurly learns the final outcome only: an external refund, and a transaction that says why. There is no
    notification about the transaction; the credit invoice holds it."""
    charge, paid = scene.invoice, scene.payment
    credit = _credit_invoice(scene, paid.amount, "external_refund", charge, state="closed")
    _refund(scene, paid, credit, "chargeback", origin="chargeback")
    scene.announce("credit_invoice.created", credit)
    scene.announce("credit_invoice.closed", credit)
    _mark_refunded(scene, charge, paid, paid.amount)


def is_written_off(scene: Scene) -> None:
    """Collection has ended: the invoice fails, and a credit invoice makes up for what is owed."""
    charge = scene.invoice
    owed = charge.balance
    failed = scene.change(charge, state="failed", closed_at=scene.now)
    scene.announce("charge_invoice.failed", failed)
    credit = _credit_invoice(scene, owed, "write_off", charge, state="closed")
    scene.announce("credit_invoice.created", credit)
    at = scene.tick()
    used = CreditPayment(
        id=scene.ids.id(),
        uuid=scene.ids.uuid(),
        account_id=scene.account_id,
        action="write_off",
        amount=owed,
        currency=charge.currency,
        original_invoice_id=credit.id,
        applied_to_invoice_id=charge.id,
        created_at=at,
        updated_at=at,
    )
    scene.announce("credit_payment.created", scene.add(used))


def _credit_invoice(
    scene: Scene, amount: Decimal, origin: str, charge: Invoice | None = None, *, state: str, **more: Any
) -> Invoice:
    """The store gets it, the scene's charge invoice stays the one meant."""
    at = scene.tick()
    return scene.store.add(
        Invoice(
            id=scene.ids.id(),
            uuid=scene.ids.uuid(),
            number=scene.number(),
            account_id=scene.account_id,
            type="credit",
            state=state,
            origin=origin,
            currency=charge.currency if charge else scene.cast.currency,
            total=-amount,
            # what is under way or done is no longer there to be used
            paid=Decimal(0) if state == "open" else -amount,
            description=more.get("description") or f"Credit for invoice {charge.number if charge else ''}",
            subscription_ids=charge.subscription_ids if charge else (),
            previous_invoice_id=charge.id if charge else None,
            created_at=at,
            updated_at=at,
            due_at=at,
            closed_at=at if state == "closed" else None,
        )
    )


def _refund(
    scene: Scene, paid: Transaction, credit: Invoice, status: str, origin: str = "api"
) -> Transaction:
    at = scene.tick()
    return scene.add(
        Transaction(
            id=scene.ids.id(),
            uuid=scene.ids.uuid(),
            account_id=scene.account_id,
            type="refund",
            status=status,
            origin=origin,
            amount=-credit.total,
            currency=paid.currency,
            gateway=paid.gateway,
            gateway_reference=scene.reference("refund"),
            method=paid.method,
            invoice_id=credit.id,
            invoice_uuid=credit.uuid,
            invoice_number=credit.number,
            original_transaction_id=paid.id,
            subscription_ids=paid.subscription_ids,
            created_at=at,
            updated_at=at,
            collected_at=at,
        )
    )


def _mark_refunded(scene: Scene, charge: Invoice, paid: Transaction, amount: Decimal) -> None:
    """The refund stays the payment meant."""
    scene.store.change(replace(paid, refunded=True), scene.tick())
    scene.announce("charge_invoice.updated", scene.change(charge, refunded=charge.refunded + amount))
