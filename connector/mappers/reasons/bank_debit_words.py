"""The sources' own words for why a bank debit came back: GoCardless' causes and Stripe's failure codes."""

from __future__ import annotations

from typing import Final

from connector.mappers.reasons.bank_debit_sentences import (
    ASK_BANK,
    BLOCKED,
    CLOSED,
    DISPUTED,
    FUNDS,
    MOVED,
    NEW_DETAILS,
    NEW_MANDATE,
    NO_ACCOUNT,
    NO_FUNDS,
    PAYMENTS_TEAM,
    REFER,
    REFUND,
    REVOKED,
    STOPPED,
    UNAUTHORIZED,
    WAS_STOPPED,
)
from connector.mappers.reasons.reason import Table, rows

WORDS: Final[Table] = {
    **rows(
        "bank_debit",
        FUNDS,
        {
            "insufficient_funds": NO_FUNDS,
            "refer_to_payer": REFER,
            "daily_payment_limit_reached": "The customer's daily limit was reached.",
        },
    ),
    **rows(
        "bank_debit",
        NEW_DETAILS,
        {
            "account_closed": CLOSED,
            "bank_account_closed": CLOSED,
            "no_account": NO_ACCOUNT,
            "invalid_bank_details": NO_ACCOUNT,
            "bank_account_restricted": BLOCKED,
            "account_frozen": BLOCKED,
            "account_blocked_for_any_financial_transaction": BLOCKED,
            "bank_account_disabled": BLOCKED,
            "direct_debit_not_enabled": "The account takes no direct debits.",
            "bank_account_transferred": MOVED,
            "scheme_identifier_changed": "The mandate was replaced by a new one; debits go on.",
        },
    ),
    **rows(
        "bank_debit",
        NEW_MANDATE,
        {
            "mandate_cancelled": "The customer or their bank cancelled the mandate.",
            "mandate_expired": "The mandate expired for want of use.",
            "mandate_consumed": "The mandate was for one debit, which was taken.",
            "mandate_blocked": "The mandate is blocked by a block list.",
            "mandate_blocked_by_gocardless": "GoCardless blocked the mandate.",
            "mandate_suspended_by_payer": "The customer suspended the mandate.",
            "debit_authorization_revoked": REVOKED,
            "customer_approval_denied": "A second person who must approve the debit refused.",
            "payment_violated_mandate_parameters": "The debit was outside what the mandate allows.",
        },
    ),
    **rows(
        "bank_debit",
        DISPUTED,
        {
            "authorisation_disputed": UNAUTHORIZED,
            "debit_not_authorized": UNAUTHORIZED,
            "refund_requested": REFUND,
        },
    ),
    **rows(
        "bank_debit",
        STOPPED,
        {
            "payment_stopped": WAS_STOPPED,
            "payment_cancelled": "The debit was cancelled before it was collected.",
            "instalment_schedule_cancelled": "The plan that the debit belonged to was cancelled.",
        },
    ),
    **rows(
        "bank_debit",
        ASK_BANK,
        {
            "bank_declined_payment": "The customer's bank declined the payment.",
            "insufficient_payment_permissions": "The customer may not pay from this account alone.",
            "other": "The bank gave a reason that has no name here.",
        },
    ),
    **rows(
        "bank_debit",
        PAYMENTS_TEAM,
        {
            "return_on_odfi_request": "Our own bank asked for the debit back.",
            "initial_one_off_payment_failed": "The first payment failed, and with it the mandate.",
            "test_failure": "A failure made on purpose, for a test.",
        },
    ),
}
