"""The dispute codes of Visa and Mastercard in our own words.

Read 2026-11 from what the networks and processors publish: Visa's dispute conditions 10–13 and Mastercard's 48xx,
as listed by https://docs.stripe.com/disputes/categories and
https://docs.adyen.com/risk-management/disputes-api/dispute-reason-codes. Adyen's codes are the networks'.
"""

from __future__ import annotations

from typing import Final

from connector.mappers.reasons.reason import (
    AUTHORIZATION,
    CREDIT,
    DUPLICATE,
    FRAUD,
    GENERAL,
    NOT_RECOGNIZED,
    PROCESSING,
    PRODUCT,
    RECURRING,
    Table,
    rows,
)

VISA: Final[Table] = {
    **rows(
        "fraud",
        FRAUD,
        {
            "10.1": "The cardholder says a copy of the card was used at a terminal without a chip reader.",
            "10.2": "The cardholder says a lost or stolen card was used at a terminal without chip and PIN.",
            "10.3": "The cardholder denies a payment that was made with the card present.",
            "10.4": "The cardholder denies a payment that was made without the card (online or recurring).",
            "10.5": "Visa's fraud monitoring named this payment; there is hardly a defence.",
        },
    ),
    **rows(
        "authorization",
        AUTHORIZATION,
        {
            "11.1": "The card was on a list of cards not to be taken.",
            "11.2": "The bank had declined the payment and it was collected all the same.",
            "11.3": "There was no valid approval for the payment when it was collected.",
        },
    ),
    **rows(
        "processing_error",
        PROCESSING,
        {
            "12.1": "The payment was collected too long after it had been approved.",
            "12.2": "A refund was sent as a charge, or a charge as a refund.",
            "12.3": "The payment was made in another currency than agreed.",
            "12.4": "The wrong card number was charged.",
            "12.5": "Another amount was charged than agreed.",
            "12.7": "The approval was asked for with wrong data.",
        },
    ),
    **rows(
        "duplicate",
        DUPLICATE,
        {
            "12.6": "The cardholder says they paid twice, by this card or by other means.",
            "12.6.1": "The cardholder says they were charged twice for one thing.",
            "12.6.2": "The cardholder says they had already paid by other means.",
        },
    ),
    **rows(
        "product",
        PRODUCT,
        {
            "13.1": "The cardholder says what they paid for was not delivered.",
            "13.3": "The cardholder says what they got was damaged or not as described.",
            "13.4": "The cardholder says the goods were counterfeit.",
            "13.5": "The cardholder says the terms of the sale were misleading.",
            "13.9": "The cardholder says they did not get the cash or value they paid for.",
        },
    ),
    **rows(
        "canceled_recurring",
        RECURRING,
        {"13.2": "The cardholder says they had cancelled the subscription and were charged again."},
    ),
    **rows(
        "credit",
        CREDIT,
        {
            "13.6": "The cardholder says a refund they were promised did not arrive.",
            "13.7": "The cardholder says they cancelled or returned what they bought and got no refund.",
            "13.8": "The cardholder's bank did not take the credit that was sent.",
        },
    ),
}

MASTERCARD: Final[Table] = {
    **rows(
        "authorization",
        AUTHORIZATION,
        {
            "4807": "The card was on a list of cards not to be taken.",
            "4808": "There was no valid approval for the payment when it was collected.",
            "4812": "The bank does not know the card number that was charged.",
        },
    ),
    **rows(
        "processing_error",
        PROCESSING,
        {
            "4831": "Another amount was charged than agreed.",
            "4834": "The cardholder says the payment went wrong: twice, late, or in amount or currency.",
            "4842": "The payment was collected too long after it had been approved.",
            "4846": "The payment was made in another currency than agreed.",
            "4850": "The cardholder disputes how instalments were billed.",
        },
    ),
    **rows(
        "fraud",
        FRAUD,
        {
            "4837": "The cardholder says they did not authorise the payment.",
            "4840": "The cardholder knows one payment and denies further ones made with the same card.",
            "4849": "Mastercard named the merchant for questionable activity; there is hardly a defence.",
            "4870": "A copied chip card was used at a terminal without a chip reader.",
            "4871": "A lost or stolen chip card was used at a terminal without PIN.",
        },
    ),
    **rows(
        "fraud", NOT_RECOGNIZED, {"4863": "The cardholder does not recognise the payment on their statement."}
    ),
    **rows(
        "canceled_recurring",
        RECURRING,
        {"4841": "The cardholder says they had cancelled the subscription and were charged again."},
    ),
    **rows(
        "product",
        PRODUCT,
        {
            "4853": "The cardholder says it was not delivered, not as described, or cancelled.",
            "4855": "The cardholder says what they paid for was not delivered.",
            "4859": "The cardholder disputes an extra charge, a no-show, or cash not received.",
        },
    ),
    **rows("credit", CREDIT, {"4860": "The cardholder says a refund they were promised did not arrive."}),
    **rows(
        "general",
        GENERAL,
        {
            "4854": "The cardholder disputes the payment for a reason that no other code covers.",
            "4999": "The payment is disputed under the rules of its own country.",
        },
    ),
}
