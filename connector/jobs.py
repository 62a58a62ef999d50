"""The RQ jobs: a few lines each, no payload. A job works one batch and wakes the next if more is waiting.

``except Exception`` lives here and nowhere below: whatever a batch runs into, it is given back and the sweep
finds the work again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from connector.errors import CasewireError, SetupError
from connector.events import Urgency
from connector.ledger import events, leases, retention, subjects
from connector.queue import Stage
from connector.sync import apply as applying
from connector.sync import history as histories
from connector.sync import refresh as refreshing
from connector.wiring import Wiring, wiring

log = structlog.get_logger("connector.jobs")

GATHER_UNTIL = 200
"""While this many events wait to be fetched, accounts are gathered rather than applied one by one …"""
GATHER_SECONDS = {Urgency.DISPUTE: 2.0, Urgency.FAILURE: 15.0, Urgency.ROUTINE: 15.0}
"""… but none waits longer than this for it."""

AGAIN_SECONDS = 5.0
"""After a job that failed for a reason nobody foresaw."""


def refresh() -> None:
    """RQ job: fetch what pending events point to."""
    _job(Stage.REFRESH, _refresh)


def history() -> None:
    """RQ job: fetch the past of accounts that are older than the ledger."""
    _job(Stage.HISTORY, _history)


def apply() -> None:
    """RQ job: decide and write due accounts."""
    _job(Stage.APPLY, _apply)


def _job(stage: Stage, work: Callable[[Wiring], None]) -> None:
    wires = wiring()
    wires.queue.begin(stage)
    try:
        work(wires)
        wires.queue.note(wires.budgets())
    except DBAPIError as error:
        log.error("job_failed", stage=str(stage), error=str(error.orig), outcome="ledger away")
        _give_back(wires, spend=False)
    except CasewireError as error:
        log.error("job_failed", stage=str(stage), error=str(error), outcome="sweep")
        _give_back(wires, seconds=AGAIN_SECONDS)
    except Exception:
        log.exception("job_failed", stage=str(stage), outcome="sweep")
        _give_back(wires, seconds=AGAIN_SECONDS)


def _give_back(wires: Wiring, *, seconds: float = 0.0, spend: bool = True) -> None:
    """What the job held is free now, not when its lease runs out. While PostgreSQL is away there is nothing
    better to do than to wait for it; after a minute the lease must do."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with wires.engine.begin() as connection:
                leases.release_all(connection, wires.worker, seconds=seconds, spend=spend)
            return
        except SQLAlchemyError:
            time.sleep(0.5)


def _refresh(wires: Wiring) -> None:
    outcome = refreshing.refresh(wires.engine, wires.apis, wires.clock, wires.worker)
    if outcome.more:
        wires.queue.wake(Stage.REFRESH)
    if outcome.due:
        wires.queue.wake(Stage.APPLY)


def _history(wires: Wiring) -> None:
    with wires.engine.connect() as connection:
        busy = events.waiting(connection, 1)
    if not busy and histories.fetch_histories(wires.engine, wires.apis):
        wires.queue.wake(Stage.APPLY)
        wires.queue.wake(Stage.HISTORY)


def _apply(wires: Wiring) -> None:
    if _gathering(wires):
        wires.queue.wake(Stage.REFRESH)
        return
    try:
        applier = wires.applier()
    except SetupError as error:
        applying.hold(wires.engine, applying.not_set_up(error))
        return
    outcome = applier.run()
    if outcome.more or outcome.again:
        wires.queue.wake(Stage.APPLY)


def _gathering(wires: Wiring) -> bool:
    """Is a burst still being fetched? Then waiting a little turns many writes of an account into one."""
    with wires.engine.connect() as connection:
        if events.waiting(connection, GATHER_UNTIL) < GATHER_UNTIL:
            return False
        due = subjects.backlog(connection, 1)
    if due.oldest is None or due.most_urgent is None:
        return False
    return wires.clock() - due.oldest < timedelta(seconds=GATHER_SECONDS[due.most_urgent])


def sweep(wires: Wiring) -> None:
    """What nobody else would notice: work that waits without a wake, leases that ran out, time that passed."""
    with wires.engine.begin() as connection:
        lost = events.dead_by_exhaustion(connection) + subjects.dead_by_exhaustion(connection)
        subjects.wake_by_time(connection)
        pending = events.waiting(connection, 1)
        due = subjects.backlog(connection, 1).ready
        wanted = subjects.histories_wanted(connection)
    if lost:
        log.error("exhausted", count=lost, outcome="dead")
    for stage, waiting in ((Stage.REFRESH, pending), (Stage.APPLY, due), (Stage.HISTORY, wanted)):
        if waiting:
            wires.queue.wake(stage)


def purge(wires: Wiring) -> retention.Purged:
    """Retention, as far as the settings ask for it."""
    settings = wires.settings
    return retention.purge(
        wires.engine,
        settings.casewire_retention_bodies_days,
        settings.casewire_retention_rows_days,
    )
