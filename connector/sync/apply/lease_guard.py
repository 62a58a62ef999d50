"""What a batch holds while it is written: its leases are renewed, and who became more urgent is let go.

Writing thousands of records takes Salesforce minutes. A dispute that comes in meanwhile must not wait for the end of
it: its account is given back with what was written for it so far, and a worker goes on with it from there. Rows of a
bulk job that is under way cannot be taken back, and would arrive behind what the worker writes; an account that has
one there is let go when that job is over. A job is left behind when nobody holds its account any more
(``ledger/bulk_jobs``), so it is always one that is held.

A process that stood still for minutes may have lost its leases. Then others have written what is true now, and nothing
more is sent for those accounts.
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

LetGo = Callable[[Sequence[Decision], Results], None]
"""Keeps what was written for these so far, and gives them back."""
IsUrgent = Callable[[Claimed, Renewed], bool]
"""Whether an account, claimed so and standing so now, is to be let go before the batch is over."""


@dataclass(slots=True)
class LeaseGuard:
    """Where rows may go as a bulk job. ``let_go`` is called for accounts that ``is_urgent`` says became so; ``gone``:
    those, by key; ``lost``: those whose lease ran out or was taken back. ``checkpoint``: called before each call, once
    such accounts are free."""

    engine: Engine
    token: str
    decisions: Sequence[Decision]
    results: Results
    let_go: LetGo
    bulk: TrackedJobs
    is_urgent: IsUrgent
    checkpoint: Callable[[], None] = uninterrupted
    gone: dict[str, Decision] = field(default_factory=dict)
    lost: dict[str, Decision] = field(default_factory=dict)
    _dropped: set[Record] = field(default_factory=set)

    def wait(self, seconds: float) -> None:
        """While Salesforce works on a job."""
        self.dropped()
        self.bulk.wait(seconds)

    def begun(self, job: str, object_: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.bulk.begun(job, object_, rows)

    def ended(self, job: str, *, told: bool) -> None:
        self.bulk.ended(job, told=told)

    def dropped(self) -> Set[Record]:
        """The records that are not to be sent any more, because their accounts are let go or lost. The others are held
        for another while."""
        held = self._renewed()
        if lost := [one for one in self.kept() if one.subject.key not in held]:
            self._drop(lost, self.lost)
        if free := self._free(held):
            self._drop(free, self.gone)
            self.let_go(free, self.results)
        self.checkpoint()
        return self._dropped

    def kept(self) -> list[Decision]:
        """Those that are held to the end."""
        return [one for one in self.decisions if one.subject.key not in self.gone.keys() | self.lost.keys()]

    def _renewed(self) -> Mapping[str, Renewed]:
        with self.engine.begin() as connection:
            return leases.renew(connection, self.token, [one.subject.key for one in self.kept()])

    def _free(self, held: Mapping[str, Renewed]) -> list[Decision]:
        return [
            one
            for one in self.kept()
            if self.is_urgent(one.subject, held[one.subject.key]) and self._may_go(one)
        ]

    def _may_go(self, one: Decision) -> bool:
        """What was refused is for the end to settle."""
        records = {row.record for row in one.rows}
        return records.isdisjoint(self.results.under_way) and records.isdisjoint(self.results.refused)

    def _drop(self, some: Sequence[Decision], why: dict[str, Decision]) -> None:
        """The jobs so far go on under an account that is held, if one is."""
        why |= {one.subject.key: one for one in some}
        self._dropped |= {row.record for one in some for row in one.rows}
        if held := self.kept():
            self.bulk = replace(self.bulk, subject=held[0].subject.key)
            with self.engine.begin() as connection:
                bulk_jobs.hand_over(connection, self.token, self.bulk.subject)


def became_dispute(claimed: Claimed, now: Renewed) -> bool:
    """Of a batch that is over soon only disputes are let go."""
    return now.urgency == Urgency.DISPUTE < claimed.urgency


def is_more_urgent(claimed: Claimed, now: Renewed) -> bool:
    """Than it was; or as urgent as before, for something new: one with a dispute is as urgent as that while it is
    open."""
    is_new = now.generation > claimed.generation
    return now.urgency < claimed.urgency or (is_new and now.urgency < Urgency.ROUTINE)
