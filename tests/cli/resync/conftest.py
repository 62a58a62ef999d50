"""Empty vendors, an empty ledger, and an account that owes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from cli.conftest import Run
from cli.vendors import Vendors, vendors
from connector.container import Container, container_from_environment

from .telling import PAST_DUE


@pytest.fixture(scope="module")
def both() -> Iterator[Vendors]:
    with vendors() as running:
        yield running


@pytest.fixture
def casewire(connected: Run, engine: Engine, both: Vendors, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """``casewire`` for empty vendors, with an empty ledger; without a terminal."""
    both.reset()
    both.name_in(monkeypatch)
    with capture_logs():
        yield connected
    if container_from_environment.cache_info().currsize:
        hang_up(container_from_environment())


def hang_up(wires: Container) -> None:
    made = [wires.__dict__.get("salesforce"), *wires.__dict__.get("_recurly", {}).values()]
    for client in filter(None, made):
        client.close()


@pytest.fixture
def bob(casewire: Run, both: Vendors) -> str:
    """An account whose last payment failed."""
    (code,) = both.play(PAST_DUE)
    return code
