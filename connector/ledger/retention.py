"""Retention: bodies go first, rows later, and an event stays known for ever by a digest of its identity.

A row is deleted only a minute after its tombstone was committed: a delivery that is being recorded meanwhile
finds one or the other, never neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, text

from connector.ledger.event_filter import forget_purged_words
from connector.ledger.inbox import DIGEST
from connector.ledger.locks import Lock, until_committed

AT_ONCE = 5000

_MISSED = (
    "DELETE FROM missed WHERE id IN "
    "(SELECT id FROM missed WHERE found_at < now() - make_interval(days => :days) LIMIT :most)"
)
_SILENCES = (
    "DELETE FROM silence WHERE (source, site, since) IN (SELECT source, site, since FROM silence "
    "WHERE ended_at < now() - make_interval(days => :days) LIMIT :most)"
)
_DISCREPANCIES = (
    "DELETE FROM discrepancy WHERE key IN (SELECT key FROM discrepancy WHERE state = 'cleared' "
    "AND cleared_at < now() - make_interval(days => :days) LIMIT :most)"
)


TRANSMISSION_DAYS: Final = 5
"""An older transmission is refused by its signed time (``webhooks/paypal/verify.py``)."""
_TRANSMISSIONS = (
    "DELETE FROM transmission WHERE (source, site, id) IN (SELECT source, site, id FROM transmission "
    "WHERE seen_at < now() - make_interval(days => :days) ORDER BY seen_at LIMIT :most)"
)


@dataclass(frozen=True, slots=True)
class Purged:
    bodies: int
    buried: int
    rows: int


_SETTLED: Final = "status IN ('done', 'ignored', 'buried')"


@dataclass(frozen=True, slots=True)
class Expired:
    """What retention allows to go: bodies, and whole events."""

    bodies: int
    events: int


def count(connection: Connection, bodies_days: int | None, rows_days: int | None) -> Expired:
    """What ``purge`` would remove in the end, pass after pass; None keeps for good."""

    def old(days: int | None, condition: str) -> int:
        statement = text(
            f"SELECT count(*) FROM event WHERE {_SETTLED} AND {condition} "
            "AND received_at < now() - make_interval(days => :days)"
        )
        return 0 if days is None else int(connection.execute(statement, {"days": days}).scalar_one())

    return Expired(old(bodies_days, "body IS NOT NULL"), old(rows_days, "true"))


def purge(engine: Engine, bodies_days: int | None, rows_days: int | None) -> Purged:
    """One bounded pass; None keeps for good. Only settled events age: pending and dead ones stay whole."""
    bodies = buried = rows = 0
    _run(engine, _TRANSMISSIONS, TRANSMISSION_DAYS)
    if bodies_days is not None:
        bodies = _purge_bodies(engine, bodies_days)
    if rows_days is not None:
        rows = _run(
            engine,
            f"DELETE FROM event WHERE id IN (SELECT id FROM event WHERE {_SETTLED} "
            "AND received_at < now() - make_interval(days => :days) AND EXISTS (SELECT 1 FROM tombstone "
            f"WHERE digest = {DIGEST.format('event')} AND purged_at < now() - interval '1 minute') LIMIT :most)",
            rows_days,
        )
        buried = _run(
            engine,
            f"INSERT INTO tombstone (digest) SELECT {DIGEST.format('event')} FROM event WHERE {_SETTLED} "
            "AND received_at < now() - make_interval(days => :days) ORDER BY received_at LIMIT :most "
            "ON CONFLICT DO NOTHING",
            rows_days,
        )
        rows += _run(engine, _MISSED, rows_days)
        rows += _run(engine, _SILENCES, rows_days)
        rows += _run(engine, _DISCREPANCIES, rows_days)
    return Purged(bodies, buried, rows)


def _purge_bodies(engine: Engine, days: int) -> int:
    with engine.begin() as connection:
        until_committed(connection, Lock.EVENT_WORDS)
        purged = connection.execute(
            text(
                f"UPDATE event SET body = NULL WHERE id IN (SELECT id FROM event WHERE {_SETTLED} "
                "AND body IS NOT NULL AND received_at < now() - make_interval(days => :days) LIMIT :most) "
                "RETURNING id"
            ),
            {"days": days, "most": AT_ONCE},
        ).scalars()
        ids = list(purged)
        forget_purged_words(connection, ids)
    return len(ids)


def _run(engine: Engine, statement: str, days: int) -> int:
    with engine.begin() as connection:
        return connection.execute(text(statement), {"days": days, "most": AT_ONCE}).rowcount
