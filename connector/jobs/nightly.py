"""What the job of reconcile does: once a day everything is compared, as by ``casewire reconcile --apply``."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from connector.errors import CasewireError, SetupError
from connector.jobs import applying, looking
from connector.ledger import circuits, locks, runs, watermarks
from connector.ledger.locks import Lock
from connector.policy import Reconcile
from connector.queue import Stage
from connector.sync import missed
from connector.sync.destination import DESTINATION
from connector.sync.patience import Patience
from connector.sync.reconcile import COMMAND, Reconciling, Window, since_last
from connector.sync.reconcile.filling import fill
from connector.wiring import Wiring

log = structlog.get_logger("connector.jobs")

TURN: Final = "turn:reconcile"
WHO: Final = "scheduler"
DAY: Final = timedelta(days=1)


def begin_turn(wires: Wiring, connection: Connection) -> None:
    """From the day on that it is switched on, the first time that night."""
    if _policy(wires).nightly:
        watermarks.begin(connection, TURN)


def is_due(wires: Wiring, connection: Connection) -> bool:
    """Whether its time has come since it was done last, and nobody that is asked is out."""
    policy = _policy(wires)
    if not policy.nightly or not watermarks.is_before(connection, TURN, _moment(policy, wires.clock())):
        return False
    out = circuits.open_circuits(connection)
    return not any(name in out for name in (DESTINATION, *(":".join(site) for site in looking.sites(wires))))


def reconcile_all(wires: Wiring, limit: int | None) -> int:
    """Once for each night, however many ask. What is urgent goes on meanwhile."""
    policy = wires.policy.reconcile
    now = wires.clock()
    with wires.engine.begin() as connection:
        if not policy.nightly or not watermarks.take_once(connection, TURN, _moment(policy, now)):
            return 0
        run_id = runs.begin(connection, COMMAND, WHO, "every night", {})
    try:
        _reconcile(wires, run_id, now)
    except BaseException as error:
        _end(wires, run_id, runs.FAILED, str(error))
        if not isinstance(error, CasewireError):
            raise
        log.error("reconcile_failed", run=run_id, error=str(error), outcome="next night")
    else:
        _end(wires, run_id, runs.DONE)
    wires.queue.wake(Stage.APPLY)
    return 0


def _end(wires: Wiring, run_id: int, state: str, error: str = "") -> None:
    with wires.engine.begin() as connection:
        runs.end(connection, run_id, state, error)


def _reconcile(wires: Wiring, run_id: int, now: datetime) -> None:
    policy = wires.policy.reconcile
    applier = wires.applier()

    def meanwhile(*_: object) -> None:
        applying.meanwhile(wires, applier, 0.0)

    def go_on() -> bool:
        meanwhile()
        return False

    def pause(seconds: float) -> None:
        over = time.monotonic() + seconds
        while time.monotonic() < over:
            meanwhile()
            time.sleep(1.0)

    def say(why: str) -> None:
        log.warning("reconcile_waits", run=run_id, error=why, outcome="waiting")

    missing, grace, sides = 0, timedelta(minutes=policy.grace_minutes), wires.sides
    with wires.engine.connect() as connection:
        since = since_last(connection, policy.compare, sides.sites, now, now)
    window = Window(since, now, sides.sites, None)
    with locks.turn(wires.engine, Lock.FILLING, lambda: pause(1.0)):
        for site, api in wires.apis.items():
            found = missed.look(
                wires.engine,
                site,
                api,
                now,
                since=None,
                fill=True,
                run_id=run_id,
                grace=grace,
                stop=go_on,
                patience=Patience(pause, say),
            )
            missing += found.count
        missing += fill(sides, window, now, grace=grace, run_id=run_id, meanwhile=meanwhile).count
    reconciling = Reconciling(sides, policy.compare, window, now, run_id, meanwhile)
    deque(reconciling.findings(), maxlen=0)
    with wires.engine.begin() as connection:
        runs.progress(connection, run_id, {"missing": missing, **reconciling.progress()})
    log.info("reconciled", run=run_id, missing=missing, open=reconciling.open, outcome="done")


def _policy(wires: Wiring) -> Reconcile:
    """One that cannot be read is told of elsewhere; until then nothing is reconciled."""
    try:
        return wires.policy.reconcile
    except SetupError:
        return Reconcile()


def _moment(policy: Reconcile, now: datetime) -> datetime:
    """When it was last time."""
    today = datetime.combine(now.date(), policy.time_of_day, now.tzinfo)
    return today if today <= now else today - DAY
