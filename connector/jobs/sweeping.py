"""What the scheduler does every two seconds: wakes for whatever nobody was woken for. And retention."""

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
"""Objects whose match is open that each sweep matches again."""
INDEXED_EVENTS = 2_000
"""Whose words each sweep puts into the index of ``events list --search``: about 0.2 s."""


def sweep(wires: Container) -> None:
    """What nobody else would notice: work that waits without a wake, leases that ran out, time that passed, a source
    that fell silent."""
    account_matching.match_in_turn(wires.engine, SWEPT)
    if incident_detection.last(wires.engine):
        fetching.notice(wires)
    listening.listen(wires)
    event_filter.extend_word_index(wires.engine, INDEXED_EVENTS)
    with wires.engine.begin() as connection:
        lost = events.dead_by_exhaustion(connection) + subjects.dead_by_exhaustion(connection)
        subjects.wake_by_time(connection)
        looking.begin_turns(wires, connection)
        nightly.begin_turn(wires, connection)
    with wires.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        waiting = {
            Stage.REFRESH: events.waiting(connection, 1)
            or observations.asks_wait(connection)
            or match_queue.tasks_wait(connection),
            Stage.APPLY: subjects.backlog(connection, 1).ready,
            Stage.HISTORY: subjects.histories_wanted(connection),
            Stage.WATCH: looking.time_to_watch(wires, connection),
            Stage.FEED: looking.time_for_feed(wires, connection),
            Stage.RECONCILE: nightly.is_due(wires, connection),
        }
    if lost:
        log.error("exhausted", count=lost, outcome="dead")
    for stage in (stage for stage, any_ in waiting.items() if any_):
        wires.queue.wake(stage)


def purge(wires: Container) -> retention.Purged:
    """Retention, as far as the settings ask for it."""
    settings = wires.settings
    return retention.purge(
        wires.engine,
        settings.casewire_retention_bodies_days,
        settings.casewire_retention_rows_days,
    )
