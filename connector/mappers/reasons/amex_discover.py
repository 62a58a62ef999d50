"""Dispute codes of American Express and Discover in our own words. Sources: ``visa_mastercard.py``."""

from __future__ import annotations

from typing import Final

from connector.mappers.reasons.reason import (
    AUTHORIZATION,
    BANK_RULES,
    CREDIT,
    DUPLICATE,
    FRAUD,
    NOT_RECOGNIZED,
    PROCESSING,
    PRODUCT,
    RECURRING,
    Table,
    rows,
)

AMEX: Final[Table] = {
    **rows(
        "authorization",
        AUTHORIZATION,
        {
            "A01": "More was charged than had been approved.",
            "A02": "There was no valid approval for the payment when it was collected.",
            "A08": "The approval had expired when the payment was collected.",
        },
    ),
    **rows(
        "credit",
        CREDIT,
        {
            "C02": "The cardholder says a refund they were promised did not arrive.",
            "C04": "The cardholder says they returned or refused what they bought and got no refund.",
            "C05": "The cardholder says they cancelled what they bought and got no refund.",
            "C18": "The cardholder says they cancelled a reservation and were charged.",
        },
    ),
    **rows(
        "product",
        PRODUCT,
        {
            "C08": "The cardholder says what they paid for was not delivered.",
            "C31": "The cardholder says what they got was not as described.",
            "C32": "The cardholder says what they got was damaged or defective.",
        },
    ),
    **rows(
        "duplicate",
        DUPLICATE,
        {
            "C14": "The cardholder says they had already paid by other means.",
            "P08": "The cardholder says they were charged twice for one thing.",
        },
    ),
    **rows(
        "canceled_recurring",
        RECURRING,
        {"C28": "The cardholder says they had cancelled the subscription and were charged again."},
    ),
    **rows(
        "fraud",
        FRAUD,
        {
            "F10": "There is no imprint of the card for a payment that the cardholder denies.",
            "F14": "There is no signature for a payment that the cardholder denies.",
            "F24": "The cardholder says they did not authorise the payment.",
            "F29": "The cardholder denies a payment that was made without the card (online or recurring).",
            "F30": "A copied chip card was used at a terminal without a chip reader.",
            "F31": "A lost or stolen chip card was used at a terminal without PIN.",
            "FR2": "The merchant is in American Express' fraud programme and carries disputed payments.",
            "FR4": "American Express charges every disputed payment of this merchant back at once.",
            "FR6": "American Express charges disputed payments of this merchant back at once, up to a limit.",
        },
    ),
    **rows(
        "processing_error",
        PROCESSING,
        {
            "P01": "The card number that was charged belongs to nobody.",
            "P03": "A refund was sent as a charge.",
            "P04": "A charge was sent as a refund.",
            "P05": "Another amount was charged than agreed.",
            "P07": "The payment was collected too late.",
            "P22": "The card number charged is not the one that was given.",
            "P23": "The payment was made in another currency than agreed.",
        },
    ),
    **rows(
        "general",
        BANK_RULES,
        {
            "M01": "The merchant had allowed American Express to take the payment back.",
            "M10": "The cardholder disputes a charge for damage to a rented vehicle.",
            "M49": "The cardholder disputes a charge for theft or loss of a rented vehicle.",
            "R03": "The answer to an earlier inquiry was not complete.",
            "R13": "An earlier inquiry was not answered in time.",
        },
    ),
}

DISCOVER: Final[Table] = {
    **rows(
        "fraud", NOT_RECOGNIZED, {"AA": "The cardholder does not recognise the payment on their statement."}
    ),
    **rows(
        "canceled_recurring",
        RECURRING,
        {"AP": "The cardholder says they had cancelled the subscription and were charged again."},
    ),
    **rows(
        "authorization",
        AUTHORIZATION,
        {
            "AT": "The payment was collected against the rules for approvals.",
            "DA": "The bank had declined the payment and it was collected all the same.",
            "EX": "The card had expired when it was charged.",
            "NA": "There was no valid approval for the payment when it was collected.",
        },
    ),
    **rows(
        "processing_error",
        PROCESSING,
        {
            "AW": "Another amount was charged than agreed.",
            "CD": "A refund was sent as a charge, or a charge as a refund.",
            "IC": "The record of the sale could not be read.",
            "IN": "The card number that was charged is not valid.",
            "LP": "The payment was collected too late.",
        },
    ),
    **rows(
        "duplicate",
        DUPLICATE,
        {
            "DP": "The cardholder says they were charged twice for one thing.",
            "PM": "The cardholder says they had already paid by other means.",
        },
    ),
    **rows(
        "product",
        PRODUCT,
        {
            "NF": "The cardholder says they did not get the cash or value they paid for.",
            "RG": "The cardholder says what they paid for was not delivered.",
            "RM": "The cardholder disputes the quality of what they got.",
        },
    ),
    **rows(
        "credit",
        CREDIT,
        {
            "RN": "The cardholder says a refund they were promised did not arrive.",
            "RN2": "The cardholder says a refund they were promised did not arrive.",
        },
    ),
    **rows(
        "fraud",
        FRAUD,
        {
            "UA01": "The cardholder denies a payment that was made with the card present.",
            "UA02": "The cardholder denies a payment that was made without the card (online or recurring).",
            "UA05": "A copied chip card was used at a terminal without a chip reader.",
            "UA06": "A lost or stolen chip card was used at a terminal without PIN.",
        },
    ),
    **rows(
        "general",
        BANK_RULES,
        {
            "05": "Discover looks into the payment in good faith, after the usual time.",
            "NC": "The cardholder disputes the payment for a reason that no other code covers.",
            "TF": "The payment broke one of the network's rules.",
        },
    ),
}
