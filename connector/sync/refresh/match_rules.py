"""Which billing account a processor's object belongs to. Pure.

By what the gateway calls the payment, then by the invoice number the billing system gave it, then by the processor's
customer. Each only if it names exactly one account: two are a doubt, and a doubt is for a person. An invoice number is
weak evidence, because several systems may use one processor account and count from 1: it is not used where gateway,
currency or amount of the invoice and of its payments contradict it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from connector.ledger.pending_matches import Candidate, InvoicePayment
from connector.mappers import match_keys
from connector.models.facts import Kind, ProcessorObject, Status

Candidates = Mapping[str, Sequence[Candidate]]
"""Key → what the ledger knows under it."""


class Contradiction(StrEnum):
    """Why an object cannot be about an invoice that has its number."""

    GATEWAY = "gateway"
    CURRENCY = "currency"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Match:
    """The account an object belongs to, and how that is known."""

    subject: str
    matched_by: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``match``: the one account that fits, or None: none or several do. ``doubt``: the strength of the evidence that
    names several; None where none does. ``contradicted``: accounts that have an invoice of that number which the object
    cannot be about."""

    match: Match | None = None
    doubt: int | None = None
    contradicted: frozenset[str] = field(default=frozenset())


def match(item: ProcessorObject, charges: Iterable[ProcessorObject], known: Candidates) -> Verdict:
    """``charges``: those that share a reference with it. ``known``: at least the candidates of all their keys."""
    said = (item, *charges)
    keys = {key for one in said for key in match_keys.of_processor(one)}
    contradicted: set[str] = set()
    for strength, (form, name) in enumerate(match_keys.MATCHED_BY.items()):
        found: dict[str, list[Candidate]] = {}
        for key in sorted(key for key in keys if key.startswith(form)):
            named = [one for one in known.get(key, ()) if _is_named(form, item, one)]
            found[key] = [one for one in named if form != match_keys.INVOICE or not contradiction(said, one)]
            contradicted |= {one.subject for one in named if one not in found[key]}
        accounts = {one.subject for some in found.values() for one in some}
        if len(accounts) > 1:
            return Verdict(doubt=strength, contradicted=frozenset(contradicted))
        if accounts:
            key = next(key for key in found if found[key])
            matched = Match(accounts.pop(), f"{name} {key.removeprefix(form)}")
            return Verdict(matched, contradicted=frozenset(contradicted))
    return Verdict(contradicted=frozenset(contradicted))


def revised(subject: str, matched_by: str, verdict: Verdict) -> Match | None:
    """What becomes of a weak match: another one, or None if it stands. A match without a subject: it is not known any
    more whose the object is.

    A match does not fall because its evidence is gone (an account that the billing system removed), only by evidence
    that is at least as strong, or by a contradiction.
    """
    strength = match_keys.strength(matched_by)
    refuted = match_keys.is_by_invoice(matched_by) and subject in verdict.contradicted
    if verdict.match is not None:
        stands = verdict.match == Match(subject, matched_by)
        is_weaker = match_keys.strength(verdict.match.matched_by) > strength
        return None if stands or (is_weaker and not refuted) else verdict.match
    doubted = verdict.doubt is not None and verdict.doubt <= strength
    return UNKNOWN if doubted or refuted else None


UNKNOWN: Final = Match("", "")
"""It is not known any more whose the object is: it waits."""


def _is_named(form: str, item: ProcessorObject, candidate: Candidate) -> bool:
    match form:
        case match_keys.REFERENCE:
            return candidate.object == "payment" and match_keys.could_be(item.source, candidate.gateway)
        case match_keys.INVOICE:
            return candidate.object == "invoice"
        case _:
            return candidate.object == "account" or candidate.source == item.source


# An invoice number is contradicted ---------------------------------------------------------------------------------

_TAKING: Final = frozenset({"purchase", "authorization", "capture"})
_MOVED: Final = frozenset({Status.SUCCEEDED, Status.RETURNED})


def contradiction(said: Iterable[ProcessorObject], invoice: Candidate) -> Contradiction | None:
    """Why none of these can be about this invoice: the object, or a charge behind it."""
    found = (_contradiction(one, invoice) for one in said)
    return next((one for one in found if one), None)


def _contradiction(item: ProcessorObject, invoice: Candidate) -> Contradiction | None:
    taken = [one for one in invoice.payments if one.type in _TAKING]
    ours = [one for one in taken if match_keys.could_be(item.source, one.gateway)]
    if taken and not ours:
        return Contradiction.GATEWAY
    if item.currency is None or invoice.currency is None:
        return None
    if item.currency not in {invoice.currency, *(one.currency for one in ours)}:
        return Contradiction.CURRENCY
    return None if item.amount is None or _could_be_of(item, invoice, ours) else Contradiction.AMOUNT


def _could_be_of(item: ProcessorObject, invoice: Candidate, ours: Sequence[InvoicePayment]) -> bool:
    """Money that a charge has taken is that of a payment, or of the whole invoice; the payment may not be known yet.
    What is given back, disputed or only asked for may be less."""
    amount, total = item.amount, invoice.total
    assert amount is not None
    whole = [one.amount for one in ours if one.amount is not None]
    whole += [abs(total)] if total is not None else []
    if not whole:
        return True
    if item.kind is Kind.CHARGE and item.status in _MOVED and ours:
        return amount in whole
    return amount <= max(whole)
