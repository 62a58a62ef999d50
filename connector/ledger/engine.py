"""Opening the ledger, and bringing its tables up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, ProgrammingError

from connector.errors import SetupError, Unavailable
from connector.ledger.locks import Lock, until_committed

MIGRATIONS = Path(__file__).parent / "migrations"
READ_ONLY = "25006"
"""PostgreSQL's word for a write that a standby was asked for."""


def open_engine(url: str, *, pool: int = 5) -> Engine:
    """An engine for ``postgresql://…``; psycopg 3 is the driver whatever the URL says.

    Statements end after 30 s and connecting after 5: no call without a time-out. What is raised tells the statement
    and never its values, which may be a customer's.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SetupError("DATABASE_URL is not an address such as postgresql://user@host/name.") from None
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=pool,
        max_overflow=pool,
        pool_pre_ping=True,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "options": "-c statement_timeout=30000 -c timezone=UTC"},
    )
    event.listen(engine, "connect", _send_lists_in_binary)
    return engine


def _send_lists_in_binary(connection: Any, _: object) -> None:
    """As text every quote in a list would be escaped by itself: of documents that took nine tenths of the time."""
    connection.adapters.register_dumper(list, ListBinaryDumper)


def is_away(error: BaseException) -> bool:
    """Whether PostgreSQL does not answer, or takes no writes: no fault of what was to be written."""
    read_only = getattr(error.__cause__, "sqlstate", None) == READ_ONLY
    return read_only or isinstance(error, (OperationalError, InterfaceError))


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision. Safe to run from several processes at once."""
    with _asked(), engine.begin() as connection:
        until_committed(connection, Lock.MIGRATING)
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a large table takes as long as it takes
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current(engine: Engine) -> None:
    """SetupError unless the tables are at the revision this code was written for."""
    problem = revision_problem(engine)
    if problem is not None:
        raise SetupError(" ".join(problem))


def revision_problem(engine: Engine) -> tuple[str, str] | None:
    """What is wrong with the tables, and what to do: a revision that this code does not know is of a newer Casewire,
    and no migration leads back from it."""
    scripts = ScriptDirectory.from_config(_config())
    wanted = scripts.get_current_head()
    with _asked(), engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found == wanted:
        return None
    if found is None:
        return f"The database has no Casewire tables; this version needs {wanted}.", "Run: casewire migrate"
    if found in {script.revision for script in scripts.walk_revisions()}:
        return f"The database is at revision {found}; this version needs {wanted}.", "Run: casewire migrate"
    return (
        f"The database is at revision {found}, which this version (revision {wanted}) does not know.",
        "Install the newer Casewire that made it.",
    )


@contextmanager
def _asked() -> Iterator[None]:
    """What goes wrong with PostgreSQL, as a sentence for an operator."""
    try:
        yield
    except OperationalError as error:
        raise Unavailable("ledger", f"PostgreSQL does not answer: {_first_line(error)}") from error
    except ProgrammingError as error:
        raise SetupError(f"PostgreSQL refuses: {_first_line(error)}") from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _first_line(error: Exception) -> str:
    return str(error.__cause__ or error).strip().partition("\n")[0]
