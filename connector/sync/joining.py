"""From a processor's object to the billing account it belongs to.

By what the gateway calls the payment, then by the invoice number the billing system gave it, then by the processor's
customer. Each only if it names exactly one account: two are a doubt, and a doubt is for a person.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import Engine

from connector.events import Urgency
from connector.facts import Kind, ProcessorObject
from connector.ledger import joins, told
from connector.ledger.joins import Candidate
from connector.ledger.subjects import Due
from connector.ledger.told import Told
from connector.mappers import keys, references
from connector.sync import newcomers

log = structlog.get_logger("connector.joining")

AT_ONCE: Final = 500
"""Objects that are looked at in one pass."""

PAUSES: Final = (0.0, 0.1, 0.3, 0.6, 1.0)
"""Seconds before each try to take an object from the worker that holds it."""

Known = Mapping[str, Sequence[Candidate]]

URGENCY: Final = {Kind.CHARGE: Urgency.ROUTINE, Kind.MANDATE: Urgency.FAILURE}
"""How urgent an account is that an object was joined to; all others are disputes and money at risk."""


@dataclass(frozen=True, slots=True)
class Match:
    """The account an object belongs to, and how that is known."""

    subject: str
    how: str


def match(item: ProcessorObject, charges: Iterable[ProcessorObject], known: Known) -> Match | None:
    """The one account that fits, or None: none or several do. ``charges``: those that share a reference with it."""
    refs = [ref for one in (item, *charges) for ref in references.of_processor(one)]
    for form, told_as, fits in _WAYS:
        named = sorted({ref for ref in refs if ref.startswith(form)})
        found = {ref: [c for c in known.get(ref, ()) if fits(item, c)] for ref in named}
        accounts = {c.subject for one in found.values() for c in one}
        if len(accounts) > 1:
            return None
        if accounts:
            ref = next(ref for ref in named if found[ref])
            return Match(accounts.pop(), f"{told_as} {ref.removeprefix(form)}")
    return None


def _is_payment(item: ProcessorObject, candidate: Candidate) -> bool:
    return candidate.object == "payment" and references.could_be(item.source, candidate.gateway)


def _is_invoice(_: ProcessorObject, candidate: Candidate) -> bool:
    return candidate.object == "invoice"


def _is_customer(item: ProcessorObject, candidate: Candidate) -> bool:
    """What the billing system has for the account, or what was joined before."""
    return candidate.object == "account" or candidate.source == item.source


_WAYS: Final[tuple[tuple[str, str, Callable[[ProcessorObject, Candidate], bool]], ...]] = (
    (references.REFERENCE, "gateway reference", _is_payment),
    (references.INVOICE, "invoice number", _is_invoice),
    (references.CUSTOMER, "customer", _is_customer),
)


def join(
    engine: Engine, waiting: Sequence[Told], *, patient: bool = True, run_id: int | None = None
) -> set[str]:
    """Join what can be joined; the accounts that became due, for the run ``run_id``. Each object in a transaction of
    its own: one that a worker holds is waited for, if ``patient``, and then left for the next time."""
    due: set[str] = set()
    for start in range(0, len(waiting), AT_ONCE):
        some = waiting[start : start + AT_ONCE]
        matches = _matches(engine, some)
        found = ((one, matches.get(told.key_of(one.item))) for one in some)
        due |= {
            its.subject
            for one, its in found
            if its is not None and _move(engine, one, its, patient=patient, run_id=run_id)
        }
    return due


def _matches(engine: Engine, waiting: Sequence[Told]) -> dict[told.Key, Match]:
    if not waiting:
        return {}
    with engine.connect() as connection:
        own = {told.key_of(one.item): references.of_processor(one.item) for one in waiting}
        charges = _charges_by_ref(joins.charges(connection, _all(own.values())))
        behind = {told.key_of(one.item): _behind(one.item, charges) for one in waiting}
        refs = [
            *_all(own.values()),
            *(r for c in behind.values() for one in c for r in references.of_processor(one)),
        ]
        known = joins.candidates(connection, refs)
    made = ((one, match(one.item, behind[told.key_of(one.item)], known)) for one in waiting)
    return {told.key_of(one.item): found for one, found in made if found is not None}


def _all(groups: Iterable[Sequence[str]]) -> list[str]:
    return [ref for group in groups for ref in group]


def _charges_by_ref(charges: Iterable[ProcessorObject]) -> Mapping[tuple[str, str], list[ProcessorObject]]:
    found: dict[tuple[str, str], list[ProcessorObject]] = defaultdict(list)
    for charge in charges:
        for ref in references.of_processor(charge):
            if ref.startswith(references.REFERENCE):
                found[charge.source, ref].append(charge)
    return found


def _behind(
    item: ProcessorObject, charges: Mapping[tuple[str, str], list[ProcessorObject]]
) -> list[ProcessorObject]:
    """The charges an object is about."""
    found = {c.id: c for ref in references.of_processor(item) for c in charges.get((item.source, ref), ())}
    return [found[id_] for id_ in sorted(found) if found[id_].id != item.id or item.kind is not Kind.CHARGE]


def _move(engine: Engine, one: Told, found: Match, *, patient: bool, run_id: int | None) -> bool:
    urgency = URGENCY.get(one.item.kind, Urgency.DISPUTE)
    due = Due(found.subject, *keys.account_of(found.subject), urgency, run_id)
    moved = _moved(engine, one, due, found, PAUSES if patient else PAUSES[:1])
    log.info(
        "object_joined" if moved else "object_held",
        subject=found.subject,
        object=one.subject,
        how=found.how,
        outcome="due" if moved else "retry",
    )
    return moved


def _moved(engine: Engine, one: Told, due: Due, found: Match, pauses: Sequence[float]) -> bool:
    """A worker that holds it is done within a moment, or dead: then the sweep comes back to it."""
    for pause in pauses:
        time.sleep(pause)
        with engine.begin() as connection:
            if joins.join(connection, one, due, found.how):
                newcomers.decide_history(connection, (due.source, due.site), [due.key])
                return True
    return False


def join_told(engine: Engine, stored: Sequence[Told], run_id: int | None = None) -> set[str]:
    """Join what processors told of just now, and what waits and can be joined by that: a charge leads on, and so does
    a customer who has an account. The accounts that became due."""
    due = join(engine, [one for one in stored if one.waits], run_id=run_id)
    with engine.connect() as connection:
        now = told.load(connection, [told.key_of(one.item) for one in stored])
    leads = (one.item for one in now if one.item.kind is Kind.CHARGE or not one.waits)
    return due | join_what_waits(
        engine, sorted({ref for item in leads for ref in references.of_processor(item)})
    )


def join_what_waits(engine: Engine, refs: Sequence[str]) -> set[str]:
    """Try again what waits and could match now that something of these references is known; the accounts that became
    due. A charge leads on: what is about it may know nothing else of it."""
    if not refs:
        return set()
    with engine.connect() as connection:
        charges = joins.charges(connection, refs)
        more = (ref for charge in charges for ref in references.of_processor(charge))
        waiting = told.waiting(connection, sorted({*refs, *more}))
    return join(engine, waiting)


def join_some(engine: Engine, limit: int = AT_ONCE) -> set[str]:
    """Try again some of what waits, whatever it is: a worker may have died before it came to that."""
    with engine.connect() as connection:
        waiting = told.some_waiting(connection, limit)
    return join(engine, waiting, patient=False)
