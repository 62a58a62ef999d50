"""What admins do: one row for each command that changes something, with who, when and why, and how far it came.

Attempts carry the id of the run they belong to, so the audit of a record tells of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from connector.redaction import redact_text, redact_value

RUNNING, DONE, STOPPED, FAILED = "running", "done", "stopped", "failed"

LOGIN = " (login "
"""Stands between the name an operator gave and the login name: ``anna (login ops)``."""

_COLUMNS = "id, command, who, reason, options, state, progress, error, started_at, touched_at, ended_at"


@dataclass(frozen=True, slots=True)
class Run:
    """``options``: what was asked for; ``progress``: how far it came, in the words of the command. A run that was
    killed stays ``running``, and ``touched_at`` grows old."""

    id: int
    command: str
    who: str
    reason: str
    options: Mapping[str, Any]
    state: str
    progress: Mapping[str, Any]
    error: str
    started_at: datetime
    touched_at: datetime
    ended_at: datetime | None


def begin(connection: Connection, command: str, who: str, reason: str, options: Mapping[str, Any]) -> int:
    """A new run; its id."""
    row = connection.execute(
        text(
            "INSERT INTO run (command, who, reason, options, state) "
            "VALUES (:command, :who, :reason, CAST(:options AS jsonb), 'running') RETURNING id"
        ),
        {
            "command": command,
            "who": who,
            "reason": redact_text(reason),
            "options": json.dumps(redact_value("options", options)),
        },
    )
    return int(row.scalar_one())


def progress(connection: Connection, id_: int, told: Mapping[str, Any]) -> None:
    """Keep how far it is. Written with what it tells of, in one transaction, it is never ahead of it."""
    connection.execute(
        text(
            "UPDATE run SET progress = CAST(:told AS jsonb), touched_at = now(), state = 'running', "
            "ended_at = NULL WHERE id = :id"
        ),
        {"id": id_, "told": json.dumps(redact_value("progress", told))},
    )


def end(connection: Connection, id_: int, state: str, error: str = "") -> None:
    """It is over: done, stopped (it may go on later) or failed."""
    connection.execute(
        text(
            "UPDATE run SET state = :state, error = :error, ended_at = now(), touched_at = now() WHERE id = :id"
        ),
        {"id": id_, "state": state, "error": redact_text(error)},
    )


def abandon(connection: Connection, command: str, who: str, error: str) -> None:
    """Whoever was at these is gone: they failed, and were heard of last when they were."""
    connection.execute(
        text(
            "UPDATE run SET state = 'failed', error = :error, ended_at = now() "
            "WHERE command = :command AND who = :who AND state = 'running'"
        ),
        {"command": command, "who": who, "error": redact_text(error)},
    )


@dataclass(frozen=True, slots=True)
class RecentRuns:
    """How many runs there were; ``rests``: the last was heard of not long ago."""

    count: int
    rests: bool


def tried(connection: Connection, command: str, options: Mapping[str, Any], rest: timedelta) -> RecentRuns:
    """How often a command was begun that was asked for just this."""
    row = connection.execute(
        text(
            "SELECT count(*) AS n, COALESCE(max(touched_at) > now() - :rest, false) AS rests FROM run "
            "WHERE command = :command AND options @> CAST(:options AS jsonb)"
        ),
        {"command": command, "options": json.dumps(redact_value("options", options)), "rest": rest},
    ).one()
    return RecentRuns(row.n, row.rests)


def named(connection: Connection, id_: int) -> Run | None:
    """A run by its id."""
    row = connection.execute(text(f"SELECT {_COLUMNS} FROM run WHERE id = :id"), {"id": id_}).one_or_none()
    return _run(row) if row else None


def latest(connection: Connection, command: str, *, unfinished: bool = False) -> Run | None:
    """The newest run of a command; ``unfinished``: of those that are not done."""
    row = connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM run WHERE command = :command AND (NOT :unfinished OR state <> 'done') "
            "ORDER BY id DESC LIMIT 1"
        ),
        {"command": command, "unfinished": unfinished},
    ).one_or_none()
    return _run(row) if row else None


def done(connection: Connection, command: str) -> list[Run]:
    """Those of a command that came to their end."""
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM run WHERE command = :command AND state = 'done' ORDER BY id"),
        {"command": command},
    )
    return [_run(row) for row in rows]


def listed(
    connection: Connection, command: str | None, who: str | None, since: datetime | None, limit: int
) -> list[Run]:
    """Newest first, those for which all that is said holds. ``who``: as it is kept, or only the operator's name or
    the login name in it."""
    rows = connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM run WHERE (CAST(:command AS text) IS NULL OR command = :command) "
            "AND (CAST(:who AS text) IS NULL OR who = :who OR starts_with(who, CAST(:operator AS text)) "
            "OR right(who, length(CAST(:login AS text))) = :login) "
            "AND (CAST(:since AS timestamptz) IS NULL OR started_at >= :since) ORDER BY id DESC LIMIT :limit"
        ),
        {
            "command": command,
            "who": who,
            "operator": f"{who}{LOGIN}",
            "login": f"{LOGIN}{who})",
            "since": since,
            "limit": limit,
        },
    )
    return [_run(row) for row in rows]


def outcomes(connection: Connection, id_: int) -> list[Mapping[str, Any]]:
    """What its attempts came to, those of workers included: outcome, how many, records written and refused."""
    rows = connection.execute(
        text(
            "SELECT outcome, count(*) AS attempts, sum(written) AS written, sum(refused) AS refused "
            "FROM attempt WHERE run_id = :id GROUP BY outcome ORDER BY outcome"
        ),
        {"id": id_},
    )
    return [dict(row._mapping) for row in rows]


def troubles(connection: Connection, id_: int, limit: int) -> list[Mapping[str, Any]]:
    """Its attempts that did not end well, each with why."""
    rows = connection.execute(
        text(
            "SELECT subject, outcome, error FROM attempt WHERE run_id = :id AND error <> '' "
            "ORDER BY id LIMIT :limit"
        ),
        {"id": id_, "limit": limit},
    )
    return [dict(row._mapping) for row in rows]


def attempts_of(connection: Connection, id_: int, account: str) -> list[int]:
    """The ids of its attempts at one account: its code, or its whole key."""
    rows = connection.execute(
        text(
            "SELECT id FROM attempt WHERE run_id = :id AND (subject = :account OR EXISTS (SELECT 1 FROM subject "
            "WHERE key = attempt.subject AND code = :account)) ORDER BY id"
        ),
        {"id": id_, "account": account},
    )
    return [row.id for row in rows]


def _run(row: Row[Any]) -> Run:
    return Run(**row._mapping)


def begin_session(connection: Connection, run_id: int, who: str, reason: str, *, writes: bool) -> int:
    """Somebody has it go on from now; the id of the go."""
    row = connection.execute(
        text(
            "INSERT INTO run_go (run_id, who, reason, writes) VALUES (:run, :who, :reason, :writes) RETURNING id"
        ),
        {"run": run_id, "who": who, "reason": redact_text(reason), "writes": writes},
    )
    return int(row.scalar_one())


def sessions_of_run(connection: Connection, run_id: int) -> list[Mapping[str, Any]]:
    """In their order: who, began_at, reason, writes."""
    rows = connection.execute(
        text("SELECT who, began_at, reason, writes FROM run_go WHERE run_id = :run ORDER BY id"),
        {"run": run_id},
    )
    return [dict(row._mapping) for row in rows]
