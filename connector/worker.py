"""One worker: settings → wiring → RQ worker, nothing else.

It runs jobs in its own process (RQ's SimpleWorker): forking for each job would lose the Salesforce session, the
connections and half the speed, and a worker that dies is started again by whoever started it.
"""

from __future__ import annotations

import logging

import structlog
from redis.client import Pipeline
from rq import SimpleWorker

from connector import queue
from connector.ledger import leases
from connector.wiring import Wiring

log = structlog.get_logger("connector.worker")

SEEN_SECONDS = 60
"""How often an idle worker shows that it is there. One that was killed is counted for a minute longer."""


class Worker(SimpleWorker):
    """Makes itself known again where Redis came back empty: it works on, and ``casewire status`` counts it."""

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        if pipeline is None and not self.connection.sismember(self.redis_workers_keys, self.key):
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]
        super().heartbeat(timeout, pipeline)


def run(wires: Wiring) -> None:
    """Work until SIGTERM or SIGINT. Returns after the job at hand."""
    with wires.engine.begin() as connection:
        freed = leases.release_all(connection, wires.worker)
    logging.getLogger("rq").setLevel(logging.WARNING)
    log.info("worker_started", worker=wires.worker, freed=freed, outcome="ready")
    worker = Worker([queue.NAME], connection=wires.redis, worker_ttl=SEEN_SECONDS)
    worker.work(with_scheduler=False, logging_level="WARNING")
    log.info("worker_stopped", worker=wires.worker, outcome="stopped")
