"""What happens at the processor, and what it says about it. The payment meant at Recurly is the charge meant here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sandbox.processors.objects import Charge, Dispute, FraudWarning, Mandate, Payout, Refund
from sandbox.recurly.objects import Decline
from sandbox.recurly.scenarios.doings.bookkeeping import DIGITS, LOWER, UPPER, enter_charge
from sandbox.recurly.scenarios.scene import Doing, Scene


def charge_succeeds(scene: Scene) -> None:
    scene.tell("charge_succeeded", _entered(scene, "succeeded"))


def charge_fails(scene: Scene) -> None:
    scene.tell("charge_failed", _entered(scene, "failed"))


def _entered(scene: Scene, status: str) -> Charge:
    charge = enter_charge(scene, status)
    assert charge is not None
    return charge


def dispute_opens(
    reason: str, code: str = "", *, days_to_answer: float = 10, stage: str = "chargeback"
) -> Doing:
    """``reason`` in the processor's word, ``code`` in the card network's where there is one."""

    def do(scene: Scene) -> None:
        paid = scene.keep(replace(scene.at_processor(Charge), disputed=True))
        dispute = Dispute(
            source=scene.processor,
            id=_dispute_id(scene),
            charge_id=paid.id,
            amount=paid.amount,
            currency=paid.currency,
            reason=reason,
            code=code,
            due_at=scene.now + timedelta(days=days_to_answer),
            created_at=scene.now,
            updated_at=scene.now,
            stage=stage,
        )
        scene.tell("dispute_opened", scene.keep(dispute))

    return do


def _dispute_id(scene: Scene) -> str:
    if scene.processor == "stripe":
        return "du_1" + scene.draw(23, LOWER)
    if scene.processor == "paypal":
        return f"PP-D-{scene.draw(3, UPPER)}-{scene.draw(8, DIGITS)}"
    return scene.draw(16, LOWER if scene.processor == "braintree" else UPPER)


def funds_are_withdrawn(scene: Scene) -> None:
    scene.tell("funds_withdrawn", scene.at_processor(Dispute))


def evidence_is_sent(scene: Scene) -> None:
    _dispute_turns(scene, "evidence_sent", "under_review")


def dispute_is_won(scene: Scene) -> None:
    _dispute_turns(scene, "dispute_won", "won")


def dispute_is_lost(scene: Scene) -> None:
    _dispute_turns(scene, "dispute_lost", "lost")


def dispute_is_reversed(scene: Scene) -> None:
    """The bank insists: what was won is lost again."""
    _dispute_turns(scene, "dispute_reversed", "lost", stage="pre_arbitration")


def dispute_is_withdrawn(scene: Scene) -> None:
    _dispute_turns(scene, "dispute_withdrawn", "withdrawn")


def funds_are_reinstated(scene: Scene) -> None:
    scene.tell("funds_reinstated", scene.at_processor(Dispute))


def _dispute_turns(scene: Scene, what: str, status: str, stage: str | None = None) -> None:
    dispute = scene.at_processor(Dispute)
    evidence = dispute.evidence or what == "evidence_sent"
    # the moment that is told is the next one
    moment = scene.now + timedelta(seconds=1)
    stage = stage or dispute.stage
    turned = scene.keep(replace(dispute, status=status, stage=stage, evidence=evidence, updated_at=moment))
    scene.tell(what, turned)


def refund_is_made(scene: Scene) -> None:
    """It leaves the processor; whether it arrives, the customer's bank decides."""
    scene.tell("refund_made", scene.at_processor(Refund))
    scene.tell("charge_refunded", scene.at_processor(Charge))


def refund_fails_at_processor(why: str) -> Doing:
    """``why`` in the processor's word."""

    def do(scene: Scene) -> None:
        failed = scene.keep(replace(scene.at_processor(Refund), status="failed", why=why))
        paid = scene.at_processor(Charge)
        scene.keep(replace(paid, refunded=paid.refunded - failed.amount))
        scene.tell("refund_failed", failed)

    return do


def payout_is_paid(amount: str) -> Doing:
    """To a payee who has not been paid before."""

    def do(scene: Scene) -> None:
        _pay_out(scene, "acct_1" + scene.draw(16, LOWER), Decimal(amount))

    return do


def payout_is_paid_again(scene: Scene) -> None:
    """As much to the same payee, in a new payout."""
    before = scene.at_processor(Payout)
    _pay_out(scene, before.payee, before.amount)


def _pay_out(scene: Scene, payee: str, amount: Decimal) -> None:
    payout = Payout(
        source=scene.processor,
        id="po_1" + scene.draw(23, LOWER),
        payee=payee,
        amount=amount,
        currency=scene.cast.currency,
        arrives_at=scene.now + timedelta(days=2),
        created_at=scene.now,
    )
    scene.tell("payout_paid", scene.keep(payout))


def payout_bounces(code: str, words: str) -> Doing:
    """The bank sends it back, after it was said to be paid."""

    def do(scene: Scene) -> None:
        bounced = replace(scene.at_processor(Payout), status="failed", code=code, words=words)
        scene.tell("payout_failed", scene.keep(bounced))

    return do


def debit_is_returned(decline: Decline) -> Doing:
    """By the customer's bank, after it was said to be collected."""

    def do(scene: Scene) -> None:
        returned = replace(
            scene.at_processor(Charge),
            status="returned",
            code=decline.gateway_code,
            words=decline.gateway_message,
        )
        scene.tell("debit_returned", scene.keep(returned))

    return do


def late_failure_is_settled(scene: Scene) -> None:
    """What was paid out already is taken from a payout."""
    scene.tell("late_failure_settled", scene.at_processor(Charge))


def mandate_is_canceled(scene: Scene) -> None:
    canceled = replace(scene.at_processor(Mandate), status="cancelled")
    scene.tell("mandate_canceled", scene.keep(canceled))


def fraud_is_warned_of(fraud_type: str) -> Doing:
    """By the customer's bank, before there is a dispute."""

    def do(scene: Scene) -> None:
        warning = FraudWarning(
            source=scene.processor,
            id="issfr_1" + scene.draw(23, LOWER),
            charge_id=scene.at_processor(Charge).id,
            fraud_type=fraud_type,
            created_at=scene.now,
        )
        scene.tell("fraud_warned", scene.keep(warning))

    return do


def fraud_warning_closes(scene: Scene) -> None:
    """There is nothing left to do about it."""
    closed = replace(scene.at_processor(FraudWarning), actionable=False)
    scene.tell("fraud_warning_closed", scene.keep(closed))


def fraud_is_held(scene: Scene) -> None:
    """The processor's filters keep the payment back until somebody has looked at it."""
    scene.tell("fraud_held", _entered(scene, "held"))


def fraud_is_approved(scene: Scene) -> None:
    approved = replace(scene.at_processor(Charge), status="succeeded")
    scene.tell("fraud_approved", scene.keep(approved))
