"""Track bulk jobs in the ledger, and abort orphaned jobs.

An orphaned job would overwrite newer values with a decision that is minutes old. So no subject is claimed before every
orphaned job has ended; the records of such a job are then written with all their fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from connector.errors import Permanent, Unavailable
from connector.ledger import bulk_jobs, circuit_breakers
from connector.ledger.bulk_jobs import OrphanedJob
from connector.mappers import fields
from connector.sync.apply.record_writer import Wait
from connector.sync.availability.circuit_breaker import DESTINATION, MENDED_BY_HAND

log = structlog.get_logger("connector.bulk_jobs")

LOOKED_AGAIN: Final = 5.0
"""Seconds after which a job that is being aborted is polled again."""


class JobAborter(Protocol):
    """Aborts bulk jobs (``clients/salesforce``)."""

    def abort_bulk_job(self, job: str) -> bool:
        """Abort the job. Return whether it has ended, by this call or before."""


@dataclass(frozen=True, slots=True)
class TrackedJobs:
    """The bulk jobs of one batch. ``token``: the batch's lease. ``subject``: one of the leased subjects."""

    engine: Engine
    token: str
    subject: str
    meanwhile: Wait

    def wait(self, seconds: float) -> None:
        self.meanwhile(seconds)

    def begun(self, job: str, object_: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Record the job before it has data, so that another process can abort it if this one dies."""
        keys = [str(row[fields.KEY]) for row in rows]
        with self.engine.begin() as connection:
            bulk_jobs.begin(connection, job, self.token, self.subject, object_, keys)

    def ended(self, job: str, *, results_read: bool) -> None:
        """Record the end of the job. If PostgreSQL fails, Salesforce is asked when the accounts are claimed again."""
        with suppress(DBAPIError), self.engine.begin() as connection:
            bulk_jobs.end(connection, job, results_read=results_read)


def end(engine: Engine, crm: JobAborter, left: Sequence[OrphanedJob]) -> None:
    """End these jobs and clear the mirror of their records. Raises Unavailable if a job may still be running: nothing
    may be written until it has ended."""
    for one in left:
        if not one.ended:
            _abort(crm, one)
        with engine.begin() as connection:
            bulk_jobs.forget(connection, one.job)
        log.warning("bulk_job_left_behind", job=one.job, object=one.object, outcome="ended")


def _abort(crm: JobAborter, one: OrphanedJob) -> None:
    try:
        ended = crm.abort_bulk_job(one.job)
    except Permanent as error:
        text = (
            f"Bulk job {one.job} of {one.object} was left behind and cannot be aborted: {error} Let the integration "
            "user manage data integrations, or delete the job in Setup > Bulk Data Load Jobs."
        )
        raise Unavailable(
            DESTINATION, text, code=circuit_breakers.NOT_SET_UP, retry_after=MENDED_BY_HAND
        ) from error
    if not ended:
        text = f"Bulk job {one.job} of {one.object} was left behind. Nothing is written until it has ended."
        raise Unavailable(DESTINATION, text, code="bulk_job_runs", retry_after=LOOKED_AGAIN)
