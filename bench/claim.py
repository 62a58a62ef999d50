"""``claim``: does taking the next 200 events cost more when the ledger holds a million settled ones?"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from bench.progress import say
from bench.report import Row
from connector.cli.serve import engines
from connector.ledger import events
from connector.ledger.engine import open_engine

COMMAND = "python -m bench claim"
AT_ONCE = 200
TARGET = 1.5


def rows(quick: bool) -> list[Row]:
    settled, times = (50_000, 10) if quick else (1_000_000, 60)
    with (
        tempfile.TemporaryDirectory(prefix="casewire-bench-") as home,
        engines(Path(home), None, None) as running,
    ):
        engine = open_engine(running.database_url)
        _claimed(engine, times // 2, "warm")
        empty = _claimed(engine, times, "empty")
        say(f"claim: {empty * 1000:.2f} ms from an empty ledger; inserting {settled:,} settled events")
        _settle(engine, settled)
        full = _claimed(engine, times, "full")
        say(f"claim: {full * 1000:.2f} ms with {settled:,} settled events")
        engine.dispose()
    return [
        Row(
            f"claiming {AT_ONCE} events with {settled:,} settled ones in the ledger, beside an empty one",
            f"{full * 1000:.1f} ms beside {empty * 1000:.1f} ms (median of {times})",
            f"{full / empty:.2f} ×",
            f"≤ {TARGET} ×",
            full / empty <= TARGET,
            COMMAND,
        )
    ]


def _claimed(engine: Engine, times: int, run: str) -> float:
    """The median time of one claim; what was claimed is settled before the next."""
    took = []
    for turn in range(times):
        with engine.begin() as connection:
            _insert(connection, f"{run}-{turn}", AT_ONCE, "pending")
        token = f"bench:{run}-{turn}"
        started = time.perf_counter()
        with engine.begin() as connection:
            claimed = events.claim(connection, token, AT_ONCE)
        took.append(time.perf_counter() - started)
        if len(claimed) != AT_ONCE:
            raise AssertionError(f"{len(claimed)} events were claimed instead of {AT_ONCE}")
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE event SET status = 'done', lease = NULL WHERE lease = :t"), {"t": token}
            )
    return statistics.median(took)


def _settle(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        _insert(connection, "old", count, "done")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE event")  # as autovacuum does within minutes
        connection.exec_driver_sql("CHECKPOINT")
        connection.exec_driver_sql("RESET statement_timeout")


def _insert(connection: Connection, run: str, count: int, status: str) -> None:
    connection.execute(
        text(
            """
            INSERT INTO event (source, site, event_id, kind, fate, status, urgency, strong_id, format,
                               pointers, body, subject)
            SELECT 'recurly', 'bench', :run || '-' || n, 'charge_invoice.paid', 'handled', :status, n % 3, true,
                   'json', jsonb_build_array(jsonb_build_array('invoice', jsonb_build_array(md5(n::text)))),
                   '{"object_type":"charge_invoice","event_type":"paid","id":"' || md5(n::text) || '"}',
                   CASE WHEN :status = 'done' THEN 'recurly:bench:account:' || n % 100000 END
            FROM generate_series(1, CAST(:count AS integer)) AS n
            """
        ),
        {"run": run, "count": count, "status": status},
    )
