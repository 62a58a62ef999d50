"""What processors told: every observation as it came, and the snapshot that all of them make together.

Observations are only ever added, each once (by the event that told it), and the snapshot is worked out from all of
them. So it is the same in whatever order they come, however often, and whoever works them.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, text

from connector.ledger import match_queue
from connector.ledger.locks import Lock, until_committed
from connector.mappers import external_ids, match_keys
from connector.models.facts import Kind, ProcessorObject
from connector.models.observation_merge import fold
from connector.redaction import redacted_before

_SHAPE: TypeAdapter[ProcessorObject] = TypeAdapter(ProcessorObject)

WAITS = ""
"""The link of an object that is joined to no account yet."""
PAYEE = "payee"
"""The link of a payout: it is its payee's, no account's."""

Key = tuple[str, str, str]
"""Source, kind, id."""


def encode(item: ProcessorObject) -> dict[str, Any]:
    """As JSON, without what was not said."""
    found: dict[str, Any] = _SHAPE.dump_python(item, mode="json", exclude_defaults=True)
    return found


def decode(data: Any) -> ProcessorObject:
    """The value of a row of the ledger."""
    with redacted_before():
        return _SHAPE.validate_python(data)


def key_of(item: ProcessorObject) -> Key:
    return item.source, str(item.kind), item.id


def main_object(carried: Sequence[ProcessorObject]) -> ProcessorObject:
    """What an event is about, rather than the charge behind it."""
    return min(carried, key=lambda item: item.kind is Kind.CHARGE)


@dataclass(frozen=True, slots=True)
class ProcessorSnapshot:
    """A snapshot of a processor's object. ``link``: how it was joined to ``subject``; "" while it waits.
    ``changed_keys``: the keys about which it says something new, for other objects."""

    item: ProcessorObject
    subject: str
    link: str
    asks: int = 0
    changed_keys: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        return self.link == WAITS

    @property
    def is_open(self) -> bool:
        """Whether its match may change: it waits, or was matched by less than a gateway reference."""
        return self.link != PAYEE and match_keys.strength(self.link) > 0

    @property
    def is_weak(self) -> bool:
        """Whether it was matched, and by less than a gateway reference."""
        return self.is_open and not self.waits


def by_answer(item: ProcessorObject) -> tuple[str, ProcessorObject]:
    """An observation from a processor's API: the same answer again is the same observation."""
    digest = hashlib.sha256(json.dumps(encode(item), sort_keys=True).encode()).hexdigest()
    return f"api:{digest[:32]}", item


def store(connection: Connection, told: Iterable[tuple[str, ProcessorObject]]) -> list[ProcessorSnapshot]:
    """Add observations, each with what told it, and bring the snapshots up to date. A new object belongs to nobody
    but itself (a payout: to its payee). The changed keys of what is returned belong into the match queue, in this
    transaction."""
    rows = list(told)
    if not rows:
        return []
    until_committed(connection, Lock.OBSERVING)
    touched = sorted({key_of(item) for _, item in rows})
    before = {key_of(one.item): one.item for one in load(connection, touched)}
    _observe(connection, rows)
    folded = [fold(heard) for heard in observations(connection, touched).values()]
    _snapshot(connection, folded)
    match_queue.register(connection, touched)
    return [
        replace(one, changed_keys=_changed_keys(one, before.get(key_of(one.item))))
        for one in load(connection, touched)
    ]


def changed_keys(stored: Iterable[ProcessorSnapshot]) -> set[str]:
    """What these say something new about, for other objects."""
    return {key for one in stored for key in one.changed_keys}


def _changed_keys(one: ProcessorSnapshot, before: ProcessorObject | None) -> tuple[str, ...]:
    """A charge tells what shares a reference with it of the payment. What is matched by more than the customer tells
    whose customer that is."""
    item = one.item
    if item.kind is Kind.CHARGE and (before is None or _evidence(before) != _evidence(item)):
        own = match_keys.of_processor(item, match_keys.REFERENCE)
    else:
        own = ()
    is_news = before is None or before.customer != item.customer
    if is_news and not one.waits and one.link != PAYEE and not match_keys.is_by_customer(one.link):
        return (*own, *match_keys.of_processor(item, match_keys.CUSTOMER))
    return own


def _evidence(item: ProcessorObject) -> tuple[object, ...]:
    return (match_keys.of_processor(item), item.amount, item.currency, item.status)


def _observe(connection: Connection, rows: Sequence[tuple[str, ProcessorObject]]) -> None:
    connection.execute(
        text(
            """
            INSERT INTO observation (source, object, id, told_by, data)
            SELECT source, object, id, told_by, data::jsonb
            FROM unnest(CAST(:sources AS text[]), CAST(:objects AS text[]), CAST(:ids AS text[]),
                        CAST(:told_by AS text[]), CAST(:data AS text[])) AS new(source, object, id, told_by, data)
            ON CONFLICT DO NOTHING
            """
        ),
        {
            "sources": [item.source for _, item in rows],
            "objects": [str(item.kind) for _, item in rows],
            "ids": [item.id for _, item in rows],
            "told_by": [told_by for told_by, _ in rows],
            "data": [json.dumps(encode(item)) for _, item in rows],
        },
    )


def observations(connection: Connection, touched: Sequence[Key]) -> dict[Key, list[ProcessorObject]]:
    """All that was told of these objects; without those of which nothing was."""
    found: dict[Key, list[ProcessorObject]] = defaultdict(list)
    for row in connection.execute(text(f"SELECT o.data FROM observation o {_THESE}"), _these(touched)):
        item = decode(row.data)
        found[key_of(item)].append(item)
    return found


_WANTED = (
    "unnest(CAST(:sources AS text[]), CAST(:objects AS text[]), CAST(:ids AS text[])) "
    "AS wanted(source, object, id)"
)
_THESE = f"JOIN {_WANTED} USING (source, object, id)"


def _these(wanted: Sequence[Key]) -> dict[str, list[str]]:
    sources, objects, ids = zip(*wanted, strict=True) if wanted else ((), (), ())
    return {"sources": list(sources), "objects": list(objects), "ids": list(ids)}


def _snapshot(connection: Connection, items: Sequence[ProcessorObject]) -> None:
    connection.execute(
        text(
            """
            INSERT INTO snapshot (source, site, object, id, subject, link, version, observed_at, data, refs, ask_at)
            SELECT source, '', object, id, subject, link, version, clock_timestamp(), data::jsonb, refs::text[],
                   CASE WHEN asked THEN now() END
            FROM unnest(CAST(:sources AS text[]), CAST(:objects AS text[]), CAST(:ids AS text[]),
                        CAST(:subjects AS text[]), CAST(:links AS text[]), CAST(:versions AS timestamptz[]),
                        CAST(:data AS text[]), CAST(:refs AS text[]), CAST(:asked AS boolean[]))
                 AS new(source, object, id, subject, link, version, data, refs, asked)
            ORDER BY source, object, id
            ON CONFLICT (source, site, object, id) DO UPDATE SET
                version = excluded.version, observed_at = excluded.observed_at, data = excluded.data,
                refs = excluded.refs
            """
        ),
        {
            **_these([key_of(item) for item in items]),
            "subjects": [_first_subject(item) for item in items],
            "links": [PAYEE if item.kind is Kind.PAYOUT else WAITS for item in items],
            "versions": [item.at for item in items],
            "data": [json.dumps(encode(item)) for item in items],
            "refs": [array(match_keys.of_processor(item)) for item in items],
            "asked": [item.kind in _ASKED_FOR and item.id != "" for item in items],
        },
    )


_ASKED_FOR = frozenset({Kind.DISPUTE, Kind.REFUND, Kind.FRAUD_WARNING, Kind.MANDATE, Kind.PAYOUT})
"""Kinds about which an API may be asked. A charge is asked for only through what is about it."""


def array(values: Sequence[str]) -> str:
    """Texts as PostgreSQL writes an array of them."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _first_subject(item: ProcessorObject) -> str:
    if item.kind is Kind.PAYOUT:
        return external_ids.payee(item.source, item.payee or "")
    return external_ids.unjoined(item.source, str(item.kind), item.id)


_COLUMNS = "s.data, s.subject, s.link, s.asks, s.first_seen_at"


def load(connection: Connection, wanted: Sequence[Key], *, hold: bool = False) -> list[ProcessorSnapshot]:
    """The snapshots of these objects, in a fixed order. ``hold``: none is joined until this transaction ends."""
    which = (
        f"snapshot s {_THESE} WHERE s.site = '' ORDER BY s.source, s.object, s.id FOR SHARE OF s"
        if hold
        else f"{_WANTED} CROSS JOIN LATERAL (SELECT * FROM snapshot WHERE source = wanted.source AND site = '' "
        "AND object = wanted.object AND id = wanted.id OFFSET 0) AS s ORDER BY s.source, s.object, s.id"
    )
    rows = connection.execute(text(f"SELECT {_COLUMNS} FROM {which}"), _these(wanted))
    return [_told(row) for row in rows]


def _told(row: Row[Any]) -> ProcessorSnapshot:
    return ProcessorSnapshot(
        read(row.data, row.link, row.first_seen_at), row.subject, row.link or "", row.asks
    )


def read(data: Any, link: str | None, first_seen_at: datetime) -> ProcessorObject:
    """An object as a decision needs it: with how it was joined, and since when it is known."""
    return replace(decode(data), joined_by=link or "", known_since=first_seen_at)


# What its processor is asked for -----------------------------------------------------------------------------


def claim_asks(
    connection: Connection, limit: int, lease_seconds: float, only: Sequence[Key] | None = None
) -> list[ProcessorSnapshot]:
    """Objects about which the APIs are to be asked now, held for a while. ``only``: some of these."""
    these = "" if only is None else f"{_THESE} "
    rows = connection.execute(
        text(
            f"""
            WITH next AS MATERIALIZED (
                SELECT s.source, s.site, s.object, s.id FROM snapshot s {these}WHERE s.ask_at <= now()
                ORDER BY s.ask_at LIMIT :limit FOR UPDATE OF s SKIP LOCKED)
            UPDATE snapshot s SET ask_at = now() + make_interval(secs => :lease), asks = s.asks + 1
            FROM next WHERE (s.source, s.site, s.object, s.id) = (next.source, next.site, next.object, next.id)
            RETURNING {_COLUMNS}
            """
        ),
        {"limit": limit, "lease": lease_seconds, **({} if only is None else _these(only))},
    )
    return sorted((_told(row) for row in rows), key=lambda one: key_of(one.item))


def asks_wait(connection: Connection) -> bool:
    """Is there an object about which an API is to be asked?"""
    return bool(
        connection.execute(text("SELECT EXISTS (SELECT 1 FROM snapshot WHERE ask_at <= now())")).scalar_one()
    )


def asked(
    connection: Connection, keys_: Sequence[Key], again_in: float | None, *, spend: bool = True
) -> None:
    """These were asked for: never again, or again after so many seconds. ``spend`` says whether the try counts."""
    connection.execute(
        text(
            """
            UPDATE snapshot s SET ask_at = now() + make_interval(secs => CAST(:again AS double precision)),
                asks = s.asks - :refund
            FROM unnest(CAST(:sources AS text[]), CAST(:objects AS text[]), CAST(:ids AS text[]))
                 AS wanted(source, object, id)
            WHERE s.source = wanted.source AND s.site = '' AND s.object = wanted.object AND s.id = wanted.id
            """
        ),
        {**_these(keys_), "again": again_in, "refund": 0 if spend else 1},
    )
