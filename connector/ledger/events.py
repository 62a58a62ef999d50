"""Claim recorded events in batches under a lease, and settle them while the lease is valid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from connector.ledger import observations
from connector.models.events import Pointer, Urgency
from connector.models.facts import ProcessorObject
from connector.redaction import redact_text

LEASE_SECONDS = 180
WORN = 6
MOST_TRIES = 10


@dataclass(frozen=True, slots=True)
class Claimed:
    """A pending event leased to one worker. ``hinted_at``: objects fetched after this time are new enough."""

    id: int
    source: str
    site: str
    kind: str
    urgency: Urgency
    pointers: tuple[Pointer, ...]
    hinted_at: datetime
    received_at: datetime
    tries: int
    event_id: str = ""
    carried: tuple[ProcessorObject, ...] = ()


def claim(
    connection: Connection, token: str, limit: int, *, most: Urgency = Urgency.ROUTINE
) -> list[Claimed]:
    """Up to ``limit`` pending events, most urgent and oldest first, leased to ``token``. ``most``: what is less urgent
    stays pending.

    What was claimed ``WORN`` times may be what kills its workers: it comes last, and alone, so that it cannot take
    others with it. After ``MOST_TRIES`` it is left to ``dead_by_exhaustion``.
    """
    for at_least, below, at_most in ((0, WORN, limit), (WORN, MOST_TRIES, 1)):
        found = _claim(connection, token, at_least, below, at_most, most)
        if found:
            return found
    return []


def _claim(
    connection: Connection, token: str, at_least: int, below: int, limit: int, most: Urgency
) -> list[Claimed]:
    """The CTE keeps the limit: a subquery in the WHERE may be run again for each row of a bad plan, and lock as
    many as there are."""
    rows = connection.execute(
        text(
            """
            WITH next AS MATERIALIZED (
                SELECT id FROM event WHERE status = 'pending' AND ready_at <= now()
                AND urgency <= :most AND tries >= :at_least AND tries < :below
                ORDER BY urgency, id LIMIT :limit FOR UPDATE SKIP LOCKED)
            UPDATE event SET lease = :token, tries = tries + 1,
                             ready_at = now() + make_interval(secs => :lease)
            FROM next WHERE event.id = next.id
            RETURNING event.id, source, site, kind, urgency, pointers, hinted_at, received_at, tries,
                      event_id, carried
            """
        ),
        {
            "token": token,
            "lease": LEASE_SECONDS,
            "limit": limit,
            "most": int(most),
            "at_least": at_least,
            "below": below,
        },
    )
    return sorted((_claimed(row) for row in rows), key=lambda event: (event.urgency, event.id))


def _claimed(row: Row[Any]) -> Claimed:
    return Claimed(
        id=row.id,
        source=row.source,
        site=row.site,
        kind=row.kind,
        urgency=Urgency(row.urgency),
        pointers=tuple(Pointer(object_, tuple(refs)) for object_, refs in row.pointers),
        hinted_at=row.hinted_at,
        received_at=row.received_at,
        tries=row.tries,
        event_id=row.event_id,
        carried=tuple(observations.decode(one) for one in row.carried),
    )


@dataclass(frozen=True, slots=True)
class Fetched:
    """An event whose objects are known now. Without a subject there is nothing to apply: it is done."""

    id: int
    subject: str | None
    note: str = ""


def settle_fetched(connection: Connection, token: str, events: Iterable[Fetched]) -> None:
    rows = list(events)
    connection.execute(
        text(
            """
            UPDATE event SET subject = COALESCE(new.subject, event.subject), note = new.note, lease = NULL,
                tries = 0, error = '', status = CASE WHEN new.subject IS NULL THEN 'done' ELSE 'fetched' END,
                settled_at = CASE WHEN new.subject IS NULL THEN now() END
            FROM unnest(CAST(:ids AS bigint[]), CAST(:subjects AS text[]), CAST(:notes AS text[]))
                 AS new(id, subject, note)
            WHERE event.id = new.id AND event.lease = :token
            """
        ),
        {
            "ids": [row.id for row in rows],
            "subjects": [row.subject for row in rows],
            "notes": [row.note for row in rows],
            "token": token,
        },
    )


def release(
    connection: Connection, token: str, ids: Sequence[int], *, seconds: float, spend: bool, error: str
) -> None:
    """Release events, to be claimed again after ``seconds``. ``spend``: whether the try counts."""
    connection.execute(
        text(
            """
            UPDATE event SET lease = NULL, error = :error, tries = tries - :refund,
                             ready_at = now() + make_interval(secs => :seconds)
            WHERE id = ANY(:ids) AND lease = :token
            """
        ),
        {
            "ids": list(ids),
            "token": token,
            "seconds": seconds,
            "refund": 0 if spend else 1,
            "error": redact_text(error),
        },
    )


def dead(connection: Connection, token: str, ids: Sequence[int], error: str) -> None:
    """Make dead letters of events, until a person replays them."""
    connection.execute(
        text(
            "UPDATE event SET status = 'dead', lease = NULL, error = :error, settled_at = now() "
            "WHERE id = ANY(:ids) AND lease = :token"
        ),
        {"ids": list(ids), "token": token, "error": redact_text(error)},
    )


def dead_by_exhaustion(connection: Connection) -> int:
    """Make dead letters of events whose worker died repeatedly."""
    result = connection.execute(
        text(
            """
            UPDATE event SET status = 'dead', lease = NULL, settled_at = now(),
                error = CASE WHEN error = '' THEN 'A worker died on this event ' || tries || ' times.'
                             ELSE error END
            WHERE status = 'pending' AND ready_at <= now() AND tries >= :most
            """
        ),
        {"most": MOST_TRIES},
    )
    return result.rowcount


def waiting(connection: Connection, at_most: int, *, most: Urgency = Urgency.ROUTINE) -> int:
    """How many events are ready to be claimed, counting no further than ``at_most``; without those that are less
    urgent than ``most``."""
    return int(
        connection.execute(
            text(
                "SELECT count(*) FROM (SELECT 1 FROM event WHERE status = 'pending' AND ready_at <= now() "
                "AND urgency <= :most LIMIT :at_most) AS ready"
            ),
            {"at_most": at_most, "most": int(most)},
        ).scalar_one()
    )


def first_received_at(connection: Connection, source: str, site: str) -> datetime | None:
    """The time of a site's first event: the events of an account created later are complete."""
    found: datetime | None = connection.execute(
        text("SELECT min(received_at) FROM event WHERE source = :source AND site = :site"),
        {"source": source, "site": site},
    ).scalar_one()
    return found
