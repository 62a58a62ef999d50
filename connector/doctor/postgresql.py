"""PostgreSQL, where the ledger is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from connector import local_services
from connector.container import Container
from connector.doctor.result import Area, Check, CheckResult, clock_skew, failed, ok, stopped
from connector.ledger.engine import revision_problem
from connector.ledger.schema import metadata

OLDEST: Final = 14
_REACH: Final = (
    "Start PostgreSQL, or correct DATABASE_URL (postgresql://user:password@host:5432/name; with TLS and a CA of your "
    "own, add ?sslmode=verify-full&sslrootcert=/path/ca.pem)."
)
NOT_RUNNING: Final = "no address is set and no Casewire runs here"
START: Final = "Start it with casewire up, which brings PostgreSQL and Valkey with it."


def areas(container: Container) -> Iterator[Area]:
    yield Area(
        "postgresql",
        (
            Check("reachable", lambda: _reachable(container), gate=True, fix=_REACH),
            Check("tables", lambda: _tables(container), fix="Run: casewire migrate"),
            Check("writing", lambda: _writing(container), fix="Run: casewire migrate"),
            Check("clock", lambda: _clock(container), fix=_REACH),
        ),
    )


def _reachable(container: Container) -> Iterator[CheckResult]:
    given = container.settings
    if not given.database_url and local_services.running(given.casewire_home) is None:
        yield stopped(NOT_RUNNING, START)
        return
    try:
        with container.engine.connect() as connection:
            version = int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
    except SQLAlchemyError as error:
        yield failed(f"PostgreSQL does not answer: {_first_line(error)}", _REACH)
        return
    if version < OLDEST:
        yield failed(f"it is version {version}", f"Use PostgreSQL {OLDEST} or newer.")
    else:
        yield ok(f"version {version}")


def _first_line(error: SQLAlchemyError) -> str:
    return str(error.__cause__ or error).strip().partition("\n")[0]


def _tables(container: Container) -> Iterator[CheckResult]:
    problem = revision_problem(container.engine)
    yield failed(*problem) if problem else ok("as this version needs them")


def _writing(container: Container) -> Iterator[CheckResult]:
    """Reads the privileges instead of trying a write: checks write nothing."""
    with container.engine.connect() as connection:
        standby, read_only = connection.execute(
            text("SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'")
        ).one()
        refused = connection.execute(
            text(
                "SELECT t FROM unnest(CAST(:tables AS text[])) AS t WHERE to_regclass(t) IS NOT NULL "
                "AND NOT has_table_privilege(to_regclass(t), 'INSERT, UPDATE, DELETE') ORDER BY t"
            ),
            {"tables": sorted(metadata.tables)},
        ).scalars()
        named = list(refused)
    if standby or read_only:
        what = "a standby" if standby else "read-only"
        yield failed(
            f"this PostgreSQL is {what}", "Let DATABASE_URL name the primary, and a user that may write."
        )
    elif named:
        message = f"the user may not write to {', '.join(named)}"
        yield failed(
            message, "Let the user of DATABASE_URL own the tables: run casewire migrate as that user."
        )
    else:
        yield ok("the user may write")


def _clock(container: Container) -> Iterator[CheckResult]:
    with container.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        before = container.clock()
        theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        after = container.clock()
    ours = before + (after - before) / 2
    yield clock_skew("PostgreSQL's clock", (theirs - ours).total_seconds())
