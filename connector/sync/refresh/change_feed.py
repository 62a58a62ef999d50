"""The change feed of a billing site: all objects of one kind in the order of their last change, page by page.

Each page is stored independently of later pages, and older data never overwrites newer data: the ledger keeps the
newest version of each object (``ledger/snapshots.py``). A reader resumes at the time of the last change that it read;
objects that are read twice are ignored the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import Connection, Engine

from connector.ledger import match_queue, snapshots
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.models.events import Urgency
from connector.models.facts import BillingObject
from connector.sync.refresh import account_matching
from connector.sync.refresh.object_fetcher import FailedObject, SourceApi

log = structlog.get_logger("connector.feed")

KINDS: Final = ("account", "subscription", "invoice", "payment", "credit_payment")
"""Every kind of object of a billing site, owners before what they own."""

Site = tuple[str, str]
Also = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Page:
    """Up to 200 objects of one kind, oldest change first. ``observed_at``: when the page was requested, by the ledger's
    clock. ``until``: the time of its last change, from which a reader can resume without loss. ``failed``: objects of
    the page that could not be read."""

    kind: str
    objects: tuple[BillingObject, ...]
    observed_at: datetime
    until: datetime | None
    failed: tuple[FailedObject, ...] = ()


def pages(engine: Engine, api: SourceApi, kind: str, since: datetime | None) -> Iterator[Page]:
    """Yield the pages since then, or all. Raises the API's error; the pages before it are complete.

    An object that cannot be read is left out and logged."""
    answers = api.changed(kind, since)
    while True:
        with engine.connect() as connection:
            observed_at = snapshots.clock(connection)
        answer = next(answers, None)
        if answer is None:
            return
        for one in answer.failed:
            log.error(
                "feed_lacks", object=one.object, ref=one.refs[0], error=str(one.error), outcome="left out"
            )
        # what comes inside another object may have changed later than what is still to come
        moments = [one.updated_at for one in answer.found if one.object == kind and one.updated_at]
        until = max(moments, default=None)
        yield Page(kind, tuple(answer.found), observed_at, until, tuple(answer.failed))


def news(engine: Engine, site: Site, page: Page) -> list[BillingObject]:
    """The objects of this page that the ledger does not have, or has in an older version."""
    with engine.connect() as connection:
        known = snapshots.versions(connection, *site, [(one.object, one.id) for one in page.objects])
    return [one for one in page.objects if _is_news(one, known)]


def keep(engine: Engine, site: Site, page: Page, also: Also = lambda _: None) -> None:
    """Store the page as snapshots, unless the ledger has newer ones, and match pending objects. ``also``: called in the
    same transaction."""
    with engine.begin() as connection:
        changed = snapshots.store(connection, *site, page.observed_at, page.objects)
        also(connection)
        match_queue.enqueue(connection, changed)
    account_matching.match_again(engine, changed)


def owners(site: Site, objects: Sequence[BillingObject]) -> list[Due]:
    """The accounts of these objects, each once."""
    found = {snapshots.subject_of(*site, one) for one in objects}
    prefix = external_ids.subject(*site, "")
    return [Due(key, *site, key.removeprefix(prefix), Urgency.ROUTINE) for key in sorted(found)]


def _is_news(one: BillingObject, known: dict[tuple[str, str], datetime | None]) -> bool:
    if (one.object, one.id) not in known:
        return True
    version = known[one.object, one.id]
    return one.updated_at is not None and (version is None or version < one.updated_at)
