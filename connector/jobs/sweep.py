"""The work of the scheduler: every two seconds the sweep, which wakes the stages that have work and no wake and detects
silent sources; and retention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from connector.container import Container
from connector.errors import SetupError
from connector.jobs import reconcile, refresh, watch
from connector.ledger import (
    event_filter,
    events,
    match_queue,
    observations,
    retention,
    source_activity,
    subjects,
    watermarks,
)
from connector.ledger.source_activity import SilentSource
from connector.policy import Reconcile
from connector.queue import Stage
from connector.sync.monitoring import incident_detection
from connector.sync.monitoring.silence_detection import is_silent
from connector.sync.refresh import account_matching
from connector.webhooks import registry

log = structlog.get_logger("connector.jobs")

SWEPT = 100
"""Pending matches that each sweep works again."""
INDEXED_EVENTS = 2_000
"""Events that each sweep adds to the word index of ``events list --search``: about 0.2 s."""
SILENCE_TURN = "turn:silence"
SILENCE_INTERVAL = timedelta(seconds=20)

Site = tuple[str, str]


def sweep(container: Container) -> None:
    """Find work that has no wake: waiting rows, expired leases, subjects whose date has come, silent sources."""
    account_matching.match_in_turn(container.engine, SWEPT)
    if incident_detection.last(container.engine):
        refresh.notice_incidents(container)
    check_silences(container)
    event_filter.extend_word_index(container.engine, INDEXED_EVENTS)
    with container.engine.begin() as connection:
        exhausted = events.dead_by_exhaustion(connection) + subjects.dead_by_exhaustion(connection)
        subjects.wake_by_time(connection)
        watch.begin_turns(container, connection)
        reconcile.begin_turn(container, connection)
    with container.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        waiting = {
            Stage.REFRESH: events.waiting(connection, 1)
            or observations.asks_wait(connection)
            or match_queue.tasks_wait(connection),
            Stage.APPLY: subjects.backlog(connection, 1).ready,
            Stage.HISTORY: subjects.histories_wanted(connection),
            Stage.WATCH: watch.time_to_watch(container, connection),
            Stage.FEED: watch.time_for_feed(container, connection),
            Stage.RECONCILE: reconcile.is_due(container, connection),
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


def check_silences(container: Container) -> None:
    """Detect the begin and the end of silences of all configured sources, each once, even with several schedulers. The
    change feed of a billing site is read when a silence begins or ends."""
    with container.engine.begin() as connection:
        if not watermarks.take(connection, SILENCE_TURN, SILENCE_INTERVAL):
            return
    try:
        policy, of = container.policy.reconcile, registry.configured(container.sources)
    except SetupError:
        return
    read = watch.sites(container) if policy.feed_minutes else ()
    with container.engine.begin() as connection:
        source_activity.listen(connection)
        check = _SilenceCheck(connection, container.clock(), policy, source_activity.last_heard(connection))
        lasting = {(one.source, one.site): one for one in source_activity.lasting(connection, of)}
        began = [site for site in of if site not in lasting and check.begins(site)]
        ended = [one for site, one in lasting.items() if check.ends(site, one)]
        for site in [*began, *((one.source, one.site) for one in ended)]:
            if site in read:
                watch.feed_at_once(connection, site, policy)
    for site in began:
        _log_silence(site, check.last_events[site], reads=site in read)
    for one in ended:
        _log_end(one, check.now)


@dataclass(frozen=True, slots=True)
class _SilenceCheck:
    """Detects silences at one moment. ``last_events``: the time of each source's last event."""

    connection: Connection
    now: datetime
    policy: Reconcile
    last_events: dict[Site, datetime]

    def begins(self, site: Site) -> bool:
        """Whether a silence begins and is recorded by this call."""
        least = timedelta(minutes=self.policy.silence_minutes)
        last_at = self.last_events.get(site)
        if not least or last_at is None or self.now - last_at <= least:
            return False
        silent = is_silent(source_activity.heard(self.connection, site), last_at, self.now, least)
        return silent and source_activity.begin(self.connection, site, last_at)

    def ends(self, site: Site, silence: SilentSource) -> bool:
        """Whether a silence ends (an event arrived, or detection was switched off) and this call records it."""
        over = not self.policy.silence_minutes or self.last_events.get(site, silence.since) > silence.since
        return over and source_activity.end(self.connection, site)


def _log_silence(site: Site, since: datetime, *, reads: bool) -> None:
    log.warning(
        "source_silent",
        source=site[0],
        site=site[1],
        since=since.isoformat(),
        outcome="its changes are read" if reads else "look at its webhook endpoint",
    )


def _log_end(one: SilentSource, now: datetime) -> None:
    log.info(
        "source_speaks_again",
        source=one.source,
        site=one.site,
        seconds=round((now - one.since).total_seconds()),
        outcome="heard",
    )
