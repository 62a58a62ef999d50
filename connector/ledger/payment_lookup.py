"""Payments and refunds as the ledger has them: by what others call them, and by when they happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine, Row, text

from connector.mappers.match_keys import INVOICE, REFERENCE
from connector.models.facts import Payment
from connector.redaction import redacted_before

AT_ONCE: Final = 500

_SHAPE: TypeAdapter[Payment] = TypeAdapter(Payment)
_COLUMNS: Final = "s.source, s.site, s.subject, s.happened_at, s.id, s.data::text AS data"


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """A payment or refund and whose it is."""

    source: str
    site: str
    subject: str
    payment: Payment

    @property
    def id(self) -> tuple[str, str]:
        return self.site, self.payment.id


def named(connection: Connection, names: Collection[str]) -> Mapping[str, list[KnownPayment]]:
    """Under each of these names, the payments and refunds that go by it: as a gateway's reference, or as their uuid."""
    rows = connection.execute(
        text(
            f"""
            SELECT {_COLUMNS}, substr(ref, :cut) AS name
            FROM snapshot s CROSS JOIN LATERAL unnest(s.refs) AS ref
            WHERE s.refs && CAST(:refs AS text[]) AND ref = ANY(:refs) AND s.object = 'payment' AND s.link IS NULL
              AND NOT s.gone
            UNION ALL
            SELECT {_COLUMNS}, substr(s.alias, 6) AS name
            FROM snapshot s WHERE s.source = 'recurly' AND s.object = 'payment' AND s.alias = ANY(:aliases)
              AND s.site IN (SELECT DISTINCT site FROM subject WHERE source = 'recurly') AND NOT s.gone
            ORDER BY name, happened_at, site, id
            """
        ),
        {
            "refs": [f"{REFERENCE}{name}" for name in names],
            "aliases": [f"uuid-{name}" for name in names],
            "cut": len(REFERENCE) + 1,
        },
    )
    found: dict[str, list[KnownPayment]] = defaultdict(list)
    for row in rows:
        one = _known(row)
        if one not in found[row.name]:
            found[row.name].append(one)
    return found


def refunds_of(connection: Connection, subjects: Collection[str]) -> list[KnownPayment]:
    """The refunds of these accounts, the oldest first."""
    rows = connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM snapshot s WHERE s.subject = ANY(:subjects) AND s.object = 'payment' "
            "AND NOT s.gone AND s.data->>'type' = 'refund' ORDER BY s.happened_at, s.site, s.id"
        ),
        {"subjects": sorted(subjects)},
    )
    return [_known(row) for row in rows]


def happened(
    engine: Engine, sites: Sequence[str], since: datetime, until: datetime
) -> Iterator[list[KnownPayment]]:
    """What these sites took or gave back then, in the order of its moments, some at a time."""
    after: tuple[datetime, str, str] = (since, "", "")
    while True:
        with engine.connect() as connection:
            rows = connection.execute(
                text(
                    f"SELECT {_COLUMNS} FROM snapshot s WHERE s.happened_at >= :since AND s.happened_at < :until "
                    "AND (s.happened_at, s.site, s.id) > (:at, :site, :id) AND s.site = ANY(:sites) "
                    "AND s.object = 'payment' AND NOT s.gone ORDER BY s.happened_at, s.site, s.id LIMIT :limit"
                ),
                {
                    "since": since,
                    "until": until,
                    "at": after[0],
                    "site": after[1],
                    "id": after[2],
                    "sites": list(sites),
                    "limit": AT_ONCE,
                },
            ).all()
        if not rows:
            return
        yield [_known(row) for row in rows]
        after = (rows[-1].happened_at, rows[-1].site, rows[-1].id)


def sites_of_invoices(connection: Connection, numbers: Collection[str]) -> dict[str, str]:
    """Invoice number → the one site that has it; without those that several have."""
    rows = connection.execute(
        text(
            "SELECT ref, min(s.site) AS site FROM snapshot s CROSS JOIN LATERAL unnest(s.refs) AS ref "
            "WHERE s.refs && CAST(:refs AS text[]) AND ref = ANY(:refs) AND s.object = 'invoice' AND s.link IS NULL "
            "GROUP BY ref HAVING count(DISTINCT s.site) = 1"
        ),
        {"refs": sorted({f"{INVOICE}{number}" for number in numbers})},
    )
    return {row.ref.removeprefix(INVOICE): row.site for row in rows}


def waiting(connection: Connection, subjects: Collection[str]) -> dict[str, str]:
    """Those of these accounts, and of the objects that have none, that Salesforce need not be up to date about, with
    why."""
    rows = connection.execute(
        text(
            """
            SELECT s.key, CASE WHEN l.state IN ('review', 'waiting') THEN 'the account has no Salesforce record yet'
                               WHEN s.status = 'due' THEN 'it waits to be written'
                               WHEN s.history = 'wanted' THEN 'the past of its account waits to be fetched'
                               ELSE 'its account is not in Recurly any more' END AS why
            FROM subject s LEFT JOIN link l ON l.subject = s.key
            LEFT JOIN snapshot a ON a.subject = s.key AND a.object = 'account' AND NOT a.gone
            WHERE s.key = ANY(:subjects)
              AND (s.status = 'due' OR s.history = 'wanted' OR l.state IN ('review', 'waiting')
                   OR (s.source = 'recurly' AND a.id IS NULL))
            """
        ),
        {"subjects": sorted(subjects)},
    )
    return {row.key: row.why for row in rows}


def pasts_wait(connection: Connection, sites: Collection[str]) -> dict[str, datetime]:
    """Those of these sites where the past of an account is still to be fetched, with when the last such account was
    first heard of: of what it paid before, the ledger may know nothing yet."""
    rows = connection.execute(
        text(
            "SELECT site, max(first_seen_at) AS heard FROM subject "
            "WHERE history = 'wanted' AND site = ANY(:sites) GROUP BY site"
        ),
        {"sites": sorted(sites)},
    )
    return {row.site: row.heard for row in rows}


def _known(row: Row[Any]) -> KnownPayment:
    with redacted_before():
        return KnownPayment(row.source, row.site, row.subject, _SHAPE.validate_json(row.data))
