"""Stories about money that goes back, or lies about."""

from __future__ import annotations

from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.doings.billing import falls_past_due, is_dunned, is_invoiced, payment_fails
from sandbox.recurly.scenarios.doings.credits import (
    gets_credit,
    is_charged_back,
    is_refunded,
    refund_bounces,
    refund_starts,
)
from sandbox.recurly.scenarios.doings.histories import customer
from sandbox.recurly.scenarios.doings.subscriptions import renews
from sandbox.recurly.scenarios.expectations import account, invoice, no_case, open_case, payment
from sandbox.recurly.scenarios.scene import Cast
from sandbox.recurly.scenarios.story import Story, step

REFUND_ISSUED = Story(
    name="refund_issued",
    title="A payment is refunded in part",
    description="A small refund that goes through at once. No case.",
    cast=Cast(plan=people.STUDIO, price="49.00", gateway=people.STRIPE, method=people.VISA),
    before=customer(days_into_period=6),
    steps=(step(0, "part of it goes back", is_refunded("15.00")),),
    expect=lambda scene: [account(scene), invoice(scene), payment(scene), no_case(scene)],
)

REFUND_FAILS = Story(
    name="refund_fails",
    title="A refund fails",
    description="Under way for three days, then refused: the customer's account is closed. The case is open.",
    cast=Cast(
        plan=people.STUDIO, price="49.00", currency="EUR", gateway=people.ADYEN, method=people.MASTERCARD
    ),
    before=customer(days_into_period=9),
    steps=(
        step(0, "the refund is under way", refund_starts("24.50")),
        step(3, "it is refused", refund_bounces(people.REFUND_REFUSED)),
    ),
    expect=lambda scene: [account(scene), payment(scene), open_case(scene, "refund")],
)

CHARGEBACK_RECORDED = Story(
    name="chargeback_recorded",
    title="A chargeback is final",
    description="Recurly records an external refund with a chargeback transaction. The case stays open.",
    cast=Cast(plan=people.PUBLISHER, price="129.00", gateway=people.ADYEN, method=people.VISA),
    before=customer(days_into_period=24),
    steps=(step(0, "the outcome of the dispute", is_charged_back),),
    expect=lambda scene: [account(scene), invoice(scene), payment(scene), open_case(scene, "chargeback")],
)

CREDIT_LEFT_UNAPPLIED = Story(
    name="credit_left_unapplied",
    title="Credit lies about while an invoice is past due",
    description="A goodwill credit is never applied to the renewal that then fails. Two cases are open.",
    cast=Cast(plan=people.PUBLISHER, price="139.00", gateway=people.STRIPE, method=people.DISCOVER),
    before=customer(days_into_period=24),
    steps=(
        step(0, "the credit", gets_credit("40.00", "Goodwill for the outage")),
        step(
            6,
            "the renewal fails",
            renews,
            is_invoiced(),
            payment_fails(people.INSUFFICIENT_FUNDS),
            falls_past_due,
            is_dunned,
        ),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        open_case(scene, "unapplied_credit"),
        open_case(scene, "payment_failed"),
    ],
)
