"""Resync: bring accounts up to date without an event, on the same path as a webhook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from connector.ledger import subject_status, subjects
from connector.ledger.attempts import Cause
from connector.ledger.subjects import Claimed, Due
from connector.sync.apply.applier import Applier, Outcome
from connector.sync.apply.outcomes import Decision
from connector.sync.apply.record_writer import Wait
from connector.sync.apply.row_diff import Row
from connector.sync.resync.account_fetch import is_account

AT_ONCE = 200
MOST_RUNS: Final = 4
"""An account that was deleted or merged in Salesforce, or refused for what it rests on, is tried again at once."""


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """What would change for one subject, or why that cannot be said. ``unsettled``: it is due already, or was given up
    on, so that it is to be tried even where nothing differs. ``gone``: its source no longer has such an account."""

    subject: Due
    changes: tuple[Row, ...] = ()
    trouble: str = ""
    unsettled: bool = False
    gone: bool = False

    @property
    def is_to_do(self) -> bool:
        return not self.trouble and (bool(self.changes) or self.unsettled)


def look(
    applier: Applier, wanted: Sequence[Due], troubles: Mapping[str, str], *, named: bool = False
) -> Iterator[PlanPreview]:
    """What would change for each, from the facts that the ledger has, in this order and some at a time. Nothing is
    written to Salesforce. ``troubles``: those whose facts could not be fetched. ``named``: a person named them, so that
    one which does not exist is a mistake; otherwise it was removed before it was ever known."""
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        decided = _decided(applier, [one for one in some if one.key not in troubles])
        with applier.engine.connect() as connection:
            unsettled = subject_status.unsettled(connection, list(decided))
        for one in some:
            found = _looked(one, decided.get(one.key), troubles.get(one.key, ""), named)
            yield replace(found, unsettled=one.key in unsettled)


def resync_now(applier: Applier, some: Sequence[Due], cause: Cause, wait: Wait | None = None) -> Outcome:
    """Apply these now, in this process: their facts are fetched, and they are decided anew. One that a worker holds is
    left to it, and stays due. What is to be tried again at once is. ``wait``: as in ``Applier.run``."""
    wanted = [replace(one, run_id=cause.run_id) for one in some]
    with applier.engine.begin() as connection:
        subjects.mark_due(connection, wanted)
        subjects.decide_history(connection, (), (), done=[one.key for one in some if is_account(one)])
    keys = [one.key for one in some]
    outcome = applier.run(only=keys, limit=len(keys), cause=cause, bulk_wait=wait)
    for _ in range(MOST_RUNS - 1):
        if not outcome.again or outcome.open:
            break
        again = _ready(applier, keys)
        # a worker that was quicker tries it again: none of it is refused yet
        outcome.go_on(
            applier.run(only=again, limit=len(again), cause=cause, bulk_wait=wait) if again else Outcome()
        )
    return outcome


def _ready(applier: Applier, keys: Sequence[str]) -> list[str]:
    with applier.engine.connect() as connection:
        return sorted(subject_status.ready(connection, keys))


def _decided(applier: Applier, some: Sequence[Due]) -> dict[str, Decision]:
    if not some:
        return {}
    claimed = [Claimed(one.key, one.source, one.site, one.code, one.urgency, 0, 0) for one in some]
    return {one.subject.key: one for one in applier.decisions(claimed)}


def _looked(one: Due, decision: Decision | None, trouble: str, named: bool) -> PlanPreview:
    if decision is None:
        return PlanPreview(one, trouble=trouble)
    if decision.failure:
        return PlanPreview(one, trouble=decision.failure)
    unknown = is_account(one) and decision.facts.account is None
    if unknown and named:
        return PlanPreview(one, trouble=f"Recurly site {one.site} has no account {one.code!r}.")
    return PlanPreview(one, decision.rows, gone=unknown or decision.facts.gone)
