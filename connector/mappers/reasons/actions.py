"""What a specialist can do about each family of disputes; shared by the networks' tables and the sources' words."""

from __future__ import annotations

from typing import Final

FRAUD: Final = (
    "Compare it with the customer's earlier undisputed payments: answer if they match, else accept it. "
    "Stop further charges until fraud review has looked."
)
NOT_RECOGNIZED: Final = (
    "Ask the customer whether they know the charge: often they then withdraw. "
    "Answer with the invoice, the name on the statement and proof of use."
)
AUTHORIZATION: Final = (
    "Look for the approval code of exactly this charge. With one, answer and send it; without one, accept."
)
PROCESSING: Final = (
    "Compare invoice, amount and currency with what was charged: send the record if they agree; else accept."
)
PRODUCT: Final = "Show what was promised, and that it was delivered and used. If it was not, accept."
DUPLICATE: Final = (
    "Compare the two payments: send both invoices if both were due; if not, accept and do not refund as well."
)
CREDIT: Final = (
    "Check whether a refund was due: send its record if it was made, else accept. "
    "Never refund beside an open dispute."
)
RECURRING: Final = (
    "Check when the customer cancelled: after the charge, send the terms and the use since; "
    "before it, accept and cancel the subscription."
)
GENERAL: Final = (
    "Read the bank's note, ask the customer what is wrong, and send the invoice with proof of use."
)
BANK_RULES: Final = "Check at the processor whether it can be answered; if not, settle it with the customer."
