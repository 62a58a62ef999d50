"""The reason of a processor's object in plain words, and the advice for it. Pure.

The network's code is the most precise and comes first, then the source's own reason. A code that is not listed is
named and gets general advice. Codes of the networks: ``visa_mastercard.py``, ``amex_discover.py``, ``bank_debits.py``;
reasons of the sources: ``disputes.py``, ``refund_payout_failures.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from connector.mappers import declines
from connector.mappers.reasons import (
    amex_discover,
    bank_debits,
    disputes,
    reason,
    refund_payout_failures,
    visa_mastercard,
)
from connector.mappers.reasons.disputes import EVIDENCE_BY_CATEGORY
from connector.mappers.reasons.reason import Reason, Table
from connector.models.facts import Kind, ProcessorObject

__all__ = ["Reason", "explain", "needs_evidence"]

_NETWORKS: Final[Mapping[str, tuple[str, Table]]] = {
    "visa": ("Visa", visa_mastercard.VISA),
    "mastercard": ("Mastercard", visa_mastercard.MASTERCARD),
    "mc": ("Mastercard", visa_mastercard.MASTERCARD),
    "maestro": ("Mastercard", visa_mastercard.MASTERCARD),
    "amex": ("American Express", amex_discover.AMEX),
    "american_express": ("American Express", amex_discover.AMEX),
    "discover": ("Discover", amex_discover.DISCOVER),
    "diners": ("Discover", amex_discover.DISCOVER),
    "ach": ("ACH", bank_debits.ACH),
    "us_bank_account": ("ACH", bank_debits.ACH),
    "sepa": ("SEPA", bank_debits.SEPA),
    "sepa_core": ("SEPA", bank_debits.SEPA),
    "sepa_b2b": ("SEPA", bank_debits.SEPA),
    "sepa_debit": ("SEPA", bank_debits.SEPA),
    "sepadirectdebit": ("SEPA", bank_debits.SEPA),
    "bacs": ("Bacs", bank_debits.BACS),
    "bacs_debit": ("Bacs", bank_debits.BACS),
}
"""A network as the sources name it → how it is shown, and its codes."""

_SHAPES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"1[0-3]\.[0-9](\.[0-9])?"), "visa"),
    (re.compile(r"4[89][0-9]{2}"), "mastercard"),
    (re.compile(r"UA[0-9]{2}"), "discover"),
    (re.compile(r"[ACFMP][0-9]{2}|FR[0-9]"), "amex"),
    (re.compile(r"(?:ACH_RETURN-|NOTIFICATION_OF_CHANGE-)?R[0-9]{2}"), "ach"),
    (re.compile(r"(?:ACH_RETURN-|NOTIFICATION_OF_CHANGE-)C[0-9]{2}"), "ach"),
    (re.compile(r"(?:ARUDD|ADDACS|AUDDIS|DDICA)-[0-9A-Z]"), "bacs"),
    (re.compile(r"AC0[146]|AC13|AG0[12]|AM0[45]|BE0[56]|MD0[1267]|MS0[23]|SL01|RR04|RC01|FF05"), "sepa"),
)
"""The network of a code, if the source does not report it. The first match counts. Discover's
two letters, and American Express' codes that ACH has too, are only read where the network is known."""

_ACH_PREFIX: Final = re.compile(r"(?:ACH_RETURN|NOTIFICATION_OF_CHANGE)-")
_WORDS: Final[Mapping[Kind, tuple[Table, ...]]] = {
    Kind.DISPUTE: (disputes.WORDS, bank_debits.WORDS),
    Kind.REFUND: (refund_payout_failures.REFUNDS,),
    Kind.PAYOUT: (refund_payout_failures.PAYOUTS,),
    Kind.FRAUD_WARNING: (disputes.FRAUD_WORDS, disputes.WORDS),
    Kind.MANDATE: (bank_debits.WORDS,),
    Kind.CHARGE: (bank_debits.WORDS,),
}
_FALLBACKS: Final[Mapping[Kind, Reason]] = {
    Kind.DISPUTE: Reason("general", "The bank disputes the payment{}.", reason.GENERAL),
    Kind.REFUND: Reason("refund", "The refund failed{}.", refund_payout_failures.CHECK_REFUND),
    Kind.PAYOUT: Reason("payout", "The payout failed{}.", refund_payout_failures.CHECK_PAYOUT),
    Kind.FRAUD_WARNING: Reason("fraud", "The payment is suspected of fraud{}.", disputes.FRAUD_ACT),
    Kind.MANDATE: Reason("bank_debit", "The mandate can no longer be used{}.", bank_debits.NEW_MANDATE),
    Kind.CHARGE: Reason("general", "The payment was not collected{}.", bank_debits.ASK_BANK),
}
_CARD_FREE: Final = frozenset({Kind.REFUND, Kind.PAYOUT})
"""Kinds without network codes: ``declined`` of a payout is not that of a dispute."""


def explain(item: ProcessorObject) -> Reason:
    """Why it is as it is. Never fails; the reason a source gave is always named."""
    network, code = _network_code(item)
    title, table = _NETWORKS.get(network, (network.upper().replace("_", " "), {}))
    shown = f"{title} {code}".strip() if code else None
    if code and item.kind not in _CARD_FREE and (known := table.get(code)):
        return replace(known, code=shown)
    known = _by_word(item)
    return replace(known or _unlisted(item, shown), code=shown)


def needs_evidence(item: ProcessorObject) -> tuple[str, ...]:
    """Evidence that helps to answer a dispute, best first; ``()`` for everything that is not a dispute."""
    return EVIDENCE_BY_CATEGORY[explain(item).category] if item.kind is Kind.DISPUTE else ()


def _network_code(item: ProcessorObject) -> tuple[str, str | None]:
    """The network and its code. Adyen's reason is the network's code, without the network."""
    network = (item.network or "").strip().lower().replace(" ", "_").replace("-", "_")
    given = [code for one in (item.network_code, item.reason) if one and (code := one.strip().upper())]
    for code in given:
        found = network or _by_shape(code)
        listed = _as_listed(found, code)
        if found in _NETWORKS and listed in _NETWORKS[found][1]:
            return found, listed
    code = (item.network_code or "").strip().upper()
    return network, _as_listed(network, code) or None


def _by_shape(code: str) -> str:
    return next((network for shape, network in _SHAPES if shape.fullmatch(code)), "")


def _as_listed(network: str, code: str) -> str:
    """GoCardless names the report beside the code; where it is left out, a Bacs debit that fails is an ARUDD."""
    if network in ("ach", "us_bank_account"):
        return _ACH_PREFIX.sub("", code)
    if network in ("bacs", "bacs_debit") and len(code) == 1:
        return f"ARUDD-{code}"
    return code


def _by_word(item: ProcessorObject) -> Reason | None:
    word = (item.reason or "").strip().lower()
    return next((words[word] for words in _WORDS[item.kind] if word in words), None)


def _unlisted(item: ProcessorObject, shown: str | None) -> Reason:
    """A decline of a card, or general advice with the text of the source."""
    if item.kind is Kind.CHARGE and (declined := declines.explain(item.reason)).category != "unknown":
        return Reason(_OF_DECLINES.get(declined.category, "general"), declined.reason, declined.action)
    told = " / ".join(dict.fromkeys(one for one in (shown, (item.reason or "").strip()) if one))
    fallback = _FALLBACKS[item.kind]
    return replace(fallback, text=fallback.text.format(f" ({told})" if told else ""))


_OF_DECLINES: Final = {"fraud": "fraud", "bank_debit": "bank_debit", "gateway": "processing_error"}
