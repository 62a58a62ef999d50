"""Recheck every difference before it is reported: ask Recurly for the present state, and ask the system that lacks a
payment for that payment.

The ledger may be behind, a list may be cut at its edges, and a discrepancy causes work for a person. Only differences
are rechecked, so it costs little; the number is limited if something is wrong as a whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from connector.errors import Permanent, Transient
from connector.ledger import payment_lookup, pending_matches
from connector.mappers import external_ids
from connector.mappers.match_keys import REFERENCE, could_be
from connector.models.facts import BillingObject, Kind, Movement, Payment, ProcessorObject
from connector.sync.reconcile.adapters import (
    RECURLY,
    ComparedSystems,
    movement_of,
    of_item,
    of_payment,
    payment_key,
)
from connector.sync.reconcile.models import Outcome, System, Transfer

log = structlog.get_logger("connector.reconcile")

MOST: Final = 200
"""How many payments a processor is asked for one by one in a run, and how many invoices Recurly is."""
_AT_ONCE: Final = 200


@dataclass(slots=True)
class Recheck:
    """``taken``: payments that have their other half. ``left``: how much may still be asked one by one."""

    sides: ComparedSystems
    taken: Container[tuple[str, str]]
    left: int = MOST

    def asked_again(self, doubted: Sequence[Transfer]) -> list[Transfer]:
        """The same, as whoever could be asked says now."""
        now = self._as_recurly_says(doubted)
        return self._with_chargebacks([self._looked_for(one) for one in now])

    def _as_recurly_says(self, doubted: Sequence[Transfer]) -> list[Transfer]:
        fresh: dict[tuple[str, str], Payment] = {}
        ids: dict[str, list[str]] = defaultdict(list)
        for one in doubted:
            if one.paid is not None:
                ids[one.site].append(one.paid.id)
        for site, wanted in ids.items():
            for start in range(0, len(wanted), _AT_ONCE):
                found = self._fetched(site, "payment", wanted[start : start + _AT_ONCE])
                fresh |= {(site, one.id): one for one in found if isinstance(one, Payment)}
        return [_with(one, fresh.get((one.site, one.paid.id))) if one.paid else one for one in doubted]

    def _with_chargebacks(self, doubted: Sequence[Transfer]) -> list[Transfer]:
        """What a bank took back, with whether Recurly has that beside the payment."""
        of = {one.account for one in doubted if _is_taken_back(one) and one.account}
        if not of:
            return list(doubted)
        with self.sides.engine.connect() as connection:
            refunds = payment_lookup.refunds_of(connection, of)
        known = {(one.site, one.payment.original_id) for one in refunds if _is_chargeback(one.payment)}
        return [
            replace(one, charged_back=one.paid is not None and (one.site, one.paid.id) in known)
            for one in doubted
        ]

    def _fetched(self, site: str, kind: str, refs: Sequence[str]) -> Sequence[BillingObject]:
        """What is not said now stays as the ledger has it."""
        api = self.sides.apis.get(site)
        if api is None:
            return ()
        try:
            return api.fetch(kind, [(ref,) for ref in refs]).found
        except (Transient, Permanent) as error:
            log.warning("not_confirmed", source=RECURLY, error=str(error), outcome="as the ledger has it")
            return ()

    def _looked_for(self, one: Transfer) -> Transfer:
        if one.kind is not Movement.PAYMENT or self.left <= 0:
            return one
        if one.at_processor is None and System.PROCESSOR in one.asked:
            self.left -= 1
            return self._at_processor(one)
        if one.recurly is None and one.item and one.item.invoice_number and not one.item.truncated:
            self.left -= 1
            return self._in_recurly(one, one.item)
        return one

    def _at_processor(self, one: Transfer) -> Transfer:
        """By its reference, whenever it was made."""
        lookup = self.sides.lookups.get(one.processor)
        if lookup is None or one.paid is None or not one.paid.gateway_reference:
            return one
        wanted = ProcessorObject(
            kind=Kind.CHARGE,
            source=one.processor,
            id=one.paid.gateway_reference,
            at=one.at,
            references=one.paid.gateway_references,
            account=self._account(one.processor, (one.paid.gateway_reference, *one.paid.gateway_references)),
        )
        try:
            answers = lookup.look_up(wanted)
        except (Transient, Permanent) as error:
            log.warning("not_confirmed", source=one.processor, error=str(error), outcome="as listed")
            return one
        found = next((item for item in answers if item.kind is Kind.CHARGE), None)
        seen = of_item(found, one.paid.currency) if found else None
        return replace(one, at_processor=seen, item=found) if found else one

    def _account(self, processor: str, names: Sequence[str]) -> str | None:
        """The connected account that holds the payment, if a delivery said."""
        with self.sides.engine.connect() as connection:
            charges = pending_matches.charges(connection, [f"{REFERENCE}{name}" for name in names])
        return next((one.account for one in charges if one.source == processor and one.account), None)

    def _in_recurly(self, one: Transfer, item: ProcessorObject) -> Transfer:
        """Among the payments of the invoice that the charge names, on whichever site has it."""
        for site in self.sides.sites:
            for found in self._fetched(site, "invoice", [f"number-{item.invoice_number}"]):
                if isinstance(found, Payment) and _is(found, item) and (site, found.id) not in self.taken:
                    return replace(
                        _with(one, found),
                        site=site,
                        key=payment_key(site, found),
                        account=external_ids.subject(RECURLY, site, found.account_code),
                        paid=found,
                    )
        return one


def _with(one: Transfer, fresh: Payment | None) -> Transfer:
    if fresh is None:
        return one
    return replace(one, recurly=of_payment(fresh), paid=fresh, ahead=_is_newer(fresh, one.paid))


def _is_newer(fresh: Payment, known: Payment | None) -> bool:
    if known is None or fresh.updated_at is None or known.updated_at is None:
        return False
    return fresh.updated_at > known.updated_at


def _is_taken_back(one: Transfer) -> bool:
    return one.at_processor is not None and one.at_processor.standing is Outcome.TAKEN_BACK


def _is_chargeback(payment: Payment) -> bool:
    moved = of_payment(payment).standing is Outcome.MOVED
    return moved and movement_of(payment) is Movement.DISPUTE


def _is(payment: Payment, item: ProcessorObject) -> bool:
    names = {payment.gateway_reference, *payment.gateway_references, payment.uuid}
    same = bool(names & {item.id, *item.references})
    return same and movement_of(payment) is Movement.PAYMENT and could_be(item.source, payment.gateway)
