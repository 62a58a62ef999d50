"""A whole Casewire beside the sandbox vendors, started once for all tests that leave it standing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.cli.local import Stack
from flows.playing import fresh, started


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers. Ask for ``flow``, which empties it first."""
    with started(tmp_path_factory.mktemp("casewire"), workers=2) as running:
        yield running


@pytest.fixture
def flow(standing: Stack) -> Iterator[Stack]:
    """The standing stack, with nothing in it."""
    fresh(standing)
    yield standing
    standing.vendors.control("salesforce", "DELETE", "faults")
    standing.vendors.control("recurly", "DELETE", "faults")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "casewire"
