"""Stories of fraud that is only suspected."""

from __future__ import annotations

from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.doings.billing import is_invoiced, pays
from sandbox.recurly.scenarios.doings.credits import is_refunded
from sandbox.recurly.scenarios.doings.histories import customer
from sandbox.recurly.scenarios.doings.processing import (
    charge_succeeds,
    fraud_is_approved,
    fraud_is_held,
    fraud_is_warned_of,
    fraud_warning_closes,
    refund_is_made,
)
from sandbox.recurly.scenarios.doings.subscriptions import renews
from sandbox.recurly.scenarios.expectations import account, no_case, payment, refund, resolved_case
from sandbox.recurly.scenarios.scene import Cast
from sandbox.recurly.scenarios.story import Story, step

FRAUD_WARNING_REFUNDED = Story(
    name="fraud_warning_refunded",
    title="A bank warns of fraud and the payment is refunded in time",
    description="Stripe's early fraud warning, then a full refund before any dispute. The case resolves Refunded.",
    cast=Cast(plan=people.WRITER, price="21.00", gateway=people.STRIPE, method=people.VISA),
    before=customer(),
    steps=(
        step(0, "it renews and is paid", renews, is_invoiced(), pays, charge_succeeds),
        step(2, "the bank warns", fraud_is_warned_of("unauthorized_use_of_card")),
        step(
            1,
            "it is refunded",
            is_refunded("21.00"),
            refund_is_made,
            fraud_warning_closes,
        ),
    ),
    expect=lambda scene: [
        account(scene),
        payment(scene),
        refund(scene),
        resolved_case(scene, "fraud_warning", "Refunded"),
        no_case(scene, "dispute"),
    ],
)

FRAUD_HELD_THEN_APPROVED = Story(
    name="fraud_held_then_approved",
    title="A payment is held for review and approved",
    description="Authorize.Net's filters hold it, somebody looks and approves. The case resolves Reviewed.",
    cast=Cast(plan=people.PUBLISHER, price="131.00", gateway=people.AUTHORIZE_NET, method=people.DISCOVER),
    before=customer(),
    steps=(
        step(0, "it renews; the payment is held", renews, is_invoiced(), pays, fraud_is_held),
        step(1, "somebody approves it", fraud_is_approved),
    ),
    expect=lambda scene: [
        account(scene),
        payment(scene),
        resolved_case(scene, "fraud_warning", "Reviewed"),
    ],
)
