"""An installation to look at, and what was found there by area and name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from redis import Redis

from connector import settings
from connector.container import Container
from connector.doctor import Finding
from connector.doctor.result import Area
from connector.doctor.runner import run_checks
from connector.settings import Settings

Findings = dict[str, Finding]


def by_name(found: Sequence[Finding]) -> Findings:
    """Under ``area: name``."""
    return {f"{one.area}: {one.name}": one for one in found}


def seen(areas: Iterator[Area]) -> Findings:
    """What these areas tell."""
    return by_name(run_checks(list(areas)))


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(settings.child_environment()):
        if name.startswith(("RECURLY_", "SALESFORCE_", "CASEWIRE_", "DATABASE_", "REDIS_")) or name == "PORT":
            monkeypatch.delenv(name)
    monkeypatch.setenv("CASEWIRE_HOME", str(tmp_path / "home"))


@pytest.fixture
def wire() -> Iterator[Callable[..., Container]]:
    """A wiring with these settings."""
    made: list[Container] = []

    def wire(**given: object) -> Container:
        made.append(Container(Settings(**given)))  # type: ignore[arg-type]
        return made[-1]

    yield wire
    for one in made:
        if "engine" in vars(one):
            one.engine.dispose()
        if "redis" in vars(one):
            one.redis.close()


@pytest.fixture
def running(wire: Callable[..., Container], database_url: str, redis: Redis, valkey: str) -> Container:
    """One with a migrated ledger and an empty queue."""
    return wire(database_url=database_url, redis_url=valkey)
