"""Scan a window of time in parts: match what the processors list with Recurly's payments, then report the unmatched
ones of both sides.

Memory holds the keys of a few days only. A charge is found in the ledger by its reference, whatever its date in
Recurly; a payment without a charge is reported when the days around it have been listed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import structlog

from connector.errors import Permanent, Transient
from connector.ledger import payment_lookup as ledger
from connector.ledger.payment_lookup import KnownPayment
from connector.mappers.match_keys import source_of
from connector.models.facts import Kind, Movement, ProcessorObject
from connector.policy import Compare
from connector.sync.reconcile.adapters import (
    KINDS,
    ComparedSystems,
    began,
    is_bank,
    item_key,
    movement_of,
    of_item,
    of_payment,
    payment_key,
)
from connector.sync.reconcile.differences import VOID
from connector.sync.reconcile.findings import FindingBuilder
from connector.sync.reconcile.matching import Id, MatchedPairs, UnmatchedObject
from connector.sync.reconcile.models import Finding, Outcome, System, Transfer, Window
from connector.sync.reconcile.recheck import Recheck

log = structlog.get_logger("connector.reconcile")

STEP: Final = timedelta(days=5)
"""How much is looked through at once: few calls for lists, and no more than some days held."""
MARGIN: Final = timedelta(days=3)
"""How much farther apart than dates may be the two halves are looked for."""
Named = Mapping[str, Sequence[KnownPayment]]
"""What goes by a name."""
Tell = Callable[[int, int], None]
"""Hears how many steps are done, of how many; within a step after each page."""
_MONEY: Final = frozenset({Outcome.MOVED, Outcome.PENDING})
_TAKEN: Final = frozenset({"purchase", "capture"})


class WindowScan:
    """Gone through once. ``compared``: how many transfers of each kind were; ``failed``: processors that could not be
    asked, with why; ``apart``: gateways for whose payments there was no list of a processor, with how many there were;
    ``unheard``: how many Recurly may have that the ledger does not know yet, by site."""

    def __init__(
        self,
        sides: ComparedSystems,
        policy: Compare,
        window: Window,
        now: datetime,
        tell: Tell = lambda done, of: None,
    ) -> None:
        self.failed: dict[str, str] = {}
        self._sides, self._window, self._now = sides, window, now
        self._tell, self._step = tell, (0, 1)
        self._slack = timedelta(days=policy.date_tolerance_days) + MARGIN
        self._pairs = MatchedPairs()
        self._telling = FindingBuilder(sides, policy, window, now, Recheck(sides, self._pairs.taken))

    @property
    def compared(self) -> Counter[str]:
        return self._telling.compared

    @property
    def apart(self) -> Counter[str]:
        return self._telling.apart

    @property
    def unheard(self) -> Counter[str]:
        return self._telling.unheard

    def __iter__(self) -> Iterator[Finding]:
        parts = list(_parts(self._window.since - self._slack, self._window.until + self._slack))
        lag = math.ceil(self._slack / STEP)
        steps = len(parts) + 2 * lag
        for place in range(steps):
            self._step = (place, steps)
            found: list[Finding] = []
            if place < len(parts):
                found += self._listed(*parts[place])
            if lag <= place < len(parts) + lag:
                found += self._left_in_recurly(*parts[place - lag])
            if place >= 2 * lag:
                found += self._left_at_processors(parts[place - 2 * lag][1])
            yield from sorted(found, key=_order)
            self._tell(place + 1, steps)

    # What the processors list -----------------------------------------------------------------------------------

    def _listed(self, since: datetime, until: datetime) -> Iterator[Finding]:
        if since >= self._now:
            return
        for source, books in sorted(self._sides.books.items()):
            for kind in (one for one in KINDS if one in books.lists and self._asks(source)):
                seen: set[str] = set()
                for page in self._pages(source, books.listed(kind, since, until)):
                    fresh = {item.id: item for item in page if item.id not in seen}
                    seen |= fresh.keys()
                    yield from self._telling.of(self._paired(kind, list(fresh.values())))
                    self._tell(*self._step)

    def _pages(
        self, source: str, listed: Iterator[Sequence[ProcessorObject]]
    ) -> Iterator[Sequence[ProcessorObject]]:
        """Until the processor cannot be read any more. What else is away is not its fault."""
        try:
            yield from listed
        except (Transient, Permanent) as error:
            self._fails(source, error)

    def _asks(self, source: str) -> bool:
        wanted = self._window.processors is None or source in self._window.processors
        return wanted and source not in self.failed

    def _fails(self, source: str, error: Exception) -> None:
        """What came of it is true; what did not come is not missing."""
        log.warning("books_not_read", source=source, error=str(error), outcome="not compared")
        self.failed[source] = str(error)
        self._pairs.loose = [one for one in self._pairs.loose if one.item.source != source]

    def _paired(self, kind: Kind, items: Sequence[ProcessorObject]) -> list[Transfer]:
        if not items:
            return []
        with self._sides.engine.connect() as connection:
            named = ledger.named(connection, {name for one in items for name in (one.id, *one.references)})
            known = {one.subject for found in named.values() for one in found}
            refunds = ledger.refunds_of(connection, known) if kind is not Kind.CHARGE else []
        of_kind = [one for one in refunds if movement_of(one.payment) is KINDS[kind]]
        if kind is Kind.CHARGE:
            return [t for item in items if (t := self._charge(item, _by(named, item.id, *item.references)))]
        return self._about_payments(items, named, of_kind)

    def _charge(self, item: ProcessorObject, named: Sequence[KnownPayment]) -> Transfer | None:
        """One that goes by the reference of what moves no money is an authorization's; one that was told of as missing
        was looked up then."""
        found = self._pairs.by_reference(item, named)
        if found is not None:
            return self._transfer(found, item)
        known = any(one.payment.type not in _TAKEN or one.id in self._pairs.over for one in named)
        if of_item(item).standing in _MONEY and not known:
            self._pairs.loose.append(UnmatchedObject(item))
        return None

    def _about_payments(
        self, items: Sequence[ProcessorObject], named: Named, refunds: Sequence[KnownPayment]
    ) -> list[Transfer]:
        """Refunds and disputes: those that go by their own ids first, so that no other takes their place."""
        made: list[Transfer] = []
        rest: list[ProcessorObject] = []
        for item in items:
            found = self._pairs.by_reference(item, named.get(item.id, ()))
            made += [self._transfer(found, item)] if found else []
            rest += [] if found else [item]
        for item in rest:
            originals = [one for one in _by(named, *item.references) if one.payment.type in _TAKEN]
            made += self._by_original(item, originals, refunds)
        return made

    def _by_original(
        self, item: ProcessorObject, originals: Sequence[KnownPayment], refunds: Sequence[KnownPayment]
    ) -> Iterator[Transfer]:
        ids = frozenset(one.id for one in originals)
        about = [one for one in refunds if (one.site, one.payment.original_id) in ids]
        owner = originals[0] if originals else None
        loose = UnmatchedObject(item, ids, owner.subject if owner else None, owner.site if owner else None)
        if item.kind is Kind.DISPUTE:
            found = self._pairs.by_reference(item, about)
            yield self._transfer(found, item) if found else self._alone(loose, {})
            return
        if of_item(item).standing not in _MONEY:
            return
        found = self._pairs.by_amount(item, about, self._slack)
        if found:
            yield self._transfer(found, item)
        elif not any(_voids(item, one) for one in originals):
            self._pairs.loose.append(loose)

    # What is left over ------------------------------------------------------------------------------------------

    def _left_in_recurly(self, since: datetime, until: datetime) -> Iterator[Finding]:
        for page in ledger.happened(self._sides.engine, self._sides.sites, since, until):
            left = [one for one in page if self._is_left(one)]
            yield from self._telling.of([self._transfer(one, self._pairs.left_over(one)) for one in left])
            self._tell(*self._step)
        self._pairs.forget(since - 2 * self._slack)

    def _is_left(self, one: KnownPayment) -> bool:
        moves = movement_of(one.payment) is not None and of_payment(one.payment).standing in _MONEY
        return moves and one.id not in self._pairs.taken

    def _left_at_processors(self, until: datetime) -> Iterator[Finding]:
        """No payment of the days around them took them."""
        left = [one for one in self._pairs.loose if began(one.item) < until]
        self._pairs.loose = [one for one in self._pairs.loose if began(one.item) >= until]
        numbers = {one.item.invoice_number for one in left if one.item.invoice_number}
        with self._sides.engine.connect() as connection:
            sites = ledger.sites_of_invoices(connection, numbers) if numbers else {}
        yield from self._telling.of([self._alone(one, sites) for one in left])

    # As one transfer --------------------------------------------------------------------------------------------

    def _transfer(self, known: KnownPayment, item: ProcessorObject | None) -> Transfer:
        payment, kind = known.payment, movement_of(known.payment)
        source = item.source if item else source_of(payment.gateway)
        asked = {System.RECURLY, System.SALESFORCE}
        if item is not None or self._lists(source, kind or Movement.PAYMENT, known):
            asked.add(System.PROCESSOR)
        key = payment_key(known.site, payment)
        return Transfer(
            kind=kind or Movement.PAYMENT,
            key=item_key(item) if item and kind is Movement.DISPUTE else key,
            reference=payment.gateway_reference or payment.uuid,
            site=known.site,
            processor=source or payment.gateway or "",
            at=payment.created_at or self._now,
            asked=frozenset(asked),
            account=known.subject,
            bank=is_bank(payment, item),
            recurly=of_payment(payment),
            at_processor=of_item(item, payment.currency) if item else None,
            paid=payment,
            item=item,
        )

    def _alone(self, loose: UnmatchedObject, sites: dict[str, str]) -> Transfer:
        item = loose.item
        site = loose.site or sites.get(item.invoice_number or "")
        return Transfer(
            kind=KINDS[item.kind],
            key=item_key(item),
            reference=item.id,
            site=site or self._sides.sites[0],
            guessed=site is None,
            processor=item.source,
            at=began(item),
            asked=frozenset({System.RECURLY, System.PROCESSOR, System.SALESFORCE}),
            account=loose.account,
            bank=is_bank(None, item),
            at_processor=of_item(item),
            item=item,
        )

    def _lists(self, source: str | None, kind: Movement, known: KnownPayment) -> bool:
        """Whether a processor was asked for all it has of this kind around that time. A dispute begins long before
        Recurly learns of its end: what was not listed is not missing."""
        books = self._sides.books.get(source or "")
        kinds = {KINDS[one] for one in books.lists} if books else set()
        return (
            kind in kinds - {Movement.DISPUTE}
            and self._asks(source or "")
            and known.payment.created_at is not None
        )


def _parts(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    moments = [since]
    while moments[-1] + STEP < until:
        moments.append(moments[-1] + STEP)
    return pairwise([*moments, until])


def _by(named: Named, *names: str) -> list[KnownPayment]:
    """All that go by one of these names, each once."""
    found: dict[Id, KnownPayment] = {one.id: one for name in names for one in named.get(name, ())}
    return list(found.values())


def _voids(item: ProcessorObject, known: KnownPayment) -> bool:
    """Whether it gives all of a payment back that Recurly calls void, and has no refund of."""
    return known.payment.status == VOID and item.amount == abs(known.payment.amount)


def _order(found: Finding) -> tuple[str, str, str]:
    return found.transfer.at.isoformat(), found.transfer.key, str(found.difference)
