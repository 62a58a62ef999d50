"""The events of an account, as a decision needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

OLD_EVENTS = 500
"""How many events already on the timeline are looked at, newest first; all new ones always are."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a subject. ``new``: not on the timeline in Salesforce yet."""

    id: int
    source: str
    event_id: str
    kind: str
    occurred_at: datetime
    refs: tuple[str, ...]
    new: bool


def load(connection: Connection, subjects: Sequence[str]) -> dict[str, list[Entry]]:
    """The events of these subjects, oldest first."""
    rows = connection.execute(
        text(
            """
            SELECT wanted.key AS subject, id, source, event_id, kind, COALESCE(occurred_at, received_at) AS occurred_at,
                   pointers, status = 'fetched' AS new
            FROM unnest(CAST(:subjects AS text[])) AS wanted(key)
            CROSS JOIN LATERAL (
                (SELECT id, source, event_id, kind, occurred_at, received_at, pointers, status
                 FROM event WHERE subject = wanted.key AND status = 'fetched')
                UNION ALL
                (SELECT id, source, event_id, kind, occurred_at, received_at, pointers, status
                 FROM event WHERE subject = wanted.key AND status = 'done' ORDER BY id DESC LIMIT :old)
            ) AS event
            ORDER BY subject, occurred_at, event_id
            """
        ),
        {"subjects": list(subjects), "old": OLD_EVENTS},
    )
    found: dict[str, list[Entry]] = {key: [] for key in subjects}
    for row in rows:
        refs = tuple(ref for _, refs in row.pointers for ref in refs)
        found[row.subject].append(
            Entry(row.id, row.source, row.event_id, row.kind, row.occurred_at, refs, row.new)
        )
    return found
