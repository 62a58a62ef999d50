"""The lease guard renews the leases of a batch while it is written, and releases subjects that became more urgent.

Salesforce takes minutes to write thousands of records. A dispute that arrives meanwhile must not wait: its account is
released with the rows written so far, and a worker continues from there. Rows of a running bulk job cannot be recalled
and would overwrite that worker's rows, so an account with such rows is released when the job has ended. A bulk job is
orphaned when the account it is registered under is no longer leased (``ledger/bulk_jobs``), so that account is always
one whose lease the batch still has.

A process that was suspended for minutes may find its leases expired. Other workers have then written newer values, and
nothing more is sent for those accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine

from connector.ledger import bulk_jobs, leases
from connector.ledger.leases import Renewed
from connector.ledger.subjects import Claimed
from connector.models.events import Urgency
from connector.sync.apply.bulk_job_tracking import TrackedJobs
from connector.sync.apply.outcomes import Decision, Results
from connector.sync.apply.row_diff import Record
from connector.sync.refresh.object_fetcher import uninterrupted

Release = Callable[["LeaseGuard", Sequence[Decision]], object]
"""Saves what was written for these decisions so far, and releases their leases."""
IsUrgent = Callable[[Claimed, Renewed], bool]
"""Whether an account must be released before the batch ends, by its state when claimed and its state now."""


@dataclass(slots=True)
class LeaseGuard:
    """Guards the leases of one batch; also the ``Bulk`` through which its rows may be sent as a bulk job.

    ``release``: called for accounts that became urgent by ``is_urgent``; ``released`` has them by key. ``lost``:
    accounts whose lease expired or was revoked. ``checkpoint``: called before each call, after such accounts are
    released."""

    engine: Engine
    token: str
    decisions: Sequence[Decision]
    results: Results
    release: Release
    bulk: TrackedJobs
    is_urgent: IsUrgent
    checkpoint: Callable[[], None] = uninterrupted
    released: dict[str, Decision] = field(default_factory=dict)
    lost: dict[str, Decision] = field(default_factory=dict)
    _dropped: set[Record] = field(default_factory=set)

    def wait(self, seconds: float) -> None:
        """Renew the leases and wait, while Salesforce works on a job."""
        self.dropped()
        self.bulk.wait(seconds)

    def begun(self, job: str, object_: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.bulk.begun(job, object_, rows)

    def ended(self, job: str, *, results_read: bool) -> None:
        self.bulk.ended(job, results_read=results_read)

    def dropped(self) -> Set[Record]:
        """Renew the leases. Return the records that must not be sent any more: their accounts were released or lost."""
        renewed = self._renewed()
        if lost := [one for one in self.kept() if one.subject.key not in renewed]:
            self._drop(lost, self.lost)
        if free := self._free(renewed):
            self._drop(free, self.released)
            self.release(self, free)
        self.checkpoint()
        return self._dropped

    def kept(self) -> list[Decision]:
        """The decisions whose accounts are still leased by this batch."""
        return [
            one for one in self.decisions if one.subject.key not in self.released.keys() | self.lost.keys()
        ]

    def _renewed(self) -> Mapping[str, Renewed]:
        with self.engine.begin() as connection:
            return leases.renew(connection, self.token, [one.subject.key for one in self.kept()])

    def _free(self, renewed: Mapping[str, Renewed]) -> list[Decision]:
        return [
            one
            for one in self.kept()
            if self.is_urgent(one.subject, renewed[one.subject.key]) and self._is_releasable(one)
        ]

    def _is_releasable(self, one: Decision) -> bool:
        """An account with rows in a running job, or with refused rows, is settled at the end of the batch."""
        records = {row.record for row in one.rows}
        return records.isdisjoint(self.results.under_way) and records.isdisjoint(self.results.refused)

    def _drop(self, some: Sequence[Decision], why: dict[str, Decision]) -> None:
        """Send nothing more for these. Register the batch's bulk jobs under an account that is still leased, if any."""
        why |= {one.subject.key: one for one in some}
        self._dropped |= {row.record for one in some for row in one.rows}
        if leased := self.kept():
            self.bulk = replace(self.bulk, subject=leased[0].subject.key)
            with self.engine.begin() as connection:
                bulk_jobs.hand_over(connection, self.token, self.bulk.subject)


def became_dispute(claimed: Claimed, now: Renewed) -> bool:
    """A batch of single calls ends soon: only disputes are released early."""
    return now.urgency == Urgency.DISPUTE < claimed.urgency


def is_more_urgent(claimed: Claimed, now: Renewed) -> bool:
    """Whether the account is more urgent than when it was claimed, or has a new reason that is not routine. An account
    with an open dispute always has the urgency of a dispute, so a new dispute does not raise it."""
    is_new = now.generation > claimed.generation
    return now.urgency < claimed.urgency or (is_new and now.urgency < Urgency.ROUTINE)
