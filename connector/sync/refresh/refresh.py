"""STAGE 2: claim a batch of pending events, fetch the objects they point to, mark their accounts due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import circuit_breakers, events, snapshots, subjects
from connector.ledger.events import Claimed
from connector.mappers import external_ids
from connector.models.events import Urgency
from connector.models.facts import BillingObject, Payment
from connector.retry import backoff
from connector.sync.availability.circuit_breaker import hold, mark_available
from connector.sync.refresh import account_matching, object_fetcher
from connector.sync.refresh.enrichment import Lookups
from connector.sync.refresh.object_fetcher import Failures, Fetcher, SourceApi, uninterrupted
from connector.sync.refresh.processor_events import CarriedBatch

log = structlog.get_logger("connector.refresh")

BATCH = 2000
CARRIED = 200
"""Processor events that are stored and matched between two checkpoints."""
SETTLED = 500
"""Events that are linked to their accounts at once."""
MATCHED_KEYS = 2_000
"""Keys of fetched objects by which processor objects are matched again at once: between two checkpoints."""
MOST_TRIES = 8
UNSEEN_TRIES = 3
"""Tries before a 404 for an object that was never seen is accepted as final: the source's replica may lag."""

Site = tuple[str, str]
Apis = Mapping[Site, SourceApi]


@dataclass(slots=True)
class Outcome:
    """The result of one batch. ``due``: subjects that became due. ``more``: more events can be claimed. ``failed``: a
    fetched payment has failed."""

    claimed: int = 0
    due: int = 0
    more: bool = False
    failed: bool = False


def refresh(
    engine: Engine,
    apis: Apis,
    clock: Callable[[], datetime],
    worker: str,
    *,
    limit: int = BATCH,
    lookups: Lookups | None = None,
    most: Urgency = Urgency.ROUTINE,
    checkpoint: Callable[[], None] = uninterrupted,
    on_full: Callable[[], None] = uninterrupted,
) -> Outcome:
    """Claim a batch of pending events and store the objects they point to. ``most``: less urgent events stay
    pending. ``checkpoint``: called between pieces of work. ``on_full``: called before the batch is worked, when
    there is more to claim."""
    token = f"{worker}:{uuid4().hex}"
    with engine.begin() as connection:
        claimed = events.claim(connection, token, limit, most=most)
        out = circuit_breakers.open_circuits(connection)
    more = len(claimed) == limit or any(event.tries > events.WORN for event in claimed)
    if more:
        on_full()
    by_site: dict[Site, list[Claimed]] = defaultdict(list)
    for event in claimed:
        by_site[event.source, event.site].append(event)
    due, found = 0, list[BillingObject]()
    for site, batch in by_site.items():
        if batch[0].carried:
            for start in range(0, len(batch), CARRIED):
                checkpoint()
                some = batch[start : start + CARRIED]
                due += CarriedBatch(engine, token, some, checkpoint).run(apis, lookups or {})
            continue
        work = _SiteBatch(engine, site, token, batch, found, checkpoint)
        if ":".join(site) in out:
            circuit = out[":".join(site)]
            work.wait(max((circuit.until - clock()).total_seconds(), 0.5), circuit.reason)
        else:
            due += work.run(apis.get(site))
    return Outcome(len(claimed), due, more, any(_has_failed(one) for one in found))


@dataclass(frozen=True, slots=True)
class _SiteBatch:
    """The claimed events of one site."""

    engine: Engine
    at: Site
    token: str
    batch: list[Claimed]
    found: list[BillingObject]
    checkpoint: Callable[[], None]
    changed_keys: set[str] = field(default_factory=set)

    def run(self, api: SourceApi | None) -> int:
        """Fetch and settle. Return how many subjects became due."""
        if api is None:
            self._bury(self.batch, f"No API access is configured for {':'.join(self.at)}: set its API key.")
            return 0
        due = self._fetch(api)
        changed = sorted(self.changed_keys)
        for start in range(0, len(changed), MATCHED_KEYS):
            self.checkpoint()
            some = changed[start : start + MATCHED_KEYS]
            due += len(account_matching.match_again(self.engine, some, self.checkpoint))
        return due

    def _fetch(self, api: SourceApi) -> int:
        """Fetch the objects. Those read before an API became unavailable stay stored and are not fetched again."""
        try:
            fetcher = Fetcher(
                self.engine, *self.at, api, self.found.extend, self.changed_keys, self.checkpoint
            )
            failures = fetcher.fetch(self.batch)
        except Unavailable as error:
            self._open_circuit(error)
            return 0
        except (Transient, Permanent) as error:
            self._failed(self.batch, error)
            return 0
        due = 0
        for start in range(0, len(self.batch), SETTLED):
            self.checkpoint()
            due += replace(self, batch=self.batch[start : start + SETTLED])._settle(failures)
        return due

    # ── settling ──────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self, failures: Failures) -> int:
        """Assign each event to its account and mark the account due, unless an object could not be read."""
        accounts = self._accounts()
        fetched: list[events.Fetched] = []
        unseen: list[Claimed] = []
        due: list[subjects.Due] = []
        for event in self.batch:
            account = accounts.get(event.id)
            trouble = _trouble(event, account, failures)
            if trouble is not None:
                self._failed([event], trouble)
            elif account is not None:
                fetched.append(events.Fetched(event.id, account.key))
                due.append(subjects.Due(account.key, *self.at, account.code, event.urgency))
            elif event.tries < UNSEEN_TRIES:
                unseen.append(event)
            else:
                fetched.append(events.Fetched(event.id, None, _nobody_knows(event)))
        self._release(unseen, None, "")
        with self.engine.begin() as connection:
            mark_available(connection, ":".join(self.at))
            subjects.mark_due(connection, due)
            events.settle_fetched(connection, self.token, fetched)
            object_fetcher.decide_history(connection, self.at, sorted({one.key for one in due}))
        for one in fetched:
            log.info("event_fetched", id=one.id, subject=one.subject, outcome=one.note or "fetched")
        return len({one.key for one in due})

    def _accounts(self) -> dict[int, subjects.Due]:
        """Event id → account. An event whose objects are unknown has none."""
        refs = {(p.object, ref) for event in self.batch for p in event.pointers for ref in p.refs}
        with self.engine.connect() as connection:
            known = snapshots.find(connection, *self.at, refs)
        prefix = external_ids.subject(*self.at, "")
        found: dict[int, subjects.Due] = {}
        for event in self.batch:
            seen = [
                known[p.object, ref] for p in event.pointers for ref in p.refs if (p.object, ref) in known
            ]
            if seen:
                key = seen[0].subject
                found[event.id] = subjects.Due(key, *self.at, key.removeprefix(prefix), event.urgency)
        return found

    # ── when it does not work ─────────────────────────────────────────────────────────────────────────────

    def wait(self, seconds: float, reason: str) -> None:
        """Release the batch unworked: its destination is unavailable."""
        ids = [event.id for event in self.batch]
        with self.engine.begin() as connection:
            events.release(connection, self.token, ids, seconds=seconds, spend=False, error=reason)

    def _open_circuit(self, error: Unavailable) -> None:
        self.wait(hold(self.engine, error), str(error))

    def _failed(self, batch: list[Claimed], error: Transient | Permanent) -> None:
        """Release events for a retry after a transient error; bury the others."""
        if isinstance(error, Permanent):
            self._bury(batch, str(error))
            return
        log.warning("refresh_failed", events=len(batch), error=str(error), outcome="retry")
        self._release([e for e in batch if e.tries < MOST_TRIES], error.retry_after, str(error))
        self._bury([e for e in batch if e.tries >= MOST_TRIES], f"Given up after {MOST_TRIES} tries: {error}")

    def _release(self, batch: list[Claimed], seconds: float | None, reason: str) -> None:
        with self.engine.begin() as connection:
            for tries in sorted({event.tries for event in batch}):
                ids = [event.id for event in batch if event.tries == tries]
                wait = backoff(tries) if seconds is None else seconds
                events.release(connection, self.token, ids, seconds=wait, spend=True, error=reason)

    def _bury(self, batch: list[Claimed], reason: str) -> None:
        with self.engine.begin() as connection:
            events.dead(connection, self.token, [event.id for event in batch], reason)
        for event in batch:
            log.error("event_dead", id=event.id, kind=event.kind, error=reason, outcome="dead")


def _has_failed(one: BillingObject) -> bool:
    return isinstance(one, Payment) and one.status in ("declined", "error")


def _trouble(
    event: Claimed, account: subjects.Due | None, failures: Failures
) -> Transient | Permanent | None:
    """The error that prevented reading this event's objects or its account, if any."""
    refs = [(pointer.object, ref) for pointer in event.pointers for ref in pointer.refs]
    if account is not None:
        refs.append(("account", f"code-{account.code}"))
    return next((failures[ref] for ref in refs if ref in failures), None)


def _nobody_knows(event: Claimed) -> str:
    return f"The {event.pointers[0].object} is not there (404) and was never seen: nothing to do."
