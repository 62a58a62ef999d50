"""Making the ledger know what events point to, and what belongs to it, in as few calls as possible.

An event is a hint, so an object that was fetched after the event arrived need not be fetched for it again: in
a burst ten events about one invoice cost one place in one list of 200. Then the circle is closed: the account
of every object found, the invoice of every payment, the subscriptions of every invoice, where the ledger does
not know them or knew them only before the event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Engine

from connector import facts
from connector.errors import Permanent, Transient
from connector.events import Pointer
from connector.facts import BillingObject, Gone
from connector.ledger import snapshots
from connector.ledger.events import Claimed

ROUNDS = 3


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
    def gone(self) -> tuple[Gone, ...]: ...
    @property
    def failed(self) -> Sequence[FailedObject]: ...


class SourceApi(Protocol):
    """How objects are fetched from one site of a source (``clients/recurly``)."""

    def fetch(self, kind: str, refs_list: Sequence[tuple[str, ...]], /) -> FetchedObjects: ...
    def history(self, code: str, /) -> FetchedObjects: ...


Want = tuple[str, tuple[str, ...]]
Failures = dict[tuple[str, str], Transient | Permanent]


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches for one site of a source."""

    engine: Engine
    source: str
    site: str
    api: SourceApi

    def fetch(self, batch: Sequence[Claimed]) -> Failures:
        """Make the ledger know every pointer and what belongs to it. Returns what could not be read.

        Raises what the API raises when it cannot be asked at all, and Transient when something that belongs to
        a found object could not be read now: the events must come back for it.
        """
        failures: Failures = {}
        since = min(event.hinted_at for event in batch)
        wants = self._not_known_since_hint(batch)
        found = self._round(wants, failures)
        for _ in range(ROUNDS - 1):
            belonging: Failures = {}
            found = self._round(self._belonging(found, since), belonging)
            for error in belonging.values():
                if isinstance(error, Transient):
                    raise error
            failures |= belonging
        return failures

    def _round(self, wants: Sequence[Want], failures: Failures) -> list[BillingObject]:
        by_kind: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for kind, refs in wants:
            by_kind[kind].append(refs)
        found: list[BillingObject] = []
        for kind in sorted(by_kind):
            observed_at = self._now()
            answer = self.api.fetch(kind, by_kind[kind])
            with self.engine.begin() as connection:
                snapshots.store(connection, self.source, self.site, observed_at, answer.found)
                snapshots.mark_gone(connection, self.source, self.site, observed_at, answer.gone)
            found += answer.found
            failures |= {(one.object, ref): one.error for one in answer.failed for ref in one.refs}
        return found

    def _not_known_since_hint(self, batch: Sequence[Claimed]) -> list[Want]:
        """The pointers whose object was not fetched since the event's last delivery."""
        newest_hint: dict[Pointer, datetime] = {}
        for event in batch:
            for pointer in event.pointers:
                newest_hint[pointer] = max(newest_hint.get(pointer, event.hinted_at), event.hinted_at)
        known = self._find((pointer.object, ref) for pointer in newest_hint for ref in pointer.refs)
        wants: list[Want] = []
        for pointer, hinted_at in newest_hint.items():
            seen = [known[pointer.object, ref] for ref in pointer.refs if (pointer.object, ref) in known]
            if not any(one.observed_at > hinted_at for one in seen):
                wants.append((pointer.object, _with_id(pointer.refs, seen)))
        return wants

    def _belonging(self, found: Sequence[BillingObject], since: datetime) -> list[Want]:
        """What belongs to the found objects: to be fetched where it is unknown or older than the events."""
        wants = dict.fromkeys(_account_wants(found))
        fresh = [*_invoice_wants(found)]
        unknown = [*_subscription_wants(found)]
        known = self._find((kind, ref) for kind, refs in [*wants, *fresh, *unknown] for ref in refs)

        def seen(want: Want) -> list[snapshots.Known]:
            return [known[want[0], ref] for ref in want[1] if (want[0], ref) in known]

        stale = [
            (want[0], _with_id(want[1], seen(want)))
            for want in dict.fromkeys([*wants, *fresh])
            if not any(one.observed_at > since for one in seen(want))
        ]
        return stale + [want for want in dict.fromkeys(unknown) if not seen(want)]

    def _now(self) -> datetime:
        """The ledger's clock: hints and observations are compared, so both must come from one clock."""
        with self.engine.connect() as connection:
            return snapshots.clock(connection)

    def _find(self, refs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], snapshots.Known]:
        with self.engine.connect() as connection:
            return snapshots.find(connection, self.source, self.site, refs)


def _with_id(refs: tuple[str, ...], seen: Sequence[snapshots.Known]) -> tuple[str, ...]:
    """The plain id first, where the ledger knows it: ids are fetched 200 in one call."""
    ids = tuple(dict.fromkeys(one.id for one in seen))
    return (*ids, *(ref for ref in refs if ref not in ids))


def _account_wants(found: Iterable[BillingObject]) -> Iterable[Want]:
    for one in found:
        if not isinstance(one, facts.Account):
            ids = (one.account_id,) if one.account_id else ()
            yield "account", (*ids, f"code-{one.account_code}")


def _invoice_wants(found: Iterable[BillingObject]) -> Iterable[Want]:
    for one in found:
        if isinstance(one, facts.Payment) and one.invoice_id:
            yield "invoice", (one.invoice_id,)


def _subscription_wants(found: Iterable[BillingObject]) -> Iterable[Want]:
    for one in found:
        if isinstance(one, facts.Invoice):
            for id_ in one.subscription_ids:
                yield "subscription", (id_,)
