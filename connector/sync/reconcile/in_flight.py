"""Transfers that Salesforce cannot show yet: they have just changed, or the ledger has not fetched them.

A comparison reads the present state from Recurly and the processors. The delivery of a change may be on its way or wait
in the backlog; Salesforce is not wrong before that event was worked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from connector.ledger import missed_changes, observations, snapshots
from connector.models.facts import Movement, Payment
from connector.sync.reconcile.adapters import RECURLY, ComparedSystems
from connector.sync.reconcile.models import Transfer
from connector.sync.reconcile.processor_gaps import is_news

ON_ITS_WAY: Final = "its delivery is on its way"
Refs = Sequence[tuple[str, str]]


def on_their_way(sides: ComparedSystems, doubted: Sequence[Transfer], now: datetime) -> set[str]:
    """The keys of those that are younger than a delivery may take, newer than the ledger has them, or pointed to by an
    event that waits. To be asked before the ledger is asked what waits, and that before Salesforce."""
    if not doubted:
        return set()
    settled = now - sides.grace
    found = {one.key for one in doubted if one.ahead or _changed_at(one) > settled}
    left = [one for one in doubted if one.key not in found]
    with sides.engine.connect() as connection:
        return found | _pointed_to(connection, left) | _newer(connection, left, now)


def _changed_at(one: Transfer) -> datetime:
    """What a list says is dated by when it began."""
    if _is_told_by_processor(one) or one.paid is None:
        return one.item.at if one.item else one.at
    return one.paid.updated_at or one.at


def _is_told_by_processor(one: Transfer) -> bool:
    return one.kind is Movement.DISPUTE and one.item is not None


def _pointed_to(connection: Connection, doubted: Iterable[Transfer]) -> set[str]:
    wanted: dict[tuple[str, str], dict[str, Refs]] = defaultdict(dict)
    for one in doubted:
        if one.item is not None and _is_told_by_processor(one):
            wanted[one.item.source, ""][one.key] = [(str(one.item.kind), one.item.id)]
        elif one.paid is not None:
            wanted[RECURLY, one.site][one.key] = _refs(one.paid)
    found: set[str] = set()
    for site, named in wanted.items():
        coming = missed_changes.on_their_way(
            connection, site, [ref for refs in named.values() for ref in refs]
        )
        found |= {key for key, refs in named.items() if not coming.isdisjoint(refs)}
    return found


def _refs(payment: Payment) -> Refs:
    """An invoice is fetched with its payments."""
    own = [("payment", payment.id), ("payment", snapshots.alias(payment))]
    of_invoice = ((payment.invoice_id, "{}"), (payment.invoice_number, "number-{}"))
    return [*own, *(("invoice", form.format(value)) for value, form in of_invoice if value)]


def _newer(connection: Connection, doubted: Iterable[Transfer], now: datetime) -> set[str]:
    """Disputes that the ledger has heard of, and not as they stand now."""
    asked = {observations.key_of(one.item): one for one in doubted if one.item and _is_told_by_processor(one)}
    heard = observations.observations(connection, list(asked)) if asked else {}
    return {
        one.key
        for key, one in asked.items()
        if one.item and heard.get(key) and is_news(replace(one.item, at=now, listed=True), heard[key])
    }
