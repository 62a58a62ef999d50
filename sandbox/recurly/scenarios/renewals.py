"""Stories about renewals: paid, failed, recovered, lost."""

from __future__ import annotations

from datetime import timedelta

from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.doings.accounts import updates_payment_method
from sandbox.recurly.scenarios.doings.billing import (
    falls_past_due,
    is_dunned,
    is_dunned_a_last_time,
    is_invoiced,
    is_reopened,
    payment_fails,
    payment_is_returned,
    payment_settles,
    payment_starts,
    pays,
)
from sandbox.recurly.scenarios.doings.credits import is_written_off
from sandbox.recurly.scenarios.doings.histories import customer, stranger_to_payment
from sandbox.recurly.scenarios.doings.subscriptions import (
    expires,
    means,
    renewal_is_near,
    renews,
    subscribes_also,
)
from sandbox.recurly.scenarios.expectations import (
    Expectation,
    account,
    invoice,
    no_case,
    open_case,
    payment,
    resolved_case,
)
from sandbox.recurly.scenarios.scene import Cast, Scene
from sandbox.recurly.scenarios.story import Story, step

RENEWAL_SUCCEEDS = Story(
    name="renewal_succeeds",
    title="A renewal is paid",
    description="Announced three days ahead, billed and paid at once in euro. No case.",
    cast=Cast(
        plan=people.STUDIO, price="49.00", currency="EUR", gateway=people.ADYEN, method=people.MASTERCARD
    ),
    before=customer(days_into_period=27),
    steps=(
        step(0, "the renewal is near", renewal_is_near),
        step(3, "it renews and is paid", renews, is_invoiced(), pays),
    ),
    expect=lambda scene: [account(scene), invoice(scene), payment(scene), no_case(scene)],
)

RENEWAL_FAILS_THEN_RECOVERS = Story(
    name="renewal_fails_then_recovers",
    title="A renewal fails for lack of funds and recovers at dunning step 2",
    description="A soft decline, two dunning messages, then the same card pays. One case, resolved Recovered.",
    cast=Cast(plan=people.STUDIO, price="59.00", gateway=people.STRIPE, method=people.VISA_DEBIT),
    before=customer(),
    steps=(
        step(
            0,
            "it renews; the card has no funds",
            renews,
            is_invoiced(),
            payment_fails(people.INSUFFICIENT_FUNDS),
            falls_past_due,
            is_dunned,
        ),
        step(3, "the second attempt fails", payment_fails(people.INSUFFICIENT_FUNDS), is_dunned),
        step(4, "the third attempt is paid", pays),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        payment(scene),
        resolved_case(scene, "payment_failed", "Recovered"),
    ],
)

RENEWAL_RECOVERS_WITH_NEW_CARD = Story(
    name="renewal_recovers_with_new_card",
    title="A renewal fails on an expired card; the customer gives a new one",
    description="An expired card is declined, dunned once, replaced and charged. The case resolves Recovered.",
    cast=Cast(
        plan=people.WRITER,
        price="19.90",
        currency="CHF",
        gateway=people.STRIPE,
        method=people.VISA,
        persona="alpenglow",
    ),
    before=customer(),
    steps=(
        step(
            0,
            "it renews; the card has expired",
            renews,
            is_invoiced(),
            payment_fails(people.EXPIRED_CARD),
            falls_past_due,
            is_dunned,
        ),
        step(2, "a new card, charged at once", updates_payment_method(people.MASTERCARD), pays),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        payment(scene),
        resolved_case(scene, "payment_failed", "Recovered"),
    ],
)

RENEWAL_FAILS_HARD = Story(
    name="renewal_fails_hard",
    title="A renewal fails on a card reported stolen",
    description="A hard decline: no retry can help. Dunned twice and still past due. The case stays open.",
    cast=Cast(
        plan=people.STUDIO,
        price="42.00",
        currency="GBP",
        gateway=people.BRAINTREE,
        method=people.AMEX,
        persona="kettle-moon",
    ),
    before=customer(),
    steps=(
        step(
            0,
            "it renews; the card is reported lost or stolen",
            renews,
            is_invoiced(),
            payment_fails(people.STOLEN_CARD),
            falls_past_due,
            is_dunned,
        ),
        step(3, "a second message, no attempt", is_dunned),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        payment(scene),
        open_case(scene, "payment_failed"),
    ],
)

RENEWAL_LOST = Story(
    name="renewal_lost",
    title="Dunning ends without payment",
    description="Three attempts, three messages; the invoice fails, is written off, and the subscription expires.",
    cast=Cast(plan=people.PUBLISHER, price="129.00", gateway=people.AUTHORIZE_NET, method=people.DISCOVER),
    before=customer(),
    steps=(
        step(
            0,
            "it renews; the issuer declines",
            renews,
            is_invoiced(),
            payment_fails(people.CALL_ISSUER),
            falls_past_due,
            is_dunned,
        ),
        step(4, "declined again", payment_fails(people.CALL_ISSUER), is_dunned),
        step(7, "declined a third time", payment_fails(people.CALL_ISSUER), is_dunned_a_last_time),
        step(3, "collection ends", is_written_off, expires("nonpayment")),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        payment(scene),
        resolved_case(scene, "payment_failed", "Lost"),
    ],
)

ACH_RETURN = Story(
    name="ach_return",
    title="A bank debit is returned",
    description="An ACH debit is under way for days and comes back R01. The invoice is past due, the case open.",
    cast=Cast(plan=people.PUBLISHER, price="149.00", gateway=people.CHECK_COMMERCE, method=people.ACH),
    before=customer(settles=False),
    steps=(
        step(0, "it renews; the debit is under way", renews, is_invoiced(), payment_starts),
        step(
            4,
            "the bank returns it",
            payment_is_returned(people.ACH_RETURN_R01),
            falls_past_due,
            is_dunned,
        ),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        payment(scene),
        open_case(scene, "payment_failed"),
    ],
)

REOPENED_INVOICE = Story(
    name="reopened_invoice",
    title="A paid invoice is owed again",
    description="A debit that had settled is taken back (R29): the paid invoice reopens and falls past due.",
    cast=Cast(plan=people.PUBLISHER, price="189.00", gateway=people.AUTHORIZE_NET, method=people.ACH),
    before=customer(settles=False),
    steps=(
        step(0, "it renews; the debit is under way", renews, is_invoiced(), payment_starts),
        step(3, "the debit settles", payment_settles),
        step(9, "the bank takes it back", is_reopened(people.ACH_RETURN_R29), falls_past_due, is_dunned),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene),
        payment(scene),
        open_case(scene, "payment_failed"),
    ],
)

MANUAL_INVOICE_OVERDUE = Story(
    name="manual_invoice_overdue",
    title="An invoice on net terms is overdue",
    description="Sent by post with 30 days to pay and a purchase order; nobody pays, no card is ever tried.",
    cast=Cast(
        plan=people.STUDIO_YEAR,
        price="1450.00",
        currency="GBP",
        gateway=people.ADYEN,
        method=None,
        days=365,
        tenure_days=366,
        collection_method="manual",
        net_terms=30,
        po_number="PO-20418",
        persona="kettle-moon",
    ),
    before=stranger_to_payment,
    steps=(
        step(0, "it renews; the invoice goes out", renews, is_invoiced()),
        # a manual invoice gets a day more than its terms say
        step(31, "the terms are over", falls_past_due, is_dunned),
    ),
    expect=lambda scene: [
        account(scene),
        invoice(scene, Collection_Method__c="manual"),
        open_case(scene, "payment_failed"),
    ],
)


def _subscriber_twice(scene: Scene) -> None:
    begins = scene.now
    customer()(scene)
    scene.move_to(begins - timedelta(days=scene.cast.days - 2))
    subscribes_also(people.PUBLISHER, "KWD", "12.345")(scene)
    scene.move_to(begins)


def _in_both_currencies(scene: Scene) -> list[Expectation]:
    told = [account(scene), open_case(scene, "payment_failed", 2)]
    for row in scene.invoices():
        if row.state == "past_due":
            scene.mean(row)
            told.append(invoice(scene, Total__c=float(row.total), Balance__c=float(row.balance)))
    return told


YEN_AND_DINAR = Story(
    name="yen_and_dinar",
    title="Past due in yen and in dinar",
    description="One account, one subscription without decimals and one with three; both renewals fail.",
    cast=Cast(
        plan=people.STUDIO,
        price="4900",
        currency="JPY",
        gateway=people.STRIPE,
        method=people.JCB,
        persona="sakura-koubou",
    ),
    before=_subscriber_twice,
    steps=(
        step(
            0,
            "the renewal in yen fails",
            means("JPY"),
            renews,
            is_invoiced(),
            payment_fails(people.INSUFFICIENT_FUNDS),
            falls_past_due,
            is_dunned,
        ),
        step(
            2,
            "the renewal in dinar fails",
            means("KWD"),
            renews,
            is_invoiced(),
            payment_fails(people.REFUSED),
            falls_past_due,
            is_dunned,
        ),
    ),
    expect=_in_both_currencies,
)
