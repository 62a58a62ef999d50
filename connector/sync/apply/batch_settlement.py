"""What came of a batch is kept, and its accounts are given back: those that it still holds.

One whose lease ran out meanwhile is another's. What was sent for it may have overtaken what that one wrote, so nothing
of it is kept: it is written whole once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine

from connector.ledger import attempts, bulk_jobs, leases, subjects
from connector.ledger.attempts import Cause
from connector.ledger.subjects import Claimed, Due
from connector.sync.apply.outcomes import Settlement

log = structlog.get_logger("connector.apply")

_LEVELS = {"retry": "warning", "dead": "error"}
"""How loudly an outcome is logged; the others are news, not trouble."""


@dataclass(frozen=True, slots=True)
class BatchSettlement:
    """The accounts of one run, held under ``token``. ``cause``: None where it is for each what made it due."""

    engine: Engine
    token: str
    claimed: Mapping[str, Claimed]
    cause: Cause | None
    clock: Callable[[], datetime]
    started_at: datetime

    def give_back(self, settlements: Sequence[Settlement], *, over: bool = True) -> Set[str]:
        """Let go of these subjects; ``over``: of the last. Those that were not held any more."""
        with self.engine.begin() as connection:
            keys = [one.settled.key for one in settlements]
            held = leases.renew(connection, self.token, keys)
            ours = [one for one in settlements if one.settled.key in held]
            tried = self._keep(connection, ours, over=over)
        for one in tried:
            _tell(one)
        lost = [one for one in settlements if one.settled.key not in held]
        if lost:
            self._write_again(lost)
        return {one.settled.key for one in lost}

    def _keep(
        self, connection: Connection, settlements: Sequence[Settlement], *, over: bool
    ) -> list[Settlement]:
        """Waiting for a destination that is out is no attempt: an outage of a day must not fill the audit trail."""
        ended_at = self.clock()
        tried = [one for one in settlements if one.outcome != "waiting" or one.changes]
        if over:
            bulk_jobs.settle(connection, self.token)
        attempts.forget(connection, [one.settled.key for one in settlements if one.forget])
        attempts.record(
            connection,
            [one.attempt(self._cause(one.settled.key), self.started_at, ended_at) for one in tried],
        )
        subjects.settle(connection, self.token, [one.settled for one in settlements])
        return tried

    def _write_again(self, lost: Sequence[Settlement]) -> None:
        """In a transaction of its own, the account before its mirror: who holds them now may be settling them, in that
        order."""
        sent = [self.claimed[one.settled.key] for one in lost if one.changes]
        log.warning("lease_lost", accounts=len(lost), written_again=len(sent))
        with self.engine.begin() as connection:
            subjects.mark_due(
                connection, [Due(one.key, one.source, one.site, one.code, one.urgency) for one in sent]
            )
            attempts.forget(connection, [one.key for one in sent])

    def _cause(self, key: str) -> Cause:
        return self.cause or Cause(run_id=self.claimed[key].run_id)


def _tell(one: Settlement) -> None:
    getattr(log, _LEVELS.get(one.outcome, "info"))(
        "subject_settled",
        subject=one.settled.key,
        written=len(one.changes),
        outcome=one.outcome,
        **({"error": one.settled.error} if one.settled.error else {}),
    )
