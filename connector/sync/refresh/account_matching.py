"""Matching processor objects to billing accounts: those that were just stored, and those that new evidence is about.

Whatever the ledger learns leaves its keys in the match queue (``ledger/match_queue.py``), in the transaction that
stores it. What is stored at the same time by two workers is found by the one that commits second. Work is done in
slices of a bounded size; what is left of a task is worked by the next job, and the sweep comes round to every open
match in case a worker died. ``checkpoint`` is called before each object that is moved: there the urgent lane takes its
turn.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
"""Seconds before each further try to take an object from the worker that holds it. All objects of a call share
them."""
RETRY_SECONDS: Final = 5.0
"""When an object that a worker still holds is tried again."""

URGENCY: Final = {Kind.CHARGE: Urgency.ROUTINE, Kind.MANDATE: Urgency.FAILURE}
"""How urgent an account is that an object was matched to; all others are disputes and money at risk."""


@dataclass(slots=True)
class _Result:
    """``due``: the subjects that became due; ``keys``: those under which something new is known."""

    due: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


class _Patience:
    """How long a call waits for objects that workers hold, over all of them."""

    def __init__(self, pauses: Sequence[float]) -> None:
        self._left = list(pauses)

    def wait(self) -> bool:
        """Whether there is another try after this pause."""
        if not self._left:
            return False
        time.sleep(self._left.pop(0))
        return True


def match_stored(
    engine: Engine,
    stored: Sequence[ProcessorSnapshot],
    run_id: int | None = None,
    checkpoint: Callable[[], None] = uninterrupted,
) -> set[str]:
    """Match what processors told of just now, and what that is evidence for; the subjects that became due."""
    result = _match(engine, stored, _Patience(PAUSES), run_id, checkpoint)
    return result.due | match_again(engine, observations.changed_keys(stored) | result.keys, checkpoint)


def match_again(
    engine: Engine, changed: Iterable[str], checkpoint: Callable[[], None] = uninterrupted
) -> set[str]:
    """Match again the objects of these keys, about which something new is known; the subjects that became due. More
    than ``MOST_AT_ONCE`` objects are left to the next job."""
    wanted = set(changed)
    if not wanted:
        return set()
    with engine.begin() as connection:
        # what is about a charge may know nothing but that charge
        charges = pending_matches.charges(connection, wanted)
        wanted |= {key for one in charges for key in match_keys.of_processor(one, match_keys.REFERENCE)}
        match_queue.enqueue(connection, wanted)
    return _work(engine, wanted, _Patience(PAUSES), checkpoint).due


def work_queue(engine: Engine, checkpoint: Callable[[], None] = uninterrupted) -> set[str]:
    """Go on with the match queue, a bounded part of it; the subjects that became due. Waits for no worker that holds an
    object: in a bulk run that is this one, for minutes."""
    return _work(engine, None, _Patience(()), checkpoint).due


def match_in_turn(engine: Engine, limit: int = AT_ONCE) -> set[str]:
    """Match the next objects of a cycle through all whose match is open. A worker may have died before it came to
    them."""
    with engine.begin() as connection:
        objects = match_queue.next_in_cycle(connection, limit)
        some = observations.load(connection, objects)
    result = _match(engine, some, _Patience(()), None, uninterrupted)
    return result.due


def _work(
    engine: Engine, only: set[str] | None, patience: _Patience, checkpoint: Callable[[], None]
) -> _Result:
    """Slice by slice. What a match makes known is worked with the rest."""
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
        done = _match(engine, found, patience, None, checkpoint)
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
    patience: _Patience,
    run_id: int | None,
    checkpoint: Callable[[], None],
) -> _Result:
    """Match those whose match is open. Each is moved in a transaction of its own; one that a worker holds is tried
    again later."""
    result = _Result()
    held: list[ProcessorSnapshot] = []
    considered = [one for one in objects if one.is_open]
    for start in range(0, len(considered), AT_ONCE):
        some = considered[start : start + AT_ONCE]
        verdicts = _verdicts(engine, some)
        for one in some:
            found = _change(one, verdicts[observations.key_of(one.item)])
            if found is None:
                continue
            checkpoint()
            moved = _move(engine, one, found, patience, run_id)
            if moved is None:
                held.append(one)
            else:
                result.due |= moved.due
                result.keys |= moved.keys
    if held:
        with engine.begin() as connection:
            again = [match_queue.own_key(observations.key_of(one.item)) for one in held]
            match_queue.enqueue(connection, again, wait=RETRY_SECONDS, always=True)
    return result


def _change(one: ProcessorSnapshot, verdict: Verdict) -> Match | None:
    """What its match becomes; None where it stays."""
    return verdict.match if one.waits else revised(one.subject, one.link, verdict)


def _verdicts(engine: Engine, objects: Sequence[ProcessorSnapshot]) -> dict[observations.Key, Verdict]:
    """A fixed number of statements, however many objects."""
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
    """With the accounts of other objects that have the same customer: an object is no evidence for itself."""
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
    engine: Engine, one: ProcessorSnapshot, found: Match, patience: _Patience, run_id: int | None
) -> _Result | None:
    """A worker that holds it is done within a moment, or dead. None where it still holds it."""
    due = _due(one, found, run_id)
    moved = _moved(engine, one, due, found)
    while moved is None and patience.wait():
        moved = _moved(engine, one, due, found)
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
    """The account, or the object's own subject where it is not known any more whose it is."""
    urgency = URGENCY.get(one.item.kind, Urgency.DISPUTE)
    if found.subject:
        return Due(found.subject, *keys.account_of(found.subject), urgency, run_id)
    source, object_, id_ = observations.key_of(one.item)
    own = keys.unjoined(source, object_, id_)
    return Due(own, source, "", own.removeprefix(f"{source}:"), urgency, run_id)
