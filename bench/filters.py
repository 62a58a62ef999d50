"""``filters``: how long each filter of ``casewire events list`` takes when the ledger holds a million events."""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from bench.progress import say
from bench.report import Row
from connector.cli.serve import engines
from connector.ledger import queries
from connector.ledger.engine import open_engine
from connector.ledger.event_filter import Filter, extend_word_index

COMMAND = "python -m bench filters"
TARGET_MS = 100
TIMES = 5
OLDEST = datetime(2026, 1, 1, tzinfo=UTC)
FILTERS: dict[str, dict[str, Any]] = {
    "no filter": {},
    "source (rare)": {"source": "stripe"},
    "source (common)": {"source": "recurly"},
    "kind (rare)": {"kind": "payment.rare"},
    "kind (pattern)": {"kind": "*.kind7"},
    "status (rare)": {"status": "buried"},
    "source and status": {"source": "recurly", "status": "buried"},
    "account": {"account": "c4711"},
    "account (unknown)": {"account": "nobody"},
    "until (old)": {"until": OLDEST + timedelta(minutes=1)},
    "since and kind (rare)": {"since": OLDEST, "kind": "payment.rare"},
    "search (one event)": {"search": "ch_rare4711"},
    "search (in every event)": {"search": "charge_invoice"},
    "search (in none)": {"search": "ch_none"},
}


def rows(quick: bool) -> list[Row]:
    count = 50_000 if quick else 1_000_000
    with (
        tempfile.TemporaryDirectory(prefix="casewire-bench-") as home,
        engines(Path(home), None, None) as running,
    ):
        engine = open_engine(running.database_url)
        say(f"filters: inserting {count:,} events")
        _fill(engine, count)
        took = {name: _milliseconds(engine, Filter(**wanted)) for name, wanted in FILTERS.items()}
        engine.dispose()
    for name, milliseconds in took.items():
        say(f"filters: {name}: {milliseconds:.1f} ms")
    slowest = max(took, key=lambda name: took[name])
    return [
        Row(
            f"events list with {count:,} events: the slowest of {len(took)} filters ({slowest})",
            f"{took[slowest]:.0f} ms (median of {TIMES}; median filter {statistics.median(took.values()):.1f} ms)",
            "",
            f"< {TARGET_MS} ms",
            took[slowest] < TARGET_MS,
            COMMAND,
        )
    ]


def _milliseconds(engine: Engine, wanted: Filter) -> float:
    took = []
    for _ in range(TIMES):
        started = time.perf_counter()
        with engine.connect() as connection:
            queries.events(connection, wanted)
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1000


def _fill(engine: Engine, count: int) -> None:
    """Settled events of 60 kinds and 100,000 accounts with bodies of a kilobyte; the rare ones are the oldest."""
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.execute(
            text(
                """
                INSERT INTO event (source, site, event_id, kind, fate, status, urgency, strong_id, format, pointers,
                                   body, subject, received_at)
                SELECT CASE WHEN n = 1 THEN 'stripe' ELSE 'recurly' END, 'bench', 'n' || n,
                       CASE WHEN n = 2 THEN 'payment.rare' ELSE 'charge_invoice.kind' || n % 60 END, 'handled',
                       CASE WHEN n = 3 THEN 'buried' ELSE 'done' END, 1, true, 'json',
                       jsonb_build_array(jsonb_build_array('invoice', jsonb_build_array(md5(n::text)))),
                       '{"object_type":"charge_invoice","id":"' || md5(n::text) || '","reference":"' ||
                       CASE WHEN n = 4 THEN 'ch_Rare4711' ELSE 'ch_' || md5(n || 'x') END || '","lines":"' ||
                       repeat(md5((n % 997)::text) || ' ', 25) || '"}',
                       'recurly:bench:account:c' || n % 100000,
                       CAST(:oldest AS timestamptz) + n * interval '1 second'
                FROM generate_series(1, CAST(:count AS integer)) AS n
                """
            ),
            {"oldest": OLDEST, "count": count},
        )
        connection.exec_driver_sql(
            "INSERT INTO subject (key, source, site, code, status, urgency) SELECT 'recurly:bench:account:c' || n, "
            "'recurly', 'bench', 'c' || n, 'idle', 1 FROM generate_series(0, 99999) AS n"
        )
    started = time.perf_counter()
    while extend_word_index(engine, 5_000):
        pass
    say(f"filters: words indexed in {time.perf_counter() - started:.0f} s")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE event, subject, event_word")  # as autovacuum does
        connection.exec_driver_sql("RESET statement_timeout")
