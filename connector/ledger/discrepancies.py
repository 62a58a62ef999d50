"""Discrepancies: where the sides differ, found by a reconcile, found again by the next, or cleared.

What is found again is the same row. What is not found any more, where it was looked for, is cleared. Whoever keeps what
it finds is alone from its first ``keep`` to its ``settle`` (``Lock.COMPARING``).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from connector.ledger import subjects
from connector.ledger.subjects import Due
from connector.mappers import external_ids, fields
from connector.models.events import Urgency
from connector.models.facts import (
    Difference,
    Discrepancies,
    Discrepancy,
    DiscrepancyState,
    DisplayedRow,
    Money,
    Movement,
)

RECURLY: Final = "recurly"
MOST: Final = 200
"""No more of a class are told to Salesforce one by one."""

_SIDES: Final = ("recurly", "at_processor", "salesforce")


@dataclass(frozen=True, slots=True)
class ComparedWindow:
    """What was looked through: these sites, each from its moment on, to before ``until``. ``processors``: only what
    went through these, None: all; ``asked``: those that were asked to the end. ``began``: what was seen last before was
    not seen."""

    sites: Mapping[str, datetime]
    until: datetime
    began: datetime
    asked: Collection[str]
    processors: Collection[str] | None = None


def keep(connection: Connection, found: Sequence[Discrepancy], run_id: int, now: datetime) -> list[Due]:
    """Each is seen now. One that was cleared and is back begins anew; one that was open and is explained keeps since
    when it was open, and ``cleared_at`` tells since when it is not. Due are the classes that lost one to another site.
    """
    rows = [{**_values(one), "run_id": run_id, "now": now} for one in found]
    left = _left(connection, rows, run_id)
    connection.execute(
        text(
            """
            INSERT INTO discrepancy (key, subject, difference, site, processor, movement, reference, account, at,
                amount, currency, sides, link, state, why, first_seen_at, last_seen_at, opened_at, run_id)
            VALUES (:key, :subject, :difference, :site, :processor, :movement, :reference, :account, :at,
                :amount, :currency, CAST(:sides AS jsonb), :link, :state, :why, :now, :now,
                CASE WHEN :state = 'open' THEN CAST(:now AS timestamptz) END, :run_id)
            ON CONFLICT (key) DO UPDATE SET
                subject = excluded.subject, site = excluded.site,
                processor = excluded.processor, reference = excluded.reference, account = excluded.account,
                at = excluded.at, amount = excluded.amount, currency = excluded.currency, sides = excluded.sides,
                link = excluded.link, state = excluded.state, why = excluded.why, run_id = excluded.run_id,
                last_seen_at = GREATEST(discrepancy.last_seen_at, excluded.last_seen_at),
                first_seen_at = CASE WHEN discrepancy.state = 'cleared' THEN excluded.first_seen_at
                                     ELSE discrepancy.first_seen_at END,
                opened_at = CASE WHEN discrepancy.state = 'cleared' THEN excluded.opened_at
                                 WHEN excluded.state = 'open' AND (discrepancy.state, discrepancy.subject)
                                      <> ('open', excluded.subject) THEN excluded.opened_at
                                 ELSE discrepancy.opened_at END,
                cleared_at = CASE WHEN excluded.state = 'explained' AND discrepancy.state <> 'cleared'
                                       AND discrepancy.opened_at IS NOT NULL
                                  THEN COALESCE(discrepancy.cleared_at, excluded.last_seen_at) END
            """
        ),
        rows,
    )
    subjects.mark_due(connection, left)
    return left


def _left(connection: Connection, rows: Sequence[dict[str, Any]], run_id: int) -> list[Due]:
    """The classes that had some of these before their sites were known."""
    found = connection.execute(
        text(
            """
            SELECT DISTINCT d.subject, d.site, d.difference FROM discrepancy d
            JOIN unnest(CAST(:keys AS text[]), CAST(:subjects AS text[])) AS new(key, subject) USING (key)
            WHERE d.subject <> new.subject AND d.opened_at IS NOT NULL ORDER BY d.subject
            """
        ),
        {"keys": [row["key"] for row in rows], "subjects": [row["subject"] for row in rows]},
    )
    return [_due(row, run_id) for row in found]


def _values(one: Discrepancy) -> dict[str, Any]:
    sides = {name: asdict(shown) for name in _SIDES if (shown := getattr(one, name)) is not None}
    return {
        "key": one.key,
        "subject": external_ids.discrepancy(RECURLY, one.site, one.difference),
        "difference": str(one.difference),
        "site": one.site,
        "processor": one.processor,
        "movement": str(one.movement),
        "reference": one.reference,
        "account": one.account,
        "at": one.at,
        "amount": one.stake.amount if one.stake else None,
        "currency": one.stake.currency if one.stake else None,
        "sides": json.dumps(sides),
        "link": one.link,
        "state": str(one.state),
        "why": one.why,
    }


def settle(connection: Connection, looked: ComparedWindow, run_id: int, now: datetime) -> list[Due]:
    """Clears what was not seen where it was looked for; the classes that are due by it all. What involves a processor
    is cleared only if that was asked; what is between Recurly and Salesforce alone does not need one."""
    connection.execute(
        text(
            """
            UPDATE discrepancy SET state = 'cleared', cleared_at = :now, why = '', run_id = :run_id
            FROM unnest(CAST(:sites AS text[]), CAST(:since AS timestamptz[])) AS looked(site, since)
            WHERE discrepancy.site = looked.site AND at >= looked.since AND at < :until
              AND state <> 'cleared' AND last_seen_at < :began
              AND (CAST(:processors AS text[]) IS NULL OR processor = ANY(:processors))
              AND (processor = ANY(:asked)
                   OR (sides->'at_processor' IS NULL AND difference <> 'missing_at_processor'))
            """
        ),
        {
            "now": now,
            "run_id": run_id,
            "began": looked.began,
            "sites": list(looked.sites),
            "since": list(looked.sites.values()),
            "until": looked.until,
            "processors": None if looked.processors is None else list(looked.processors),
            "asked": list(looked.asked),
        },
    )
    rows = connection.execute(
        text(
            "SELECT DISTINCT subject, site, difference FROM discrepancy WHERE site = ANY(:sites) "
            "AND opened_at IS NOT NULL AND (state <> 'cleared' OR run_id = :run_id) ORDER BY subject"
        ),
        {"sites": list(looked.sites), "run_id": run_id},
    )
    due = [_due(row, run_id) for row in rows]
    subjects.mark_due(connection, due)
    return due


def _due(row: Row[Any], run_id: int) -> Due:
    code = f"discrepancy:{row.difference}"
    return Due(row.subject, RECURLY, row.site, code, Urgency.ROUTINE, run_id)


def is_open(connection: Connection, key: str) -> bool:
    """Whether it was found by the last one that looked for it, and nothing explained it."""
    found = connection.execute(
        text("SELECT EXISTS (SELECT 1 FROM discrepancy WHERE key = :key AND state = 'open')"), {"key": key}
    )
    return bool(found.scalar_one())


def unsettled_since(connection: Connection, sites: Collection[str], not_before: datetime) -> datetime | None:
    """When the money of the oldest one moved that is not cleared, of those since then."""
    found: datetime | None = connection.execute(
        text(
            "SELECT min(at) FROM discrepancy WHERE state <> 'cleared' AND site = ANY(:sites) AND at >= :not_before"
        ),
        {"sites": list(sites), "not_before": not_before},
    ).scalar_one()
    return found


def load(connection: Connection, wanted: Sequence[str]) -> dict[str, Discrepancies]:
    """The classes with these subjects of which there is, or was, one."""
    tallies = connection.execute(text(_TALLY), {"subjects": list(wanted)}).all()
    amounts, told = _amounts(connection, wanted), _told(connection, wanted)
    return {
        row.subject: Discrepancies(
            open=row.open,
            explained=row.explained,
            amounts=tuple(amounts[row.subject]),
            oldest_at=row.oldest_at,
            opened_at=row.opened_at if row.open else row.was_opened_at,
            last_opened_at=row.last_opened_at if row.open else row.was_opened_at,
            cleared_at=None if row.open else row.cleared_at,
            told=tuple(told[row.subject]),
        )
        for row in tallies
    }


_TALLY: Final = """
    SELECT subject, count(*) FILTER (WHERE state = 'open') AS open,
           min(at) FILTER (WHERE state = 'open') AS oldest_at,
           min(opened_at) FILTER (WHERE state = 'open') AS opened_at,
           max(opened_at) FILTER (WHERE state = 'open') AS last_opened_at,
           count(*) FILTER (WHERE state = 'explained') AS explained,
           (array_agg(opened_at ORDER BY cleared_at DESC, key) FILTER (WHERE state <> 'open'))[1] AS was_opened_at,
           max(cleared_at) AS cleared_at
    FROM discrepancy WHERE subject = ANY(:subjects) AND opened_at IS NOT NULL GROUP BY subject
"""
_SHOWN: Final = f"m.fields->>'{fields.Discrepancy.STATE}'"
_TOLD: Final = f"""
    WITH newest AS (
        SELECT d.*, m.key IS NOT NULL AS written, {_SHOWN} AS shown,
               row_number() OVER (PARTITION BY d.subject, d.state ORDER BY d.opened_at DESC NULLS LAST, d.key) AS place
        FROM discrepancy d LEFT JOIN mirror m ON m.object = '{fields.Discrepancy.OBJECT}' AND m.key = d.key
        WHERE d.subject = ANY(:subjects))
    SELECT newest.*, a.key IS NOT NULL AS has_account FROM newest
    LEFT JOIN mirror a ON a.object = '{fields.Account.OBJECT}' AND a.key = newest.account
    WHERE (newest.state = 'open' AND (place <= :most OR written))
       OR (newest.state <> 'open' AND written AND newest.state <> shown)
    ORDER BY newest.subject, newest.opened_at DESC NULLS LAST, newest.key
"""


def _amounts(connection: Connection, wanted: Sequence[str]) -> Mapping[str, list[Money]]:
    rows = connection.execute(
        text(
            "SELECT subject, currency, sum(amount) AS amount FROM discrepancy WHERE subject = ANY(:subjects) "
            "AND state = 'open' AND amount IS NOT NULL GROUP BY subject, currency ORDER BY subject, currency"
        ),
        {"subjects": list(wanted)},
    )
    found: dict[str, list[Money]] = defaultdict(list)
    for row in rows:
        found[row.subject].append(Money(Decimal(row.amount), row.currency))
    return found


def _told(connection: Connection, wanted: Sequence[str]) -> Mapping[str, list[Discrepancy]]:
    rows = connection.execute(text(_TOLD), {"subjects": list(wanted), "most": MOST})
    found: dict[str, list[Discrepancy]] = defaultdict(list)
    for row in rows:
        found[row.subject].append(_discrepancy(row))
    return found


def _discrepancy(row: Row[Any]) -> Discrepancy:
    """Its account only where Salesforce has that."""
    sides = {name: DisplayedRow(**shown) for name, shown in row.sides.items()}
    return Discrepancy(
        key=row.key,
        difference=Difference(row.difference),
        site=row.site,
        processor=row.processor,
        movement=Movement(row.movement),
        reference=row.reference,
        at=row.at,
        state=DiscrepancyState(row.state),
        why=row.why,
        account=row.account if row.has_account else None,
        stake=Money(Decimal(row.amount), row.currency) if row.amount is not None else None,
        link=row.link,
        first_seen_at=row.first_seen_at,
        opened_at=row.opened_at,
        cleared_at=row.cleared_at if row.state == DiscrepancyState.CLEARED else None,
        written=row.written,
        **sides,
    )
