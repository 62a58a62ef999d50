"""The newest known version of every object a source told us of. A snapshot never goes back in time.

``version`` is the source's own ``updated_at`` (whole seconds at Recurly); a tie goes to the later observation,
``observed_at``, which is when the request that fetched it was sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, text

from connector.ledger import observations
from connector.mappers import external_ids, match_keys
from connector.models import facts
from connector.models.facts import BillingObject, DeletedObject, ProcessorObject
from connector.redaction import redacted_before

_SHAPES: Mapping[str, TypeAdapter[Any]] = {
    shape.object: TypeAdapter(shape)
    for shape in (facts.Account, facts.Subscription, facts.Invoice, facts.Payment, facts.CreditPayment)
}


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """What the ledger has of one object, without its content."""

    object: str
    id: str
    alias: str | None
    subject: str
    observed_at: datetime
    gone: bool


def clock(connection: Connection) -> datetime:
    """The ledger's own clock, by which hints and observations are compared."""
    now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def transaction_began(connection: Connection) -> datetime:
    """By the same clock; what is read in this transaction is at least as young."""
    began: datetime = connection.execute(text("SELECT now()")).scalar_one()
    return began


def alias(object_: BillingObject) -> str:
    """The other form a source finds this object by."""
    match object_:
        case facts.Account(code=code):
            return f"code-{code}"
        case facts.Invoice(number=number):
            return f"number-{number}"
        case _:
            return f"uuid-{object_.uuid}"


def subject_of(source: str, site: str, object_: BillingObject) -> str:
    """The account an object belongs to, as a subject key."""
    code = object_.code if isinstance(object_, facts.Account) else object_.account_code
    return external_ids.subject(source, site, code)


_STORE = text(
    """
    INSERT INTO snapshot (source, site, object, id, alias, subject, version, observed_at, data, refs, happened_at,
                          learnt_at)
    SELECT :source, :site, object, id, alias, subject, version, :observed_at, data::jsonb, refs::text[], happened_at,
           clock_timestamp()
    FROM unnest(CAST(:objects AS text[]), CAST(:ids AS text[]), CAST(:aliases AS text[]),
                CAST(:subjects AS text[]), CAST(:versions AS timestamptz[]), CAST(:data AS text[]),
                CAST(:refs AS text[]), CAST(:happened AS timestamptz[]))
         AS new(object, id, alias, subject, version, data, refs, happened_at)
    ORDER BY object, id
    ON CONFLICT (source, site, object, id) DO UPDATE SET
        alias = excluded.alias, subject = excluded.subject, version = excluded.version,
        observed_at = excluded.observed_at, gone = false, data = excluded.data, refs = excluded.refs,
        happened_at = excluded.happened_at,
        learnt_at = CASE WHEN snapshot.version IS NOT DISTINCT FROM excluded.version
                         THEN snapshot.learnt_at ELSE excluded.learnt_at END
    WHERE (COALESCE(snapshot.version, '-infinity'), snapshot.observed_at)
        < (COALESCE(excluded.version, '-infinity'), excluded.observed_at)
    """
)


_EVIDENCE = "jsonb_build_array({})".format(
    ", ".join(
        f"{{0}}->>'{name}'"
        for name in (
            "gateway",
            "amount",
            "currency",
            "type",
            "status",
            "invoice_id",
            "invoice_number",
            "total",
        )
    )
)
"""What of an object decides which processor objects match it, beside its keys and its account."""

_CHANGED_EVIDENCE = text(
    f"""
    SELECT new.n
    FROM unnest(CAST(:objects AS text[]), CAST(:ids AS text[]), CAST(:subjects AS text[]), CAST(:refs AS text[]),
                CAST(:data AS text[])) WITH ORDINALITY AS new(object, id, subject, refs, data, n)
    LEFT JOIN snapshot s ON (s.source, s.site, s.object, s.id) = (:source, :site, new.object, new.id)
    WHERE s.id IS NULL OR s.gone OR s.subject <> new.subject OR NOT s.refs @> new.refs::text[]
       OR {_EVIDENCE.format("s.data")} <> {_EVIDENCE.format("new.data::jsonb")}
    """
)


def store(
    connection: Connection,
    source: str,
    site: str,
    observed_at: datetime,
    objects: Iterable[BillingObject],
) -> set[str]:
    """Keep these objects, each unless the ledger already has it newer. Returns the keys about which something new is
    known: they belong into the match queue, in this transaction."""
    newest: dict[tuple[str, str], BillingObject] = {}
    for object_ in objects:
        before = newest.get((object_.object, object_.id))
        if before is None or _version(before) <= _version(object_):
            newest[object_.object, object_.id] = object_
    rows = list(newest.values())
    values = {
        "source": source,
        "site": site,
        "observed_at": observed_at,
        "objects": [row.object for row in rows],
        "ids": [row.id for row in rows],
        "aliases": [alias(row) for row in rows],
        "subjects": [subject_of(source, site, row) for row in rows],
        "versions": [row.updated_at for row in rows],
        "data": [_SHAPES[row.object].dump_json(row).decode() for row in rows],
        "refs": [observations.array(match_keys.of_billing(row)) for row in rows],
        "happened": [row.created_at if isinstance(row, facts.Payment) else None for row in rows],
    }
    changed = _changed_evidence(connection, rows, values)
    connection.execute(_STORE, values)
    return changed


def _changed_evidence(
    connection: Connection, rows: Sequence[BillingObject], values: Mapping[str, Any]
) -> set[str]:
    """The keys of those objects that are new or say something else than before of whose they are."""
    keyed = [n for n, row in enumerate(rows) if match_keys.evidence_of(row)]
    if not keyed:
        return set()
    lists = ("objects", "ids", "subjects", "refs", "data")
    found = connection.execute(
        _CHANGED_EVIDENCE,
        {
            "source": values["source"],
            "site": values["site"],
            **{name: [values[name][n] for n in keyed] for name in lists},
        },
    )
    return {key for row in found for key in match_keys.evidence_of(rows[keyed[row.n - 1]])}


def _version(object_: BillingObject) -> float:
    return object_.updated_at.timestamp() if object_.updated_at else float("-inf")


def mark_gone(
    connection: Connection, source: str, site: str, observed_at: datetime, gone: Sequence[DeletedObject]
) -> None:
    """Note that a source no longer has these objects. What is known of them stays."""
    connection.execute(
        text(
            """
            UPDATE snapshot SET gone = true, observed_at = :observed_at
            FROM unnest(CAST(:objects AS text[]), CAST(:refs AS text[])) AS lost(object, ref)
            WHERE source = :source AND site = :site AND snapshot.object = lost.object
              AND (snapshot.id = lost.ref OR snapshot.alias = lost.ref)
              AND snapshot.observed_at < :observed_at
            """
        ),
        {
            "source": source,
            "site": site,
            "observed_at": observed_at,
            "objects": [one.object for one in gone],
            "refs": [one.ref for one in gone],
        },
    )


def find(
    connection: Connection, source: str, site: str, refs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], SnapshotInfo]:
    """What is known under these ``(object, ref)`` pairs; a ref is an id or an alias."""
    wanted = sorted(set(refs))
    rows = connection.execute(
        text(
            """
            SELECT wanted.ref, s.object, s.id, s.alias, s.subject, s.observed_at, s.gone
            FROM unnest(CAST(:objects AS text[]), CAST(:refs AS text[])) AS wanted(object, ref)
            JOIN snapshot s ON s.source = :source AND s.site = :site AND s.object = wanted.object
                           AND s.id = wanted.ref
            UNION ALL
            SELECT wanted.ref, s.object, s.id, s.alias, s.subject, s.observed_at, s.gone
            FROM unnest(CAST(:objects AS text[]), CAST(:refs AS text[])) AS wanted(object, ref)
            JOIN snapshot s ON s.source = :source AND s.site = :site AND s.object = wanted.object
                           AND s.alias = wanted.ref
            """
        ),
        {
            "source": source,
            "site": site,
            "objects": [object_ for object_, _ in wanted],
            "refs": [ref for _, ref in wanted],
        },
    )
    return {
        (row.object, row.ref): SnapshotInfo(
            row.object, row.id, row.alias, row.subject, row.observed_at, row.gone
        )
        for row in rows
    }


def versions(
    connection: Connection, source: str, site: str, objects: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], datetime | None]:
    """Of those of these ``(object, id)`` that are known, the version."""
    rows = connection.execute(
        text(
            """
            SELECT object, id, version FROM snapshot
            JOIN unnest(CAST(:objects AS text[]), CAST(:ids AS text[])) AS wanted(object, id) USING (object, id)
            WHERE source = :source AND site = :site
            """
        ),
        {
            "source": source,
            "site": site,
            "objects": [object_ for object_, _ in objects],
            "ids": [id_ for _, id_ in objects],
        },
    )
    return {(row.object, row.id): row.version for row in rows}


def values(
    connection: Connection, source: str, site: str, known: Sequence[SnapshotInfo], *, gone: bool = False
) -> list[BillingObject]:
    """The content of what is known, without what is gone, unless that is wanted too."""
    rows = connection.execute(
        text(
            """
            SELECT object, data::text AS data FROM snapshot
            JOIN unnest(CAST(:objects AS text[]), CAST(:ids AS text[])) AS wanted(object, id) USING (object, id)
            WHERE source = :source AND site = :site AND (:gone OR NOT gone)
            """
        ),
        {
            "gone": gone,
            "source": source,
            "site": site,
            "objects": [one.object for one in known],
            "ids": [one.id for one in known],
        },
    )
    with redacted_before():
        return [_SHAPES[row.object].validate_json(row.data) for row in rows]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One object with whether its source still has it."""

    value: BillingObject | ProcessorObject
    gone: bool


def load(connection: Connection, subjects: Sequence[str]) -> dict[str, list[Snapshot]]:
    """Everything known of these subjects, in a fixed order."""
    rows = connection.execute(
        text(
            "SELECT subject, object, gone, link, first_seen_at, data::text AS data FROM snapshot "
            "WHERE subject = ANY(:subjects) ORDER BY subject, source, object, id"
        ),
        {"subjects": list(subjects)},
    )
    known: dict[str, list[Snapshot]] = {key: [] for key in subjects}
    for row in rows:
        known[row.subject].append(Snapshot(_value(row), row.gone))
    return known


def _value(row: Row[Any]) -> BillingObject | ProcessorObject:
    if row.object not in _SHAPES:
        return observations.read(json.loads(row.data), row.link, row.first_seen_at)
    with redacted_before():
        value: BillingObject = _SHAPES[row.object].validate_json(row.data)
    return value
