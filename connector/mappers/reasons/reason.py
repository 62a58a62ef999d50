"""The explanation of a reason code, and the format of the tables in this folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Reason:
    """``text`` and ``action`` are sentences for a billing specialist. ``code``: as the network shows it
    (``Visa 10.4``, ``ACH R01``), None where the source gave none.

    Categories: ``fraud``, ``authorization``, ``processing_error``, ``product``, ``duplicate``, ``credit``,
    ``canceled_recurring``, ``bank_debit``, ``refund``, ``payout``, and ``general`` for all that is not listed.
    """

    category: str
    text: str
    action: str
    code: str | None = None


Table = Mapping[str, Reason]


def rows(category: str, action: str, texts: Mapping[str, str]) -> dict[str, Reason]:
    """Rows that share their category and what to do."""
    return {code: Reason(category, text, action) for code, text in texts.items()}


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
