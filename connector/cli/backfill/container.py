"""Builds a backfill: Recurly clients that leave half of the rate limit to live work, and progress bars."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from connector.cli.output.console import err, show
from connector.cli.output.progress import ReportProgress, progress
from connector.clients.recurly import RecurlyClient, RecurlyConfig
from connector.container import Container
from connector.ledger.attempts import Cause
from connector.ledger.runs import Run
from connector.retry import RetryPolicy
from connector.sync.availability import api_budget
from connector.sync.backfill import (
    Backfill,
    BackfillLock,
    BackfillOptions,
    BulkWriteLock,
    Confirm,
    Phase,
    Unit,
)
from connector.sync.refresh.change_feed import Site

SOURCE: Final = "recurly"
RESERVE: Final = 0.5
"""The share of Recurly's rate limit that is left to live work."""
MAX_WAIT: Final = 900.0
"""Seconds that a call may wait for the rate limit: a backfill is not urgent."""
EXPLAIN_FROM: Final = 5.0
"""A wait for the rate limit of at least this many seconds is explained to the user."""
TIMEOUT: Final = 60.0
"""Recurly can take long for a page of 200 invoices."""
TITLES: Final = {
    Phase.READING: "Reading Recurly",
    Phase.COMPLETING: "Fetching histories",
    Phase.DECIDING: "Deciding",
    Phase.WRITING: "Writing to Salesforce",
}

Clients = Mapping[Site, RecurlyClient]


@contextmanager
def at_work(
    container: Container, run: Run, cause: Cause, turn: BackfillLock, *, writes: bool, agree: Confirm
) -> Iterator[Backfill]:
    """The backfill of this run, ready to start or to resume."""
    with _clients(container, _print) as clients, ExitStack() as shown:
        bars = _Bars(container, clients, shown)
        yield Backfill(
            engine=container.engine,
            sources=clients,
            applier=container.applier(),
            options=BackfillOptions.of(run.options, SOURCE),
            cause=cause,
            lock=turn,
            bulk_lock=BulkWriteLock(container.engine, container.policy.budget.bulk_from, time.sleep, _print),
            retry_policy=RetryPolicy(time.sleep, _print),
            report_progress=bars.tell,
            spent=lambda: {"recurly": _calls(clients), "salesforce": container.salesforce.calls},
            writes=writes,
            confirm=bars.asking(agree),
        )


@contextmanager
def _clients(container: Container, print_: Callable[[str], None]) -> Iterator[Clients]:
    """One client for each site. Closing wakes threads that wait for the rate limit. A long wait is explained once for
    all threads that wait for it."""
    closing = threading.Event()
    explained_until = 0.0

    def sleep(seconds: float) -> None:
        nonlocal explained_until
        now = time.monotonic()
        if seconds >= EXPLAIN_FROM and now >= explained_until:
            explained_until = now + seconds
            print_(
                f"Half of Recurly's rate limit is left to live work, and the other half is used up. Continuing in "
                f"{seconds:.0f} s."
            )
        closing.wait(seconds)

    clients = {
        (SOURCE, site.name): RecurlyClient(
            RecurlyConfig(
                site.name,
                site.api_key,
                region=site.region,
                api_url=site.api_url,
                timeout=TIMEOUT,
                reserve=RESERVE,
                max_wait=MAX_WAIT,
                yields=True,
            ),
            sleep=sleep,
        )
        for site in container.settings.recurly
        if site.api_key
    }
    try:
        yield clients
    finally:
        closing.set()
        for client in clients.values():
            client.close()


def _print(text: str) -> None:
    err.print(show(text))


def _calls(clients: Clients) -> int:
    return sum(client.calls for client in clients.values())


@dataclass(slots=True)
class _Bars:
    """One bar for each phase, without what earlier processes did."""

    container: Container
    clients: Clients
    shown: ExitStack
    _phase: Phase | None = field(default=None, init=False)
    _report: ReportProgress | None = field(default=None, init=False)
    _before: int = field(default=0, init=False)

    def tell(self, phase: Phase, done: int, total: int) -> None:
        if phase is not self._phase or self._report is None:
            self.shown.close()
            self._phase, self._before = phase, done
            title = f"{TITLES[phase]} ({done:,} before)" if done else TITLES[phase]
            self._report = self.shown.enter_context(progress(title, total - done))
        self._report(max(done - self._before, 0), self._left(), total=total - self._before)

    def asking(self, agree: Confirm) -> Confirm:
        """``agree``, with the bar closed while the user is asked."""

        def asked(count: int, unit: Unit) -> None:
            self.shown.close()
            self._phase = None
            agree(count, unit)

        return asked

    def _left(self) -> str:
        """The calls that are left, of Recurly or Salesforce by the phase."""
        if self._phase not in (Phase.READING, Phase.COMPLETING):
            return f"Salesforce: {api_budget.left(self.container.engine, self.container.policy.budget)}"
        budgets = [client.budget for client in self.clients.values()]
        return ", ".join(f"{one.remaining:,} calls left" for one in budgets if one.remaining is not None)
