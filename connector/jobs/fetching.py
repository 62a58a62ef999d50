"""What the jobs of refresh and history do: the ledger learns what vendors hold."""

from __future__ import annotations

from connector.container import Container
from connector.errors import SetupError
from connector.ledger import events, match_queue
from connector.queue import Stage
from connector.sync.monitoring import incident_detection
from connector.sync.refresh import account_matching, enrichment
from connector.sync.refresh import history_fetch as histories
from connector.sync.refresh import refresh as refreshing


def fetch(wires: Container, limit: int | None) -> int:
    """Pending events: what they point to is fetched, what a webhook lacked is asked for."""
    outcome = refreshing.refresh(
        wires.engine,
        wires.apis,
        wires.clock,
        wires.worker,
        limit=limit or refreshing.BATCH,
        lookups=wires.lookups,
        checkpoint=wires.checkpoint,
        on_full=lambda: wires.queue.wake_another(Stage.REFRESH),
    )
    answered = enrichment.ask(wires.engine, wires.apis, wires.lookups, checkpoint=wires.checkpoint)
    wires.checkpoint()
    answered |= account_matching.work_queue(wires.engine, wires.checkpoint)
    noticed = notice(wires) if outcome.failed or incident_detection.last(wires.engine) else 0
    with wires.engine.connect() as connection:
        more = outcome.more or match_queue.tasks_wait(connection)
    if more:
        wires.queue.wake(Stage.REFRESH)
    if outcome.due or answered or noticed:
        wires.queue.wake(Stage.APPLY)
    return outcome.claimed


def notice(wires: Container) -> int:
    """Look whether a gateway is failing, or well again; who became due by it. A policy that cannot be read stops the
    writing, which says so, and nothing else."""
    try:
        settings = wires.policy.rules.incident
    except SetupError:
        return 0
    return incident_detection.notice(wires.engine, settings, wires.clock())


def fetch_histories(wires: Container, limit: int | None) -> int:
    """Accounts older than the ledger, one by one, while no event waits."""

    def is_idle() -> bool:
        wires.checkpoint()
        with wires.engine.connect() as connection:
            return not events.waiting(connection, 1)

    fetched = histories.fetch_histories(wires.engine, wires.apis, limit or histories.BATCH, go_on=is_idle)
    if fetched:
        wires.queue.wake(Stage.APPLY)
        wires.queue.wake(Stage.HISTORY)
    return fetched
