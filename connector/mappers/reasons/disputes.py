"""Why a payment is disputed or suspected of fraud in the words of each source, and which evidence helps.

- https://docs.stripe.com/api/disputes/object#dispute_object-reason
- https://developer.paypal.com/docs/api/customer-disputes/v1/ (``reason``)
- https://developer.paypal.com/braintree/docs/reference/response/dispute (``reason``)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connector.mappers.reasons.reason import (
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

_DEBIT: Final = (
    "Such a return is usually final: speak with the customer, and collect again only with a new consent."
)
_CHECK: Final = "Ask the customer to pay by other means; a returned check cannot be contested here."

_NOT_DELIVERED: Final = "The customer says what they paid for was not delivered."
_NOT_AS_SOLD: Final = "The customer says what they got was damaged or not as described."
_NO_REFUND: Final = "The customer says a refund they were promised did not arrive."
_DENIED: Final = "The customer says they did not authorise the payment."
_TWICE: Final = "The customer says they were charged twice for one thing."
_UNKNOWN_TO_THEM: Final = "The customer does not recognise the payment on their statement."
_CANCELED: Final = "The customer says they had cancelled the subscription and were charged again."
_AMOUNT: Final = "The customer says another amount was charged than agreed."

WORDS: Final[Table] = {
    **rows(
        "fraud",
        FRAUD,
        {"fraudulent": _DENIED, "fraud": _DENIED, "unauthorised": _DENIED, "unauthorized": _DENIED},
    ),
    **rows("fraud", NOT_RECOGNIZED, {"unrecognized": _UNKNOWN_TO_THEM, "not_recognized": _UNKNOWN_TO_THEM}),
    **rows(
        "product",
        PRODUCT,
        {
            "product_not_received": _NOT_DELIVERED,
            "merchandise_or_service_not_received": _NOT_DELIVERED,
            "product_unacceptable": _NOT_AS_SOLD,
            "product_unsatisfactory": _NOT_AS_SOLD,
            "merchandise_or_service_not_as_described": _NOT_AS_SOLD,
        },
    ),
    **rows("credit", CREDIT, {"credit_not_processed": _NO_REFUND}),
    **rows(
        "duplicate",
        DUPLICATE,
        {
            "duplicate": _TWICE,
            "duplicate_transaction": _TWICE,
            "payment_by_other_means": "The customer says they had already paid by other means.",
        },
    ),
    **rows(
        "canceled_recurring",
        RECURRING,
        {
            "subscription_canceled": _CANCELED,
            "canceled_recurring_billing": _CANCELED,
            "cancelled_recurring_transaction": _CANCELED,
        },
    ),
    **rows(
        "processing_error",
        PROCESSING,
        {
            "incorrect_amount": _AMOUNT,
            "transaction_amount_differs": _AMOUNT,
            "invalid_account": "The account that was charged is not valid.",
            "noncompliant": "The network says the payment broke one of its rules.",
            "problem_with_remittance": "The customer says a transfer went wrong.",
        },
    ),
    **rows(
        "bank_debit",
        _DEBIT,
        {
            "bank_cannot_process": "The customer's bank could not carry out the debit.",
            "debit_not_authorized": "The customer told the bank that they did not authorise the debit.",
            "incorrect_account_details": "The account details of the debit are wrong.",
            "insufficient_funds": "There was not enough money in the customer's account.",
        },
    ),
    **rows("bank_debit", _CHECK, {"check_returned": "The customer's bank returned the check."}),
    **rows(
        "general",
        GENERAL,
        {
            "general": "The customer disputes the payment without a category.",
            "other": "The customer disputes the payment without a category.",
            "customer_initiated": "The customer asked the bank to look into the payment.",
            "retrieval": "The bank asks for information about the payment before it decides.",
        },
    ),
}


_INVOICE: Final = "The invoice and the customer's record"
_TALKS: Final = "Messages with the customer about the purchase"
_USE: Final = "Proof of use after the charge (logins, downloads, activity)"
_TERMS: Final = "The terms the customer accepted, with date and IP address"

EVIDENCE_BY_CATEGORY: Final[Mapping[str, tuple[str, ...]]] = {
    "fraud": (
        "Address and security code check of the payment (AVS, CVV)",
        "3-D Secure result, if there was one",
        "Two earlier undisputed payments with the same IP address, device or account",
        _USE,
        _TALKS,
        _INVOICE,
    ),
    "authorization": (
        "The approval code, with its date and amount",
        "The processor's record of the payment",
        _INVOICE,
    ),
    "processing_error": (
        _INVOICE,
        "The processor's record of amount, currency and date",
        "What the customer had agreed to pay",
    ),
    "product": (
        "The description of the product as it was sold",
        "Proof of delivery or first access",
        _USE,
        "The refund and cancellation policy, as shown at the purchase",
        _TALKS,
    ),
    "duplicate": (
        "Both payments, with their dates, amounts and ids",
        "Both invoices, showing that each was for something else",
        "The refund's record, if one of them was given back",
    ),
    "credit": (
        "The refund policy, as shown at the purchase",
        "The refund's record, if it was made, with its date and reference",
        "Why no refund was due, and that the customer was told",
        _TALKS,
    ),
    "canceled_recurring": (
        "The cancellation policy, as shown at the purchase",
        "That there was no cancellation before the charge (subscription history)",
        "The renewal notices sent",
        _USE,
        _TERMS,
    ),
    "bank_debit": (
        "The authorisation of the debit (mandate, date, IP address)",
        "The notice of amount and date sent before the debit",
        _INVOICE,
    ),
    "general": (_INVOICE, _TERMS, _USE, _TALKS),
}


FRAUD_ACT: Final = (
    "Unless the payment is good beyond doubt, refund it before a dispute opens, and stop further charges."
)
FRAUD_REVIEW: Final = (
    "Look at the payment with fraud review: release it if it is good, else refund or void it."
)

FRAUD_WORDS: Final[Table] = {
    **rows(
        "fraud",
        FRAUD_ACT,
        {
            "card_never_received": "The issuer reports that the card never reached its holder.",
            "fraudulent_card_application": "The issuer reports that the card was obtained by a false application.",
            "made_with_counterfeit_card": "The issuer reports that a copy of the card was used.",
            "made_with_lost_card": "The issuer reports that a lost card was used.",
            "made_with_stolen_card": "The issuer reports that a stolen card was used.",
            "misc": "The issuer reports fraud of a kind it does not name.",
            "unauthorized_use_of_card": "The issuer reports that the card was used without its holder's consent.",
            "account_takeover": "The issuer reports that somebody else took the account over.",
            "lost": "The issuer reports that a lost card was used.",
            "stolen": "The issuer reports that a stolen card was used.",
            "counterfeit": "The issuer reports that a copy of the card was used.",
        },
    ),
    **rows(
        "fraud",
        FRAUD_REVIEW,
        {
            "rule": "A rule of the processor's fraud filter holds the payment for review.",
            "amountfilter": "The processor's amount filter holds the payment for review.",
            "manual": "Somebody marked the payment for review.",
            "refunded_as_fraud": "The payment was refunded as fraud.",
            "refunded": "The payment was refunded during the review.",
            "disputed": "The payment was disputed during the review.",
            "approved": "The review approved the payment.",
        },
    ),
}
