"""Making the ledger know what events point to, and what belongs to it, in as few calls as possible.

An event is a hint, so an object that was fetched after the event arrived need not be fetched for it again: in
a burst ten events about one invoice cost one place in one list of 200. Then the circle is closed: the account
of every object found, the invoice of every payment, the subscriptions of every invoice, where the ledger does
not know them or knew them only before the event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Engine

from connector.errors import Permanent, Transient
from connector.ledger import events, match_queue, snapshots, subjects
from connector.ledger.events import Claimed
from connector.mappers import external_ids
from connector.models import facts
from connector.models.facts import BillingObject, DeletedObject

ROUNDS = 3
CALLS = 12
"""Calls of an API between two checkpoints, of which it sends several side by side …"""
IN_A_LIST = 200
"""… while so many objects that are known by their plain ids cost one."""


class FailedObject(Protocol):
    """An object that could not be read while others could."""

    @property
    def object(self) -> str: ...
    @property
    def refs(self) -> tuple[str, ...]: ...
    @property
    def error(self) -> Transient | Permanent: ...


class FetchedObjects(Protocol):
    """What a source's API answered."""

    @property
    def found(self) -> tuple[BillingObject, ...]: ...
    @property
    def gone(self) -> tuple[DeletedObject, ...]: ...
    @property
    def failed(self) -> Sequence[FailedObject]: ...


class SourceApi(Protocol):
    """How objects are fetched from one site of a source (``clients/recurly``)."""

    def fetch(self, kind: str, refs_list: Sequence[tuple[str, ...]], /) -> FetchedObjects: ...
    def history(self, code: str, /) -> FetchedObjects: ...
    def changed(self, kind: str, since: datetime | None, /) -> Iterator[FetchedObjects]: ...


Want = tuple[str, tuple[str, ...]]
Wanted = dict[Want, set[str]]
"""Each with the codes of the accounts that it belongs to."""
Failures = dict[tuple[str, str], Transient | Permanent]


class _Hints:
    """When events last hinted at an object, by every form it goes by. What belongs to it inherits its hint."""

    def __init__(self, batch: Sequence[Claimed]) -> None:
        self._oldest = min(event.hinted_at for event in batch)
        self._newest: dict[tuple[str, str], datetime] = {}
        for event in batch:
            for pointer in event.pointers:
                self.add((pointer.object, pointer.refs), event.hinted_at)

    def add(self, want: Want, hinted_at: datetime) -> None:
        kind, refs = want
        for ref in refs:
            self._newest[kind, ref] = max(hinted_at, self._newest.get((kind, ref), hinted_at))

    def at(self, want: Want) -> datetime:
        kind, refs = want
        return max((self._newest.get((kind, ref), self._oldest) for ref in refs), default=self._oldest)


def uninterrupted() -> None:
    """The checkpoint of work that nothing interrupts."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches for one site of a source. ``found`` is told of every object that was read. ``changed_keys`` collects the
    keys about which something new is known; they are to be matched again after it. ``checkpoint``: called before
    each few calls of the API."""

    engine: Engine
    source: str
    site: str
    api: SourceApi
    found: Callable[[Sequence[BillingObject]], None] = lambda objects: None
    changed_keys: set[str] = field(default_factory=set)
    checkpoint: Callable[[], None] = uninterrupted

    def fetch(self, batch: Sequence[Claimed]) -> Failures:
        """Make the ledger know every pointer and what belongs to it. Returns what could not be read.

        What belongs to an account and could not be read now is that account's trouble: it is returned under the
        account's code as well. Raises what the API raises when it cannot be asked at all.
        """
        failures: Failures = {}
        hints = _Hints(batch)
        wanted: Wanted = {(p.object, p.refs): set() for event in batch for p in event.pointers}
        for _ in range(ROUNDS):
            stale, known = self._since_hint(wanted, hints)
            missing: Failures = {}
            found = self._round(list(stale), missing) + self._values(known)
            failures |= missing | _troubled(missing, stale)
            wanted = _belonging(found, hints)
        return failures

    def _round(self, wants: Sequence[Want], failures: Failures) -> list[BillingObject]:
        by_kind: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for kind, refs in wants:
            by_kind[kind].append(refs)
        found: list[BillingObject] = []
        for kind, some in _in_pieces(by_kind):
            self.checkpoint()
            observed_at = self._now()
            answer = self.api.fetch(kind, some)
            with self.engine.begin() as connection:
                changed = snapshots.store(connection, self.source, self.site, observed_at, answer.found)
                snapshots.mark_gone(connection, self.source, self.site, observed_at, answer.gone)
                match_queue.enqueue(connection, changed)
            self.changed_keys.update(changed)
            found += answer.found
            self.found(answer.found)
            failures |= {(one.object, ref): one.error for one in answer.failed for ref in one.refs}
        return found

    def _since_hint(self, wanted: Wanted, hints: _Hints) -> tuple[Wanted, list[snapshots.SnapshotInfo]]:
        """What was not fetched since the last hint at it; and what was.

        A subscription changes with events of its own: one that belongs to an invoice and is known is known well
        enough.
        """
        seen = self._seen(wanted)
        stale: Wanted = {}
        known: list[snapshots.SnapshotInfo] = []
        for want, codes in wanted.items():
            belongs = want[0] == "subscription" and codes
            if any(belongs or one.observed_at > hints.at(want) for one in seen[want]):
                known += seen[want]
            else:
                stale.setdefault((want[0], _with_id(want[1], seen[want])), set()).update(codes)
        return stale, known

    def _seen(self, wants: Collection[Want]) -> dict[Want, list[snapshots.SnapshotInfo]]:
        """What the ledger knows of each."""
        with self.engine.connect() as connection:
            known = snapshots.find(
                connection, self.source, self.site, [(kind, ref) for kind, refs in wants for ref in refs]
            )
        return {
            (kind, refs): [known[kind, ref] for ref in refs if (kind, ref) in known] for kind, refs in wants
        }

    def _values(self, known: Sequence[snapshots.SnapshotInfo]) -> list[BillingObject]:
        """What was fetched before: what belongs to it may not have been, if that was cut short."""
        leading_on = [one for one in known if one.object != "account"]
        with self.engine.connect() as connection:
            return snapshots.values(connection, self.source, self.site, leading_on)

    def _now(self) -> datetime:
        """The ledger's clock: hints and observations are compared, so both must come from one clock."""
        with self.engine.connect() as connection:
            return snapshots.clock(connection)


def _in_pieces(
    by_kind: Mapping[str, Sequence[tuple[str, ...]]],
) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Of each kind as many as some calls of the API answer, so that one piece is over soon."""
    for kind in sorted(by_kind):
        some: list[tuple[str, ...]] = []
        weight = 0.0
        for refs in by_kind[kind]:
            some.append(refs)
            weight += 1 if "-" in refs[0] else 1 / IN_A_LIST
            if weight >= CALLS:
                yield kind, some
                some, weight = [], 0.0
        if some:
            yield kind, some


def _with_id(refs: tuple[str, ...], seen: Sequence[snapshots.SnapshotInfo]) -> tuple[str, ...]:
    """The plain id first, where the ledger knows it: ids are fetched 200 in one call."""
    ids = tuple(dict.fromkeys(one.id for one in seen))
    return (*ids, *(ref for ref in refs if ref not in ids))


def _belonging(found: Sequence[BillingObject], hints: _Hints) -> Wanted:
    """What belongs to these objects."""
    wanted: Wanted = defaultdict(set)
    for one in found:
        hinted_at = hints.at((one.object, (one.id, snapshots.alias(one))))
        for want in _wants(one):
            wanted[want].add(_code(one))
            hints.add(want, hinted_at)
    return wanted


def _wants(one: BillingObject) -> Iterator[Want]:
    """The account of every object, the invoice of a payment, the subscriptions of an invoice."""
    if not isinstance(one, facts.Account):
        ids = (one.account_id,) if one.account_id else ()
        yield "account", (*ids, f"code-{one.account_code}")
    if isinstance(one, facts.Payment) and one.invoice_id:
        yield "invoice", (one.invoice_id,)
    if isinstance(one, facts.Invoice):
        for id_ in one.subscription_ids:
            yield "subscription", (id_,)


def _code(one: BillingObject) -> str:
    return one.code if isinstance(one, facts.Account) else one.account_code


def _troubled(missing: Failures, wanted: Wanted) -> Failures:
    """The accounts that lack something which may be read later: their events must come back for it."""
    return {
        ("account", f"code-{code}"): error
        for (kind, refs), codes in wanted.items()
        for error in (missing.get((kind, ref)) for ref in refs)
        if isinstance(error, Transient)
        for code in codes
    }


def decide_history(connection: Connection, at: tuple[str, str], due: Sequence[str]) -> None:
    """An account of this (source, site) that is older than the ledger has its history fetched once, later."""
    new = sorted(subjects.undecided_history(connection, due))
    if not new:
        return
    first = events.first_received_at(connection, *at)
    young = [key for key, born in _birthdays(connection, at, new) if first and born and born >= first]
    subjects.decide_history(connection, young, [key for key in new if key not in set(young)])


def _birthdays(
    connection: Connection, at: tuple[str, str], subjects_: Sequence[str]
) -> list[tuple[str, datetime | None]]:
    """By the accounts alone: one may have very many objects."""
    prefix = external_ids.subject(*at, "")
    aliases = {f"code-{key.removeprefix(prefix)}": key for key in subjects_}
    found = snapshots.find(connection, *at, [("account", alias) for alias in aliases])
    accounts = {
        snapshots.alias(one): one.created_at
        for one in snapshots.values(connection, *at, list(found.values()), gone=True)
        if isinstance(one, facts.Account)
    }
    return [(key, accounts.get(alias)) for alias, key in aliases.items()]
