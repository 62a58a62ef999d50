"""The work of the stage reconcile: once a night, the same as ``casewire reconcile --apply``."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from connector.container import Container
from connector.errors import CasewireError, SetupError
from connector.jobs import apply, watch
from connector.ledger import circuit_breakers, locks, runs, watermarks
from connector.ledger.locks import Lock
from connector.policy import Reconcile
from connector.queue import Stage
from connector.retry import AWAY, RetryPolicy
from connector.sync.apply.applier import Applier
from connector.sync.availability.circuit_breaker import DESTINATION
from connector.sync.monitoring import gap_detection
from connector.sync.monitoring.gap_detection import GapReport, SiteGapReport, detect_at_each_site
from connector.sync.reconcile.processor_gaps import ProcessorGapReport, fill
from connector.sync.reconcile.reconciliation import COMMAND, Reconciliation, WindowChoice, reach
from connector.sync.refresh.object_fetcher import SourceApi

log = structlog.get_logger("connector.jobs")

TURN: Final = "turn:reconcile"
WHO: Final = "scheduler"
DAY: Final = timedelta(days=1)
TRIES: Final = 3
"""Tries per night, including those whose process died."""
AGAIN: Final = timedelta(minutes=15)
"""Delay after the last activity of a try."""
PATIENT: Final = timedelta(hours=1)
"""How long to wait for an unavailable site while others are available."""


def begin_turn(container: Container, connection: Connection) -> None:
    """Schedule the first reconcile for the night after it was switched on."""
    if _policy(container).nightly:
        watermarks.begin(connection, TURN)


def is_due(container: Container, connection: Connection) -> bool:
    """Whether the reconcile is due, no process works on it, and the destinations are available. An unavailable site is
    waited for at most an hour; then the others are compared without it."""
    policy, now = _policy(container), container.clock()
    night = _moment(policy, now)
    if not policy.nightly or not watermarks.is_before(connection, TURN, night):
        return False
    out = circuit_breakers.open_circuits(connection)
    away = [":".join(site) in out for site in watch.sites(container)]
    if DESTINATION in out or (any(away) and (now - night < PATIENT or all(away))):
        return False
    return (
        not locks.is_held(connection, Lock.NIGHT)
        and not runs.tried(connection, COMMAND, _asked(night), AGAIN).rests
    )


def reconcile(container: Container, limit: int | None) -> int:
    """Reconcile once per night, one process at a time; urgent work continues meanwhile.

    After a dead process or a temporary error it is started again, up to ``TRIES`` times a night."""
    with locks.alone(container.engine, Lock.NIGHT) as is_ours:
        if is_ours:
            _take(container)
    return 0


def _take(container: Container) -> None:
    policy, now = container.policy.reconcile, container.clock()
    night = _moment(policy, now)
    with container.engine.begin() as connection:
        # a running process would have the lock
        runs.abandon(connection, COMMAND, WHO, "Its process ended before it did.")
        if not policy.nightly or not watermarks.is_before(connection, TURN, night):
            return
        tried = runs.tried(connection, COMMAND, _asked(night), AGAIN)
        if tried.rests:
            return
        if tried.count >= TRIES:
            watermarks.take_once(connection, TURN, night)
            log.error("reconcile_failed", error=f"It died {tried.count} times.", outcome="next night")
            return
        run_id = runs.begin(connection, COMMAND, WHO, "every night", _asked(night))
    _carry_out(container, run_id, now, night, is_last=tried.count + 1 >= TRIES)


def _carry_out(container: Container, run_id: int, now: datetime, night: datetime, *, is_last: bool) -> None:
    try:
        _Night(container, run_id, now, container.applier()).reconcile()
    except BaseException as error:
        again = not is_last and (isinstance(error, AWAY) or not isinstance(error, Exception))
        _end(container, run_id, runs.FAILED, str(error), over=None if again else night)
        if not isinstance(error, CasewireError):
            raise
        minutes = AGAIN // timedelta(minutes=1)
        outcome = f"again in {minutes} minutes" if again else "next night"
        log.error("reconcile_failed", run=run_id, error=str(error), outcome=outcome)
    else:
        _end(container, run_id, runs.DONE, over=night)
    container.queue.wake(Stage.APPLY)


def _end(container: Container, run_id: int, state: str, error: str = "", *, over: datetime | None) -> None:
    """Record the end of a try. ``over``: the night that is finished with it."""
    with container.engine.begin() as connection:
        runs.end(connection, run_id, state, error)
        if over:
            watermarks.take_once(connection, TURN, over)


@dataclass(frozen=True, slots=True)
class _Night:
    """One try of a nightly reconcile."""

    container: Container
    run_id: int
    now: datetime
    applier: Applier

    def reconcile(self) -> None:
        sides, engine = self.container.sides, self.container.engine
        with locks.turn(engine, Lock.FILLING, lambda: self._pause(1.0)):
            looked = self._looked()
            known = self._known(looked)
            window = known.window(self.now, sides.sites, None)
            filled = fill(
                sides,
                known.lists(window),
                self.now,
                grace=self._grace,
                run_id=self.run_id,
                meanwhile=self._meanwhile,
            )
        compare = self.container.policy.reconcile.compare
        reconciling = Reconciliation(sides, compare, window, self.now, self.run_id, self._meanwhile, known)
        deque(reconciling.findings(), maxlen=0)
        self._report(looked.count + filled.count, reconciling, filled)

    def _report(self, missing: int, reconciling: Reconciliation, filled: ProcessorGapReport) -> None:
        progress = {"missing": missing, **reconciling.progress(filled.failed)}
        with self.container.engine.begin() as connection:
            runs.progress(connection, self.run_id, progress)
        failed = ", ".join(progress.get("failed", ()))
        (log.warning if failed else log.info)(
            "reconciled",
            run=self.run_id,
            missing=missing,
            open=reconciling.open,
            not_compared=len(progress.get("not_compared", ())),
            outcome=f"without {failed}" if failed else "done",
        )

    def _looked(self) -> SiteGapReport:
        """Detect gaps of each site. Sites with an open circuit are left out, unless all are."""
        apis = self.container.apis
        with self.container.engine.connect() as connection:
            circuit = circuit_breakers.open_circuits(connection)
        out = {site[1]: circuit[name].reason for site in apis if (name := ":".join(site)) in circuit}
        return detect_at_each_site(apis, self._look, out if len(out) < len(apis) else {})

    def _look(self, site: tuple[str, str], api: SourceApi) -> GapReport:
        return gap_detection.detect_gaps(
            self.container.engine,
            site,
            api,
            self.now,
            since=None,
            fill=True,
            run_id=self.run_id,
            grace=self._grace,
            stop=self._go_on,
            patience=RetryPolicy(self._pause, self._say, from_the_start=True),
        )

    def _known(self, looked: SiteGapReport) -> WindowChoice:
        policy = self.container.policy.reconcile
        with self.container.engine.connect() as connection:
            return reach(
                connection,
                policy.compare,
                policy.days,
                self.container.sides.sites,
                self.now,
                self.now,
                failed=looked.failed,
            )

    @property
    def _grace(self) -> timedelta:
        return timedelta(minutes=self.container.policy.reconcile.grace_minutes)

    def _meanwhile(self, *_: object) -> None:
        apply.do_urgent_work(self.container, self.applier, 0.0)

    def _go_on(self) -> bool:
        self._meanwhile()
        return False

    def _pause(self, seconds: float) -> None:
        over = time.monotonic() + seconds
        while time.monotonic() < over:
            self._meanwhile()
            time.sleep(1.0)

    def _say(self, why: str) -> None:
        log.warning("reconcile_waits", run=self.run_id, error=why, outcome="waiting")


def _policy(container: Container) -> Reconcile:
    """The settings; defaults if the policy is invalid. That is reported elsewhere, and nothing is reconciled."""
    try:
        return container.policy.reconcile
    except SetupError:
        return Reconcile()


def _asked(night: datetime) -> dict[str, str]:
    return {"night": night.isoformat()}


def _moment(policy: Reconcile, now: datetime) -> datetime:
    """The time of the last scheduled reconcile."""
    today = datetime.combine(now.date(), policy.time_of_day, now.tzinfo)
    return today if today <= now else today - DAY
