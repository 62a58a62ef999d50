"""Stories of bank debits: they take days, and may come back when everybody thinks them done."""

from __future__ import annotations

from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.doings.billing import (
    falls_past_due,
    is_dunned,
    is_invoiced,
    is_reopened,
    payment_settles,
    payment_starts,
)
from sandbox.recurly.scenarios.doings.histories import customer
from sandbox.recurly.scenarios.doings.processing import (
    charge_succeeds,
    debit_is_returned,
    late_failure_is_settled,
    mandate_is_canceled,
)
from sandbox.recurly.scenarios.doings.subscriptions import renews
from sandbox.recurly.scenarios.doings.telling import in_one_delivery
from sandbox.recurly.scenarios.expectations import account, invoice, open_case, payment
from sandbox.recurly.scenarios.scene import Cast
from sandbox.recurly.scenarios.story import Story, step

ACH_RETURN_AFTER_SUCCESS = Story(
    name="ach_return_after_success",
    title="A bank debit comes back eight days after it was paid",
    description="GoCardless and Recurly call it paid; then R01. The debit's case is open, and the invoice's.",
    cast=Cast(plan=people.PUBLISHER, price="125.00", gateway=people.GOCARDLESS, method=people.ACH),
    before=customer(settles=False),
    steps=(
        step(0, "it renews; the debit is under way", renews, is_invoiced(), payment_starts),
        step(4, "the debit is collected", payment_settles, charge_succeeds),
        step(
            8,
            "the bank returns it",
            in_one_delivery(debit_is_returned(people.ACH_RETURN_R01), late_failure_is_settled),
            is_reopened(people.ACH_RETURN_R01),
        ),
        step(1, "the invoice is owed again", falls_past_due, is_dunned),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        payment(scene),
        open_case(scene, "bank_debit"),
        open_case(scene, "payment_failed"),
    ],
)

MANDATE_LOST = Story(
    name="mandate_lost",
    title="A customer's bank cancels the mandate",
    description="GoCardless: nothing is owed yet, but no debit can be taken any more. The case is open.",
    cast=Cast(plan=people.STUDIO, price="46.00", gateway=people.GOCARDLESS, method=people.ACH),
    before=customer(settles=False),
    steps=(
        step(0, "it renews; the debit is under way", renews, is_invoiced(), payment_starts),
        step(4, "the debit is collected", payment_settles, charge_succeeds),
        step(11, "the bank cancels the mandate", mandate_is_canceled),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        payment(scene),
        open_case(scene, "bank_debit"),
    ],
)
