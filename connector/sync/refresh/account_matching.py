"""Match processor objects to billing accounts: objects that were just stored, and objects with new evidence.

The transaction that stores an object puts its keys into the match queue (``ledger/match_queue.py``). When two workers
store related objects at the same time, the one that commits second finds the match. Work is done in slices of limited
size; the next job works the rest of a task, and the sweep visits every open match in case a worker died.
``checkpoint`` is called before each object that is moved: there the urgent lane runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine

from connector.ledger import match_queue, observations, pending_matches
from connector.ledger.observations import ProcessorSnapshot
from connector.ledger.pending_matches import Candidate, ReferencedCustomer
from connector.ledger.subjects import Due
from connector.mappers import external_ids as keys
from connector.mappers import match_keys
from connector.models.events import Urgency
from connector.models.facts import Kind, ProcessorObject
from connector.retry import Pauses
from connector.sync.refresh import object_fetcher
from connector.sync.refresh.match_rules import Match, Verdict, match, revised
from connector.sync.refresh.object_fetcher import uninterrupted

log = structlog.get_logger("connector.joining")

AT_ONCE: Final = 500
"""Objects that are matched in one pass."""
KEYS_AT_ONCE: Final = 100
MOST_AT_ONCE: Final = 1000
"""Objects that one call takes from the queue. The rest is left to the next job."""

PAUSES: Final = (0.1, 0.3, 0.6, 1.0)
"""Seconds before each further try to move an object that another worker has locked, for all objects of a call."""
RETRY_SECONDS: Final = 5.0
"""Delay until an object that a worker still has locked is tried again."""

URGENCY: Final = {Kind.CHARGE: Urgency.ROUTINE, Kind.MANDATE: Urgency.FAILURE}
"""Kind → urgency of the matched account; all other kinds are disputes and money at risk."""


@dataclass(slots=True)
class _Result:
    """``due``: the subjects that became due. ``keys``: the match keys with new evidence."""

    due: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def match_stored(
    engine: Engine,
    stored: Sequence[ProcessorSnapshot],
    run_id: int | None = None,
    checkpoint: Callable[[], None] = uninterrupted,
) -> set[str]:
    """Match objects that were just stored, and those that they are evidence for. Return the subjects now due."""
    result = _match(engine, stored, Pauses(PAUSES), run_id, checkpoint)
    return result.due | match_again(engine, observations.changed_keys(stored) | result.keys, checkpoint)


def match_again(
    engine: Engine, changed: Iterable[str], checkpoint: Callable[[], None] = uninterrupted
) -> set[str]:
    """Match the objects of these keys again, as there is new evidence. Return the subjects that became due. Objects
    beyond ``MOST_AT_ONCE`` are left to the next job."""
    wanted = set(changed)
    if not wanted:
        return set()
    with engine.begin() as connection:
        # what is about a charge may know nothing but that charge
        charges = pending_matches.charges(connection, wanted)
        wanted |= {key for one in charges for key in match_keys.of_processor(one, match_keys.REFERENCE)}
        match_queue.enqueue(connection, wanted)
    return _work(engine, wanted, Pauses(PAUSES), checkpoint).due


def work_queue(engine: Engine, checkpoint: Callable[[], None] = uninterrupted) -> set[str]:
    """Work a limited part of the match queue. Return the subjects that became due. Does not wait for locked objects: in
    a bulk run this worker itself has them locked for minutes."""
    return _work(engine, None, Pauses(()), checkpoint).due


def match_in_turn(engine: Engine, limit: int = AT_ONCE) -> set[str]:
    """Match the next objects of a cycle through all open matches, in case a worker died before it matched them."""
    with engine.begin() as connection:
        objects = match_queue.next_in_cycle(connection, limit)
        some = observations.load(connection, objects)
    result = _match(engine, some, Pauses(()), None, uninterrupted)
    return result.due


def _work(engine: Engine, only: set[str] | None, pauses: Pauses, checkpoint: Callable[[], None]) -> _Result:
    """Work the queue in slices. Keys with new evidence from a match are added to the work."""
    result, taken = _Result(), 0
    while taken < MOST_AT_ONCE:
        with engine.begin() as connection:
            tasks = match_queue.claim(connection, KEYS_AT_ONCE, only)
        if not tasks:
            break
        each = max(AT_ONCE // len(tasks), 1)
        with engine.connect() as connection:
            slices = match_queue.slices(connection, tasks, each)
            objects = sorted({object_ for some in slices.values() for _, object_ in some})
            found = observations.load(connection, objects)
        done = _match(engine, found, pauses, None, checkpoint)
        with engine.begin() as connection:
            places = {key: some[-1][0] for key, some in slices.items() if len(some) == each}
            match_queue.advance(connection, tasks, places)
        taken += max(len(objects), 1)
        result.due |= done.due
        if only is not None:
            only |= done.keys
    return result


# A pass over some objects ------------------------------------------------------------------------------------------


def _match(
    engine: Engine,
    objects: Sequence[ProcessorSnapshot],
    pauses: Pauses,
    run_id: int | None,
    checkpoint: Callable[[], None],
) -> _Result:
    """Match the objects whose match is open, each in its own transaction; a locked one is tried again later."""
    result = _Result()
    locked: list[ProcessorSnapshot] = []
    considered = [one for one in objects if one.is_open]
    for start in range(0, len(considered), AT_ONCE):
        some = considered[start : start + AT_ONCE]
        verdicts = _verdicts(engine, some)
        for one in some:
            found = _change(one, verdicts[observations.key_of(one.item)])
            if found is None:
                continue
            checkpoint()
            moved = _move(engine, one, found, pauses, run_id)
            if moved is None:
                locked.append(one)
            else:
                result.due |= moved.due
                result.keys |= moved.keys
    if locked:
        with engine.begin() as connection:
            again = [match_queue.own_key(observations.key_of(one.item)) for one in locked]
            match_queue.enqueue(connection, again, wait=RETRY_SECONDS, always=True)
    return result


def _change(one: ProcessorSnapshot, verdict: Verdict) -> Match | None:
    """The new match of an object, or None if its match stays."""
    return verdict.match if one.waits else revised(one.subject, one.link, verdict)


def _verdicts(engine: Engine, objects: Sequence[ProcessorSnapshot]) -> dict[observations.Key, Verdict]:
    """Compute the verdicts in a fixed number of statements."""
    if not objects:
        return {}
    with engine.connect() as connection:
        own = {key for one in objects for key in match_keys.of_processor(one.item)}
        by_reference = _charges_by_reference(pending_matches.charges(connection, own))
        behind = {observations.key_of(one.item): _charges_behind(one.item, by_reference) for one in objects}
        said = {
            observations.key_of(one.item): (one.item, *behind[observations.key_of(one.item)])
            for one in objects
        }
        known = pending_matches.candidates(
            connection,
            {key for some in said.values() for one in some for key in match_keys.of_processor(one)},
        )
        customers = pending_matches.customer_candidates(
            connection, {named for key, some in said.items() for named in _customers(key, some)}
        )
    return {
        key: match(some[0], some[1:], _with_customers(known, _customers(key, some), customers))
        for key, some in said.items()
    }


def _customers(key: observations.Key, said: Sequence[ProcessorObject]) -> list[ReferencedCustomer]:
    """The customers that an object and the charges behind it name."""
    source, object_, id_ = key
    named = {found for one in said for found in match_keys.of_processor(one, match_keys.CUSTOMER)}
    return [
        ReferencedCustomer(source, one.removeprefix(match_keys.CUSTOMER), object_, id_)
        for one in sorted(named)
    ]


def _with_customers(
    known: Mapping[str, Sequence[Candidate]],
    customers: Sequence[ReferencedCustomer],
    matched: Mapping[ReferencedCustomer, Sequence[Candidate]],
) -> Mapping[str, Sequence[Candidate]]:
    """Add the accounts of other objects with the same customer: an object is no evidence for itself."""
    if not any(one in matched for one in customers):
        return known
    more = {f"{match_keys.CUSTOMER}{one.customer}": matched.get(one, ()) for one in customers}
    return {**known, **{key: [*known.get(key, ()), *some] for key, some in more.items()}}


def _charges_by_reference(
    charges: Iterable[ProcessorObject],
) -> Mapping[tuple[str, str], list[ProcessorObject]]:
    found: dict[tuple[str, str], list[ProcessorObject]] = defaultdict(list)
    for charge in charges:
        for key in match_keys.of_processor(charge, match_keys.REFERENCE):
            found[charge.source, key].append(charge)
    return found


def _charges_behind(
    item: ProcessorObject, charges: Mapping[tuple[str, str], list[ProcessorObject]]
) -> list[ProcessorObject]:
    """The charges an object is about."""
    own = match_keys.of_processor(item, match_keys.REFERENCE)
    found = {charge.id: charge for key in own for charge in charges.get((item.source, key), ())}
    return [found[id_] for id_ in sorted(found) if id_ != item.id or item.kind is not Kind.CHARGE]


# Moving --------------------------------------------------------------------------------------------------------------


def _move(
    engine: Engine, one: ProcessorSnapshot, found: Match, pauses: Pauses, run_id: int | None
) -> _Result | None:
    """Move an object to its account. Tries again while a worker has it locked; None if it stays locked."""
    due = _due(one, found, run_id)
    moved = pauses.until_result(partial(_moved, engine, one, due, found))
    log.info(
        "object_matched" if moved is not None else "object_held",
        subject=due.key,
        object=keys.unjoined(*observations.key_of(one.item)),
        former=None if one.waits else one.subject,
        how=found.matched_by or "contradicted or in doubt",
        outcome="due" if moved is not None else "retry",
    )
    if moved is None:
        return None
    return _Result(set(moved.due), set(moved.keys))


def _moved(
    engine: Engine, one: ProcessorSnapshot, due: Due, found: Match
) -> pending_matches.MatchUpdate | None:
    with engine.begin() as connection:
        moved = pending_matches.move(connection, one, due, found.matched_by)
        if moved is not None and found.subject:
            object_fetcher.decide_history(connection, (due.source, due.site), [due.key])
    return moved


def _due(one: ProcessorSnapshot, found: Match, run_id: int | None) -> Due:
    """The matched account, or the object's own subject if it has no match any more."""
    urgency = URGENCY.get(one.item.kind, Urgency.DISPUTE)
    if found.subject:
        return Due(found.subject, *keys.account_of(found.subject), urgency, run_id)
    source, object_, id_ = observations.key_of(one.item)
    own = keys.unjoined(source, object_, id_)
    return Due(own, source, "", own.removeprefix(f"{source}:"), urgency, run_id)
