"""Record the outcome of a batch and release its leases.

A subject whose lease expired meanwhile belongs to another worker. Rows sent for it may have overwritten that worker's
rows, so no outcome is recorded: its mirror is cleared and all its fields are written again.
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
"""Outcome → log level; the default is info."""


@dataclass(frozen=True, slots=True)
class BatchSettlement:
    """The subjects of one batch, leased under ``token``. ``cause``: None if each subject's own run is the cause."""

    engine: Engine
    token: str
    claimed: Mapping[str, Claimed]
    cause: Cause | None
    clock: Callable[[], datetime]
    started_at: datetime

    def give_back(self, settlements: Sequence[Settlement], *, over: bool = True) -> Set[str]:
        """Settle these subjects and release their leases. ``over``: they are the last of the batch. Return the keys
        whose lease had expired."""
        with self.engine.begin() as connection:
            keys = [one.settled.key for one in settlements]
            held = leases.renew(connection, self.token, keys)
            ours = [one for one in settlements if one.settled.key in held]
            tried = self._keep(connection, ours, over=over)
        for one in tried:
            _log(one)
        lost = [one for one in settlements if one.settled.key not in held]
        if lost:
            self._write_again(lost)
        return {one.settled.key for one in lost}

    def _keep(
        self, connection: Connection, settlements: Sequence[Settlement], *, over: bool
    ) -> list[Settlement]:
        """Record attempts and settle. Waiting for an unavailable destination is no attempt: an outage of a day must not
        fill the audit trail."""
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
        """Make the subjects due and clear their mirror, in a transaction of its own. Rows are locked in the order
        subject, mirror: the worker that leases them now may be settling them in that order."""
        sent = [self.claimed[one.settled.key] for one in lost if one.changes]
        log.warning("lease_lost", accounts=len(lost), written_again=len(sent))
        with self.engine.begin() as connection:
            subjects.mark_due(
                connection, [Due(one.key, one.source, one.site, one.code, one.urgency) for one in sent]
            )
            attempts.forget(connection, [one.key for one in sent])

    def _cause(self, key: str) -> Cause:
        return self.cause or Cause(run_id=self.claimed[key].run_id)


def _log(one: Settlement) -> None:
    getattr(log, _LEVELS.get(one.outcome, "info"))(
        "subject_settled",
        subject=one.settled.key,
        written=len(one.changes),
        outcome=one.outcome,
        **({"error": one.settled.error} if one.settled.error else {}),
    )
