"""One RQ job for each stage, without payload: it works a batch and wakes its stage again if more work waits.

Jobs and the urgent lane are borders (decision 43): they catch every exception. After an error the batch is released
and worked one by one, or found again by the sweep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from connector.container import Container, container_from_environment
from connector.errors import CasewireError
from connector.jobs import apply as apply_job
from connector.jobs import reconcile as reconcile_job
from connector.jobs import refresh as refresh_job
from connector.jobs import urgent
from connector.jobs import watch as watch_job
from connector.ledger import leases
from connector.ledger.engine import is_away
from connector.queue import Stage
from connector.retry import while_ledger_is_away

log = structlog.get_logger("connector.jobs")

AGAIN_SECONDS = 5.0
"""Delay after a job that failed for an unexpected reason."""
ONE_BY_ONE_SECONDS = 60.0


def refresh() -> None:
    """RQ job: fetch what pending events point to."""
    run(container_from_environment(), Stage.REFRESH)


def history() -> None:
    """RQ job: fetch the history of accounts that are older than the ledger."""
    run(container_from_environment(), Stage.HISTORY)


def apply() -> None:
    """RQ job: decide and write due accounts."""
    run(container_from_environment(), Stage.APPLY)


def bulk() -> None:
    """RQ job: decide and write very many due accounts by Bulk API 2.0."""
    run(container_from_environment(), Stage.BULK)


def watch() -> None:
    """RQ job: poll Salesforce for what people changed on linked accounts."""
    run(container_from_environment(), Stage.WATCH)


def feed() -> None:
    """RQ job: detect gaps, changes in billing that no delivery reported."""
    run(container_from_environment(), Stage.FEED)


def reconcile() -> None:
    """RQ job: compare billing, the processors and Salesforce, once a night."""
    run(container_from_environment(), Stage.RECONCILE)


def run(container: Container, stage: Stage) -> None:
    """Run the urgent lane, then one job of a stage. Errors of the work are logged, not raised."""
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
        _release(container, seconds=AGAIN_SECONDS, spend=False)
    except Exception as error:
        if isinstance(error, DBAPIError) and is_away(error):
            log.error("job_failed", stage=str(stage), error=str(error.orig), outcome="ledger away")
            _release(container, spend=False)
            return
        log.exception("job_failed", stage=str(stage), outcome="one by one")
        _release(container, spend=False)
        _one_by_one(container, stage)


def _one_by_one(container: Container, stage: Stage) -> None:
    """Work the items one by one after an unexpected error in a batch: the faulty item fails alone and spends its tries,
    and does not block the others."""
    deadline = time.monotonic() + ONE_BY_ONE_SECONDS
    claimed = 1
    while claimed and time.monotonic() < deadline:
        try:
            claimed = _WORK[stage](container, 1)
        except Exception:
            log.exception("job_failed", stage=str(stage), outcome="retry")
            if not _release(container, seconds=AGAIN_SECONDS):
                return  # it fails before anything is claimed: no try would be spent by repeating it


def _release(container: Container, *, seconds: float = 0.0, spend: bool = True) -> int:
    """Release the job's leases at once. While PostgreSQL is unavailable, wait for it up to a minute; after that the
    leases expire by themselves."""

    def release() -> int:
        with container.engine.begin() as connection:
            return leases.release_all(connection, container.worker, seconds=seconds, spend=spend)

    try:
        return while_ledger_is_away(seconds=60, interval=0.5)(release)
    except SQLAlchemyError:
        return 0


_WORK: Mapping[Stage, Callable[[Container, int | None], int]] = {
    Stage.REFRESH: refresh_job.refresh,
    Stage.HISTORY: refresh_job.history,
    Stage.APPLY: apply_job.apply,
    Stage.BULK: apply_job.bulk,
    Stage.WATCH: watch_job.watch,
    Stage.FEED: watch_job.feed,
    Stage.RECONCILE: reconcile_job.reconcile,
}
"""Stage → function that works a batch, or at most so many items, and returns how many it claimed."""
