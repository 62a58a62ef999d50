"""The work of the stages apply and bulk: decide and write due accounts in batches, or very many in one bulk run."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from connector.container import Container
from connector.errors import SetupError
from connector.jobs import refresh
from connector.ledger import events, locks, subjects
from connector.ledger.locks import Lock
from connector.models.events import Urgency
from connector.queue import Stage
from connector.sync.apply import applier as apply_stage
from connector.sync.apply.applier import Applier, Outcome
from connector.sync.availability.circuit_breaker import hold, unavailable

GATHER_UNTIL = 200
"""While this many events wait to be fetched, applying waits so that more changes of an account are combined …"""
GATHER_SECONDS = 15.0
"""… but no account waits longer than this. Urgent accounts do not wait: the urgent lane writes them."""

CONCURRENT_BATCHES = 3
"""Batches that one worker applies concurrently."""
MEANWHILE_SECONDS = 0.3


def apply(container: Container, limit: int | None) -> int:
    """Apply due accounts, one batch or several concurrently. Above the policy's limit, wake the bulk stage."""
    if _gathering(container):
        container.queue.wake(Stage.REFRESH)
        return 0
    try:
        applier = container.applier()
    except SetupError as error:
        hold(container.engine, unavailable(error))
        return 0
    with container.engine.connect() as connection:
        enough = container.policy.budget.bulk_from + 1
        many = subjects.backlog(connection, enough, least=Urgency.FAILURE).ready >= enough
    if many:
        container.queue.wake(Stage.BULK)
    most = Urgency.FAILURE if many else Urgency.ROUTINE
    outcomes = (
        _apply_concurrently(container, applier, most)
        if limit is None
        else [applier.run(limit=limit, most=most)]
    )
    if any(outcome.more or outcome.again for outcome in outcomes):
        container.queue.wake(Stage.APPLY)
    return sum(outcome.claimed for outcome in outcomes)


def bulk(container: Container, limit: int | None) -> int:
    """Apply due accounts in bulk; one bulk run per org at a time. While Salesforce works on it, this worker does urgent
    work, so that no dispute waits behind ten thousand profile edits."""
    with locks.alone(container.engine, Lock.BULK) as is_ours:
        if not is_ours:
            return 0
        applier = container.applier()
        outcome = applier.run(
            limit=limit or container.policy.budget.bulk_at_most,
            least=Urgency.FAILURE,
            bulk_wait=lambda seconds: do_urgent_work(container, applier, seconds),
        )
    if outcome.more or outcome.again:
        container.queue.wake(Stage.APPLY)
    return outcome.claimed


def do_urgent_work(container: Container, applier: Applier, seconds: float) -> None:
    """Do urgent work for so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        done = refresh.refresh(container, None) + applier.run(most=Urgency.FAILURE).claimed
        left = deadline - time.monotonic()
        if left <= 0:
            return
        if not done:
            time.sleep(min(left, MEANWHILE_SECONDS))


def _apply_concurrently(container: Container, applier: Applier, most: Urgency) -> list[Outcome]:
    """Run one batch, or several concurrently if more is due: one decides while another waits for Salesforce. Their
    accounts differ, so they do not lock each other's rows there."""
    with container.engine.connect() as connection:
        most_now = apply_stage.BATCH * CONCURRENT_BATCHES
        ready = subjects.backlog(connection, most_now + 1, most=most).ready
    if ready > most_now:
        container.queue.wake_another(Stage.APPLY)
    batches = min(-(-ready // apply_stage.BATCH), CONCURRENT_BATCHES)
    if batches <= 1:
        return [applier.run(limit=apply_stage.BATCH, most=most)]
    with ThreadPoolExecutor(batches, thread_name_prefix="apply") as pool:
        return [
            future.result()
            for future in [
                pool.submit(applier.run, limit=apply_stage.BATCH, most=most) for _ in range(batches)
            ]
        ]


def _gathering(container: Container) -> bool:
    """Whether a burst is still being fetched: a short wait combines many writes of an account into one."""
    with container.engine.connect() as connection:
        if events.waiting(connection, GATHER_UNTIL) < GATHER_UNTIL:
            return False
        due = subjects.backlog(connection, 1, least=Urgency.FAILURE)
    return due.oldest is not None and container.clock() - due.oldest < timedelta(seconds=GATHER_SECONDS)
