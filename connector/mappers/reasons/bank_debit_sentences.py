"""Sentences and advice about bank debits, shared by the schemes' codes and the sources' words."""

from __future__ import annotations

from typing import Final

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
