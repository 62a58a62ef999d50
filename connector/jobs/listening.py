"""Detect the begin and end of silences of sources. Each is reported once, even with several schedulers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from connector.container import Container
from connector.errors import SetupError
from connector.jobs import looking
from connector.ledger import source_activity, watermarks
from connector.ledger.source_activity import SilentSource
from connector.policy import Reconcile
from connector.sync.monitoring.silence_detection import is_silent
from connector.webhooks import registry

log = structlog.get_logger("connector.jobs")

TURN = "turn:silence"
EVERY = timedelta(seconds=20)

Site = tuple[str, str]


def listen(container: Container) -> None:
    """Check every configured source. The change feed of a billing site is read when a silence begins or ends."""
    with container.engine.begin() as connection:
        if not watermarks.take(connection, TURN, EVERY):
            return
    try:
        policy, of = container.policy.reconcile, registry.configured(container.sources)
    except SetupError:
        return
    read = looking.sites(container) if policy.feed_minutes else ()
    with container.engine.begin() as connection:
        source_activity.listen(connection)
        ear = _Ear(connection, container.clock(), policy, source_activity.last_heard(connection))
        lasting = {(one.source, one.site): one for one in source_activity.lasting(connection, of)}
        began = [site for site in of if site not in lasting and ear.begins(site)]
        ended = [one for site, one in lasting.items() if ear.ends(site, one)]
        for site in [*began, *((one.source, one.site) for one in ended)]:
            if site in read:
                looking.feed_at_once(connection, site, policy)
    for site in began:
        _log_silence(site, ear.spoke[site], reads=site in read)
    for one in ended:
        _log_end(one, ear.now)


@dataclass(frozen=True, slots=True)
class _Ear:
    """Detects silences at one moment. ``spoke``: the time of each source's last event."""

    connection: Connection
    now: datetime
    policy: Reconcile
    spoke: dict[Site, datetime]

    def begins(self, site: Site) -> bool:
        """Whether a silence begins and is recorded by this call."""
        least = timedelta(minutes=self.policy.silence_minutes)
        last_at = self.spoke.get(site)
        if not least or last_at is None or self.now - last_at <= least:
            return False
        silent = is_silent(source_activity.heard(self.connection, site), last_at, self.now, least)
        return silent and source_activity.begin(self.connection, site, last_at)

    def ends(self, site: Site, silence: SilentSource) -> bool:
        """Whether a silence ends (an event arrived, or detection was switched off) and this call records it."""
        over = not self.policy.silence_minutes or self.spoke.get(site, silence.since) > silence.since
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
