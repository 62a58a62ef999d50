"""The audit trail (event → attempt → change) and the mirror of what was last written to Salesforce."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from connector.mappers.fields import Case
from connector.redaction import redact_text

Encoded = Mapping[str, Any]
"""Field → JSON value, as it was sent; a lookup holds its parent's key."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What was last written to one record."""

    salesforce_id: str
    fields: Encoded


@dataclass(frozen=True, slots=True)
class RowChange:
    """One record of an attempt. ``after`` holds only what was sent; ``before`` the same fields as last written.

    ``written`` is False where Salesforce refused it. ``mirror`` is the whole record as Salesforce now has it,
    or None where that is not known.
    """

    object: str
    key: str
    rule: str
    reason: str
    before: Encoded
    after: Encoded
    transition: str | None
    salesforce_id: str | None
    error: str = ""
    written: bool = True
    mirror: Encoded | None = None


WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something was decided and written. ``run_id``: the run of an admin; that tells why it was asked for.
    ``go_id``: who went on with it then, and why, where several may have."""

    trigger: str = WEBHOOK
    who: str = ""
    run_id: int | None = None
    go_id: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of decide + apply for a subject."""

    subject: str
    cause: Cause
    started_at: datetime
    ended_at: datetime
    outcome: str
    error: str = ""
    error_code: str = ""
    changes: tuple[RowChange, ...] = ()
    event_ids: tuple[int, ...] = field(default=())


def record(connection: Connection, attempts: Sequence[Attempt]) -> None:
    """Write attempts with their changes, bring the mirror up to date, and settle the events they finished."""
    if not attempts:
        return
    ids = _insert_attempts(connection, attempts)
    _insert_changes(connection, attempts, ids)
    _mirror(connection, attempts)
    replayed = _finish_events(connection, attempts, ids)
    _name_runs(connection, attempts, ids, replayed)


def _insert_attempts(connection: Connection, attempts: Sequence[Attempt]) -> list[int]:
    rows = connection.execute(
        text(
            """
            INSERT INTO attempt (subject, trigger, who, started_at, ended_at, outcome, error, error_code,
                                 written, refused, run_id, go_id)
            SELECT subject, trigger, who, started_at, ended_at, outcome, error, error_code, written, refused,
                   run_id, go_id
            FROM unnest(CAST(:subject AS text[]), CAST(:trigger AS text[]), CAST(:who AS text[]),
                        CAST(:started_at AS timestamptz[]), CAST(:ended_at AS timestamptz[]),
                        CAST(:outcome AS text[]), CAST(:error AS text[]), CAST(:error_code AS text[]),
                        CAST(:written AS int[]), CAST(:refused AS int[]), CAST(:run_id AS bigint[]),
                        CAST(:go_id AS bigint[]))
                 WITH ORDINALITY
                 AS new(subject, trigger, who, started_at, ended_at, outcome, error, error_code,
                        written, refused, run_id, go_id, n)
            ORDER BY n RETURNING id
            """
        ),
        {
            "subject": [a.subject for a in attempts],
            "trigger": [a.cause.trigger for a in attempts],
            "who": [a.cause.who for a in attempts],
            "started_at": [a.started_at for a in attempts],
            "ended_at": [a.ended_at for a in attempts],
            "outcome": [a.outcome for a in attempts],
            "error": [redact_text(a.error) for a in attempts],
            "error_code": [a.error_code for a in attempts],
            "written": [sum(c.written for c in a.changes) for a in attempts],
            "refused": [sum(not c.written for c in a.changes) for a in attempts],
            "run_id": [a.cause.run_id for a in attempts],
            "go_id": [a.cause.go_id for a in attempts],
        },
    )
    return sorted(row.id for row in rows)


def _insert_changes(connection: Connection, attempts: Sequence[Attempt], ids: Sequence[int]) -> None:
    rows = [(id_, change) for id_, attempt in zip(ids, attempts, strict=True) for change in attempt.changes]
    if not rows:
        return
    connection.execute(
        text(
            """
            INSERT INTO change (attempt_id, object, key, salesforce_id, transition, rule, reason, before, after,
                                outcome, error)
            SELECT attempt_id, object, key, salesforce_id, transition, rule, reason, before::jsonb, after::jsonb,
                   outcome, error
            FROM unnest(CAST(:attempt_id AS bigint[]), CAST(:object AS text[]), CAST(:key AS text[]),
                        CAST(:salesforce_id AS text[]), CAST(:transition AS text[]), CAST(:rule AS text[]),
                        CAST(:reason AS text[]), CAST(:before AS text[]), CAST(:after AS text[]),
                        CAST(:outcome AS text[]), CAST(:error AS text[]))
                 AS new(attempt_id, object, key, salesforce_id, transition, rule, reason, before, after,
                        outcome, error)
            """
        ),
        {
            "attempt_id": [id_ for id_, _ in rows],
            "object": [c.object for _, c in rows],
            "key": [c.key for _, c in rows],
            "salesforce_id": [c.salesforce_id for _, c in rows],
            "transition": [c.transition for _, c in rows],
            "rule": [c.rule for _, c in rows],
            "reason": [c.reason for _, c in rows],
            "before": [json.dumps(c.before) for _, c in rows],
            "after": [json.dumps(c.after) for _, c in rows],
            "outcome": ["written" if c.written else "refused" for _, c in rows],
            "error": [redact_text(c.error) for _, c in rows],
        },
    )


def _mirror(connection: Connection, attempts: Sequence[Attempt]) -> None:
    rows = [(a.subject, c) for a in attempts for c in a.changes if c.mirror is not None]
    if not rows:
        return
    connection.execute(
        text(
            """
            INSERT INTO mirror (object, key, subject, salesforce_id, fields)
            SELECT object, key, subject, salesforce_id, fields::jsonb
            FROM unnest(CAST(:object AS text[]), CAST(:key AS text[]), CAST(:subject AS text[]),
                        CAST(:salesforce_id AS text[]), CAST(:fields AS text[]))
                 AS new(object, key, subject, salesforce_id, fields)
            ON CONFLICT (object, key) DO UPDATE SET subject = excluded.subject, written_at = now(),
                salesforce_id = excluded.salesforce_id, fields = excluded.fields
            """
        ),
        {
            "object": [c.object for _, c in rows],
            "key": [c.key for _, c in rows],
            "subject": [subject for subject, _ in rows],
            "salesforce_id": [c.salesforce_id or "" for _, c in rows],
            "fields": [json.dumps(c.mirror) for _, c in rows],
        },
    )


def _finish_events(connection: Connection, attempts: Sequence[Attempt], ids: Sequence[int]) -> dict[int, int]:
    """Attempt → the run that asked for one of its events again. The attempts that an event was settled by before stay
    part of its story, whatever it is told again for."""
    pairs = [(event, id_) for id_, attempt in zip(ids, attempts, strict=True) for event in attempt.event_ids]
    rows = connection.execute(
        text(
            """
            UPDATE event SET status = 'done', attempt_id = new.attempt_id, settled_at = now(), run_id = NULL,
                earlier = CASE WHEN event.attempt_id IS NULL THEN event.earlier
                               ELSE event.earlier || event.attempt_id END
            FROM unnest(CAST(:events AS bigint[]), CAST(:attempts AS bigint[])) AS new(event_id, attempt_id)
            JOIN event AS before ON before.id = new.event_id
            WHERE event.id = new.event_id AND event.status = 'fetched'
            RETURNING new.attempt_id, before.run_id
            """
        ),
        {"events": [event for event, _ in pairs], "attempts": [id_ for _, id_ in pairs]},
    )
    return {row.attempt_id: row.run_id for row in rows if row.run_id is not None}


def _name_runs(
    connection: Connection, attempts: Sequence[Attempt], ids: Sequence[int], replayed: Mapping[int, int]
) -> None:
    """What a worker did for a run tells whose it is: theirs who last had it write. What a command did is its own,
    whoever replayed an event that it met."""
    workers = {
        id_: one.cause.run_id or replayed.get(id_)
        for id_, one in zip(ids, attempts, strict=True)
        if one.cause.trigger == WEBHOOK
    }
    found = {id_: run_id for id_, run_id in workers.items() if run_id is not None}
    if not found:
        return
    connection.execute(
        text(
            """
            UPDATE attempt SET run_id = run.id, trigger = run.command, who = COALESCE(go.who, run.who),
                               go_id = go.id
            FROM unnest(CAST(:attempts AS bigint[]), CAST(:runs AS bigint[])) AS new(attempt_id, run_id)
            JOIN run ON run.id = new.run_id
            LEFT JOIN LATERAL (SELECT id, who FROM run_go WHERE run_go.run_id = run.id AND writes
                               ORDER BY id DESC LIMIT 1) AS go ON true
            WHERE attempt.id = new.attempt_id
            """
        ),
        {"attempts": list(found), "runs": list(found.values())},
    )


def mirrored(connection: Connection, subjects: Sequence[str]) -> list[tuple[tuple[str, str], str, Mirrored]]:
    """What was last written for these subjects: ((object, key), subject, what)."""
    rows = connection.execute(
        text("SELECT object, key, subject, salesforce_id, fields FROM mirror WHERE subject = ANY(:subjects)"),
        {"subjects": list(subjects)},
    )
    return [((r.object, r.key), r.subject, Mirrored(r.salesforce_id, r.fields)) for r in rows]


@dataclass(frozen=True, slots=True)
class MovedCase:
    """A case that Salesforce still has under the subject ``former``; it is written under ``subject`` next time."""

    key: str
    former: str
    subject: str


_WRITTEN_FOR = f"fields->>'{Case.ACCOUNT_KEY}'"
_IS_MOVING = f"object = '{Case.OBJECT}' AND {_WRITTEN_FOR} <> subject"


def moved_cases(connection: Connection, subjects: Sequence[str]) -> list[MovedCase]:
    """The cases that came to one of these subjects or left it, and were not written since."""
    rows = connection.execute(
        text(
            f"SELECT key, {_WRITTEN_FOR} AS former, subject FROM mirror "
            f"WHERE subject = ANY(:subjects) AND {_IS_MOVING} "
            f"UNION SELECT key, {_WRITTEN_FOR}, subject FROM mirror "
            f"WHERE {_WRITTEN_FOR} = ANY(:subjects) AND {_IS_MOVING} ORDER BY key"
        ),
        {"subjects": list(subjects)},
    )
    return [MovedCase(row.key, row.former, row.subject) for row in rows]


def forget(connection: Connection, subjects: Sequence[str]) -> None:
    """Drop the mirror of these subjects, so that their records are sent whole next time. A case that is still to be
    moved to its account stays: nothing else tells under which subject Salesforce has it."""
    connection.execute(
        text(f"DELETE FROM mirror WHERE subject = ANY(:subjects) AND ({_IS_MOVING}) IS NOT TRUE"),
        {"subjects": list(subjects)},
    )


@dataclass(frozen=True, slots=True)
class Transitions:
    """By the keys of the cases. ``closed`` holds only what was closed since the moment that was asked for."""

    reopened: Mapping[str, tuple[datetime, ...]]
    escalated: Set[str]
    closed: Set[str]


def written_transitions(connection: Connection, since: datetime) -> Transitions:
    """The transitions that were written, read as a stream; only keys are kept."""
    rows = connection.execution_options(yield_per=5000).execute(
        text(
            "SELECT change.key, change.transition, attempt.ended_at FROM change "
            "JOIN attempt ON attempt.id = change.attempt_id "
            "WHERE change.object = 'Case' AND change.outcome = 'written' "
            "AND (change.transition IN ('reopen', 'escalate') "
            "OR (change.transition = 'resolve' AND attempt.ended_at >= :since)) ORDER BY change.id"
        ),
        {"since": since},
    )
    reopened: dict[str, tuple[datetime, ...]] = defaultdict(tuple)
    others: dict[str, set[str]] = {"escalate": set(), "resolve": set()}
    for key, transition, at in rows:
        if transition == "reopen":
            reopened[key] += (at,)
        else:
            others[transition].add(key)
    return Transitions(dict(reopened), others["escalate"], others["resolve"])
