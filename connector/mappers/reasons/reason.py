"""What a reason code becomes, and how the tables of this folder are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
