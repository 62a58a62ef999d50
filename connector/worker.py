"""One worker: settings → wiring → RQ worker, nothing else.

It runs jobs in its own process (RQ's SimpleWorker): forking for each job would lose the Salesforce session, the
connections and half the speed, and a worker that dies is started again by whoever started it.
"""

from __future__ import annotations

import logging

import structlog
from rq import SimpleWorker

from connector import queue
from connector.ledger import leases
from connector.wiring import Wiring

log = structlog.get_logger("connector.worker")


def run(wires: Wiring) -> None:
    """Work until SIGTERM or SIGINT. Returns after the job at hand."""
    with wires.engine.begin() as connection:
        freed = leases.release_all(connection, wires.worker)
    logging.getLogger("rq").setLevel(logging.WARNING)
    log.info("worker_started", worker=wires.worker, freed=freed, outcome="ready")
    worker = SimpleWorker([queue.NAME], connection=wires.redis)
    worker.work(with_scheduler=False, logging_level="WARNING")
    log.info("worker_stopped", worker=wires.worker, outcome="stopped")
