"""The story of one event: what came, what it pointed to, which attempts settled it, what each changed, and what else
was done to its account since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, text

from connector.ledger.queries import EVENT, Found, attempts

MOST: Final = 20
"""Attempts beside its own that a story tells of; the others are counted."""
COUNTED: Final = 1_000
"""Limit of counting: an account may have years of attempts."""

_BY_RUNS: Final = "run_id IS NOT NULL"
_BY_ITSELF: Final = "run_id IS NULL AND outcome <> 'unchanged'"
"""Attempts by workers: for its history, other events, or rows that were refused before; unchanged ones are left out."""


def story(connection: Connection, event_id: int) -> Found | None:
    """The complete history of an event. ``runs``: of people, for the event; ``subject_status``: state of its account
    now; ``by_runs`` and ``later``: attempts for the account since the event was received, by runs of people and by
    workers."""
    row = connection.execute(
        text(f"SELECT {EVENT}, earlier, runs, format, body FROM event WHERE id = :id"),
        {"id": event_id},
    ).one_or_none()
    if row is None:
        return None
    found = dict(row._mapping)
    found["runs"] = _runs(connection, found["runs"])
    found["subject_status"] = _subject_status(connection, found["subject"])
    found["snapshots"] = _snapshots(connection, found)
    found["attempts"] = attempts(connection, [*found.pop("earlier"), found["attempt_id"]])
    for name, which in (("by_runs", _BY_RUNS), ("later", _BY_ITSELF)):
        others = _others(connection, found, which)
        found[name] = attempts(connection, others[:MOST])
        found[f"{name}_left_out"] = len(others) - len(found[name])
    return found


def _runs(connection: Connection, ids: Sequence[int]) -> list[Found]:
    rows = connection.execute(
        text("SELECT id, command, who, reason, started_at FROM run WHERE id = ANY(:ids) ORDER BY id"),
        {"ids": list(ids)},
    )
    return [dict(row._mapping) for row in rows]


def _subject_status(connection: Connection, subject: str | None) -> Found | None:
    row = connection.execute(
        text("SELECT status, due_at, ready_at, tries, error, error_code FROM subject WHERE key = :key"),
        {"key": subject},
    ).one_or_none()
    return dict(row._mapping) if row else None


def _snapshots(connection: Connection, found: Found) -> list[Found]:
    refs = [ref for _, refs in found["pointers"] for ref in refs]
    rows = connection.execute(
        text(
            "SELECT source, object, id, alias, version, observed_at, gone, link FROM snapshot "
            "WHERE subject = :subject AND (id = ANY(:refs) OR alias = ANY(:refs)) ORDER BY object, id"
        ),
        {"subject": found["subject"], "refs": refs},
    )
    return [dict(one._mapping) for one in rows]


def _others(connection: Connection, found: Found, which: str) -> list[int]:
    """The ids of other attempts since it was received, the first first; those made while its object had no account yet
    are under another subject."""
    told = found["attempts"]
    rows = connection.execute(
        text(
            "SELECT other.id FROM unnest(CAST(:subjects AS text[])) AS whose(subject) CROSS JOIN LATERAL ("
            f"SELECT id FROM attempt WHERE attempt.subject = whose.subject AND {which} "
            "AND started_at >= :since AND id <> ALL(:told) ORDER BY id LIMIT :most) AS other ORDER BY 1 LIMIT :most"
        ),
        {
            "subjects": sorted({found["subject"] or "", *(one["subject"] for one in told)}),
            "since": found["received_at"],
            "told": [one["id"] for one in told],
            "most": COUNTED,
        },
    )
    return [row.id for row in rows]
