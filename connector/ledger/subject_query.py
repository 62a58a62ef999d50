"""Walking through the subjects that the ledger knows, by their keys, some at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from connector.ledger.subjects import Due
from connector.mappers.fields import Account, Case
from connector.models.events import Urgency

PAST_DUE, DISPUTED = "past_due", "disputed"
STATES = (PAST_DUE, DISPUTED)


@dataclass(frozen=True, slots=True)
class SubjectFilter:
    """All that is set must hold. ``keys``: these subjects. ``site``: of one billing site. ``rule``: with a case of this
    rule that is not resolved. ``state``: with an invoice past due, or an open dispute or chargeback.
    ``accounts_only``: no payees, gateways, or objects that wait for their account. ``backfill``: found by this run."""

    keys: Sequence[str] | None = None
    site: str | None = None
    rule: str | None = None
    state: str | None = None
    accounts_only: bool = False
    backfill: int | None = None

    def where(self) -> tuple[str, dict[str, object]]:
        """The condition as SQL with its values."""
        clauses = {
            "key = ANY(:keys)": self.keys is not None,
            "site = :site": self.site is not None,
            _RULE: self.rule is not None,
            _STATES.get(self.state or "", "false"): self.state is not None,
            "key = source || ':' || site || ':account:' || code": self.accounts_only,
            "key IN (SELECT subject FROM backfill_account WHERE run_id = :backfill)": self.backfill
            is not None,
        }
        values: dict[str, object] = {
            "keys": list(self.keys or ()),
            "site": self.site,
            "rule": self.rule,
            "backfill": self.backfill,
        }
        return " AND ".join(clause for clause, asked in clauses.items() if asked) or "true", values


_RULE = (
    f"EXISTS (SELECT 1 FROM mirror WHERE mirror.subject = subject.key AND object = '{Case.OBJECT}' "
    f"AND fields->>'{Case.RULE}' = :rule AND fields->>'{Case.STATE}' IS DISTINCT FROM 'resolved')"
)
_CHARGED_BACK = (
    "EXISTS (SELECT 1 FROM snapshot AS paid WHERE paid.subject = subject.key AND paid.object = 'payment' "
    "AND NOT paid.gone AND 'chargeback' IN (paid.data->>'status', paid.data->>'origin') "
    "AND paid.data->>'status' <> 'void' AND NOT EXISTS (SELECT 1 FROM mirror "
    "JOIN subject AS decided ON decided.key = mirror.subject "
    "AND (paid.learnt_at IS NULL OR decided.applied_at >= paid.learnt_at) "
    f"WHERE mirror.subject = subject.key AND mirror.object = '{Account.OBJECT}' "
    f"AND (CAST(mirror.fields->>'{Account.DISPUTED}' AS numeric) = 0 "
    f"OR jsonb_exists(mirror.fields, '{Account.DISPUTED_TEXT}') "
    f"AND mirror.fields->>'{Account.DISPUTED_TEXT}' IS NULL)))"
)
"""Of which processors may tell nothing. It is over once what was written of its account says that nothing is in
dispute: a person closed its case, or a dispute that had it is decided."""
_STATES = {
    PAST_DUE: (
        "EXISTS (SELECT 1 FROM snapshot WHERE snapshot.subject = subject.key AND object = 'invoice' "
        "AND NOT gone AND data->>'state' = 'past_due')"
    ),
    DISPUTED: (
        "(EXISTS (SELECT 1 FROM snapshot WHERE snapshot.subject = subject.key AND object = 'dispute' "
        "AND NOT gone AND COALESCE(data->>'status', 'needs_response') IN ('needs_response', 'under_review')) "
        f"OR {_CHARGED_BACK})"
    ),
}


def walk(connection: Connection, which: SubjectFilter, after: str, limit: int) -> list[Due]:
    """The next subjects behind the key ``after``, in the order of their keys."""
    where, values = which.where()
    rows = connection.execute(
        text(
            f"SELECT key, source, site, code FROM subject WHERE key > :after AND {where} "
            "ORDER BY key LIMIT :limit"
        ),
        {**values, "after": after, "limit": limit},
    )
    return [Due(r.key, r.source, r.site, r.code, Urgency.ROUTINE) for r in rows]


def count(connection: Connection, which: SubjectFilter) -> int:
    """How many there are."""
    where, values = which.where()
    return int(connection.execute(text(f"SELECT count(*) FROM subject WHERE {where}"), values).scalar_one())
