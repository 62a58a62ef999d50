"""Which processor objects may still be matched to another account, and what is to be matched again.

``match_key`` has a row for each key (a reference, invoice number or customer, ``mappers/match_keys.py``) of each object
whose match is open: it waits for an account, or it was matched by less than a gateway reference. ``match_task`` is the
queue: a key about which something new is known. A task keeps its position, so a key of 100,000 objects is worked in
slices, each in a job of its own, and a slice costs the same however many objects wait.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from connector.mappers import match_keys

Key = tuple[str, str, str]
"""Source, kind, id of an object."""

OBJECT = "object:"
"""The form of the key that stands for one object alone."""
SWEEP = "sweep"
"""The task that keeps how far the sweep has come. It is never claimed."""

LEASE_SECONDS = 60.0

OPEN = (
    "s.link IS NOT NULL AND s.link <> 'payee' "
    f"AND NOT starts_with(s.link, '{match_keys.MATCHED_BY[match_keys.REFERENCE]} ')"
)
"""The match of a snapshot ``s`` may still change."""
_OWN_KEY = f"'{OBJECT}' || s.source || ':' || s.object || ':' || s.id"
_RANK = "CASE s.object WHEN 'charge' THEN '2' WHEN 'mandate' THEN '1' ELSE '0' END"
"""Disputes, refunds and fraud warnings come first."""
_THESE = (
    "unnest(CAST(:sources AS text[]), CAST(:objects AS text[]), CAST(:ids AS text[])) "
    "AS these(source, object, id)"
)


def own_key(object_: Key) -> str:
    """The key that stands for this object alone."""
    return OBJECT + ":".join(object_)


def register(connection: Connection, objects: Collection[Key]) -> None:
    """Keep the keys of these objects where their match is open, and drop them where it is not."""
    if not objects:
        return
    connection.execute(
        text(
            f"""
            INSERT INTO match_key (key, place, source, object, id)
            SELECT key, {_RANK} || ':' || s.source || ':' || s.object || ':' || s.id, s.source, s.object, s.id
            FROM {_THESE} JOIN snapshot s USING (source, object, id)
            CROSS JOIN LATERAL unnest(s.refs || ({_OWN_KEY})) AS key
            WHERE s.site = '' AND {OPEN}
            ORDER BY 1, 2
            ON CONFLICT DO NOTHING
            """
        ),
        _values(objects),
    )
    connection.execute(
        text(
            f"DELETE FROM match_key k USING {_THESE}, snapshot s "
            "WHERE (k.source, k.object, k.id) = (these.source, these.object, these.id) AND s.site = '' "
            f"AND (s.source, s.object, s.id) = (these.source, these.object, these.id) AND NOT ({OPEN})"
        ),
        _values(objects),
    )


def enqueue(connection: Connection, keys: Iterable[str], *, wait: float = 0.0, always: bool = False) -> None:
    """Match again the objects of these keys. Keys of which no object is known are left out; ``always``: they are not,
    because an object may be stored in this moment. A task that is under way begins again.

    Called last in a transaction: ``joins.move`` locks subjects before tasks."""
    wanted = sorted(set(keys))
    if not wanted:
        return
    known = "" if always else "WHERE EXISTS (SELECT 1 FROM match_key k WHERE k.key = new.key)"
    connection.execute(
        text(
            f"""
            INSERT INTO match_task (key, ready_at)
            SELECT key, now() + make_interval(secs => :wait) FROM unnest(CAST(:keys AS text[])) AS new(key) {known}
            ORDER BY key
            ON CONFLICT (key) DO UPDATE SET generation = match_task.generation + 1, place = '',
                ready_at = LEAST(match_task.ready_at, excluded.ready_at)
            """
        ),
        {"keys": wanted, "wait": wait},
    )


def shared(connection: Connection, keys: Sequence[str], object_: Key) -> list[str]:
    """Those of these keys that another object has too."""
    rows = connection.execute(
        text(
            "SELECT key FROM unnest(CAST(:keys AS text[])) AS these(key) WHERE EXISTS (SELECT 1 FROM match_key k "
            "WHERE k.key = these.key AND (k.source, k.object, k.id) <> (:source, :object, :id)) ORDER BY key"
        ),
        {"keys": list(keys), "source": object_[0], "object": object_[1], "id": object_[2]},
    )
    return [row.key for row in rows]


@dataclass(frozen=True, slots=True)
class Task:
    """A claimed key. ``place``: up to where its objects were matched again."""

    key: str
    generation: int
    place: str


def claim(connection: Connection, limit: int, only: Collection[str] | None = None) -> list[Task]:
    """Up to ``limit`` tasks, the longest waiting first, leased for a minute. ``only``: those of these keys."""
    which = "" if only is None else "AND key = ANY(:only)"
    rows = connection.execute(
        text(
            f"""
            WITH next AS MATERIALIZED (
                SELECT key FROM match_task WHERE ready_at <= now() {which}
                ORDER BY ready_at, key LIMIT :limit FOR UPDATE SKIP LOCKED)
            UPDATE match_task SET ready_at = now() + make_interval(secs => :lease)
            FROM next WHERE match_task.key = next.key
            RETURNING match_task.key, generation, place
            """
        ),
        {
            "limit": limit,
            "lease": LEASE_SECONDS,
            **({} if only is None else {"only": sorted(only)}),
        },
    )
    return sorted((Task(row.key, row.generation, row.place) for row in rows), key=lambda one: one.key)


def slices(connection: Connection, tasks: Sequence[Task], each: int) -> dict[str, list[tuple[str, Key]]]:
    """By key the next objects of each task, with their places: at most ``each``."""
    rows = connection.execute(
        text(
            """
            SELECT task.key, k.place, k.source, k.object, k.id
            FROM unnest(CAST(:keys AS text[]), CAST(:places AS text[])) AS task(key, place)
            CROSS JOIN LATERAL (
                SELECT * FROM match_key WHERE match_key.key = task.key AND match_key.place > task.place
                ORDER BY match_key.key, match_key.place LIMIT :each) AS k
            ORDER BY task.key, k.place
            """
        ),
        {"keys": [one.key for one in tasks], "places": [one.place for one in tasks], "each": each},
    )
    found: dict[str, list[tuple[str, Key]]] = {one.key: [] for one in tasks}
    for row in rows:
        found[row.key].append((row.place, (row.source, row.object, row.id)))
    return found


def advance(connection: Connection, tasks: Sequence[Task], places: Mapping[str, str | None]) -> None:
    """Let go of tasks: those with a place go on there, the others are done. One that was enqueued meanwhile begins
    again when that said."""
    connection.execute(
        text("SELECT 1 FROM match_task WHERE key = ANY(:keys) ORDER BY key FOR UPDATE"),
        {"keys": [one.key for one in tasks]},
    )
    connection.execute(
        text(
            """
            DELETE FROM match_task USING unnest(CAST(:keys AS text[]), CAST(:generations AS bigint[])) AS done(key, n)
            WHERE match_task.key = done.key AND generation = done.n
            """
        ),
        _of([one for one in tasks if places.get(one.key) is None]),
    )
    connection.execute(
        text(
            """
            UPDATE match_task SET ready_at = now(), place = done.place
            FROM unnest(CAST(:keys AS text[]), CAST(:generations AS bigint[]), CAST(:places AS text[]))
                 AS done(key, n, place)
            WHERE match_task.key = done.key AND generation = done.n
            """
        ),
        {**_of(tasks), "places": [places.get(one.key) or "" for one in tasks]},
    )


def tasks_wait(connection: Connection) -> bool:
    """Is there something to match again?"""
    return bool(
        connection.execute(
            text("SELECT EXISTS (SELECT 1 FROM match_task WHERE ready_at <= now())")
        ).scalar_one()
    )


def next_in_cycle(connection: Connection, limit: int) -> list[Key]:
    """The next objects whose match is open, in an order that comes round to each of them. After the last one it
    begins again."""
    rows = connection.execute(
        text(
            """
            SELECT k.key, k.source, k.object, k.id FROM match_key k
            WHERE k.key > COALESCE((SELECT place FROM match_task WHERE key = :sweep), :first)
              AND k.key >= :first AND k.key < :end
            ORDER BY k.key LIMIT :limit
            """
        ),
        {"sweep": SWEEP, "first": OBJECT, "end": "object;", "limit": limit},
    ).all()
    connection.execute(
        text(
            "INSERT INTO match_task (key, place, ready_at) VALUES (:sweep, :place, 'infinity') "
            "ON CONFLICT (key) DO UPDATE SET place = excluded.place"
        ),
        {"sweep": SWEEP, "place": rows[-1].key if len(rows) == limit else OBJECT},
    )
    return [(row.source, row.object, row.id) for row in rows]


def _of(tasks: Sequence[Task]) -> dict[str, object]:
    return {"keys": [one.key for one in tasks], "generations": [one.generation for one in tasks]}


def _values(objects: Collection[Key]) -> dict[str, object]:
    ordered = sorted(objects)
    return {
        "sources": [source for source, _, _ in ordered],
        "objects": [object_ for _, object_, _ in ordered],
        "ids": [id_ for _, _, id_ in ordered],
    }
