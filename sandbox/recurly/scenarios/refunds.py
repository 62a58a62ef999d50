"""Stories of refunds that meet trouble at the processor."""

from __future__ import annotations

from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.doings.billing import is_invoiced, pays
from sandbox.recurly.scenarios.doings.credits import is_refunded
from sandbox.recurly.scenarios.doings.histories import customer
from sandbox.recurly.scenarios.doings.processing import (
    charge_succeeds,
    dispute_opens,
    refund_fails_at_processor,
    refund_is_made,
)
from sandbox.recurly.scenarios.doings.subscriptions import renews
from sandbox.recurly.scenarios.expectations import account, dispute, open_case, payment, refund
from sandbox.recurly.scenarios.scene import Cast
from sandbox.recurly.scenarios.story import Story, step

REFUND_MEETS_DISPUTE = Story(
    name="refund_meets_dispute",
    title="A payment is refunded, and disputed as well",
    description="Braintree: the money could go back twice. The dispute and the refund both have an open case.",
    cast=Cast(plan=people.STUDIO, price="43.00", gateway=people.BRAINTREE, method=people.VISA),
    before=customer(),
    steps=(
        step(0, "it renews and is paid", renews, is_invoiced(), pays, charge_succeeds),
        step(6, "it is refunded", is_refunded("43.00")),
        step(2, "the customer's bank takes it back too", dispute_opens("not_as_described", "13.3")),
    ),
    expect=lambda scene: [
        account(scene),
        payment(scene),
        dispute(scene),
        open_case(scene, "dispute"),
        open_case(scene, "refund"),
    ],
)

REFUND_FAILS_AT_BANK = Story(
    name="refund_fails_at_bank",
    title="A refund does not arrive: the card is gone",
    description="Recurly and Stripe call it done; five days later the bank sends it back. The case is open.",
    cast=Cast(plan=people.STUDIO, price="47.00", gateway=people.STRIPE, method=people.VISA),
    before=customer(),
    steps=(
        step(0, "it renews and is paid", renews, is_invoiced(), pays, charge_succeeds),
        step(4, "it is refunded", is_refunded("47.00"), refund_is_made),
        step(5, "the bank sends it back", refund_fails_at_processor("lost_or_stolen_card")),
    ),
    expect=lambda scene: [account(scene), payment(scene), refund(scene), open_case(scene, "refund")],
)
