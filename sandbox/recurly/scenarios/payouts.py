"""Stories of money that goes out: to authors, and back again."""

from __future__ import annotations

from sandbox.processors.objects import Payout
from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.doings.histories import customer
from sandbox.recurly.scenarios.doings.processing import (
    payout_bounces,
    payout_is_paid,
    payout_is_paid_again,
)
from sandbox.recurly.scenarios.expectations import Expectation, payout, payout_case
from sandbox.recurly.scenarios.scene import Cast, Scene
from sandbox.recurly.scenarios.story import Story, step


def _both_payouts(scene: Scene) -> list[Expectation]:
    """The one that bounced and the one that did not."""
    payee = scene.at_processor(Payout).payee
    rows = [row for row in scene.processors.all(Payout) if row.payee == payee]
    return [*map(payout, rows), payout_case(scene, "Paid")]


PAYOUT_BOUNCES_THEN_PAID = Story(
    name="payout_bounces_then_paid",
    title="An author's royalties bounce and are paid again",
    description="Stripe: paid, sent back by a closed account, paid again two days later. The case resolves Paid.",
    cast=Cast(plan=people.STUDIO, price="49.00", gateway=people.STRIPE, method=people.VISA),
    before=customer(days_into_period=10),
    steps=(
        step(0, "the royalties go out", payout_is_paid("840.00")),
        step(
            3,
            "the bank sends them back",
            payout_bounces("account_closed", "The bank account has been closed."),
        ),
        step(2, "they go out again", payout_is_paid_again),
    ),
    expect=_both_payouts,
)
