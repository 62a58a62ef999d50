"""The comparison in ``burst``: one RQ job per event, as it is usually written.

Each job fetches the object the event names and its account, and upserts the account and then the object: two
calls to Recurly, two to Salesforce, each for one record. ``fork``: RQ's own worker, a process for each job, so
each job logs in to Salesforce anew. ``simple``: RQ's SimpleWorker, all jobs in one process with one session.

    python -m bench.naive fork|simple FILE

FILE holds a delivery's body in JSON on each line. Settings come from Casewire's environment.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from redis import Redis
from rq import Queue, SimpleWorker, Worker
from rq.job import JobStatus

from connector.clients.recurly import RecurlyClient
from connector.clients.salesforce import SalesforceClient, SalesforceConfig
from connector.container import Container, container_from_environment
from connector.mappers import external_ids, fields
from connector.models import facts
from connector.models.facts import BillingObject, Facts
from connector.models.plan import Change
from connector.policy import Policy
from connector.settings import load
from connector.sync.apply.row_diff import row_for
from connector.sync.decide.decide import decide
from connector.webhooks.recurly import parse

WORKERS: Final = ("fork", "simple")
_RECORDS: Final = {
    "subscription": fields.Subscription.OBJECT,
    "invoice": fields.Invoice.OBJECT,
    "payment": fields.Payment.OBJECT,
}


class _NoIds:
    """Accounts and billing records belong to no queue."""

    def queue(self, name: str) -> str | None:
        return None

    def record_type(self, name: str) -> str | None:
        return None


@cache
def _session() -> SalesforceClient:
    """With a session of this process: in a forked one there is none yet, so it logs in."""
    settings = load()
    assert settings.salesforce_login_url
    assert settings.salesforce_client_id
    return SalesforceClient(
        SalesforceConfig(
            settings.salesforce_login_url, settings.salesforce_client_id, settings.salesforce_client_secret
        )
    )


@cache
def _recurly() -> RecurlyClient:
    (client,) = container_from_environment().apis.values()
    assert isinstance(client, RecurlyClient)
    return client


def job(body: str) -> None:
    """Work one event."""
    (pointer,) = parse.read(body.encode()).pointers
    found = _get(pointer.object, pointer.refs)
    if isinstance(found, facts.Account):
        _upsert(_changes(found, None), None)
        return
    account = _get("account", (f"code-{found.account_code}",))
    assert isinstance(account, facts.Account)
    _upsert(_changes(account, found), found)


def _get(kind: str, refs: tuple[str, ...]) -> BillingObject:
    answer = _recurly().fetch(kind, [refs])
    return next(one for one in answer.found if one.object == kind)


def _changes(account: facts.Account, about: BillingObject | None) -> list[Change]:
    """What Casewire would write of these two, and nothing else that it knows."""
    seen = Facts(
        subject=external_ids.subject("recurly", _site(), account.code),
        source="recurly",
        site=_site(),
        code=account.code,
        now=datetime.now(UTC),
        account=account,
        subscriptions=(about,) if isinstance(about, facts.Subscription) else (),
        invoices=(about,) if isinstance(about, facts.Invoice) else (),
        payments=(about,) if isinstance(about, facts.Payment) else (),
    )
    return list(decide(seen, Policy.load(None)).changes)


def _upsert(changes: list[Change], about: BillingObject | None) -> None:
    wanted = {fields.Account.OBJECT, _RECORDS.get(about.object) if about else None}
    for change in changes:
        row = row_for(change, None, exists=True, org=_NoIds())
        if change.object in wanted and row is not None:
            (answer,) = _session().upsert(
                change.object, fields.KEY, [{fields.KEY: change.key, **row.payload}]
            )
            assert answer.error is None, answer.error


def _site() -> str:
    ((_, site),) = container_from_environment().apis
    return site


def main(how: str, file: Path) -> None:
    wires: Container = container_from_environment()
    redis: Redis = wires.redis
    queue = Queue("naive", connection=redis)
    bodies = [json.loads(line) for line in file.read_text().splitlines()]
    jobs = [queue.enqueue("bench.naive.job", body, result_ttl=600) for body in bodies]
    worker = {"fork": Worker, "simple": SimpleWorker}[how]([queue], connection=redis)
    if how == "fork":
        _recurly()
    started = time.monotonic()
    worker.work(burst=True, logging_level="WARNING")
    seconds = time.monotonic() - started
    done = sum(one.get_status() == JobStatus.FINISHED for one in jobs)
    print(json.dumps({"seconds": seconds, "done": done}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
