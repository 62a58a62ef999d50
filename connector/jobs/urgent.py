"""The urgent lane: fetch and write disputes between the pieces of other work.

Every job calls the lane at its start and at its checkpoints: between two vendor calls, and between two accounts that it
reads or decides. So a dispute waits for one short piece, not for the worker's whole batch. The lane queries the ledger
for urgent work; a lost wake delays nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import structlog
from redis.exceptions import RedisError
from rq.timeouts import JobTimeoutException

from connector.container import Container
from connector.errors import CasewireError, SetupError
from connector.jobs import refresh
from connector.ledger import circuit_breakers, events, leases, subjects
from connector.ledger.engine import is_away
from connector.models.events import Urgency
from connector.queue import Stage
from connector.sync.availability.circuit_breaker import DESTINATION
from connector.sync.refresh import refresh as refresh_stage
from connector.sync.refresh.object_fetcher import uninterrupted

log = structlog.get_logger("connector.jobs")

CHECK_SECONDS: Final = 0.1
"""Minimum interval of the queries for urgent work."""
EVENTS: Final = 100
ACCOUNTS: Final = 50
ROWS: Final = 1_000
"""Limits of a piece of urgent work: smaller than a batch, so that the next dispute does not wait for a batch."""
PIECES: Final = 10
LANE_SECONDS: Final = 5.0
"""After so many pieces or seconds the interrupted work continues …"""
REST: Final = 0.5
"""… for this part of the time that the lane took: a flood of disputes must not stop everything else, nor use up the
time limit of the job that it interrupts."""
GATHER_UNTIL: Final = 200
"""While so many events wait to be fetched, urgent accounts wait to be combined …"""
GATHER_SECONDS: Final = timedelta(seconds=0.5)
"""… but none waits longer than this."""
RETRY_SECONDS: Final = 5.0
"""Delay after an unexpected failure."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whether urgent events and urgent accounts are ready."""

    events: bool
    accounts: bool


@dataclass(slots=True)
class UrgentLane:
    """The urgent work of one worker. One thread at a time runs the lane; the others continue their batches."""

    container: Container
    monotonic: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next_check: float = float("-inf")

    @property
    def worker(self) -> str:
        """The name in its leases. It begins with the worker's name, so the worker's successor releases them."""
        return f"{self.container.worker}:urgent"

    def checkpoint(self) -> None:
        """Do urgent work, unless it was checked just now or another thread does it."""
        if self.monotonic() >= self._next_check:
            self.work()

    def work(self) -> None:
        """Do urgent work. Raises only the job's time-out and errors of an unavailable ledger, which end the job."""
        if not self._lock.acquire(blocking=False):
            return
        began, claimed = self.monotonic(), 0
        try:
            claimed = self._work(began)
        finally:
            now = self.monotonic()
            self._next_check = now + (max(CHECK_SECONDS, REST * (now - began)) if claimed else CHECK_SECONDS)
            self._lock.release()

    def _work(self, began: float) -> int:
        """Work pieces until nothing urgent is ready or the lane's turn is over. Return how much was claimed."""
        one_by_one, claimed = False, 0
        for _ in range(PIECES):
            try:
                piece = self._piece(one_by_one)
                claimed += piece
                if not piece or self.monotonic() - began > LANE_SECONDS:
                    return claimed
            except JobTimeoutException:
                raise
            except (CasewireError, RedisError) as error:
                log.error("urgent_failed", error=str(error), outcome="retry")
                self._release(spend=False, seconds=RETRY_SECONDS)
                return claimed
            except Exception as error:
                if is_away(error):
                    raise
                log.exception("urgent_failed", outcome="retry" if one_by_one else "one by one")
                self._release(spend=one_by_one, seconds=RETRY_SECONDS if one_by_one else 0.0)
                one_by_one = True
        return claimed

    def _piece(self, one_by_one: bool) -> int:
        """Fetch some urgent events, then apply some urgent accounts. Return how many of both were claimed."""
        waiting, claimed = self._waiting(), 0
        if waiting.events:
            claimed += self._fetch(1 if one_by_one else EVENTS)
            waiting = self._waiting()
        if waiting.accounts:
            claimed += self._apply(1 if one_by_one else ACCOUNTS)
        return claimed

    def _waiting(self) -> Waiting:
        with self.container.engine.connect() as connection:
            due = subjects.backlog(connection, 1, most=Urgency.DISPUTE)
            ready = due.oldest is not None
            if due.oldest is not None and events.waiting(connection, GATHER_UNTIL) >= GATHER_UNTIL:
                ready = self.container.clock() - due.oldest >= GATHER_SECONDS
            if ready:
                ready = DESTINATION not in circuit_breakers.open_circuits(connection)
            return Waiting(events.waiting(connection, 1, most=Urgency.DISPUTE) > 0, ready)

    def _fetch(self, limit: int) -> int:
        outcome = refresh_stage.refresh(
            self.container.engine,
            self.container.apis,
            self.container.clock,
            self.worker,
            limit=limit,
            lookups=self.container.lookups,
            most=Urgency.DISPUTE,
        )
        if outcome.failed:
            refresh.notice_incidents(self.container)
        if outcome.due:
            self._wake_for_the_rest()
        return outcome.claimed

    def _wake_for_the_rest(self) -> None:
        """Wake apply if an urgent event made routine work: an older object was matched to an account."""
        with self.container.engine.connect() as connection:
            if subjects.backlog(connection, 1, least=Urgency.FAILURE).ready:
                self.container.queue.wake(Stage.APPLY)

    def _apply(self, limit: int) -> int:
        try:
            applier = replace(self.container.applier(), worker=self.worker, checkpoint=uninterrupted)
        except SetupError:
            return 0  # the apply job reports it
        return applier.run(limit=limit, rows=ROWS, most=Urgency.DISPUTE).claimed

    def _release(self, *, spend: bool, seconds: float) -> None:
        with self.container.engine.begin() as connection:
            leases.release_all(connection, self.worker, seconds=seconds, spend=spend)


def lane(container: Container) -> UrgentLane:
    """Create the lane of this worker; the checkpoints of its appliers call it."""
    if container.urgent_lane is None:
        container.urgent_lane = UrgentLane(container)
    assert isinstance(container.urgent_lane, UrgentLane)
    return container.urgent_lane
