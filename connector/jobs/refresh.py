"""The work of the stages refresh and history: fetch objects from the vendors into the ledger."""

from __future__ import annotations

from connector.container import Container
from connector.errors import SetupError
from connector.ledger import events, match_queue
from connector.queue import Stage
from connector.sync.monitoring import incident_detection
from connector.sync.refresh import account_matching, enrichment, history_fetch
from connector.sync.refresh import refresh as refresh_stage


def refresh(container: Container, limit: int | None) -> int:
    """Fetch the objects of pending events, enrich objects, and work the match queue."""
    outcome = refresh_stage.refresh(
        container.engine,
        container.apis,
        container.clock,
        container.worker,
        limit=limit or refresh_stage.BATCH,
        lookups=container.lookups,
        checkpoint=container.checkpoint,
        on_full=lambda: container.queue.wake_another(Stage.REFRESH),
    )
    enriched = enrichment.ask(
        container.engine, container.apis, container.lookups, checkpoint=container.checkpoint
    )
    container.checkpoint()
    enriched |= account_matching.work_queue(container.engine, container.checkpoint)
    noticed = (
        notice_incidents(container) if outcome.failed or incident_detection.last(container.engine) else 0
    )
    with container.engine.connect() as connection:
        more = outcome.more or match_queue.tasks_wait(connection)
    if more:
        container.queue.wake(Stage.REFRESH)
    if outcome.due or enriched or noticed:
        container.queue.wake(Stage.APPLY)
    return outcome.claimed


def notice_incidents(container: Container) -> int:
    """Detect the begin and end of incidents. Return how many accounts became due. An invalid policy is reported where
    it stops the writing, so it is ignored here."""
    try:
        settings = container.policy.rules.incident
    except SetupError:
        return 0
    return incident_detection.notice(container.engine, settings, container.clock())


def history(container: Container, limit: int | None) -> int:
    """Fetch the histories of accounts older than the ledger, one by one, while no event waits."""

    def is_idle() -> bool:
        container.checkpoint()
        with container.engine.connect() as connection:
            return not events.waiting(connection, 1)

    fetched = history_fetch.fetch_histories(
        container.engine, container.apis, limit or history_fetch.BATCH, go_on=is_idle
    )
    if fetched:
        container.queue.wake(Stage.APPLY)
        container.queue.wake(Stage.HISTORY)
    return fetched
