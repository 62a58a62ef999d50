"""Resync: one account brought up to date with no event, on the same path as every webhook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from connector.errors import Permanent, SetupError
from connector.ledger import subjects
from connector.ledger.attempts import Cause
from connector.ledger.subjects import Claimed, Due
from connector.sync.apply import Applier, Outcome
from connector.sync.history import fetch_history
from connector.sync.refresh import Apis
from connector.sync.rows import Row

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Looked:
    """What would change for one account."""

    subject: Due
    changes: tuple[Row, ...]


def look(engine: Engine, apis: Apis, applier: Applier, subject: Due) -> Looked:
    """Fetch the account anew and decide. Nothing is written to Salesforce; what was fetched is kept."""
    api = apis.get((subject.source, subject.site))
    if api is None:
        raise SetupError(f"Site {subject.site} has no API key: set RECURLY_API_KEY.")
    fetch_history(engine, api, subject, due=False)
    decision = applier.decisions(
        [Claimed(subject.key, subject.source, subject.site, subject.code, subject.urgency, 0, 0)]
    )[0]
    if decision.failure:
        raise Permanent(decision.failure)
    if decision.facts.account is None:
        raise Permanent(f"Recurly site {subject.site} has no account {subject.code!r}.")
    return Looked(subject, decision.rows)


def resync_now(applier: Applier, wanted: Sequence[Due], cause: Cause) -> Outcome:
    """Apply these accounts now, in this process. One that a worker holds is left to it, and stays due."""
    with applier.engine.begin() as connection:
        subjects.mark_due(connection, wanted)
    total = Outcome()
    for start in range(0, len(wanted), AT_ONCE):
        only = [one.key for one in wanted[start : start + AT_ONCE]]
        outcome = applier.run(only=only, cause=cause)
        total.claimed += outcome.claimed
        total.written += outcome.written
        total.refused += outcome.refused
        total.open = total.open or outcome.open
    return total
