"""Looking at the ledger, and a person's three acts on events: replay, bury, retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events. ``account`` is an account code or a subject key; ``search`` looks in kind, id and body."""

    source: str | None = None
    kind: str | None = None
    status: str | None = None
    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None
    ids: tuple[int, ...] = ()
    limit: int = 50

    def where(self) -> tuple[str, dict[str, object]]:
        """The condition as SQL with its values; always true without a filter."""
        conditions = {
            "source = :source": self.source,
            "kind LIKE :kind": self.kind,
            "status = :status": self.status,
            "(subject = :account OR subject LIKE :account_end)": self.account,
            "received_at >= :since": self.since,
            "received_at < :until": self.until,
            "(event_id ILIKE :search OR kind ILIKE :search OR body ILIKE :search)": self.search,
            "id = ANY(:ids)": self.ids or None,
        }
        clauses = [clause for clause, value in conditions.items() if value]
        values: dict[str, object] = {
            "source": self.source,
            "kind": _like(self.kind or "").replace("*", "%"),
            "status": self.status,
            "account": self.account,
            "account_end": f"%:account:{_like(self.account or '')}",
            "since": self.since,
            "until": self.until,
            "search": f"%{_like(self.search or '')}%",
            "ids": list(self.ids),
        }
        return " AND ".join(clauses) or "true", values


def _like(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_REPLAYABLE = "jsonb_array_length(pointers) > 0"
_BURIABLE = "status IN ('pending', 'dead', 'unknown')"

_EVENT = (
    "id, source, site, event_id, kind, fate, status, occurred_at, received_at, settled_at, deliveries, "
    "subject, attempt_id, tries, error, note"
)


def events(connection: Connection, wanted: Filter) -> list[Found]:
    """Newest first, without their bodies."""
    where, values = wanted.where()
    rows = connection.execute(
        text(f"SELECT {_EVENT} FROM event WHERE {where} ORDER BY id DESC LIMIT :limit"),
        {**values, "limit": wanted.limit},
    )
    return [dict(row._mapping) for row in rows]


def count_replayable(connection: Connection, wanted: Filter) -> int:
    """How many of these events ``replay`` would work again."""
    return _count(connection, wanted, _REPLAYABLE)


def count_buriable(connection: Connection, wanted: Filter) -> int:
    """How many of these events ``bury`` would bury."""
    return _count(connection, wanted, _BURIABLE)


def _count(connection: Connection, wanted: Filter, condition: str) -> int:
    where, values = wanted.where()
    statement = text(f"SELECT count(*) FROM event WHERE {where} AND {condition}")
    return int(connection.execute(statement, values).scalar_one())


def story(connection: Connection, event_id: int) -> Found | None:
    """One event whole: what came, what it pointed to, which attempt settled it and what that changed."""
    row = connection.execute(
        text(f"SELECT {_EVENT}, earlier, pointers, format, body FROM event WHERE id = :id"),
        {"id": event_id},
    ).one_or_none()
    if row is None:
        return None
    found = dict(row._mapping)
    found["snapshots"] = _snapshots(connection, found)
    found["attempts"] = attempts(connection, [*found.pop("earlier"), found["attempt_id"]])
    found["by_hand"] = _by_hand(connection, found)
    return found


_GO = "LEFT JOIN run_go ON run_go.id = attempt.go_id"
_REASON = "COALESCE(NULLIF(run_go.reason, ''), run.reason, '') AS reason"
"""What was said when the run was gone on with, or else when it was begun."""


def _by_hand(connection: Connection, found: Found) -> list[Found]:
    """What people had done to the same account since it was received, beside what is told of the event itself."""
    rows = connection.execute(
        text(
            f"SELECT attempt.id, attempt.run_id, trigger, attempt.who, {_REASON}, attempt.started_at, outcome, "
            f"written, refused FROM attempt JOIN run ON run.id = attempt.run_id {_GO} WHERE subject = :subject "
            "AND attempt.started_at >= :since AND attempt.id <> ALL(:told) ORDER BY attempt.id"
        ),
        {
            "subject": found["subject"],
            "since": found["received_at"],
            "told": [one["id"] for one in found["attempts"]],
        },
    )
    return [dict(row._mapping) for row in rows]


def _snapshots(connection: Connection, found: Found) -> list[Found]:
    refs = [ref for _, refs in found["pointers"] for ref in refs]
    rows = connection.execute(
        text(
            "SELECT object, id, alias, version, observed_at, gone, link FROM snapshot "
            "WHERE subject = :subject AND (id = ANY(:refs) OR alias = ANY(:refs)) ORDER BY object, id"
        ),
        {"subject": found["subject"], "refs": refs},
    )
    return [dict(one._mapping) for one in rows]


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
    for one in found:
        rows = connection.execute(
            text("SELECT * FROM change WHERE attempt_id = :id ORDER BY id"), {"id": one["id"]}
        )
        one["changes"] = [dict(row._mapping) for row in rows]
    return found


def replay(connection: Connection, wanted: Filter, run_id: int | None = None) -> int:
    """Work these events again, whatever became of them; how many. One that points to nothing cannot be worked. The
    attempts that they were settled by before stay part of their story."""
    where, values = wanted.where()
    return connection.execute(
        text(
            "UPDATE event SET status = 'pending', hinted_at = now(), ready_at = now(), lease = NULL, "
            "tries = 0, error = '', settled_at = NULL, run_id = :run_id, attempt_id = NULL, "
            "earlier = CASE WHEN attempt_id IS NULL THEN earlier ELSE earlier || attempt_id END "
            f"WHERE {where} AND {_REPLAYABLE}"
        ),
        {**values, "run_id": run_id},
    ).rowcount


def bury(connection: Connection, wanted: Filter, reason: str) -> int:
    """A person decides that these events need no work; only ones that wait or are dead. How many."""
    where, values = wanted.where()
    return connection.execute(
        text(
            "UPDATE event SET status = 'buried', lease = NULL, error = :reason, settled_at = now() "
            f"WHERE {where} AND {_BURIABLE}"
        ),
        {**values, "reason": reason},
    ).rowcount


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


def retry_subjects(connection: Connection, account: str | None, run_id: int | None = None) -> int:
    """Dead accounts become due; how many."""
    return connection.execute(
        text(
            "UPDATE subject SET status = 'due', due_at = now(), ready_at = now(), tries = 0, lease = NULL, "
            "generation = generation + 1, run_id = :run_id WHERE status = 'dead' AND "
            "(CAST(:account AS text) IS NULL OR key = :account OR code = :account)"
        ),
        {"account": account, "run_id": run_id},
    ).rowcount


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
              (SELECT count(*) FROM snapshot WHERE link = '' AND object <> 'charge') AS objects_not_joined,
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
