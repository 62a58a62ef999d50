"""Fetch the objects that events point to, and the objects related to them, in as few calls as possible.

An event is a hint: an object that was fetched after the event arrived is not fetched for it again. In a burst, ten
events about one invoice cost one place in one list of 200. Related objects are fetched next: the account of every
object, the invoice of every payment, the subscriptions of every invoice, unless the ledger has a snapshot that is
newer than the event.
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
    """An object that could not be read, with its error."""

    @property
    def object(self) -> str: ...
    @property
    def refs(self) -> tuple[str, ...]: ...
    @property
    def error(self) -> Transient | Permanent: ...


class FetchedObjects(Protocol):
    """The response of a source's API."""

    @property
    def found(self) -> tuple[BillingObject, ...]: ...
    @property
    def gone(self) -> tuple[DeletedObject, ...]: ...
    @property
    def failed(self) -> Sequence[FailedObject]: ...


class SourceApi(Protocol):
    """Fetches objects of one site of a source (``clients/recurly``)."""

    def fetch(self, kind: str, refs_list: Sequence[tuple[str, ...]], /) -> FetchedObjects: ...
    def history(self, code: str, /) -> FetchedObjects: ...
    def changed(self, kind: str, since: datetime | None, /) -> Iterator[FetchedObjects]: ...


Want = tuple[str, tuple[str, ...]]
Wanted = dict[Want, set[str]]
"""Each wanted object with the codes of its accounts."""
Failures = dict[tuple[str, str], Transient | Permanent]


class _Hints:
    """The time of the newest event about each object, by every form of its id. Related objects inherit the time."""

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
    """A checkpoint that does nothing."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches objects of one site of a source. ``found``: called with every object that was read. ``changed_keys``
    collects the match keys with new evidence; they must be matched again afterwards. ``checkpoint``: called before
    every few API calls."""

    engine: Engine
    source: str
    site: str
    api: SourceApi
    found: Callable[[Sequence[BillingObject]], None] = lambda objects: None
    changed_keys: set[str] = field(default_factory=set)
    checkpoint: Callable[[], None] = uninterrupted

    def fetch(self, batch: Sequence[Claimed]) -> Failures:
        """Store snapshots of every pointer and its related objects. Return the errors of objects that failed.

        A transient error of a related object is also returned under the code of its account. Raises the API's error
        if the API is unavailable.
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
        """Separate the objects that must be fetched from those fetched since the newest event about them.

        A subscription changes with events of its own: as a related object of an invoice, any snapshot of it is enough.
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
        """The snapshots of each wanted object."""
        with self.engine.connect() as connection:
            known = snapshots.find(
                connection, self.source, self.site, [(kind, ref) for kind, refs in wants for ref in refs]
            )
        return {
            (kind, refs): [known[kind, ref] for ref in refs if (kind, ref) in known] for kind, refs in wants
        }

    def _values(self, known: Sequence[snapshots.SnapshotInfo]) -> list[BillingObject]:
        """Load objects fetched before: their related objects may be missing if that fetch was interrupted."""
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
    """Split by kind into pieces of a few API calls each, so that a piece ends soon."""
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
    """The related objects of these objects."""
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
    """Errors by account for related objects that may be readable later: their events must be retried."""
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
