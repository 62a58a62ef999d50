"""Commands run in this process, against this test's ledger and queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from samples import due, event, record, rows, subject
from sqlalchemy import Engine

from connector import settings
from connector.cli import casewire
from connector.container import container_from_environment
from connector.ledger import subjects
from connector.models.events import Fate

Run = Callable[..., Result]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder and an environment without settings; logging stays as the tests have it."""
    monkeypatch.chdir(tmp_path)
    for name in list(settings.child_environment()):
        if name.startswith(("RECURLY_", "SALESFORCE_", "CASEWIRE_", "DATABASE_", "REDIS_")) or name == "PORT":
            monkeypatch.delenv(name)
    monkeypatch.setenv("CASEWIRE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("connector.logs.configure", lambda *_, **__: None)
    container_from_environment.cache_clear()
    yield
    if container_from_environment.cache_info().currsize:
        for part in ("engine", "redis"):
            made = container_from_environment().__dict__.get(part)
            (made.dispose if part == "engine" else made.close)() if made is not None else None
    container_from_environment.cache_clear()


@pytest.fixture
def run(alone: None) -> Run:
    """Run ``casewire`` with these arguments."""
    return lambda *arguments: CliRunner().invoke(casewire, [str(one) for one in arguments])


@pytest.fixture
def connected(run: Run, database_url: str, redis: Redis, valkey: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same, with a ledger and a queue."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", valkey)
    return run


@pytest.fixture
def stocked(engine: Engine) -> Engine:
    """One event that is dead, one that is done, one of an unknown kind; and a dead account."""
    record(
        engine,
        event("n1", body='{"id": "[bold]n1[/bold]"}'),
        event("n2", kind="payment.failed"),
        event("n3", kind="new.kind", fate=Fate.UNKNOWN, pointers=()),
    )
    rows(engine, "UPDATE event SET status = 'dead', error = 'Mend [it].' WHERE event_id = 'n1'")
    rows(engine, "UPDATE event SET status = 'done', subject = :s WHERE event_id = 'n2'", s=subject())
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("eve")])
    rows(engine, "UPDATE subject SET status = 'dead', error = 'Mend it.', error_code = 'NO_FIELD'")
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    rows(engine, "UPDATE subject SET status = 'idle' WHERE code = 'bob'")
    return engine
