"""Stories about the customer: coming, changing, leaving, paying by something new."""

from __future__ import annotations

from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.doings.accounts import (
    card_expires_this_month,
    closes_account,
    edits,
    is_redacted,
    method_is_invalid,
    opens_account,
    stores_payment_method,
    updates_payment_method,
)
from sandbox.recurly.scenarios.doings.billing import is_invoiced, pays, verification_fails
from sandbox.recurly.scenarios.doings.histories import customer
from sandbox.recurly.scenarios.doings.subscriptions import (
    cancels,
    card_will_expire,
    change_takes_effect,
    expires,
    pauses,
    reactivates,
    renewal_is_skipped,
    renews,
    schedules_change,
    schedules_pause,
    subscribes,
)
from sandbox.recurly.scenarios.expectations import (
    account,
    invoice,
    no_case,
    open_case,
    payment,
    resolved_case,
)
from sandbox.recurly.scenarios.scene import Cast, Scene
from sandbox.recurly.scenarios.story import Story, step

NEW_CUSTOMER_SIGNS_UP = Story(
    name="new_customer_signs_up",
    title="A new customer signs up",
    description="Account, card, subscription and first payment within a minute. No case.",
    cast=Cast(plan=people.WRITER, price="19.00", gateway=people.STRIPE, method=people.VISA),
    steps=(
        step(0, "the account", opens_account, stores_payment_method),
        step(0, "the subscription, paid at once", subscribes, is_invoiced("purchase"), pays),
    ),
    expect=lambda scene: [account(scene), invoice(scene), payment(scene), no_case(scene)],
)


def _subscriber_with_an_old_card(scene: Scene) -> None:
    customer(days_into_period=305)(scene)
    card_expires_this_month(scene)


CARD_EXPIRING_THEN_UPDATED = Story(
    name="card_expiring_then_updated",
    title="A card expires before the renewal and is replaced in time",
    description="Recurly warns; five days later a new card is on file. One case, resolved Updated.",
    cast=Cast(
        plan=people.STUDIO_YEAR,
        price="588.00",
        currency="CAD",
        gateway=people.STRIPE,
        method=people.VISA,
        days=365,
        persona="copperleaf",
    ),
    before=_subscriber_with_an_old_card,
    steps=(
        step(0, "Recurly warns", card_will_expire),
        step(5, "a new card", updates_payment_method(people.MASTERCARD)),
    ),
    expect=lambda scene: [account(scene), resolved_case(scene, "payment_method", "Updated")],
)

CARD_UPDATE_FAILS = Story(
    name="card_update_fails",
    title="A customer's new card does not work",
    description="The card is refused when it is verified; what is on file is invalid. The case stays open.",
    cast=Cast(plan=people.STUDIO, price="49.00", gateway=people.BRAINTREE, method=people.VISA),
    before=customer(days_into_period=18),
    steps=(
        step(0, "the card is refused", verification_fails(people.INVALID_CARD)),
        step(0, "the billing info is invalid", method_is_invalid),
    ),
    expect=lambda scene: [
        account(scene, Billing_Payment_Method_Valid__c=False),
        open_case(scene, "payment_method"),
        no_case(scene, "payment_failed"),
    ],
)

CUSTOMER_CANCELS = Story(
    name="customer_cancels",
    title="A customer cancels",
    description="Paid until the end of the period, not renewing. A retention case is open.",
    cast=Cast(
        plan=people.STUDIO,
        price="45.00",
        currency="EUR",
        gateway=people.GOCARDLESS,
        method=people.SEPA,
        tenure_days=900,
        persona="nordwind",
    ),
    before=customer(days_into_period=12, settles=False),
    steps=(step(0, "cancels", cancels),),
    expect=lambda scene: [account(scene), open_case(scene, "cancellation")],
)

CUSTOMER_CANCELS_THEN_REACTIVATES = Story(
    name="customer_cancels_then_reactivates",
    title="A customer cancels and comes back",
    description="Reactivated two days later. The retention case resolves Saved.",
    cast=Cast(plan=people.PUBLISHER, price="119.00", gateway=people.STRIPE, method=people.AMEX),
    before=customer(days_into_period=8),
    steps=(step(0, "cancels", cancels), step(2, "comes back", reactivates)),
    expect=lambda scene: [account(scene), resolved_case(scene, "cancellation", "Saved")],
)

SUBSCRIPTION_EXPIRES_AFTER_CANCEL = Story(
    name="subscription_expires_after_cancel",
    title="A canceled subscription runs out",
    description="Canceled, not won back, expired at the end of the period. The case resolves Lost.",
    cast=Cast(
        plan=people.STUDIO,
        price="75.00",
        currency="AUD",
        gateway=people.BRAINTREE,
        method=people.PAYPAL,
        persona="red-gum",
    ),
    before=customer(days_into_period=10),
    steps=(step(0, "cancels", cancels), step(20, "runs out", expires("canceled"))),
    expect=lambda scene: [account(scene), resolved_case(scene, "cancellation", "Lost")],
)

SUBSCRIPTION_PAUSES = Story(
    name="subscription_pauses",
    title="A customer pauses",
    description="A pause of two periods is scheduled and begins; the renewal is skipped. A case is open.",
    cast=Cast(
        plan=people.STUDIO,
        price="79.00",
        currency="NZD",
        gateway=people.STRIPE,
        method=people.MASTERCARD,
        persona="tussock",
    ),
    before=customer(days_into_period=20),
    steps=(
        step(0, "schedules the pause", schedules_pause(2)),
        step(10, "the pause begins", pauses, renewal_is_skipped),
    ),
    expect=lambda scene: [account(scene), open_case(scene, "cancellation")],
)

SUBSCRIPTION_CHANGES_PLAN = Story(
    name="subscription_changes_plan",
    title="A customer moves to a larger plan",
    description="Scheduled for the renewal, which is paid at the new price. No case.",
    cast=Cast(
        plan=people.WRITER, price="18.00", currency="EUR", gateway=people.ADYEN, method=people.MASTERCARD
    ),
    before=customer(days_into_period=25),
    steps=(
        step(0, "schedules the change", schedules_change(people.STUDIO, "47.00")),
        step(5, "renews on the new plan", change_takes_effect, renews, is_invoiced(), pays),
    ),
    expect=lambda scene: [account(scene), invoice(scene), payment(scene), no_case(scene)],
)

PROFILE_EDITS = Story(
    name="profile_edits",
    title="A customer edits the profile many times",
    description="Six saves within a minute; only the last counts. No case.",
    cast=Cast(plan=people.STUDIO, price="49.00", gateway=people.STRIPE, method=people.VISA),
    before=customer(days_into_period=3),
    steps=(
        step(
            0,
            "six saves",
            edits(first_name="Alex"),
            edits(last_name="Meyer-Lindqvist"),
            edits(email="office@{slug}.example"),
            edits(company="{slug} group"),
            edits(vat_number="EU000000001"),
            edits(email="accounts@{slug}.example", company="{slug} Group & Partners"),
        ),
    ),
    expect=lambda scene: [
        account(
            scene,
            Billing_Email__c=f"accounts@{scene.persona.slug}.example",
            Billing_Company__c=f"{scene.persona.slug} Group & Partners",
        ),
        no_case(scene),
    ],
)

ACCOUNT_CLOSED_AND_REDACTED = Story(
    name="account_closed_and_redacted",
    title="A customer asks to be forgotten",
    description="The account is closed and redacted: fetched later it is not found. No payment case.",
    cast=Cast(
        plan=people.WRITER,
        price="17.00",
        currency="EUR",
        gateway=people.ADYEN,
        method=people.VISA,
        persona="atelier-brume",
    ),
    before=customer(days_into_period=5),
    steps=(
        step(0, "the account is closed", expires("account_closed"), closes_account),
        step(1, "and forgotten", is_redacted),
    ),
    # what the CRM knows of the account depends on how soon it asked, so nothing is promised of that
    expect=lambda scene: [no_case(scene, "payment_failed"), no_case(scene, "payment_method")],
)
