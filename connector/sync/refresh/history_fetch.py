"""Fetch the history of accounts that are older than the ledger: once, when nothing more urgent waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Engine

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import circuit_breakers, match_queue, snapshots, subjects
from connector.ledger.subjects import Due
from connector.sync.availability.circuit_breaker import hold
from connector.sync.refresh import account_matching
from connector.sync.refresh.object_fetcher import FailedObject, FetchedObjects, SourceApi
from connector.sync.refresh.refresh import Apis

log = structlog.get_logger("connector.history")

BATCH = 25


def fetch_histories(
    engine: Engine, apis: Apis, limit: int = BATCH, go_on: Callable[[], bool] = lambda: True
) -> int:
    """Fetch the wanted history of some accounts and make them due. Return how many. ``go_on``: called before each."""
    done = 0
    for _ in range(limit):
        if not go_on():
            break
        with engine.begin() as connection:
            claimed = subjects.claim_history(connection, 1)
            out = circuit_breakers.open_circuits(connection)
        if not claimed:
            break
        (one,) = claimed
        api = apis.get((one.source, one.site))
        if api is None or f"{one.source}:{one.site}" in out:
            continue
        try:
            fetch_history(engine, api, one)
            done += 1
        except Unavailable as error:
            hold(engine, error)
            log.warning("history_waits", subject=one.key, error=str(error), outcome="waiting")
            break
        except (Transient, Permanent) as error:
            log.warning("history_failed", subject=one.key, error=str(error), outcome="retry")
    return done


def fetch_history(
    engine: Engine, api: SourceApi, subject: Due, *, due: bool = True
) -> Sequence[FailedObject]:
    """Fetch all objects of one account and store them as snapshots. With ``due`` the account becomes due. Without, its
    history stays wanted, and fetching that makes it due later. Return the objects that cannot be read."""
    with engine.connect() as connection:
        observed_at = snapshots.clock(connection)
    answer = api.history(subject.code)
    _require_whole(answer)
    with engine.begin() as connection:
        changed = snapshots.store(connection, subject.source, subject.site, observed_at, answer.found)
        snapshots.mark_gone(connection, subject.source, subject.site, observed_at, answer.gone)
        if due:
            subjects.mark_due(connection, [subject])
            subjects.decide_history(connection, (), (), done=[subject.key])
        else:
            subjects.decide_history(connection, [subject.key], ())
        match_queue.enqueue(connection, changed)
    account_matching.match_again(engine, changed)
    log.info(
        "history_fetched", subject=subject.key, objects=len(answer.found), outcome="due" if due else "kept"
    )
    return answer.failed


def _require_whole(answer: FetchedObjects) -> None:
    """Raise a transient error, as the object may be readable later. Log permanent errors and go without the object."""
    for one in answer.failed:
        if isinstance(one.error, Transient):
            raise one.error
        log.error(
            "history_lacks", object=one.object, ref=one.refs[0], error=str(one.error), outcome="left out"
        )
