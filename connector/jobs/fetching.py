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


def fetch(container: Container, limit: int | None) -> int:
    """Pending events: what they point to is fetched, what a webhook lacked is asked for."""
    outcome = refreshing.refresh(
        container.engine,
        container.apis,
        container.clock,
        container.worker,
        limit=limit or refreshing.BATCH,
        lookups=container.lookups,
        checkpoint=container.checkpoint,
        on_full=lambda: container.queue.wake_another(Stage.REFRESH),
    )
    answered = enrichment.ask(
        container.engine, container.apis, container.lookups, checkpoint=container.checkpoint
    )
    container.checkpoint()
    answered |= account_matching.work_queue(container.engine, container.checkpoint)
    noticed = notice(container) if outcome.failed or incident_detection.last(container.engine) else 0
    with container.engine.connect() as connection:
        more = outcome.more or match_queue.tasks_wait(connection)
    if more:
        container.queue.wake(Stage.REFRESH)
    if outcome.due or answered or noticed:
        container.queue.wake(Stage.APPLY)
    return outcome.claimed


def notice(container: Container) -> int:
    """Look whether a gateway is failing, or well again; who became due by it. A policy that cannot be read stops the
    writing, which says so, and nothing else."""
    try:
        settings = container.policy.rules.incident
    except SetupError:
        return 0
    return incident_detection.notice(container.engine, settings, container.clock())


def fetch_histories(container: Container, limit: int | None) -> int:
    """Accounts older than the ledger, one by one, while no event waits."""

    def is_idle() -> bool:
        container.checkpoint()
        with container.engine.connect() as connection:
            return not events.waiting(connection, 1)

    fetched = histories.fetch_histories(
        container.engine, container.apis, limit or histories.BATCH, go_on=is_idle
    )
    if fetched:
        container.queue.wake(Stage.APPLY)
        container.queue.wake(Stage.HISTORY)
    return fetched
