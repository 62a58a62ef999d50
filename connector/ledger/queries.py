"""Looking at the ledger: events, accounts given up on, attempts, and the backlog in numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from connector.ledger.event_filter import Filter, Selection

Found = dict[str, Any]

EVENT = (
    "id, source, site, event_id, kind, fate, status, occurred_at, received_at, settled_at, deliveries, "
    "subject, attempt_id, tries, error, note, pointers"
)


def events(connection: Connection, wanted: Filter) -> list[Found]:
    """Newest first, without their bodies; each with the last ``run`` that asked something of it."""
    selection = Selection(connection, wanted)
    rows = connection.execute(
        text(
            "SELECT event.*, run.id AS run_id, run.command, run.who, run.reason FROM "
            f"(SELECT {EVENT}, runs FROM event WHERE id = ANY(ARRAY({selection.newest()}))) AS event "
            "LEFT JOIN run ON run.id = runs[cardinality(runs)] ORDER BY event.id DESC"
        ),
        selection.values,
    )
    return [_with_run(dict(row._mapping)) for row in rows]


def _with_run(found: Found) -> Found:
    del found["runs"]
    run = {"id": found.pop("run_id"), **{name: found.pop(name) for name in ("command", "who", "reason")}}
    return {**found, "run": run if run["id"] is not None else None}


_GO = "LEFT JOIN run_go ON run_go.id = attempt.go_id"
_REASON = "COALESCE(NULLIF(run_go.reason, ''), run.reason, '') AS reason"
"""What was said when the run was gone on with, or else when it was begun."""


def attempts(connection: Connection, ids: Sequence[int | None]) -> list[Found]:
    """Attempts with their changes and, where a person asked for them, why."""
    found = [
        dict(row._mapping)
        for row in connection.execute(
            text(
                f"SELECT attempt.*, {_REASON} FROM attempt "
                f"LEFT JOIN run ON run.id = attempt.run_id {_GO} WHERE attempt.id = ANY(:ids) ORDER BY attempt.id"
            ),
            {"ids": [id_ for id_ in ids if id_ is not None]},
        )
    ]
    changes = _changes(connection, [one["id"] for one in found])
    return [{**one, "changes": changes[one["id"]]} for one in found]


def _changes(connection: Connection, ids: Sequence[int]) -> dict[int, list[Found]]:
    """Attempt → its changes."""
    rows = connection.execute(
        text("SELECT * FROM change WHERE attempt_id = ANY(:ids) ORDER BY id"), {"ids": list(ids)}
    )
    found: dict[int, list[Found]] = defaultdict(list)
    for row in rows:
        found[row.attempt_id].append(dict(row._mapping))
    return found


def dead_subjects(connection: Connection, account: str | None, limit: int) -> list[Found]:
    """Accounts given up on, with why."""
    rows = connection.execute(
        text(
            "SELECT key, error_code, error, applied_at FROM subject WHERE status = 'dead' AND "
            "(CAST(:account AS text) IS NULL OR key = :account OR code = :account) ORDER BY key LIMIT :limit"
        ),
        {"account": account, "limit": limit},
    )
    return [dict(row._mapping) for row in rows]


def knows(connection: Connection, account: str) -> bool:
    """Whether the ledger has heard of an account, by its code or its whole key."""
    selection = Selection(connection, Filter(account=account, limit=1))
    return bool(
        connection.execute(
            text(
                "SELECT EXISTS (SELECT 1 FROM subject WHERE key = :account OR code = :account) "
                f"OR EXISTS ({selection.newest()})"
            ),
            selection.values,
        ).scalar_one()
    )


def numbers(connection: Connection) -> Found:
    """The backlog at a glance. Counts of what is settled are left out: they grow without end."""
    row = connection.execute(
        text(
            """
            SELECT
              (SELECT count(*) FROM event WHERE status = 'pending') AS events_waiting,
              (SELECT EXTRACT(EPOCH FROM now() - min(received_at)) FROM event WHERE status = 'pending')
                AS oldest_event_seconds,
              (SELECT count(*) FROM subject WHERE status = 'due') AS accounts_due,
              (SELECT EXTRACT(EPOCH FROM now() - min(due_at)) FROM subject WHERE status = 'due')
                AS oldest_account_seconds,
              (SELECT count(*) FROM subject WHERE history = 'wanted') AS histories_wanted,
              (SELECT count(*) FROM snapshot WHERE link = '' AND object <> 'charge') AS objects_not_matched,
              (SELECT count(*) FROM snapshot WHERE ask_at <= now()) AS asks_waiting,
              (SELECT count(*) FROM event WHERE status = 'dead') AS dead_events,
              (SELECT count(*) FROM event WHERE status = 'unknown') AS unknown_events,
              (SELECT count(*) FROM subject WHERE status = 'dead') AS dead_accounts,
              (SELECT max(received_at) FROM event) AS last_received_at
            """
        )
    ).one()
    return {name: _plain(value) for name, value in row._mapping.items()}


def _plain(value: object) -> object:
    return round(float(value), 1) if type(value).__name__ == "Decimal" else value  # type: ignore[arg-type]


def unknown_kinds(connection: Connection) -> list[Mapping[str, Any]]:
    """Kinds nobody has written a fate for yet."""
    rows = connection.execute(
        text(
            "SELECT source, kind, count(*) AS events, max(received_at) AS last FROM event "
            "WHERE status = 'unknown' GROUP BY source, kind ORDER BY events DESC"
        )
    )
    return [dict(row._mapping) for row in rows]
