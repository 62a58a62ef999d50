"""Fixtures of the client tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .salesforce_rig import Rig, rigged


@pytest.fixture
def salesforce() -> Iterator[Rig]:
    """A scripted Salesforce."""
    yield from rigged()
