"""The RQ jobs: a few lines each, no payload. A job works one batch and wakes the next if more is waiting.

``except Exception`` lives here and nowhere below: whatever a batch runs into, it is given back and worked one by
one, or found again by the sweep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from connector.errors import CasewireError, SetupError, Unavailable
from connector.events import Urgency
from connector.ledger import circuits, events, leases, links, retention, subjects, told, watermarks
from connector.queue import Stage
from connector.sync import apply as applying
from connector.sync import asking, joining, outages
from connector.sync import history as histories
from connector.sync import refresh as refreshing
from connector.sync.apply import Applier
from connector.sync.destination import DESTINATION, hold, unavailable
from connector.sync.linking import watching
from connector.wiring import Wiring, wiring

log = structlog.get_logger("connector.jobs")

GATHER_UNTIL = 200
"""While this many events wait to be fetched, accounts are gathered rather than applied one by one …"""
GATHER_SECONDS = {Urgency.DISPUTE: 2.0, Urgency.FAILURE: 15.0, Urgency.ROUTINE: 15.0}
"""… but none waits longer than this for it."""

SIDE_BY_SIDE = 3
"""Batches of accounts that one worker applies at the same time."""

BULK_LOCK = 7_203_553
"""Held in PostgreSQL while a bulk run is under way."""
MEANWHILE_SECONDS = 0.3

SWEPT = 100
"""Objects without an account that each sweep looks at again."""

AGAIN_SECONDS = 5.0
"""After a job that failed for a reason nobody foresaw."""
ONE_BY_ONE_SECONDS = 60.0


def refresh() -> None:
    """RQ job: fetch what pending events point to."""
    run(wiring(), Stage.REFRESH)


def history() -> None:
    """RQ job: fetch the past of accounts that are older than the ledger."""
    run(wiring(), Stage.HISTORY)


def apply() -> None:
    """RQ job: decide and write due accounts."""
    run(wiring(), Stage.APPLY)


def bulk() -> None:
    """RQ job: decide and write very many due accounts by Bulk API 2.0."""
    run(wiring(), Stage.BULK)


def watch() -> None:
    """RQ job: look at what people did to accounts in Salesforce."""
    run(wiring(), Stage.WATCH)


def run(wires: Wiring, stage: Stage) -> None:
    """One job of a stage. Raises nothing of what the work runs into."""
    wires.queue.begin(stage)
    try:
        _WORK[stage](wires, None)
        wires.queue.note(wires.budgets())
        wires.queue.remark(wires.worker, wires.remarks.told())
    except (OperationalError, InterfaceError) as error:
        log.error("job_failed", stage=str(stage), error=str(error.orig), outcome="ledger away")
        _give_back(wires, spend=False)
    except (CasewireError, RedisError) as error:
        log.error("job_failed", stage=str(stage), error=str(error), outcome="sweep")
        _give_back(wires, seconds=AGAIN_SECONDS, spend=False)
    except Exception:
        log.exception("job_failed", stage=str(stage), outcome="one by one")
        _give_back(wires, spend=False)
        _one_by_one(wires, stage)


def _one_by_one(wires: Wiring, stage: Stage) -> None:
    """Something in the batch is more than the code foresaw. Worked one at a time it fails alone, and spends its
    tries; the others are not held back by it."""
    deadline = time.monotonic() + ONE_BY_ONE_SECONDS
    claimed = 1
    while claimed and time.monotonic() < deadline:
        try:
            claimed = _WORK[stage](wires, 1)
        except Exception:
            log.exception("job_failed", stage=str(stage), outcome="retry")
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


def _refresh(wires: Wiring, limit: int | None) -> int:
    outcome = refreshing.refresh(
        wires.engine,
        wires.apis,
        wires.clock,
        wires.worker,
        limit=limit or refreshing.BATCH,
        lookups=wires.lookups,
    )
    answered = asking.ask(wires.engine, wires.apis, wires.lookups)
    noticed = _notice(wires) if outcome.failed or outages.last(wires.engine) else 0
    if outcome.more:
        wires.queue.wake(Stage.REFRESH)
    if outcome.due or answered or noticed:
        wires.queue.wake(Stage.APPLY)
    return outcome.claimed


def _notice(wires: Wiring) -> int:
    """Look whether a gateway is failing, or well again; who became due by it. A policy that cannot be read stops the
    writing, which says so, and nothing else."""
    try:
        settings = wires.policy.rules.incident
    except SetupError:
        return 0
    return outages.notice(wires.engine, settings, wires.clock())


def _history(wires: Wiring, limit: int | None) -> int:
    with wires.engine.connect() as connection:
        busy = events.waiting(connection, 1)
    fetched = 0 if busy else histories.fetch_histories(wires.engine, wires.apis, limit or histories.BATCH)
    if fetched:
        wires.queue.wake(Stage.APPLY)
        wires.queue.wake(Stage.HISTORY)
    return fetched


def _apply(wires: Wiring, limit: int | None) -> int:
    if _gathering(wires):
        wires.queue.wake(Stage.REFRESH)
        return 0
    try:
        applier = wires.applier()
    except SetupError as error:
        hold(wires.engine, unavailable(error))
        return 0
    with wires.engine.connect() as connection:
        enough = wires.policy.budget.bulk_from + 1
        many = subjects.backlog(connection, enough, least=Urgency.FAILURE).ready >= enough
    if many:
        wires.queue.wake(Stage.BULK)
    most = Urgency.FAILURE if many else Urgency.ROUTINE
    outcomes = _side_by_side(wires, applier, most) if limit is None else [applier.run(limit=limit, most=most)]
    if any(outcome.more or outcome.again for outcome in outcomes):
        wires.queue.wake(Stage.APPLY)
    return sum(outcome.claimed for outcome in outcomes)


def _bulk(wires: Wiring, limit: int | None) -> int:
    """One bulk run for the whole org at a time. While Salesforce works on it this worker goes on with what is urgent,
    so that no dispute waits behind ten thousand profile edits."""
    with leases.alone(wires.engine, BULK_LOCK) as is_ours:
        if not is_ours:
            return 0
        applier = wires.applier()
        outcome = applier.run(
            limit=limit or wires.policy.budget.bulk_at_most,
            least=Urgency.FAILURE,
            wait=lambda seconds: _meanwhile(wires, applier, seconds),
        )
    if outcome.more or outcome.again:
        wires.queue.wake(Stage.APPLY)
    return outcome.claimed


def _meanwhile(wires: Wiring, applier: Applier, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        done = _refresh(wires, None) + applier.run(most=Urgency.FAILURE).claimed
        left = deadline - time.monotonic()
        if left <= 0:
            return
        if not done:
            time.sleep(min(left, MEANWHILE_SECONDS))


def _side_by_side(wires: Wiring, applier: Applier, most: Urgency) -> list[applying.Outcome]:
    """One batch, or several at a time where more is due: while one waits for Salesforce another decides. Their
    accounts differ, so that they do not wait for each other's rows there."""
    with wires.engine.connect() as connection:
        ready = subjects.backlog(connection, applying.BATCH * SIDE_BY_SIDE).ready
    batches = min(-(-ready // applying.BATCH), SIDE_BY_SIDE)
    if batches <= 1:
        return [applier.run(limit=applying.BATCH, most=most)]
    with ThreadPoolExecutor(batches, thread_name_prefix="apply") as pool:
        return [
            future.result()
            for future in [pool.submit(applier.run, limit=applying.BATCH, most=most) for _ in range(batches)]
        ]


def _watch(wires: Wiring, limit: int | None) -> int:
    """One look at a time, however many ask. It waits while calls are short."""
    try:
        every = timedelta(minutes=wires.policy.linking.watch_minutes)
        with wires.engine.begin() as connection:
            if not watermarks.take(connection, watching.TURN, every):
                return 0
        if wires.spending.level() < Urgency.ROUTINE:
            return 0
        shape = wires.shaping.org.shape
        found = watching.Watch(wires.engine, wires.salesforce, shape).look(wires.clock())
    except (SetupError, Unavailable) as error:
        hold(wires.engine, unavailable(error))
    else:
        if found:
            wires.queue.wake(Stage.APPLY)
    return 0


def _time_to_watch(wires: Wiring, connection: Connection) -> bool:
    """Whether accounts are linked, and nobody has looked at them for so long."""
    try:
        every = timedelta(minutes=wires.policy.linking.watch_minutes)
    except SetupError:
        return False
    return (
        watermarks.has_passed(connection, watching.TURN, every)
        and links.exist(connection)
        and DESTINATION not in circuits.open_circuits(connection)
    )


_WORK: Mapping[Stage, Callable[[Wiring, int | None], int]] = {
    Stage.REFRESH: _refresh,
    Stage.HISTORY: _history,
    Stage.APPLY: _apply,
    Stage.BULK: _bulk,
    Stage.WATCH: _watch,
}
"""Each works a batch, or at most so many, and answers how many it claimed."""


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
    joining.join_some(wires.engine, SWEPT)
    if outages.last(wires.engine):
        _notice(wires)
    with wires.engine.begin() as connection:
        lost = events.dead_by_exhaustion(connection) + subjects.dead_by_exhaustion(connection)
        subjects.wake_by_time(connection)
        pending = events.waiting(connection, 1) or told.asks_wait(connection)
        due = subjects.backlog(connection, 1).ready
        wanted = subjects.histories_wanted(connection)
        watch_now = _time_to_watch(wires, connection)
    if lost:
        log.error("exhausted", count=lost, outcome="dead")
    waiting = {Stage.REFRESH: pending, Stage.APPLY: due, Stage.HISTORY: wanted, Stage.WATCH: watch_now}
    for stage in (stage for stage, any_ in waiting.items() if any_):
        wires.queue.wake(stage)


def purge(wires: Wiring) -> retention.Purged:
    """Retention, as far as the settings ask for it."""
    settings = wires.settings
    return retention.purge(
        wires.engine,
        settings.casewire_retention_bodies_days,
        settings.casewire_retention_rows_days,
    )
