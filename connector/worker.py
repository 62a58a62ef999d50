"""One worker: settings → wiring → RQ worker, nothing else.

It runs jobs in its own process (RQ's SimpleWorker): forking for each job would lose the Salesforce session, the
connections and half the speed, and a worker that dies is started again by whoever started it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import structlog
from redis.client import Pipeline
from rq import Queue as RqQueue
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now

from connector import queue
from connector.container import Container
from connector.ledger import leases
from connector.queue import StageJob

log = structlog.get_logger("connector.worker")

SEEN_SECONDS = 60
"""How often an idle worker shows that it is there. One that was killed is counted for a minute longer."""


class Worker(SimpleWorker):
    """An RQ worker that runs the stages of ``connector/jobs/stages.py`` and takes nothing else from Redis.

    It also registers again where Redis came back empty: it works on, and ``casewire status`` counts it.
    """

    job_class = StageJob

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        if pipeline is None and not self.connection.sismember(self.redis_workers_keys, self.key):
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]
        super().heartbeat(timeout, pipeline)

    def subscribe(self) -> None:
        """RQ's commands by Redis (shut down, stop this job) are not taken: signals do that."""

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, RqQueue] | None:
        while True:
            try:
                return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            except ValueError:  # an id that is no text, or none that RQ gives
                self._forget_moved()
                self._reject("has an id that is not readable")

    def run_maintenance_tasks(self) -> None:
        try:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        except (ValueError, TypeError, LookupError) as error:
            self._forget_moved()
            self.last_cleaned_at = now()  # type: ignore[assignment]
            log.warning("maintenance_failed", worker=self.name, error=ascii(error)[:200], outcome="next time")

    def execute_job(self, job: Job, queue: RqQueue) -> None:
        rejection = job.rejection if isinstance(job, StageJob) else "was not read as a job of Casewire"
        if not rejection:
            super().execute_job(job, queue)
            return
        self.connection.delete(job.key)
        queue.intermediate_queue.remove(job.id)
        self._reject(rejection)

    def _reject(self, reason: str) -> None:
        log.error("job_rejected", worker=self.name, reason=reason, outcome="dropped")
        queue.Queue(self.connection).count_rejected_job(reason, datetime.now(UTC))

    def _forget_moved(self) -> None:
        """The jobs that a worker had taken and not begun. The sweep wakes their stages again."""
        self.connection.delete(*(one.intermediate_queue_key for one in self.queues))


def run(container: Container) -> None:
    """Work until SIGTERM or SIGINT. Returns after the job at hand."""
    with container.engine.begin() as connection:
        freed = leases.release_all(connection, container.worker)
    logging.getLogger("rq").setLevel(logging.WARNING)
    log.info("worker_started", worker=container.worker, freed=freed, outcome="ready")
    worker = Worker(
        [queue.job_queue(container.redis)],
        connection=container.redis,
        worker_ttl=SEEN_SECONDS,
        serializer=JSONSerializer,
    )
    worker.work(with_scheduler=False, logging_level="WARNING")
    log.info("worker_stopped", worker=container.worker, outcome="stopped")
