"""Collects the document of ``casewire status``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from redis.exceptions import RedisError
from rq import Worker
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker
from sqlalchemy import Connection

from connector import queue
from connector.container import Container
from connector.errors import SetupError
from connector.jobs import watch
from connector.ledger import (
    api_usage,
    circuit_breakers,
    incidents,
    links,
    missed_changes,
    queries,
    runs,
    source_activity,
)
from connector.ledger.runs import Run
from connector.models.facts import LinkState
from connector.sync.availability import api_budget
from connector.sync.availability.circuit_breaker import DESTINATION
from connector.webhooks import registry

LATELY: Final = timedelta(days=7)
RECONCILE: Final = "reconcile"
LATEST: Final = 100
"""Number of newest reconcile runs that are searched for a complete one."""


def collect(container: Container) -> dict[str, Any]:
    """The document that ``status`` prints."""
    with container.engine.connect() as connection:
        numbers = queries.numbers(connection)
        unknown = queries.unknown_kinds(connection)
        failing = incidents.lasting(connection)
        out_now = circuit_breakers.troubled(connection)
        linked = links.numbers(connection)
        calls = api_usage.load(connection, DESTINATION)
        silent = source_activity.lasting(connection, registry.configured(container.sources))
        missed = missed_changes.recent(connection, LATELY)
        reconciled = _reconciled(container, connection)
        late = _late(container, connection)
        unread = missed_changes.not_readable(connection, LATELY)
    redis = _redis(container)
    dead = numbers["dead_events"] + numbers["dead_accounts"]
    not_set_up = any(circuit.code == circuit_breakers.NOT_SET_UP for circuit in out_now)
    missing = container.not_configured()
    scheduler = redis.pop("scheduler", None)
    rejected = redis.pop("rejected_jobs", None)
    needs = (dead, not_set_up, missing, silent, late, redis.get("error"), redis.get("workers") == 0, rejected)
    return {
        "needs_a_person": any(needs)
        or bool(scheduler and not scheduler["runs"])
        or bool(reconciled and not went_well(reconciled.state, reconciled.progress)),
        "backlog": numbers,
        "unknown_kinds": unknown,
        "not_linked": {str(state): linked.get(state, 0) for state in (LinkState.REVIEW, LinkState.WAITING)},
        "incidents": [
            {"gateway": one.gateway, "site": one.site, "since": one.started_at, "accounts": one.accounts}
            for one in failing
        ],
        "silent": [asdict(one) for one in silent],
        "scheduler": scheduler,
        "feeds_not_read": [
            {"source": source, "site": site, "since": at} for (source, site), at in late.items()
        ],
        "not_readable": {"days": LATELY.days, **asdict(unread)},
        "missed": {"days": LATELY.days, **asdict(missed)},
        "reconciled": _run_document(reconciled) if reconciled else None,
        "circuits": [
            {
                "destination": c.destination,
                "until": c.until,
                "since": c.since,
                "reason": c.reason,
                "code": c.code,
            }
            for c in out_now
        ],
        "budgets": {**redis.pop("budgets", {}), **_salesforce(container, calls)},
        "left_out": redis.pop("left_out", []),
        "refused": redis.pop("refused", []),
        "rejected_jobs": rejected,
        "salesforce_calls": asdict(calls) if calls else None,
        "redis": redis,
        "not_configured": missing,
        "mode": "live" if container.settings.live else "test",
        "sources": [":".join(filter(None, key)) for key in registry.configured(container.sources)],
    }


def _reconciled(container: Container, connection: Connection) -> Run | None:
    """The newest ended run over all sites and processors; a run of a single one proves nothing about the others."""
    sites = {one.name for one in container.settings.recurly}
    for run in runs.listed(connection, RECONCILE, None, None, LATEST):
        over = run.state in (runs.DONE, runs.FAILED)
        if over and not run.options.get("processors") and sites <= set(run.options.get("sites", sites)):
            return run
    return None


def went_well(state: str, found: Mapping[str, Any]) -> bool:
    """Whether an ended reconcile could read every configured site and processor."""
    return state != runs.FAILED and not found.get("failed")


def _late(container: Container, connection: Connection) -> Mapping[tuple[str, str], datetime]:
    """Empty if the policy cannot be read; another line of status reports that."""
    try:
        return watch.late(container, connection)
    except SetupError:
        return {}


def _run_document(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "who": run.who,
        "state": run.state,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "found": run.progress,
        "error": run.error,
    }


def _salesforce(container: Container, calls: api_usage.ApiUsage | None) -> dict[str, str]:
    """Empty if the policy cannot be read; another line of status reports that."""
    try:
        return {DESTINATION: api_budget.in_words(calls, container.policy.budget)} if calls else {}
    except SetupError:
        return {}


def _scheduler(container: Container, workers: Sequence[BaseWorker]) -> dict[str, Any]:
    """State of the scheduler. Right after a start it counts as running, although it has not swept yet."""
    now = container.clock()
    born = [one.birth_date for one in workers if one.birth_date]
    is_new = bool(born) and now - min(born) < queue.SWEPT_WITHIN
    runs_ = container.queue.is_swept(now, container.settings.casewire_sweep_seconds)
    return {"seen_at": container.queue.swept_at(), "runs": runs_ or is_new}


def _redis(container: Container) -> dict[str, Any]:
    try:
        workers = Worker.all(connection=container.redis, job_class=queue.StageJob, serializer=JSONSerializer)
        rejected = container.queue.rejected_jobs()
        return {
            "workers": len(workers),
            "scheduler": _scheduler(container, workers),
            "jobs_waiting": container.queue.depth(),
            "queue": queue.NAME,
            "budgets": container.queue.notes(),
            "left_out": container.queue.remarks(),
            "refused": [asdict(one) for one in container.queue.refusals()],
            "rejected_jobs": asdict(rejected) if rejected else None,
        }
    except RedisError as error:
        return {"error": f"Redis does not answer: {error}. Deliveries are still recorded."}
