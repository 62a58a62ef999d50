"""Match a processor's object to a billing account. Pure.

Evidence in order of strength: the gateway reference of the payment, the invoice number of the billing system, the
processor's customer. Each counts only if it names exactly one account; several accounts are a doubt, which a person
decides. An invoice number is weak evidence, because several systems may use one processor account and count from 1: it
is not used if gateway, currency or amount of the invoice and of its payments contradict it.
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
"""Match key → the candidates that have it."""


class Contradiction(StrEnum):
    """The reason why an object cannot belong to an invoice that has its number."""

    GATEWAY = "gateway"
    CURRENCY = "currency"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Match:
    """The account of an object, and the evidence."""

    subject: str
    matched_by: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of the match rules. ``match``: the only account that fits, or None if none or several fit. ``doubt``:
    the strength of the evidence that names several accounts, if any. ``contradicted``: accounts with an invoice of that
    number to which the object cannot belong."""

    match: Match | None = None
    doubt: int | None = None
    contradicted: frozenset[str] = field(default=frozenset())


def match(item: ProcessorObject, charges: Iterable[ProcessorObject], known: Candidates) -> Verdict:
    """Match ``item``. ``charges``: charges that share a reference with it. ``known``: the candidates of all keys."""
    items = (item, *charges)
    keys = {key for one in items for key in match_keys.of_processor(one)}
    contradicted: set[str] = set()
    for strength, (form, name) in enumerate(match_keys.MATCHED_BY.items()):
        found: dict[str, list[Candidate]] = {}
        for key in sorted(key for key in keys if key.startswith(form)):
            named = [one for one in known.get(key, ()) if _is_named(form, item, one)]
            found[key] = [one for one in named if form != match_keys.INVOICE or not contradiction(items, one)]
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
    """Revise a weak match: return the new match, or None if the old one stands. ``UNKNOWN`` removes the match.

    A match does not fall because its evidence is gone (the billing system removed the account). It falls only by
    evidence that is at least as strong, or by a contradiction.
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
"""No account: the object becomes a pending match again."""


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


def contradiction(items: Iterable[ProcessorObject], invoice: Candidate) -> Contradiction | None:
    """The reason why none of these (the object or its charges) can belong to this invoice, or None."""
    found = (_contradiction(one, invoice) for one in items)
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
    """Whether the amount fits. A successful charge has the amount of a payment, or of the whole invoice if the payment
    is not fetched yet. A refund, a dispute or a request may have a smaller amount."""
    amount, total = item.amount, invoice.total
    assert amount is not None
    whole = [one.amount for one in ours if one.amount is not None]
    whole += [abs(total)] if total is not None else []
    if not whole:
        return True
    if item.kind is Kind.CHARGE and item.status in _MOVED and ours:
        return amount in whole
    return amount <= max(whole)
