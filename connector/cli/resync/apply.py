"""Applies a plan in batches of accounts, with progress, within the API calls of the org."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from connector.cli.output.console import err, show
from connector.cli.output.progress import ReportProgress, progress
from connector.container import Container
from connector.errors import Permanent
from connector.ledger import leases, locks, runs
from connector.ledger.attempts import Cause
from connector.ledger.locks import Lock
from connector.ledger.subjects import Due
from connector.models.events import Urgency
from connector.sync.apply.applier import Applier, Outcome
from connector.sync.availability import api_budget
from connector.sync.resync.resync import AT_ONCE, resync_now

LOCK_POLL_SECONDS: Final = 1.0


@dataclass(slots=True)
class Applied:
    """Counts. ``accounts``: worked; ``deferred``: skipped because a worker has their lease and continues with them."""

    run: int
    accounts: int = 0
    written: int = 0
    refused: int = 0
    deferred: int = 0

    def add(self, asked: int, outcome: Outcome) -> None:
        """Add a batch. Accounts of a batch that ended in an open circuit do not count as worked: they stay due."""
        self.accounts += 0 if outcome.open else outcome.claimed
        self.written += outcome.written
        self.refused += outcome.refused
        self.deferred += asked - outcome.claimed


def carry_out(
    container: Container,
    applier: Applier,
    wanted: Sequence[Due],
    cause: Cause,
    done: Applied,
    *,
    in_bulk: bool,
) -> None:
    """Decide these accounts again, apply them, and count the results in ``done``. Raises Permanent if Salesforce
    becomes unavailable or few API calls are left: the remaining accounts are unchanged. The first batch is always
    applied."""
    at_once = container.policy.budget.bulk_at_most if in_bulk else AT_ONCE
    with progress("Writing to Salesforce", len(wanted)) as report_progress, _release_leases(container):
        for start in range(0, len(wanted), at_once):
            if start:
                _require_calls(container, applier, start, len(wanted))
            some = wanted[start : start + at_once]
            outcome = _written(container, applier, some, cause, report_progress if in_bulk else None)
            done.add(len(some), outcome)
            _keep(container, done, len(wanted))
            if outcome.open:
                raise Permanent(_stopped("Salesforce is not available", start, len(wanted)))
            report_progress(start + len(some), f"{done.written:,} written, {done.refused:,} refused")


def _written(
    container: Container,
    applier: Applier,
    some: Sequence[Due],
    cause: Cause,
    report_progress: ReportProgress | None,
) -> Outcome:
    """Apply a batch; with ``report_progress`` in bulk, under a lock that one process has at a time."""
    if report_progress is None:
        return resync_now(applier, some, cause)
    with locks.turn(container.engine, Lock.BULK, lambda: time.sleep(LOCK_POLL_SECONDS)):
        return resync_now(applier, some, cause, time.sleep)


@contextmanager
def _release_leases(container: Container) -> Iterator[None]:
    """Release all leases if the block is interrupted, so that workers can continue at once."""
    try:
        yield
    except BaseException:
        with container.engine.begin() as connection:
            leases.release_all(connection, container.worker, spend=False)
        raise


def _require_calls(container: Container, applier: Applier, done: int, of: int) -> None:
    if applier.spending is not None and applier.spending.level() < Urgency.ROUTINE:
        left = api_budget.left(container.engine, container.policy.budget)
        raise Permanent(_stopped(f"Few API calls of the org are left ({left})", done, of))


def _stopped(why: str, done: int, of: int) -> str:
    return f"{why}: {done:,} of {of:,} accounts were worked. Run it again later for the others. See: casewire status"


def _keep(container: Container, done: Applied, of: int) -> None:
    with container.engine.begin() as connection:
        runs.progress(
            connection,
            done.run,
            {
                "accounts": done.accounts,
                "accounts_in_all": of,
                "written": done.written,
                "refused": done.refused,
            },
        )


def print_applied(done: Applied, planned: int) -> None:
    """Print what was written, compared with the plan."""
    err.print(f"{done.written:,} records written, {done.refused:,} refused; the plan was {planned:,}.")
    if done.deferred:
        err.print(f"{done.deferred:,} accounts are being worked by a worker, and are left to it.")
    err.print(show(f"See: casewire runs show {done.run}"))
