"""The attack on the embedded engines: what it tries works for their owner, and for nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bench import attack_local
from bench.attack_local import STRANGER, Attempt, Target
from connector import local_services
from connector.local_services import Engines

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    home = tmp_path_factory.mktemp("attacked") / "home"
    running = Engines(home, None, None, settings=["fsync=off"])
    found = local_services.running(home)
    assert found
    owner = (home / "postgres").stat().st_uid
    yield Target(home, found, {pid: name for name, pid in running.pids().items()}, frozenset({owner}))
    running.stop()


@pytest.mark.parametrize("attempt", attack_local.ATTEMPTS)
def test_another_user_achieves_nothing(target: Target, attempt: Attempt) -> None:
    assert attack_local._become(STRANGER, attempt, target) == []


@pytest.mark.parametrize(
    "attempt",
    [attack_local._read, attack_local._environments, attack_local._valkey, attack_local._postgresql],
)
def test_its_owner_achieves_it(target: Target, attempt: Attempt) -> None:
    """So the attempts can succeed."""
    achieved = attack_local._become(0, attempt, target)
    assert achieved
    assert "failed" not in achieved[0]
