"""What a batch holds while it is written: its leases are renewed, and who became more urgent is let go.

Writing thousands of records takes Salesforce minutes. A dispute that comes in meanwhile must not wait for the end of
it: its account is given back with what was written for it so far, and a worker goes on with it from there. Rows of a
bulk job that is under way cannot be taken back, and would arrive behind what the worker writes; an account that has
one there is let go when that job is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field

from sqlalchemy import Engine

from connector.events import Urgency
from connector.ledger import leases, subjects
from connector.sync.rows import Record
from connector.sync.settling import Decision
from connector.sync.writing import Results, Wait

LetGo = Callable[[Sequence[Decision], Results], None]
"""Keeps what was written for these so far, and gives them back."""


@dataclass(slots=True)
class Holding:
    """``let_go`` is called for accounts that became more urgent than all that was claimed."""

    engine: Engine
    token: str
    decisions: Sequence[Decision]
    results: Results
    let_go: LetGo
    wait: Wait
    gone: dict[str, Decision] = field(default_factory=dict)
    _left_out: set[Record] = field(default_factory=set)

    def waiting(self, seconds: float) -> None:
        """Wait while Salesforce works on a job."""
        with self.engine.begin() as connection:
            subjects.renew(connection, self.token)
        self.left_out()
        self.wait(seconds)

    def left_out(self) -> Set[Record]:
        """The records that are not to be sent any more, because their accounts are let go."""
        urgent = self._urgent()
        free = [one for one in urgent if not any(row.record in self.results.under_way for row in one.rows)]
        if free:
            self.let_go(free, self.results)
        self.gone |= {one.subject.key: one for one in free}
        self._left_out |= {row.record for one in free for row in one.rows}
        return self._left_out

    def kept(self) -> list[Decision]:
        """Those that are held to the end."""
        return [one for one in self.decisions if one.subject.key not in self.gone]

    def _urgent(self) -> list[Decision]:
        least = max((one.subject.urgency for one in self.decisions), default=Urgency.ROUTINE)
        with self.engine.connect() as connection:
            keys = leases.more_urgent(connection, self.token, least)
        return [one for one in self.decisions if one.subject.key in keys and one.subject.urgency == least]
