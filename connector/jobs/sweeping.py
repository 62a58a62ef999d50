"""The sweep, which the scheduler runs every two seconds: wake stages that have work and no wake. And retention."""

from __future__ import annotations

import structlog

from connector.container import Container
from connector.jobs import fetching, listening, looking, nightly
from connector.ledger import event_filter, events, match_queue, observations, retention, subjects
from connector.queue import Stage
from connector.sync.monitoring import incident_detection
from connector.sync.refresh import account_matching

log = structlog.get_logger("connector.jobs")

SWEPT = 100
"""Pending matches that each sweep works again."""
INDEXED_EVENTS = 2_000
"""Events that each sweep adds to the word index of ``events list --search``: about 0.2 s."""


def sweep(container: Container) -> None:
    """Find work that has no wake: waiting rows, expired leases, subjects whose date has come, silent sources."""
    account_matching.match_in_turn(container.engine, SWEPT)
    if incident_detection.last(container.engine):
        fetching.notice(container)
    listening.listen(container)
    event_filter.extend_word_index(container.engine, INDEXED_EVENTS)
    with container.engine.begin() as connection:
        exhausted = events.dead_by_exhaustion(connection) + subjects.dead_by_exhaustion(connection)
        subjects.wake_by_time(connection)
        looking.begin_turns(container, connection)
        nightly.begin_turn(container, connection)
    with container.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        waiting = {
            Stage.REFRESH: events.waiting(connection, 1)
            or observations.asks_wait(connection)
            or match_queue.tasks_wait(connection),
            Stage.APPLY: subjects.backlog(connection, 1).ready,
            Stage.HISTORY: subjects.histories_wanted(connection),
            Stage.WATCH: looking.time_to_watch(container, connection),
            Stage.FEED: looking.time_for_feed(container, connection),
            Stage.RECONCILE: nightly.is_due(container, connection),
        }
    if exhausted:
        log.error("exhausted", count=exhausted, outcome="dead")
    for stage in (stage for stage, any_ in waiting.items() if any_):
        container.queue.wake(stage)


def purge(container: Container) -> retention.Purged:
    """Delete old bodies and rows as configured."""
    settings = container.settings
    return retention.purge(
        container.engine,
        settings.casewire_retention_bodies_days,
        settings.casewire_retention_rows_days,
    )
