"""The scheduler: sweeps every two seconds, purges every hour. One is enough; two do no harm."""

from __future__ import annotations

import threading
import time

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from connector.container import Container
from connector.jobs import sweep

log = structlog.get_logger("connector.scheduler")

PURGE_SECONDS = 3600.0
PASSES = 200
"""Of five thousand events each: a first purge of years is spread over several hours."""


def run(container: Container, stop: threading.Event) -> None:
    """Sweep until told to stop. PostgreSQL or Redis being away is logged once and waited out."""
    away = ""
    purged_at = float("-inf")
    while not stop.is_set():
        try:
            sweep.sweep(container)
            container.queue.swept(container.clock())
            if time.monotonic() - purged_at > PURGE_SECONDS:
                purged_at = time.monotonic()
                _purge(container)
            if away:
                log.info("sweep_again", outcome="recovered")
            away = ""
        except (RedisError, SQLAlchemyError) as error:
            if type(error).__name__ != away:
                away = type(error).__name__
                log.warning("sweep_failed", error=str(error).partition("\n")[0], outcome="retry")
        stop.wait(container.settings.casewire_sweep_seconds)


def _purge(container: Container) -> None:
    """Pass after pass while there is more, so many at the most."""
    bodies = rows = tombstones = 0
    for _ in range(PASSES):
        purged = sweep.purge(container)
        container.queue.swept(container.clock())
        bodies, rows, tombstones = bodies + purged.bodies, rows + purged.rows, tombstones + purged.buried
        if not purged.bodies and not purged.rows:
            break
    if bodies or rows or tombstones:
        log.info("purged", bodies=bodies, tombstones=tombstones, rows=rows, outcome="done")
