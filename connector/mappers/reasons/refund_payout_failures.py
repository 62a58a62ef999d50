"""Why money that we sent did not arrive: refunds and payouts, in every source's words.

- https://docs.stripe.com/api/refunds/object#refund_object-failure_reason, …/payouts/failures
- https://developer.paypal.com/braintree/docs/reference/general/webhooks/disbursement (exception messages)
- https://developer.gocardless.com/api-reference/#events-event-actions
"""

from __future__ import annotations

from typing import Final

from connector.mappers.reasons.reason import Table, rows

ANOTHER_WAY: Final = (
    "Ask the customer how they want the money, and pay it by other means; note it on the original invoice."
)
TOP_UP: Final = "Have finance add funds at the processor, then refund again."
OPEN_DISPUTE: Final = (
    "Do not refund again: the dispute already returns the money. Answer or accept the dispute."
)
CHECK_REFUND: Final = "Read the processor's note on the refund; if the money is back, refund by other means."
NEW_PAYEE: Final = (
    "Ask the payee for their current bank details, correct them at the processor, and pay again."
)
PAYEE_BANK: Final = "Ask the payee to speak with their bank, or for another account; then pay again."
FINANCE: Final = "Have finance look at the balance and the bank account at the processor, then pay again."
CHECK_PAYOUT: Final = "Read the bank's note at the processor, then correct the details or pay again."

REFUNDS: Final[Table] = {
    **rows(
        "refund",
        ANOTHER_WAY,
        {
            "lost_or_stolen_card": "The card was reported lost or stolen and takes no refund.",
            "expired_or_canceled_card": "The card has expired or was cancelled and takes no refund.",
            "declined": "The customer's bank declined the refund.",
            "refund_failed": "The refund did not reach the customer; the money comes back to us.",
            "account_closed": "The account that paid is closed.",
            "incorrect_account_details": "The account details for the refund are wrong.",
            "lost_or_stolen": "The card was reported lost or stolen and takes no refund.",
            "expired": "The time in which this payment can be refunded is over.",
        },
    ),
    **rows(
        "refund", TOP_UP, {"insufficient_funds": "There was not enough money in our balance for the refund."}
    ),
    **rows(
        "refund",
        OPEN_DISPUTE,
        {
            "charge_for_pending_refund_disputed": "The customer disputed the payment before the refund went out."
        },
    ),
    **rows(
        "refund",
        CHECK_REFUND,
        {
            "merchant_request": "We asked for the refund to be called off.",
            "unknown": "The bank gave no reason.",
            "refund_rejected": "The refund was rejected.",
        },
    ),
}

PAYOUTS: Final[Table] = {
    **rows(
        "payout",
        NEW_PAYEE,
        {
            "account_closed": "The payee's bank account is closed.",
            "no_account": "The bank has no account under these details.",
            "incorrect_account_holder_name": "The name does not match the account's holder.",
            "incorrect_account_holder_address": "The address does not match the account's holder.",
            "incorrect_account_holder_tax_id": "The tax number does not match the account's holder.",
            "incorrect_account_holder_details": "The details do not match the account's holder.",
            "invalid_account_number": "The account number is not valid.",
            "incorrect_account_type": "The account is of another kind than given.",
            "invalid_card": "The card to be paid out to is not valid.",
            "expired_card": "The card to be paid out to has expired.",
        },
    ),
    **rows(
        "payout",
        PAYEE_BANK,
        {
            "account_frozen": "The payee's bank account is frozen.",
            "bank_account_restricted": "The payee's account takes no such payments.",
            "bank_ownership_changed": "The payee's account now belongs to another bank.",
            "could_not_process": "The bank could not process the payout.",
            "declined": "The bank declined the payout.",
            "debit_not_authorized": "The bank account does not allow what was asked of it.",
            "invalid_currency": "The payee's account does not take this currency.",
            "unsupported_card": "This kind of card cannot be paid out to.",
            "bounced_payout": "The bank sent the payout back.",
            "bank_rejected": "The bank rejected the payout.",
        },
    ),
    **rows(
        "payout",
        FINANCE,
        {
            "insufficient_funds": "There was not enough money in our balance for the payout.",
            "incorrect_routing_number": "The bank's routing number is wrong.",
            "failed_funding": "Our bank could not be debited for the payout.",
            "incorrect_funding": "The processor's funding details for our bank account are wrong.",
            "update_funding_information": "The processor asks us to correct our bank details.",
        },
    ),
}
