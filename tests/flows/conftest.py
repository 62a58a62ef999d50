"""A whole Casewire beside the sandbox vendors, started once for all tests that leave it standing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.cli.local_stack import Stack
from flows.crm import Rows, comparable
from flows.playing import faults_struck, fresh, mended, started, stories, tell, worked


@contextmanager
def _home() -> Iterator[Path]:
    """Gone after the tests that use it, which write much."""
    with tempfile.TemporaryDirectory(prefix="casewire-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="package")
def standing() -> Iterator[Stack]:
    """Two workers. Ask for ``flow``, which empties it first. It ends with the last test of this folder: other tests
    shall have the machine to themselves."""
    with _home() as folder, started(folder, workers=2) as running:
        yield running


@pytest.fixture
def flow(standing: Stack) -> Iterator[Stack]:
    """The standing stack, with nothing in it."""
    fresh(standing)
    yield standing
    mended(standing, "salesforce")
    mended(standing, "recurly")
    faults_struck(standing)


@pytest.fixture(scope="package")
def calm(standing: Stack) -> Rows:
    """What is left of all stories when every step is worked before the next: what other tellings are held to."""
    fresh(standing)
    worked(standing, tell(standing, stories(standing), beside=8, step_pause_ms=1500))
    return comparable(standing)


@pytest.fixture
def home() -> Iterator[Path]:
    """For a Casewire of one's own."""
    with _home() as folder:
        yield folder
