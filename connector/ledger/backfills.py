"""The accounts of a backfill: which it found, which are not settled yet, and what became of them.

What became of them is counted from attempts and changes, some accounts at a time: a run that was killed and went on
has all of it, and nothing grows with the population.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from connector.ledger.subjects import Due
from connector.models.events import Urgency
from connector.models.linking import MADE

_NOTE = text(
    """
    WITH new AS (
        SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:sources AS text[]), CAST(:sites AS text[]),
                             CAST(:codes AS text[])) AS new(key, source, site, code)),
    made AS (
        INSERT INTO subject (key, source, site, code, urgency, status)
        SELECT key, source, site, code, :urgency, 'idle' FROM new ORDER BY key ON CONFLICT (key) DO NOTHING)
    INSERT INTO backfill_account (run_id, subject) SELECT :run, key FROM new ORDER BY key ON CONFLICT DO NOTHING
    """
)


def note(connection: Connection, run_id: int, found: Sequence[Due]) -> None:
    """The run found these accounts. Nothing becomes due by it."""
    connection.execute(
        _NOTE,
        {
            "run": run_id,
            "urgency": int(Urgency.ROUTINE),
            "keys": [one.key for one in found],
            "sources": [one.source for one in found],
            "sites": [one.site for one in found],
            "codes": [one.code for one in found],
        },
    )


def unsettled(connection: Connection, run_id: int, after: str, limit: int) -> list[Due]:
    """The next of its accounts behind this key that are still due and that nobody holds."""
    rows = connection.execute(
        text(
            """
            SELECT key, source, site, code FROM subject JOIN backfill_account a ON a.subject = key
            WHERE a.run_id = :run AND a.subject > :after AND status = 'due'
              AND (lease IS NULL OR ready_at <= now()) ORDER BY a.subject LIMIT :limit
            """
        ),
        {"run": run_id, "after": after, "limit": limit},
    )
    return [Due(r.key, r.source, r.site, r.code, Urgency.ROUTINE) for r in rows]


def is_settled(connection: Connection, run_id: int) -> bool:
    """Whether none of its accounts is due any more, whoever holds it."""
    rows = connection.execute(
        text(
            "SELECT NOT EXISTS (SELECT 1 FROM subject JOIN backfill_account a ON a.subject = key "
            "WHERE a.run_id = :run AND status = 'due')"
        ),
        {"run": run_id},
    )
    return bool(rows.scalar_one())


def walk(connection: Connection, run_id: int, after: str, limit: int) -> list[str]:
    """The keys of the next of its accounts behind this one."""
    rows = connection.execute(
        text(
            "SELECT subject FROM backfill_account WHERE run_id = :run AND subject > :after "
            "ORDER BY subject LIMIT :limit"
        ),
        {"run": run_id, "after": after, "limit": limit},
    )
    return [row.subject for row in rows]


def count(connection: Connection, run_id: int) -> int:
    """How many accounts it found."""
    rows = connection.execute(
        text("SELECT count(*) FROM backfill_account WHERE run_id = :run"), {"run": run_id}
    )
    return int(rows.scalar_one())


_RECORDS = text(
    """
    WITH ours AS (
        SELECT c.id, c.object, c.key, c.outcome = 'written' AS written, c.before = '{}'::jsonb AS whole,
               c.salesforce_id, a.subject
        FROM attempt a JOIN change c ON c.attempt_id = a.id
        WHERE a.run_id = :run AND a.subject = ANY(:keys)),
    fates AS (
        SELECT object, key, bool_or(written) AS written,
               bool_or(written AND whole AND NOT EXISTS (
                   SELECT 1 FROM change earlier WHERE earlier.object = ours.object AND earlier.key = ours.key
                   AND earlier.id < ours.id AND earlier.outcome = 'written')
               AND NOT EXISTS (
                   SELECT 1 FROM link WHERE link.subject = ours.subject AND link.state = 'linked'
                   AND ((link.account_id = ours.salesforce_id AND NOT starts_with(link.how, :made))
                        OR link.contact_id = ours.salesforce_id))) AS created
        FROM ours GROUP BY object, key)
    SELECT object, CASE WHEN created THEN 'created' WHEN written THEN 'updated' ELSE 'refused' END AS fate,
           count(*) AS many
    FROM fates GROUP BY 1, 2
    """
)


def records(connection: Connection, run_id: int, keys: Sequence[str]) -> dict[tuple[str, str], int]:
    """Of these accounts' records: (object, fate) → how many. ``created``: written for the first time, and no record
    that the account was linked to; ``updated``: any other that was written; ``refused``: never written."""
    rows = connection.execute(_RECORDS, {"run": run_id, "keys": list(keys), "made": MADE})
    return {(row.object, row.fate): row.many for row in rows}


_ACCOUNTS = text(
    """
    WITH tried AS (
        SELECT subject, sum(written) AS written FROM attempt
        WHERE run_id = :run AND subject = ANY(:keys) GROUP BY subject)
    SELECT count(*) FILTER (WHERE tried.written > 0) AS written,
           count(*) FILTER (WHERE tried.written = 0 AND s.status = 'idle') AS unchanged,
           count(*) FILTER (WHERE l.state = 'linked' AND NOT starts_with(l.how, :made)) AS linked,
           count(*) FILTER (WHERE l.state = 'linked' AND starts_with(l.how, :made)) AS made,
           count(*) FILTER (WHERE l.state = 'review') AS reviewed,
           count(*) FILTER (WHERE l.state = 'waiting') AS waiting,
           count(*) FILTER (WHERE s.status = 'dead') AS failed,
           count(*) FILTER (WHERE s.status = 'due') AS unsettled
    FROM subject s LEFT JOIN tried ON tried.subject = s.key LEFT JOIN link l ON l.subject = s.key
    WHERE s.key = ANY(:keys)
    """
)


def accounts(connection: Connection, run_id: int, keys: Sequence[str]) -> Mapping[str, int]:
    """How these accounts stand: how many were written, had nothing to be written, are linked to a record that was
    there or was made, wait for a person or for their record, were given up on, and are still due."""
    row = connection.execute(_ACCOUNTS, {"run": run_id, "keys": list(keys), "made": MADE}).one()
    return {name: int(many) for name, many in row._mapping.items()}


def troubles(connection: Connection, run_id: int, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Those of them that were given up on, or that the run tried and that are still due: account, state, code and
    error."""
    rows = connection.execute(
        text(
            """
            SELECT key AS account, status AS state, error_code AS code, error FROM subject
            WHERE key = ANY(:keys) AND status <> 'idle' AND error <> ''
              AND (status = 'dead'
                   OR EXISTS (SELECT 1 FROM attempt WHERE attempt.subject = key AND attempt.run_id = :run))
            ORDER BY key
            """
        ),
        {"run": run_id, "keys": list(keys)},
    )
    return [dict(row._mapping) for row in rows]


def without_account(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of these accounts of which the ledger has what belongs to them, and not the account itself, nor was it
    asked for by itself."""
    rows = connection.execute(
        text(
            "SELECT key FROM subject WHERE key = ANY(:keys) AND history <> 'done' AND NOT EXISTS "
            "(SELECT 1 FROM snapshot WHERE snapshot.subject = key AND object = 'account')"
        ),
        {"keys": list(keys)},
    )
    return {row.key for row in rows}


def among(connection: Connection, run_id: int, keys: Sequence[str]) -> set[str]:
    """Those of these accounts that the run found."""
    rows = connection.execute(
        text("SELECT subject FROM backfill_account WHERE run_id = :run AND subject = ANY(:keys)"),
        {"run": run_id, "keys": list(keys)},
    )
    return {row.subject for row in rows}
