"""The ledger's tables are made by migrations, and opened only when they are as this version needs them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from samples import event, record, rows
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from connector.errors import SetupError, Unavailable
from connector.ledger.engine import migrate, open_engine, require_current
from connector.ledger.schema import metadata


def test_the_migrations_make_the_tables_that_the_schema_declares(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_the_indexes_have_the_conditions_that_the_schema_declares(engine: Engine) -> None:
    declared = {index.name for table in metadata.tables.values() for index in table.indexes}
    partial = {
        index.name
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["postgresql"]["where"] is not None
    }
    found = [index for table in metadata.tables for index in inspect(engine).get_indexes(table)]
    made = {index["name"] for index in found if not index.get("duplicates_constraint")}
    assert made == declared
    assert {i["name"] for i in found if (i.get("dialect_options") or {}).get("postgresql_where")} == partial


def test_migrating_again_changes_no_table_and_no_row(engine: Engine) -> None:
    record(engine, event())
    before = _contents(engine)
    migrate(engine)
    migrate(engine)
    assert _contents(engine) == before


def _contents(engine: Engine) -> tuple[list[Any], list[Any]]:
    """Every column and index with its object id (one that was made again has another), and the recorded events."""
    objects = rows(
        engine,
        "SELECT c.oid, c.relname, a.attname, a.atttypid FROM pg_class c LEFT JOIN pg_attribute a "
        "ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2, 3",
    )
    return objects, rows(engine, "SELECT * FROM event")


def test_several_processes_may_migrate_an_empty_database_at_once(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(migrate, engine) for _ in range(4)]:
            done.result()
    require_current(engine)
    engine.dispose()


def test_an_empty_database_is_refused_with_the_command_that_mends_it(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with pytest.raises(SetupError, match=r"no Casewire tables.*casewire migrate"):
        require_current(engine)
    engine.dispose()


def test_a_database_of_another_version_is_refused_by_its_revision(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(SetupError, match=r"at revision 0001.*casewire migrate"):
        require_current(engine)
    engine.dispose()


@pytest.mark.parametrize("act", [require_current, migrate])
def test_without_postgresql_the_ledger_is_unavailable(act: object) -> None:
    engine = open_engine("postgresql://nobody:open-sesame@127.0.0.1:1/none")
    with pytest.raises(Unavailable, match="PostgreSQL does not answer") as refused:
        act(engine)  # type: ignore[operator]
    assert refused.value.destination == "ledger"
    assert "open-sesame" not in str(refused.value)
    engine.dispose()


def test_what_postgresql_refuses_is_told_without_the_values(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text("SELECT CAST(:name AS text) || 1 / 0"), {"name": "Ann Rivera"})
    assert "Rivera" not in str(refused.value)
    assert "division by zero" in str(refused.value)
    engine.dispose()


def test_an_address_that_is_none_is_a_mistake_of_the_settings() -> None:
    with pytest.raises(SetupError, match="DATABASE_URL"):
        open_engine("not an address with open-sesame")


def test_the_driver_and_the_time_zone_are_ours_whatever_the_address_says(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW timezone").scalar_one() == "UTC"
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "30s"
    assert engine.driver == "psycopg"
    engine.dispose()
