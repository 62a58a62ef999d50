"""Writing what was planned: some accounts at a time, told as it goes, and no further than the org's calls allow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from connector.cli.output.console import err, show
from connector.cli.output.progress import Tell, progress
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

TURN_SECONDS: Final = 1.0


@dataclass(slots=True)
class Applied:
    """``accounts``: how many were worked; ``left_to_workers``: which a worker held, and goes on with."""

    run: int
    accounts: int = 0
    written: int = 0
    refused: int = 0
    left_to_workers: int = 0

    def add(self, asked: int, outcome: Outcome) -> None:
        """Those that Salesforce went away from are not worked: they stay due."""
        self.accounts += 0 if outcome.open else outcome.claimed
        self.written += outcome.written
        self.refused += outcome.refused
        self.left_to_workers += asked - outcome.claimed


def carry_out(
    container: Container,
    applier: Applier,
    wanted: Sequence[Due],
    cause: Cause,
    done: Applied,
    *,
    in_bulk: bool,
) -> None:
    """Apply these, decided anew, and count in ``done`` what was. Raises Permanent where Salesforce goes away, or few
    calls are left: the others are as they were. A few accounts are always applied; it is the many that leave calls to
    others."""
    at_once = container.policy.budget.bulk_at_most if in_bulk else AT_ONCE
    with progress("Writing to Salesforce", len(wanted)) as tell, _given_back(container):
        for start in range(0, len(wanted), at_once):
            if start:
                _require_calls(container, applier, start, len(wanted))
            some = wanted[start : start + at_once]
            outcome = _written(container, applier, some, cause, tell if in_bulk else None)
            done.add(len(some), outcome)
            _keep(container, done, len(wanted))
            if outcome.open:
                raise Permanent(_stopped("Salesforce is not available", start, len(wanted)))
            tell(start + len(some), f"{done.written:,} written, {done.refused:,} refused")


def _written(
    container: Container, applier: Applier, some: Sequence[Due], cause: Cause, tell: Tell | None
) -> Outcome:
    """With ``tell``: in bulk, which one process does at a time."""
    if tell is None:
        return resync_now(applier, some, cause)
    with locks.turn(container.engine, Lock.BULK, lambda: time.sleep(TURN_SECONDS)):
        return resync_now(applier, some, cause, time.sleep)


@contextmanager
def _given_back(container: Container) -> Iterator[None]:
    """What is held when this is interrupted is free at once, and workers finish it."""
    try:
        yield
    except BaseException:
        with container.engine.begin() as connection:
            leases.release_all(connection, container.worker, spend=False)
        raise


def _require_calls(container: Container, applier: Applier, done: int, of: int) -> None:
    if applier.spending is not None and applier.spending.level() < Urgency.ROUTINE:
        left = api_budget.left(container.engine, container.policy.budget)
        raise Permanent(_stopped(f"The org's API calls are short ({left})", done, of))


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


def say(done: Applied, planned: int) -> None:
    """What was done, beside what was planned."""
    err.print(f"{done.written:,} records written, {done.refused:,} refused; the plan was {planned:,}.")
    if done.left_to_workers:
        err.print(f"{done.left_to_workers:,} accounts are in a worker's hands and left to it.")
    err.print(show(f"See: casewire runs show {done.run}"))
