"""Fixtures of the Salesforce client tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clients.scripted import Scripted

from .rig import Rig


@pytest.fixture
def salesforce() -> Iterator[Rig]:
    """A scripted Salesforce, its HTTP mocked by ``responses``."""
    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def salesforce_server() -> Iterator[Rig]:
    """The same behind a real socket: time-outs, lost connections, proxies."""
    rig = Rig(Scripted)
    yield rig
    rig.close()
