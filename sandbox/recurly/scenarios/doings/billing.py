"""Invoices, payments, dunning."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sandbox.recurly.objects import Decline, Invoice, Transaction
from sandbox.recurly.scenarios.doings.accounts import CAMPAIGN
from sandbox.recurly.scenarios.doings.bookkeeping import enter_charge
from sandbox.recurly.scenarios.scene import Doing, Scene


def is_invoiced(origin: str = "renewal") -> Doing:
    """A charge invoice for the period that begins. ``origin``: purchase, renewal."""

    def do(scene: Scene) -> None:
        invoice = scene.add(_charge(scene, origin))
        scene.change(scene.subscription, active_invoice_id=invoice.id)
        scene.announce("charge_invoice.created", invoice)

    return do


def _charge(scene: Scene, origin: str) -> Invoice:
    subscription, at = scene.subscription, scene.tick()
    return Invoice(
        id=scene.ids.id(),
        uuid=scene.ids.uuid(),
        number=scene.number(),
        account_id=scene.account_id,
        origin=origin,
        currency=subscription.currency,
        total=subscription.subtotal,
        description=subscription.plan.name,
        plan=subscription.plan,
        subscription_ids=(subscription.id,),
        collection_method=subscription.collection_method,
        net_terms=subscription.net_terms,
        po_number=subscription.po_number,
        dunning_campaign_id=CAMPAIGN,
        created_at=at,
        updated_at=at,
        due_at=at + timedelta(days=subscription.net_terms),
    )


def pays(scene: Scene) -> None:
    payment = _attempt(scene, "success")
    scene.announce("payment.succeeded", payment)
    _is_paid(scene)


def payment_fails(decline: Decline) -> Doing:
    return lambda scene: scene.announce("payment.failed", _attempt(scene, "declined", decline))


def payment_starts(scene: Scene) -> None:
    """A bank debit: days pass until its outcome is known."""
    payment = _attempt(scene, "processing")
    invoice = scene.change(scene.invoice, state="processing")
    scene.announce("payment.processing", payment)
    scene.announce("charge_invoice.processing", invoice, payment)


def payment_settles(scene: Scene) -> None:
    payment = scene.change(scene.payment, status="success", collected_at=scene.now)
    enter_charge(scene)
    scene.announce("payment.transaction_status_updated", payment)
    scene.announce("payment.succeeded", payment)
    _is_paid(scene)


def payment_is_returned(decline: Decline) -> Doing:
    """The bank takes back a debit that was under way."""

    def do(scene: Scene) -> None:
        payment = scene.change(scene.payment, status="declined", decline=decline)
        enter_charge(scene)
        scene.announce("payment.transaction_status_updated", payment)
        scene.announce("payment.failed", payment)

    return do


def is_reopened(decline: Decline) -> Doing:
    """The bank takes back a debit that had settled: the paid invoice is owed again."""

    def do(scene: Scene) -> None:
        payment = scene.change(scene.payment, status="declined", decline=decline)
        enter_charge(scene, "returned")
        scene.announce("payment.transaction_status_updated", payment)
        reopened = scene.change(scene.invoice, state="pending", paid=Decimal(0), closed_at=None)
        scene.announce("charge_invoice.reopened", reopened, payment)

    return do


def verification_fails(decline: Decline) -> Doing:
    """A card is tried with nothing to pay."""

    def do(scene: Scene) -> None:
        at = scene.tick()
        verify = Transaction(
            id=scene.ids.id(),
            uuid=scene.ids.uuid(),
            account_id=scene.account_id,
            type="verify",
            status="declined",
            origin="recurlyjs",
            amount=Decimal(0),
            currency=scene.cast.currency,
            gateway=scene.cast.gateway,
            gateway_reference=scene.reference(),
            method=scene.method,
            decline=decline,
            created_at=at,
            updated_at=at,
            collected_at=at,
        )
        scene.announce("payment.failed", scene.add(verify))

    return do


def falls_past_due(scene: Scene) -> None:
    scene.announce("charge_invoice.past_due", scene.change(scene.invoice, state="past_due"))


def is_dunned(scene: Scene) -> None:
    _dun(scene, final=False)


def is_dunned_a_last_time(scene: Scene) -> None:
    _dun(scene, final=True)


def _dun(scene: Scene, *, final: bool) -> None:
    sent = scene.invoice.dunning_events_sent + 1
    invoice = scene.change(scene.invoice, dunning_events_sent=sent, final_dunning_event=final)
    scene.announce("dunning_event.created", invoice, scene.subscription)


def _is_paid(scene: Scene) -> None:
    invoice = scene.change(scene.invoice, state="paid", paid=scene.invoice.balance, closed_at=scene.now)
    scene.announce("charge_invoice.paid", invoice)


def _attempt(scene: Scene, status: str, decline: Decline | None = None) -> Transaction:
    invoice, at = scene.invoice, scene.tick()
    payment = scene.add(
        Transaction(
            id=scene.ids.id(),
            uuid=scene.ids.uuid(),
            account_id=scene.account_id,
            type="purchase",
            status=status,
            origin="recurring" if invoice.origin == "renewal" else "api",
            amount=invoice.balance,
            currency=invoice.currency,
            gateway=scene.cast.gateway,
            gateway_reference=scene.reference(),
            approval_code=scene.ids.short(6).upper() if status == "success" else None,
            method=scene.method,
            invoice_id=invoice.id,
            invoice_uuid=invoice.uuid,
            invoice_number=invoice.number,
            subscription_ids=invoice.subscription_ids,
            decline=decline,
            created_at=at,
            updated_at=at,
            collected_at=at,
        )
    )
    enter_charge(scene)
    return payment
