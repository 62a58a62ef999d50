"""Why a bank debit came back or its mandate was lost: the codes of ACH, SEPA and Bacs.

The codes are those of Nacha's rules (R01–R85), of ISO 20022 as the European Payments Council uses them for SEPA, and of
Bacs (ARUDD: an unpaid debit, ADDACS: a changed mandate, AUDDIS: a refused one, DDICA: an indemnity claim), as
https://developer.gocardless.com/api-reference/#events-event-actions lists them. The sentences are ours.
"""

from __future__ import annotations

from typing import Final

from connector.mappers.reasons.reason import Table, rows

FUNDS: Final = "Agree a date with the customer and collect again then, or ask for another payment method."
NEW_DETAILS: Final = "Ask the customer for their current bank details and a new mandate, or for a card."
NEW_MANDATE: Final = (
    "Do not collect again: ask the customer whether they want to go on, then for a new mandate."
)
DISPUTED: Final = (
    "Do not collect again. Ask the customer why; look for the authorisation and the notice sent."
)
ASK_BANK: Final = (
    "Ask the customer to speak with their bank, then collect again or take another payment method."
)
STOPPED: Final = "Ask the customer why they stopped this debit before it is collected again."
PAYMENTS_TEAM: Final = (
    "Not the customer's fault: have payment operations correct the entry and collect again."
)
DECEASED: Final = "Stop all collection and dunning, and hand the account to a senior colleague."

NO_FUNDS: Final = "There was not enough money in the customer's account."
CLOSED: Final = "The customer's bank account is closed."
NO_ACCOUNT: Final = "The bank has no account under these details."
HAS_DIED: Final = "The account holder has died."
REVOKED: Final = "The customer cancelled the mandate with their bank."
UNAUTHORIZED: Final = "The customer says they did not authorise the debit."
REFER: Final = "The bank did not pay and asks to speak with the customer (most often a lack of funds)."
BLOCKED: Final = "The bank account is blocked, or takes no debits."
MOVED: Final = "The customer moved their account to another bank."
NO_MANDATE: Final = "The bank knows no mandate for this debit."
WAS_STOPPED: Final = "The customer stopped this debit."
REFUND: Final = "The customer had the bank pay the debit back, as they may without giving a reason."


ACH: Final[Table] = {
    **rows(
        "bank_debit",
        FUNDS,
        {
            "R01": NO_FUNDS,
            "R09": "The money in the customer's account is not available yet.",
        },
    ),
    **rows(
        "bank_debit",
        NEW_DETAILS,
        {
            "R02": CLOSED,
            "R03": NO_ACCOUNT,
            "R04": "The account number is not valid.",
            "R12": "The account was sold to another bank.",
            "R13": "The routing number is not that of a bank.",
            "R16": "The customer's account is frozen.",
            "R20": "The account takes no debits (such as a savings account).",
            "R28": "The routing number is wrong.",
            "R34": "The customer's bank may not take part in debits.",
        },
    ),
    **rows(
        "bank_debit",
        DISPUTED,
        {
            "R05": "A company's account was debited under a consumer's rules, without its authorisation.",
            "R10": UNAUTHORIZED,
            "R11": "The customer says the debit differs from what they authorised.",
            "R29": "The company that holds the account did not authorise the debit.",
            "R51": "A represented check was not eligible or not authorised.",
        },
    ),
    **rows("bank_debit", NEW_MANDATE, {"R07": "The customer withdrew the authorisation of the debits."}),
    **rows("bank_debit", STOPPED, {"R08": WAS_STOPPED}),
    **rows("bank_debit", DECEASED, {"R14": "The account's representative has died.", "R15": HAS_DIED}),
    **rows(
        "bank_debit",
        ASK_BANK,
        {
            "R17": "The bank could not process the entry, or finds it questionable.",
            "R23": "The customer refused the entry.",
            "R31": "The bank returned the debit late, with consent of our bank.",
            "R32": "The customer's bank takes no settlement of this entry.",
        },
    ),
    **rows(
        "bank_debit",
        PAYMENTS_TEAM,
        {
            "R06": "Our own bank asked for the debit back.",
            "R24": "The bank took the entry for a duplicate.",
            "R26": "A field that the bank needs was missing.",
            "R67": "The entry was returned twice.",
            "R75": "The earlier return was not made properly.",
            "R81": "A non-participant was asked for an entry across borders.",
            "R82": "The foreign bank's identification is not valid.",
            "R83": "The foreign bank could not settle the entry.",
            "R84": "The gateway for payments across borders did not process the entry.",
            "R85": "The payment was sent as domestic though it crosses borders.",
        },
    ),
    **rows(
        "bank_debit",
        "Take over the corrected details before the next debit; confirm them with the customer.",
        {
            "C01": "The bank says the account number has changed.",
            "C02": "The bank says the routing number has changed.",
            "C03": "The bank says the routing and account numbers have changed.",
            "C05": "The bank says the kind of account is another one.",
            "C06": "The bank says the account number and its kind are other ones.",
            "C07": "The bank says routing number, account number and kind are other ones.",
        },
    ),
}

SEPA: Final[Table] = {
    **rows("bank_debit", FUNDS, {"AM04": NO_FUNDS}),
    **rows(
        "bank_debit",
        NEW_DETAILS,
        {
            "AC01": "The IBAN is not valid, or there is no such account.",
            "AC04": CLOSED,
            "AC06": BLOCKED,
            "AC13": "The account is a company's or a consumer's, and this debit is for the other.",
            "AG01": "The account takes no direct debits.",
            "BE06": "The bank does not know the customer.",
            "RC01": "The bank's code (BIC) is wrong.",
        },
    ),
    **rows(
        "bank_debit", NEW_MANDATE, {"MD01": "There is no valid mandate, or the customer has cancelled it."}
    ),
    **rows("bank_debit", DISPUTED, {"MD06": REFUND}),
    **rows("bank_debit", DECEASED, {"MD07": HAS_DIED}),
    **rows(
        "bank_debit",
        ASK_BANK,
        {
            "MS02": "The customer refused the debit, without a reason given.",
            "MS03": "The bank returned the debit without a reason given.",
            "SL01": "The customer told the bank to block debits, or to allow only listed ones.",
            "RR04": "The bank returned the debit for a regulatory reason.",
        },
    ),
    **rows(
        "bank_debit",
        PAYMENTS_TEAM,
        {
            "AG02": "The kind of debit (first, recurring) was given wrongly.",
            "AM05": "The bank took the debit for a duplicate.",
            "BE05": "The creditor identifier is wrong.",
            "FF05": "The kind of debit (core or business) was given wrongly.",
            "MD02": "The data of the mandate are missing or wrong.",
        },
    ),
}

BACS: Final[Table] = {
    **rows("bank_debit", FUNDS, {"ARUDD-0": REFER}),
    **rows(
        "bank_debit",
        NEW_DETAILS,
        {
            "ARUDD-3": MOVED,
            "ARUDD-5": NO_ACCOUNT,
            "ARUDD-B": CLOSED,
            "ADDACS-3": MOVED,
            "ADDACS-B": CLOSED,
            "ADDACS-C": "The customer moved their account to another branch.",
            "ADDACS-E": "The bank changed details of the mandate.",
            "AUDDIS-3": MOVED,
            "AUDDIS-5": NO_ACCOUNT,
            "AUDDIS-B": CLOSED,
            "AUDDIS-C": "The customer moved their account to another branch.",
            "AUDDIS-F": "This kind of account takes no direct debits.",
            "AUDDIS-G": "The bank takes no direct debits on this account.",
            "AUDDIS-L": "The account details are wrong.",
            "AUDDIS-N": "The customer's branch does not allow the mandate.",
        },
    ),
    **rows(
        "bank_debit",
        NEW_MANDATE,
        {
            "ARUDD-1": REVOKED,
            "ARUDD-6": NO_MANDATE,
            "ADDACS-0": "The bank cancelled the mandate and asks to speak with the customer.",
            "ADDACS-1": REVOKED,
            "AUDDIS-1": REVOKED,
            "AUDDIS-6": NO_MANDATE,
            "AUDDIS-H": "The mandate has expired.",
            "AUDDIS-K": "The customer's bank cancelled the mandate.",
            "DDICA-3": "The customer says they had cancelled the mandate with their bank.",
            "DDICA-4": "The customer says they had cancelled with us directly.",
        },
    ),
    **rows(
        "bank_debit",
        DISPUTED,
        {
            "ARUDD-4": "The customer disputes the advance notice.",
            "ARUDD-7": "The amount differs from the advance notice.",
            "ARUDD-8": "The debit came before it was due.",
            "ADDACS-D": "The customer disputes the advance notice.",
            "DDICA-1": "The customer says amount or date differ from the advance notice.",
            "DDICA-2": "The customer says they got no advance notice.",
            "DDICA-5": "The customer says they never gave a mandate.",
            "DDICA-6": "The customer says the signature or authorisation of the mandate is not theirs.",
            "DDICA-8": "The customer does not know the name on the debit.",
        },
    ),
    **rows("bank_debit", DECEASED, {"ARUDD-2": HAS_DIED, "ADDACS-2": HAS_DIED, "AUDDIS-2": HAS_DIED}),
    **rows(
        "bank_debit",
        PAYMENTS_TEAM,
        {
            "ARUDD-9": "The debit came too late for its due date.",
            "ARUDD-A": "The debit's originator differs from the mandate's.",
            "ADDACS-R": "The bank has put the mandate in force again.",
            "AUDDIS-I": "The reference is not unique.",
            "AUDDIS-M": "The entry is of a kind we may not send.",
            "AUDDIS-O": "The reference is not valid.",
            "AUDDIS-P": "The customer's name was missing.",
            "AUDDIS-Q": "Our own name was missing.",
            "DDICA-7": "We asked for the claim ourselves.",
        },
    ),
}


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
