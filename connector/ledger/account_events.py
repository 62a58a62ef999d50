"""The events of an account, as a decision needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text

OLD_EVENTS = 500
"""How many events that are on the timeline already are loaded, newest first."""
NEW_EVENTS = 2_000
"""How many new events of one account are loaded at once, oldest first; the others come with its next decision."""


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


@dataclass(slots=True)
class Timeline:
    """The events of one subject, oldest first. ``more``: it has more new events than are loaded at once."""

    entries: list[Entry] = field(default_factory=list)
    more: bool = False


def load(connection: Connection, subjects: Sequence[str]) -> dict[str, Timeline]:
    """The events of these subjects."""
    rows = connection.execute(
        text(
            """
            SELECT wanted.key AS subject, id, source, event_id, kind, COALESCE(occurred_at, received_at) AS occurred_at,
                   pointers, status = 'fetched' AS new
            FROM unnest(CAST(:subjects AS text[])) AS wanted(key)
            CROSS JOIN LATERAL (
                (SELECT id, source, event_id, kind, occurred_at, received_at, pointers, status
                 FROM event WHERE subject = wanted.key AND status = 'fetched' ORDER BY id LIMIT :new)
                UNION ALL
                (SELECT id, source, event_id, kind, occurred_at, received_at, pointers, status
                 FROM event WHERE subject = wanted.key AND status = 'done' ORDER BY id DESC LIMIT :old)
            ) AS event
            ORDER BY subject, occurred_at, event_id
            """
        ),
        {"subjects": list(subjects), "old": OLD_EVENTS, "new": NEW_EVENTS + 1},
    )
    found = {key: Timeline() for key in subjects}
    for row in rows:
        refs = tuple(ref for _, refs in row.pointers for ref in refs)
        entry = Entry(row.id, row.source, row.event_id, row.kind, row.occurred_at, refs, row.new)
        found[row.subject].entries.append(entry)
    for timeline in found.values():
        _bound(timeline)
    return found


def _bound(timeline: Timeline) -> None:
    """Leave out the newest of the new events where one more was read than is loaded at once."""
    new = [entry.id for entry in timeline.entries if entry.new]
    if len(new) > NEW_EVENTS:
        last = max(new)
        timeline.entries = [entry for entry in timeline.entries if entry.id != last]
        timeline.more = True
