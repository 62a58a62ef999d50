"""What no delivery told of, as a change feed or a processor's list showed it; kept when it was filled in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from connector.ledger import watermarks
from connector.models.facts import Kind
from connector.models.processor_objects import SETTLED

Site = tuple[str, str]
_UNREAD: Final = "unread"


@dataclass(frozen=True, slots=True)
class MissedChange:
    """One object of which the ledger did not learn. ``version``: its source's ``updated_at``; of a processor's object
    when it was listed."""

    object: str
    id: str
    version: datetime | None
    subject: str


def record(connection: Connection, site: Site, found: Sequence[MissedChange], run_id: int | None) -> None:
    """Keep what was missing, with the run that filled it in."""
    connection.execute(
        text(
            """
            INSERT INTO missed (source, site, object, object_id, version, subject, run_id)
            SELECT :source, :site, object, id, version, subject, :run_id
            FROM unnest(CAST(:objects AS text[]), CAST(:ids AS text[]), CAST(:versions AS timestamptz[]),
                        CAST(:subjects AS text[])) AS new(object, id, version, subject)
            """
        ),
        {
            "source": site[0],
            "site": site[1],
            "run_id": run_id,
            "objects": [one.object for one in found],
            "ids": [one.id for one in found],
            "versions": [one.version for one in found],
            "subjects": [one.subject for one in found],
        },
    )


def of_run(connection: Connection, run_id: int, limit: int) -> tuple[list[MissedChange], int]:
    """The first that a run filled in, as they were found, and how many they are."""
    rows = connection.execute(
        text(
            "SELECT object, object_id, version, subject, count(*) OVER () AS n FROM missed "
            "WHERE run_id = :run_id ORDER BY id LIMIT :limit"
        ),
        {"run_id": run_id, "limit": limit},
    ).all()
    found = [MissedChange(row.object, row.object_id, row.version, row.subject) for row in rows]
    return found, rows[0].n if rows else 0


@dataclass(frozen=True, slots=True)
class RecentlyMissed:
    """How many were missed, and when the last of them was found."""

    count: int
    last_at: datetime | None


def recent(connection: Connection, within: timedelta) -> RecentlyMissed:
    """What was found to be missing of late."""
    row = connection.execute(
        text("SELECT count(*) AS n, max(found_at) AS last FROM missed WHERE found_at > now() - :within"),
        {"within": within},
    ).one()
    return RecentlyMissed(row.n, row.last)


@dataclass(frozen=True, slots=True)
class NotReadable:
    """How many changed objects could not be read of late. ``last``: site, kind and id of the last of them."""

    count: int
    last: str


def keep_unread(connection: Connection, site: Site, found: Iterable[tuple[str, str]]) -> None:
    """These, kind and id, were on a page now and could not be read."""
    for object_, id_ in found:
        watermarks.touch(connection, ":".join((_UNREAD, *site, object_, id_)))


def not_readable(connection: Connection, within: timedelta) -> NotReadable:
    names = watermarks.touched(connection, f"{_UNREAD}:", within)
    return NotReadable(len(names), names[0].removeprefix(f"{_UNREAD}:") if names else "")


def only_looked_at(
    connection: Connection, site: Site, objects: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Which of these ``(object, id)`` the ledger learnt without their account having been worked since, nor being due:
    a plan or a count has fetched them, and nothing more."""
    rows = connection.execute(
        text(
            """
            SELECT object, id FROM snapshot
            JOIN unnest(CAST(:objects AS text[]), CAST(:ids AS text[])) AS wanted(object, id) USING (object, id)
            LEFT JOIN subject ON subject.key = snapshot.subject
            WHERE snapshot.source = :source AND snapshot.site = :site AND snapshot.learnt_at IS NOT NULL
              AND COALESCE(subject.status, 'idle') = 'idle' AND subject.lease IS NULL
              AND (subject.applied_at IS NULL OR subject.applied_at < snapshot.learnt_at)
            """
        ),
        {
            "source": site[0],
            "site": site[1],
            "objects": [object_ for object_, _ in objects],
            "ids": [id_ for _, id_ in objects],
        },
    )
    return {(row.object, row.id) for row in rows}


def on_their_way(connection: Connection, site: Site, refs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these ``(object, ref)`` pairs an event points to that is received and not fetched yet."""
    wanted = sorted(set(refs))
    rows = connection.execute(
        text(
            """
            SELECT DISTINCT wanted.object, wanted.ref
            FROM event, jsonb_array_elements(pointers) AS pointer, jsonb_array_elements_text(pointer->1) AS told
            JOIN unnest(CAST(:objects AS text[]), CAST(:refs AS text[])) AS wanted(object, ref) ON wanted.ref = told
            WHERE event.status = 'pending' AND event.source = :source AND event.site = :site
              AND pointer->>0 = wanted.object
            """
        ),
        {
            "source": site[0],
            "site": site[1],
            "objects": [object_ for object_, _ in wanted],
            "refs": [ref for _, ref in wanted],
        },
    )
    return {(row.object, row.ref) for row in rows}


def first_told_of(connection: Connection, site: Site) -> datetime | None:
    """When what the first event of a site tells of happened, or when it was received, if that was before."""
    found: datetime | None = connection.execute(
        text(
            "SELECT LEAST(received_at, occurred_at) FROM event WHERE source = :source AND site = :site "
            "ORDER BY received_at LIMIT 1"
        ),
        {"source": site[0], "site": site[1]},
    ).scalar_one_or_none()
    return found


def looked_through(connection: Connection, site: Site, since: datetime, until: datetime) -> None:
    """Everything that changed on a site between these was looked at and filled in, and nothing was left out before."""
    watermarks.reach_back(connection, _known(site), since)
    watermarks.save(connection, _read(site), until)


def begin_reading(connection: Connection, site: Site) -> None:
    """From now on, if not longer, its changes are to be looked through."""
    watermarks.begin(connection, _read(site))


def known_from(connection: Connection, site: Site) -> datetime | None:
    """Since when the ledger learns what changes on a site: by events, or as far back as it was looked through."""
    moments = (first_told_of(connection, site), watermarks.load(connection, _known(site)))
    return min((at for at in moments if at), default=None)


def read_until(connection: Connection, site: Site) -> datetime | None:
    """Up to where the changes of a site were looked through the last time that this came to an end; before the first,
    since when they are to be."""
    return watermarks.load(connection, _read(site))


def _known(site: Site) -> str:
    return ":".join(("known", *site))


def _read(site: Site) -> str:
    return ":".join(("read", *site))


def open_since(connection: Connection, source: str, kind: Kind, not_before: datetime) -> datetime | None:
    """When the oldest object of this kind began that a processor told of and whose end it did not."""
    found: datetime | None = connection.execute(
        text(
            """
            SELECT min(began) FROM (
                SELECT COALESCE(CAST(data->>'opened_at' AS timestamptz), version) AS began FROM snapshot
                WHERE source = :source AND site = '' AND object = :object AND NOT gone
                  AND COALESCE(data->>'status', '') <> ALL(:settled)) AS unsettled
            WHERE began >= :not_before
            """
        ),
        {
            "source": source,
            "object": str(kind),
            "settled": sorted(str(one) for one in SETTLED),
            "not_before": not_before,
        },
    ).scalar_one()
    return found
