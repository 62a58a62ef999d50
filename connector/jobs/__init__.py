"""The RQ jobs: a few lines each, no payload. A job works one batch and wakes the next if more is waiting.

``except Exception`` lives here and in the urgent lane, and nowhere below: whatever a batch runs into, it is given back
and worked one by one, or found again by the sweep. ``fetching.py``, ``applying.py``, ``looking.py`` and ``nightly.py``
hold the work of the stages, ``urgent.py`` what goes before all of it, ``sweeping.py`` and ``listening.py`` what the
scheduler does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from connector.container import Container, container_from_environment
from connector.errors import CasewireError
from connector.jobs import applying, fetching, looking, nightly, urgent
from connector.jobs.sweeping import purge, sweep
from connector.ledger import leases
from connector.ledger.engine import is_away
from connector.queue import Stage

__all__ = [
    "apply",
    "bulk",
    "feed",
    "history",
    "purge",
    "reconcile",
    "refresh",
    "run",
    "sweep",
    "watch",
]

log = structlog.get_logger("connector.jobs")

AGAIN_SECONDS = 5.0
"""After a job that failed for a reason nobody foresaw."""
ONE_BY_ONE_SECONDS = 60.0


def refresh() -> None:
    """RQ job: fetch what pending events point to."""
    run(container_from_environment(), Stage.REFRESH)


def history() -> None:
    """RQ job: fetch the past of accounts that are older than the ledger."""
    run(container_from_environment(), Stage.HISTORY)


def apply() -> None:
    """RQ job: decide and write due accounts."""
    run(container_from_environment(), Stage.APPLY)


def bulk() -> None:
    """RQ job: decide and write very many due accounts by Bulk API 2.0."""
    run(container_from_environment(), Stage.BULK)


def watch() -> None:
    """RQ job: look at what people did to accounts in Salesforce."""
    run(container_from_environment(), Stage.WATCH)


def feed() -> None:
    """RQ job: look for what changed in billing and no delivery told of."""
    run(container_from_environment(), Stage.FEED)


def reconcile() -> None:
    """RQ job: compare billing, the processors and Salesforce, once a night."""
    run(container_from_environment(), Stage.RECONCILE)


def run(container: Container, stage: Stage) -> None:
    """One job of a stage, after what is urgent. Raises nothing of what the work runs into."""
    container.queue.begin(stage)
    try:
        _run(container, stage)
    finally:
        try:
            container.queue.end(stage)
        except RedisError as error:
            log.error("job_not_ended", stage=str(stage), error=str(error), outcome="sweep")


def _run(container: Container, stage: Stage) -> None:
    try:
        urgent.lane(container).work()
        _WORK[stage](container, None)
        container.queue.note(container.budgets())
        container.queue.remark(container.worker, container.remarks.told())
    except (CasewireError, RedisError) as error:
        log.error("job_failed", stage=str(stage), error=str(error), outcome="sweep")
        _give_back(container, seconds=AGAIN_SECONDS, spend=False)
    except Exception as error:
        if isinstance(error, DBAPIError) and is_away(error):
            log.error("job_failed", stage=str(stage), error=str(error.orig), outcome="ledger away")
            _give_back(container, spend=False)
            return
        log.exception("job_failed", stage=str(stage), outcome="one by one")
        _give_back(container, spend=False)
        _one_by_one(container, stage)


def _one_by_one(container: Container, stage: Stage) -> None:
    """Something in the batch is more than the code foresaw. Worked one at a time it fails alone, and spends its
    tries; the others are not held back by it."""
    deadline = time.monotonic() + ONE_BY_ONE_SECONDS
    claimed = 1
    while claimed and time.monotonic() < deadline:
        try:
            claimed = _WORK[stage](container, 1)
        except Exception:
            log.exception("job_failed", stage=str(stage), outcome="retry")
            if not _give_back(container, seconds=AGAIN_SECONDS):
                return  # it fails before anything is claimed: no try would be spent by repeating it


def _give_back(container: Container, *, seconds: float = 0.0, spend: bool = True) -> int:
    """What the job held is free now, not when its lease runs out. While PostgreSQL is away there is nothing
    better to do than to wait for it; after a minute the lease must do."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with container.engine.begin() as connection:
                return leases.release_all(connection, container.worker, seconds=seconds, spend=spend)
        except SQLAlchemyError:
            time.sleep(0.5)
    return 0


_WORK: Mapping[Stage, Callable[[Container, int | None], int]] = {
    Stage.REFRESH: fetching.fetch,
    Stage.HISTORY: fetching.fetch_histories,
    Stage.APPLY: applying.apply_due,
    Stage.BULK: applying.apply_in_bulk,
    Stage.WATCH: looking.look_at_links,
    Stage.FEED: looking.look_for_missed,
    Stage.RECONCILE: nightly.reconcile_all,
}
"""Each works a batch, or at most so many, and answers how many it claimed."""
