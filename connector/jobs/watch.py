"""The work of the stages watch and feed: poll Salesforce and the change feeds for changes without an event."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from connector.container import Container
from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.ledger import circuit_breakers, events, links, locks, watermarks
from connector.ledger import missed_changes as ledger
from connector.ledger.locks import Lock
from connector.models.events import Urgency
from connector.policy import Reconcile
from connector.queue import Stage
from connector.sync.availability.circuit_breaker import DESTINATION, hold, unavailable
from connector.sync.linking import crm_poll
from connector.sync.monitoring import gap_detection
from connector.sync.refresh.object_fetcher import SourceApi

log = structlog.get_logger("connector.jobs")

Site = tuple[str, str]

FEED_SECONDS = 20.0
"""Time limit of a job; the next one continues, so that deliveries do not wait."""
BEHIND = 200
"""While so many events wait to be fetched, missing changes are only late."""
LATE = 3
"""A feed that was not read for so many intervals needs a person."""
AGAIN = timedelta(minutes=1)
"""Delay after a feed that could not be read."""


def watch(container: Container, limit: int | None) -> int:
    """Poll Salesforce for changes of linked accounts, one poll at a time. It waits while the API budget is short."""
    try:
        every = timedelta(minutes=container.policy.linking.watch_minutes)
        with container.engine.begin() as connection:
            if not watermarks.take(connection, crm_poll.TURN, every):
                return 0
        if container.spending.level() < Urgency.ROUTINE:
            return 0
        shape = container.shaping.org.shape
        found = crm_poll.CrmPoll(container.engine, container.salesforce, shape).look(container.clock())
    except (SetupError, Unavailable) as error:
        hold(container.engine, unavailable(error))
    else:
        if found:
            container.queue.wake(Stage.APPLY)
    return 0


def time_to_watch(container: Container, connection: Connection) -> bool:
    """Whether accounts are linked and the next poll of Salesforce is due."""
    try:
        every = timedelta(minutes=container.policy.linking.watch_minutes)
    except SetupError:
        return False
    return (
        watermarks.has_passed(connection, crm_poll.TURN, every)
        and links.exist(connection)
        and DESTINATION not in circuit_breakers.open_circuits(connection)
    )


def feed(container: Container, limit: int | None) -> int:
    """Read the change feed of every billing site that is due, one process at a time."""
    policy = container.policy.reconcile
    with locks.alone(container.engine, Lock.FILLING) as is_ours:
        if is_ours:
            with container.engine.connect() as connection:
                turns = list(_turns(container, connection, policy))
            for site in turns:
                _walk(container, site, container.apis[site], policy)
    return 0


def begin_turns(container: Container, connection: Connection) -> None:
    """Schedule the first read of a new site's change feed after the usual interval."""
    for site in sites(container):
        watermarks.begin(connection, _turn(site))
        ledger.begin_reading(connection, site)


def time_for_feed(container: Container, connection: Connection) -> bool:
    """Whether the change feed of a billing site is due."""
    try:
        policy = container.policy.reconcile
    except SetupError:
        return False
    return any(_turns(container, connection, policy))


def sites(container: Container) -> Sequence[Site]:
    """The billing sites with an API. Invalid settings are reported where they stop the work, so none is returned."""
    try:
        return list(container.apis)
    except SetupError:
        return []


def late(container: Container, connection: Connection) -> dict[Site, datetime]:
    """Billing sites whose change feed has not been read to its end for much longer than usual, with the last time."""
    policy = container.policy.reconcile
    bearable = LATE * _every(policy) + timedelta(minutes=policy.grace_minutes)
    read = (
        {site: ledger.read_until(connection, site) for site in sites(container)}
        if policy.feed_minutes
        else {}
    )
    return {site: at for site, at in read.items() if at and container.clock() - at > bearable}


def feed_at_once(connection: Connection, site: Site, policy: Reconcile) -> None:
    """Make the change feed of this site due now."""
    watermarks.due_in(connection, _turn(site), _every(policy), timedelta(0))


def _turns(container: Container, connection: Connection, policy: Reconcile) -> Iterator[Site]:
    if not policy.feed_minutes or events.waiting(connection, BEHIND) >= BEHIND:
        return
    out = circuit_breakers.open_circuits(connection)
    for site in sites(container):
        if ":".join(site) not in out and watermarks.has_passed(connection, _turn(site), _every(policy)):
            yield site


def _walk(container: Container, site: Site, api: SourceApi, policy: Reconcile) -> None:
    """Read one change feed. The next try is a minute later at the earliest; after a complete read, a full interval."""
    _next_in(container, site, policy, AGAIN)
    deadline = time.monotonic() + FEED_SECONDS

    def is_over() -> bool:
        container.checkpoint()
        return time.monotonic() > deadline

    keys = {"source": site[0], "site": site[1]}
    try:
        found = gap_detection.detect_gaps(
            container.engine,
            site,
            api,
            container.clock(),
            since=None,
            fill=True,
            run_id=None,
            grace=timedelta(minutes=policy.grace_minutes),
            stop=is_over,
        )
    except Unavailable as error:
        hold(container.engine, error)
        log.warning("feed_waits", **keys, error=str(error), outcome="waiting")
        return
    except (Transient, Permanent) as error:
        log.warning("feed_failed", **keys, error=str(error), outcome="retry")
        return
    (log.warning if found.count else log.info)(
        "feed_walked",
        **keys,
        scanned=found.scanned.total(),
        missing=found.count,
        outcome="done" if found.complete else "goes on",
    )
    _next_in(container, site, policy, _every(policy) if found.complete else timedelta(0))
    if found.count:
        container.queue.wake(Stage.APPLY)
    if not found.complete:
        container.queue.wake(Stage.FEED)


def _next_in(container: Container, site: Site, policy: Reconcile, wait: timedelta) -> None:
    with container.engine.begin() as connection:
        watermarks.due_in(connection, _turn(site), _every(policy), wait)


def _turn(site: Site) -> str:
    return ":".join(("turn", "feed", *site))


def _every(policy: Reconcile) -> timedelta:
    return timedelta(minutes=policy.feed_minutes)
