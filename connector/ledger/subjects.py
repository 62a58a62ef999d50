"""Subjects that need a decision: due, leased to one worker at a time, settled, or dead.

``generation`` counts the reasons to decide. A worker that settles generation 7 leaves the subject due when it
has become 8 meanwhile, so nothing that arrives during a decision is missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from connector.ledger.account_events import NEW_EVENTS, OLD_EVENTS
from connector.models.events import Urgency
from connector.redaction import redact_text

NEW_EVENT_WEIGHT = 3
"""A new event is loaded, becomes a record and is sent; an old one, or a snapshot, is only loaded."""
LEASE_SECONDS = 180
WORN = 6
MOST_TRIES = 10


@dataclass(frozen=True, slots=True)
class Due:
    """A subject that is due, named whole so that its row can be made. ``run_id``: the run of an admin that it is due
    for."""

    key: str
    source: str
    site: str
    code: str
    urgency: Urgency
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A due subject leased to one worker. ``run_id``: the admin's run that made it due."""

    key: str
    source: str
    site: str
    code: str
    urgency: Urgency
    generation: int
    tries: int
    run_id: int | None = None


def mark_due(connection: Connection, subjects: Iterable[Due]) -> None:
    """Make subjects due, as urgent as the most urgent reason: the date for which one is to be looked at again is one,
    or it would wait with the rest. A dead one gets another chance."""
    most_urgent: dict[str, Due] = {}
    for one in subjects:
        if one.key not in most_urgent or one.urgency < most_urgent[one.key].urgency:
            most_urgent[one.key] = one
    rows = [most_urgent[key] for key in sorted(most_urgent)]
    connection.execute(
        text(
            """
            INSERT INTO subject (key, source, site, code, urgency, status, due_at, run_id)
            SELECT key, source, site, code, urgency, 'due', now(), run_id
            FROM unnest(CAST(:keys AS text[]), CAST(:sources AS text[]), CAST(:sites AS text[]),
                        CAST(:codes AS text[]), CAST(:urgencies AS smallint[]), CAST(:runs AS bigint[]))
                 AS new(key, source, site, code, urgency, run_id)
            ON CONFLICT (key) DO UPDATE SET
                generation = subject.generation + 1,
                urgency = CASE WHEN subject.status = 'due' OR subject.look_again_at IS NOT NULL
                               THEN LEAST(subject.urgency, excluded.urgency) ELSE excluded.urgency END,
                due_at = CASE WHEN subject.status = 'due' THEN subject.due_at ELSE now() END,
                ready_at = CASE WHEN subject.lease IS NULL THEN now() ELSE subject.ready_at END,
                tries = CASE WHEN subject.status = 'due' THEN subject.tries ELSE 0 END,
                run_id = COALESCE(excluded.run_id, subject.run_id),
                status = 'due'
            """
        ),
        {
            "keys": [row.key for row in rows],
            "sources": [row.source for row in rows],
            "sites": [row.site for row in rows],
            "codes": [row.code for row in rows],
            "urgencies": [int(row.urgency) for row in rows],
            "runs": [row.run_id for row in rows],
        },
    )


def named(connection: Connection, key: str) -> Due | None:
    """Find a subject by its key, with its last urgency."""
    row = connection.execute(
        text("SELECT key, source, site, code, urgency FROM subject WHERE key = :key"), {"key": key}
    ).one_or_none()
    return Due(row.key, row.source, row.site, row.code, Urgency(row.urgency)) if row else None


def claim(
    connection: Connection,
    token: str,
    limit: int,
    only: Sequence[str] | None = None,
    *,
    most: Urgency = Urgency.ROUTINE,
    least: Urgency = Urgency.DISPUTE,
    rows: int | None = None,
) -> list[Claimed]:
    """Up to ``limit`` due subjects, most urgent and longest waiting first, leased to ``token``: those from ``least`` to
    ``most``.

    With ``only``, those of them that nobody else holds, due or not (a person asked). Otherwise what was claimed
    ``WORN`` times may be what kills its workers: it comes last, and alone.

    ``rows`` bounds what the batch loads: accounts are claimed while their events and snapshots together are fewer. The
    first is claimed however large it is.
    """
    if only is not None:
        free = "key = ANY(:only) AND (lease IS NULL OR ready_at <= now())"
        return _claim(connection, token, free, {"only": list(only), "limit": limit}, None)
    due = (
        "status = 'due' AND ready_at <= now() AND tries >= :at_least AND tries < :below "
        "AND urgency BETWEEN :least AND :most"
    )
    urgent = {"least": int(least), "most": int(most)}
    for at_least, below, at_most in ((0, WORN, limit), (WORN, MOST_TRIES, 1)):
        tried = {"at_least": at_least, "below": below, "limit": at_most}
        found = _claim(connection, token, due, {**tried, **urgent}, rows)
        if found:
            return found
    return []


_SIZED = f"""
            , sized AS MATERIALIZED (
                SELECT next.key, SUM({NEW_EVENT_WEIGHT} * fresh.count + old.count + known.count) OVER (
                           ORDER BY next.urgency, next.due_at, next.key
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                FROM next
                CROSS JOIN LATERAL (
                    SELECT count(*) FROM (SELECT 1 FROM event WHERE subject = next.key AND status = 'fetched'
                                          LIMIT {NEW_EVENTS}) AS counted) AS fresh
                CROSS JOIN LATERAL (
                    SELECT count(*) FROM (SELECT 1 FROM event WHERE subject = next.key LIMIT {OLD_EVENTS}) AS counted
                ) AS old
                CROSS JOIN LATERAL (
                    SELECT count(*) FROM (SELECT 1 FROM snapshot WHERE subject = next.key LIMIT :rows) AS counted
                ) AS known),
            fits AS (SELECT key FROM sized WHERE COALESCE(before, 0) < :rows)
"""
"""Counts no further than a decision loads: ``ledger/account_events.py``."""


def _claim(
    connection: Connection, token: str, which: str, values: Mapping[str, object], at_most: int | None
) -> list[Claimed]:
    sized, fits = (_SIZED, "fits") if at_most is not None else ("", "(SELECT key FROM next)")
    rows = connection.execute(
        text(
            f"""
            WITH next AS MATERIALIZED (
                SELECT key, urgency, due_at FROM subject WHERE {which}
                ORDER BY urgency, due_at, key LIMIT :limit FOR UPDATE SKIP LOCKED)
            {sized}
            UPDATE subject SET lease = :token, tries = tries + 1, status = 'due',
                               due_at = COALESCE(due_at, now()),
                               ready_at = now() + make_interval(secs => :lease)
            FROM {fits} AS fit WHERE subject.key = fit.key
            RETURNING subject.key, source, site, code, urgency, generation, tries, run_id
            """
        ),
        {
            "token": token,
            "lease": LEASE_SECONDS,
            **values,
            **({} if at_most is None else {"rows": at_most}),
        },
    )
    found = [
        Claimed(r.key, r.source, r.site, r.code, Urgency(r.urgency), r.generation, r.tries, r.run_id)
        for r in rows
    ]
    return sorted(found, key=lambda one: (one.urgency, one.key))


@dataclass(frozen=True, slots=True)
class Settled:
    """How a claimed subject ends: ``idle`` (done, with what the ledger knew at ``known_at``; now if that is not said),
    ``due`` (again, after ``wait`` seconds) or ``dead``. ``look_again_as``: how urgent it is at ``look_again_at``.
    ``remainder``: how urgent the rest of a subject that stays due is, unless it became due again meanwhile."""

    key: str
    generation: int
    status: str
    wait: float = 0.0
    spend: bool = True
    error: str = ""
    error_code: str = ""
    look_again_at: datetime | None = None
    look_again_as: Urgency = Urgency.ROUTINE
    known_at: datetime | None = None
    remainder: Urgency | None = None


def settle(connection: Connection, token: str, settled: Iterable[Settled]) -> None:
    """Let go of claimed subjects. One that became due again meanwhile stays due, at once. What is done once its history
    was fetched is still of the run it was due for."""
    rows = [
        {
            "key": one.key,
            "generation": one.generation,
            "status": one.status,
            "wait": one.wait,
            "refund": 0 if one.spend else 1,
            "error": redact_text(one.error),
            "error_code": one.error_code,
            "look_again_at": one.look_again_at,
            "look_again_as": int(one.look_again_as) if one.look_again_at else None,
            "known_at": one.known_at,
            "remainder": None if one.remainder is None else int(one.remainder),
            "token": token,
        }
        for one in settled
    ]
    if not rows:
        return
    connection.execute(
        text(
            """
            UPDATE subject SET
                lease = NULL,
                status = CASE WHEN generation > :generation THEN 'due' ELSE :status END,
                ready_at = CASE WHEN generation > :generation AND :status <> 'due' THEN now()
                                ELSE now() + make_interval(secs => :wait) END,
                due_at = CASE WHEN :status = 'due' THEN due_at
                              WHEN generation > :generation THEN now() END,
                tries = CASE WHEN :status = 'due' THEN tries - :refund ELSE 0 END,
                error = :error, error_code = :error_code,
                urgency = CASE WHEN :status <> 'idle' AND generation > :generation THEN urgency
                               WHEN :status <> 'idle' THEN COALESCE(CAST(:remainder AS smallint), urgency)
                               WHEN generation > :generation THEN LEAST(urgency, CAST(:look_again_as AS smallint))
                               ELSE COALESCE(CAST(:look_again_as AS smallint), urgency) END,
                look_again_at = CASE WHEN :status = 'idle' THEN CAST(:look_again_at AS timestamptz)
                                     ELSE look_again_at END,
                applied_at = CASE WHEN :status = 'idle' THEN COALESCE(CAST(:known_at AS timestamptz), now())
                                  ELSE applied_at END,
                run_id = CASE WHEN :status = 'idle' AND generation = :generation AND history <> 'wanted' THEN NULL
                              ELSE run_id END
            WHERE key = :key AND lease = :token
            """
        ),
        rows,
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is ready to be applied: how many (counted no further than asked) and since when."""

    ready: int
    oldest: datetime | None
    most_urgent: Urgency | None


def generations(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """Subject → the generation whose facts this transaction sees."""
    rows = connection.execute(
        text("SELECT key, generation FROM subject WHERE key = ANY(:keys)"), {"keys": list(keys)}
    )
    return {row.key: row.generation for row in rows}


def backlog(
    connection: Connection,
    at_most: int,
    *,
    least: Urgency = Urgency.DISPUTE,
    most: Urgency = Urgency.ROUTINE,
) -> Backlog:
    """Count the subjects from ``least`` to ``most`` urgency that are ready."""
    row = connection.execute(
        text(
            "SELECT count(*) AS ready, min(due_at) AS oldest, min(urgency) AS urgency FROM "
            "(SELECT due_at, urgency FROM subject WHERE status = 'due' AND ready_at <= now() "
            " AND urgency BETWEEN :least AND :most ORDER BY urgency, due_at LIMIT :at_most) AS ready"
        ),
        {"at_most": at_most, "least": int(least), "most": int(most)},
    ).one()
    return Backlog(row.ready, row.oldest, None if row.urgency is None else Urgency(row.urgency))


def wake_by_time(connection: Connection) -> int:
    """Make due whatever asked to be looked at again by now, as urgent as what it asked for: a dispute's deadline may
    near."""
    return connection.execute(
        text(
            """
            UPDATE subject SET status = 'due', due_at = now(), generation = generation + 1, tries = 0,
                               ready_at = now(), look_again_at = NULL
            WHERE look_again_at <= now() AND status = 'idle'
            """
        )
    ).rowcount


def dead_by_exhaustion(connection: Connection) -> int:
    """Make dead letters of subjects whose worker died repeatedly."""
    return connection.execute(
        text(
            """
            UPDATE subject SET status = 'dead', lease = NULL, error_code = 'WORKER_DIED',
                error = CASE WHEN error = '' THEN 'A worker died on this account ' || tries || ' times.'
                             ELSE error END
            WHERE status = 'due' AND ready_at <= now() AND tries >= :most
            """
        ),
        {"most": MOST_TRIES},
    ).rowcount


# An account that is older than the ledger has a past that no event told of: its history is fetched once.


def decide_history(
    connection: Connection, young: Sequence[str], old: Sequence[str], *, done: Sequence[str] = ()
) -> None:
    """Record which new subjects need their history fetched. Only undecided ones change."""
    for keys, history, before in ((young, "done", "unknown"), (old, "wanted", "unknown"), (done, "done", "")):
        connection.execute(
            text(
                "UPDATE subject SET history = :history WHERE key = ANY(:keys) "
                "AND (:before = '' OR history = :before)"
            ),
            {"keys": list(keys), "history": history, "before": before},
        )


def undecided_history(connection: Connection, keys: Sequence[str]) -> set[str]:
    rows = connection.execute(
        text("SELECT key FROM subject WHERE key = ANY(:keys) AND history = 'unknown'"), {"keys": list(keys)}
    )
    return {row.key for row in rows}


def claim_history(connection: Connection, limit: int) -> list[Due]:
    """Claim up to ``limit`` subjects whose history is wanted, for three minutes."""
    rows = connection.execute(
        text(
            """
            WITH next AS MATERIALIZED (
                SELECT key FROM subject WHERE history = 'wanted' AND history_ready_at <= now()
                ORDER BY history_ready_at, key LIMIT :limit FOR UPDATE SKIP LOCKED)
            UPDATE subject SET history_ready_at = now() + :lease
            FROM next WHERE subject.key = next.key
            RETURNING subject.key, source, site, code, urgency
            """
        ),
        {"lease": timedelta(seconds=LEASE_SECONDS), "limit": limit},
    )
    return [Due(r.key, r.source, r.site, r.code, Urgency.ROUTINE) for r in rows]


def histories_wanted(connection: Connection) -> bool:
    """Whether a history waits to be fetched."""
    return bool(
        connection.execute(
            text(
                "SELECT EXISTS (SELECT 1 FROM subject WHERE history = 'wanted' AND history_ready_at <= now())"
            )
        ).scalar_one()
    )
