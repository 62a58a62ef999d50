"""Stories that cross Recurly and a processor: payments that come back by way of the customer's bank."""

from __future__ import annotations

from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.doings.accounts import opens_account, stores_payment_method
from sandbox.recurly.scenarios.doings.billing import (
    falls_past_due,
    is_dunned,
    is_invoiced,
    payment_fails,
    pays,
)
from sandbox.recurly.scenarios.doings.histories import customer
from sandbox.recurly.scenarios.doings.processing import (
    charge_fails,
    charge_succeeds,
    dispute_is_lost,
    dispute_is_reversed,
    dispute_is_withdrawn,
    dispute_is_won,
    dispute_opens,
    evidence_is_sent,
    funds_are_reinstated,
    funds_are_withdrawn,
)
from sandbox.recurly.scenarios.doings.subscriptions import renews, subscribes
from sandbox.recurly.scenarios.doings.telling import (
    in_one_delivery,
    quietly,
    recurly_catches_up,
    recurly_is_late,
)
from sandbox.recurly.scenarios.expectations import (
    account,
    dispute,
    invoice,
    no_case,
    open_case,
    payment,
    resolved_case,
)
from sandbox.recurly.scenarios.scene import Cast
from sandbox.recurly.scenarios.story import Story, step

FAILED_RENEWAL_RECOVERS_AT_STRIPE = Story(
    name="failed_renewal_recovers_at_stripe",
    title="A renewal fails and recovers, at Recurly and at Stripe",
    description="Both tell of the failed and of the paid attempt. One case, resolved Recovered; no dispute.",
    cast=Cast(plan=people.STUDIO, price="52.00", gateway=people.STRIPE, method=people.VISA),
    before=customer(),
    steps=(
        step(
            0,
            "it renews; the card has no funds",
            renews,
            is_invoiced(),
            payment_fails(people.INSUFFICIENT_FUNDS),
            charge_fails,
            falls_past_due,
            is_dunned,
        ),
        step(3, "the second attempt is paid", pays, charge_succeeds),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        payment(scene),
        resolved_case(scene, "payment_failed", "Recovered"),
        no_case(scene, "dispute"),
    ],
)

CHARGEBACK_WON = Story(
    name="chargeback_won",
    title="A chargeback is contested and won",
    description="Stripe: opened, money taken, evidence sent, won, money given back. One case, resolved Won.",
    cast=Cast(plan=people.PUBLISHER, price="119.00", gateway=people.STRIPE, method=people.VISA),
    before=customer(),
    steps=(
        step(0, "it renews and is paid", renews, is_invoiced(), pays, charge_succeeds),
        step(
            9,
            "the customer's bank takes it back",
            dispute_opens("product_not_received", "13.1"),
            funds_are_withdrawn,
        ),
        step(3, "evidence is sent", evidence_is_sent),
        step(12, "the bank gives in", dispute_is_won, funds_are_reinstated),
    ),
    expect=lambda scene: [
        account(scene),
        payment(scene),
        dispute(scene),
        resolved_case(scene, "dispute", "Won"),
    ],
)

CHARGEBACK_WON_THEN_REVERSED = Story(
    name="chargeback_won_then_reversed",
    title="A chargeback is won, and then lost after all",
    description="Adyen: reversed, then a second chargeback eight days later. The same case, resolved Lost.",
    cast=Cast(
        plan=people.STUDIO, price="48.00", currency="EUR", gateway=people.ADYEN, method=people.MASTERCARD
    ),
    before=customer(),
    steps=(
        step(0, "it renews and is paid", renews, is_invoiced(), pays, charge_succeeds),
        step(5, "a chargeback is announced", dispute_opens("Goods or Services Not Provided", "4853")),
        step(
            2,
            "it is booked, and defended at once: two items in one delivery",
            in_one_delivery(funds_are_withdrawn, evidence_is_sent),
        ),
        step(9, "it is reversed", dispute_is_won),
        step(8, "the bank insists", dispute_is_reversed),
    ),
    expect=lambda scene: [
        account(scene),
        payment(scene),
        dispute(scene),
        resolved_case(scene, "dispute", "Lost"),
    ],
)

DISPUTE_UNANSWERED = Story(
    name="dispute_unanswered",
    title="Nobody answers a dispute in time",
    description="Stripe: opened, and lost a day after evidence was due; none was sent. One case, resolved Expired.",
    cast=Cast(plan=people.WRITER, price="31.00", gateway=people.STRIPE, method=people.VISA),
    before=customer(),
    steps=(
        step(0, "it renews and is paid", renews, is_invoiced(), pays, charge_succeeds),
        step(
            6,
            "the customer's bank takes it back",
            dispute_opens("credit_not_processed", "13.7", days_to_answer=7),
            funds_are_withdrawn,
        ),
        step(8, "the time is over: it is lost", dispute_is_lost),
    ),
    expect=lambda scene: [
        account(scene),
        payment(scene),
        dispute(scene, "expired"),
        resolved_case(scene, "dispute", "Expired"),
    ],
)

DISPUTE_BEFORE_RECURLY = Story(
    name="dispute_before_recurly",
    title="A dispute comes before Recurly has said anything",
    description="PayPal disputes a payment of an account nobody has heard of. It joins by itself: a case is open.",
    cast=Cast(plan=people.WRITER, price="23.00", gateway=people.PAYPAL_BUSINESS, method=people.PAYPAL),
    steps=(
        step(
            0,
            "a new customer pays and disputes; Recurly is late",
            recurly_is_late(opens_account, stores_payment_method, subscribes, is_invoiced("purchase"), pays),
            quietly(charge_succeeds),
            dispute_opens("UNAUTHORISED"),
        ),
        step(0.02, "Recurly catches up", recurly_catches_up),
    ),
    expect=lambda scene: [
        account(scene),
        payment(scene),
        dispute(scene),
        open_case(scene, "dispute"),
    ],
)

PAYPAL_INQUIRY_WITHDRAWN = Story(
    name="paypal_inquiry_withdrawn",
    title="A buyer asks PayPal for help and thinks better of it",
    description="An inquiry, taken back by the buyer three days later. The case resolves Withdrawn.",
    cast=Cast(plan=people.STUDIO, price="44.00", gateway=people.PAYPAL_BUSINESS, method=people.PAYPAL),
    before=customer(),
    steps=(
        step(0, "it renews and is paid", renews, is_invoiced(), pays, charge_succeeds),
        step(
            4,
            "the buyer asks where the goods are",
            dispute_opens("MERCHANDISE_OR_SERVICE_NOT_RECEIVED", stage="inquiry"),
        ),
        step(3, "the buyer takes it back", dispute_is_withdrawn),
    ),
    expect=lambda scene: [
        account(scene),
        payment(scene),
        dispute(scene),
        resolved_case(scene, "dispute", "Withdrawn"),
    ],
)
