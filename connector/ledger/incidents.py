"""Incidents: payments of many accounts failing through one gateway, as they were found in the payments' own times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from connector.ledger.locks import Lock, until_committed
from connector.models.facts import Incident

Site = tuple[str, str]

KEPT = timedelta(days=30)
"""How long an incident that ended still says which failures belonged to it."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """A payment that was tried through a gateway. ``code``: why it failed, None if it did not."""

    source: str
    site: str
    gateway: str
    subject: str
    at: datetime
    code: str | None


@dataclass(frozen=True, slots=True)
class Codes:
    """Which failures count: these codes, or all but these."""

    named: tuple[str, ...]
    all_but: bool = False


def one_at_a_time(connection: Connection) -> None:
    """Two who notice the same incident must not keep two; until this transaction ends there is one."""
    until_committed(connection, Lock.INCIDENTS)


def attempted(
    connection: Connection, since: datetime, window: timedelta, codes: Codes, at_least: int
) -> list[Attempted]:
    """The payments tried since then, in the order of their own times, of those gateways through which so many accounts
    may have failed with one of these codes within a window; and of those where an incident lasts.

    A window touches two of the buckets that are counted here, so half of them in one is enough to look closer."""
    rows = connection.execute(
        text(
            """
            WITH lately AS MATERIALIZED (
                SELECT source, site, data->>'gateway' AS gateway, subject, data->>'status' AS status,
                       lower(btrim(COALESCE(data->>'code', ''))) AS code, happened_at AS at
                FROM snapshot WHERE happened_at > :since
                AND data->>'type' IN ('purchase', 'authorization', 'capture')
                AND data->>'status' IN ('success', 'declined', 'error') AND data->>'gateway' IS NOT NULL),
            suspected AS (
                SELECT source, site, gateway FROM lately WHERE status <> 'success'
                AND (code = ANY(:codes)) <> :all_but
                GROUP BY source, site, gateway, date_bin(:window, at, TIMESTAMPTZ '2000-01-01')
                HAVING count(DISTINCT subject) * 2 >= :at_least
                UNION SELECT source, site, gateway FROM incident WHERE ended_at IS NULL)
            SELECT * FROM lately WHERE (source, site, gateway) IN (SELECT * FROM suspected)
            ORDER BY source, site, gateway, at, subject
            """
        ),
        {
            "since": since,
            "window": window,
            "codes": list(codes.named),
            "all_but": codes.all_but,
            "at_least": at_least,
        },
    )
    return [
        Attempted(r.source, r.site, r.gateway, r.subject, r.at, None if r.status == "success" else r.code)
        for r in rows
    ]


def last(connection: Connection) -> bool:
    """Whether an incident lasts."""
    statement = text("SELECT EXISTS (SELECT 1 FROM incident WHERE ended_at IS NULL)")
    return bool(connection.execute(statement).scalar_one())


def lasting(connection: Connection) -> list[Incident]:
    """All that last."""
    sites = connection.execute(text("SELECT DISTINCT source, site FROM incident WHERE ended_at IS NULL"))
    found = load(connection, [(row.source, row.site) for row in sites])
    return [one for known in found.values() for one in known if one.ended_at is None]


def touched(connection: Connection, incident: Incident) -> list[str]:
    """The accounts of which a payment failed through its gateway while it lasted."""
    rows = connection.execute(
        text(
            """
            SELECT DISTINCT subject FROM snapshot WHERE object = 'payment' AND source = :source AND site = :site
            AND happened_at BETWEEN :started_at AND :last_failure_at
            AND data->>'gateway' = :gateway AND data->>'status' IN ('declined', 'error') ORDER BY subject
            """
        ),
        {name: getattr(incident, name) for name in _COLUMNS},
    )
    return [row.subject for row in rows]


def load(connection: Connection, sites: Sequence[Site]) -> Mapping[Site, list[Incident]]:
    """The incidents of these sites that last or ended lately, the oldest first."""
    rows = connection.execute(
        text(
            "SELECT i.*, (SELECT key FROM mirror m WHERE m.object = 'Case' AND m.subject = "
            "i.source || ':' || i.site || ':gateway:' || i.gateway ORDER BY m.written_at DESC LIMIT 1) AS case_key "
            "FROM incident i JOIN unnest(CAST(:sources AS text[]), CAST(:sites AS text[])) "
            "AS wanted(source, site) USING (source, site) "
            "WHERE ended_at IS NULL OR ended_at > now() - :kept ORDER BY started_at, id"
        ),
        {"sources": [s for s, _ in sites], "sites": [s for _, s in sites], "kept": KEPT},
    )
    found: dict[Site, list[Incident]] = defaultdict(list)
    for row in rows:
        found[row.source, row.site].append(Incident(**row._mapping))
    return found


_COLUMNS = tuple(name for name in Incident.__dataclass_fields__ if name != "case_key")


def save(connection: Connection, incident: Incident) -> None:
    """Keep an incident as it is now."""
    connection.execute(
        text(
            """
            INSERT INTO incident (id, source, site, gateway, started_at, last_failure_at, ended_at, accounts,
                                  failed, succeeded)
            VALUES (:id, :source, :site, :gateway, :started_at, :last_failure_at, :ended_at, :accounts,
                    :failed, :succeeded)
            ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, accounts = excluded.accounts,
                last_failure_at = excluded.last_failure_at, ended_at = excluded.ended_at,
                failed = excluded.failed, succeeded = excluded.succeeded
            """
        ),
        {name: getattr(incident, name) for name in _COLUMNS},
    )
