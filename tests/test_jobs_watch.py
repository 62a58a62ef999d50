"""The watch: one look in its time, none where there is nothing to look at, and it stops nothing when it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis
from samples import due, one, rows, subject
from sqlalchemy import Engine

from connector import queue
from connector.container import Container
from connector.errors import SetupError, Unavailable
from connector.jobs import stages, sweep
from connector.ledger import circuit_breakers, links, subjects
from connector.models.events import Urgency
from connector.models.facts import Link, LinkState
from connector.queue import Stage
from connector.settings import Settings
from connector.sync.availability.circuit_breaker import DESTINATION

BOB = subject("bob")


class Crm:
    """A Salesforce in which the record of bob was deleted; ``trouble`` is raised instead."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.trouble: Exception | None = None

    def query_all(self, soql: str) -> list[Mapping[str, Any]]:
        self.asked.append(soql)
        if self.trouble:
            raise self.trouble
        return [{"Id": "001A", "MasterRecordId": None}]


@pytest.fixture
def crm() -> Crm:
    return Crm()


@pytest.fixture
def wires(
    engine: Engine, redis: Redis, crm: Crm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Container]:
    """bob is linked, and idle."""
    monkeypatch.chdir(tmp_path)
    made = Container(Settings(casewire_worker="w"))
    shape = SimpleNamespace(person_accounts=False)
    parts = {
        "salesforce": crm,
        "shaping": SimpleNamespace(org=SimpleNamespace(shape=shape)),
        "spending": SimpleNamespace(level=lambda: Urgency.ROUTINE),
    }
    made.__dict__ |= {"engine": engine, "redis": redis, **parts}
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
        links.save(connection, {BOB: Link(LinkState.LINKED, "001A")})
    rows(engine, "UPDATE subject SET status = 'idle'")
    return made


def queued(wires: Container) -> list[str]:
    names = (job.func_name.rpartition(".")[2] for job in queue.job_queue(wires.redis).jobs)
    return sorted(names)


def state(engine: Engine) -> str:
    return str(one(engine, "SELECT status FROM subject").status)


def test_the_sweep_wakes_it_and_what_it_finds_is_applied(wires: Container, engine: Engine, crm: Crm) -> None:
    sweep.sweep(wires)
    assert queued(wires) == ["watch"]
    stages.run(wires, Stage.WATCH)
    assert state(engine) == "due"
    assert queued(wires) == ["apply", "watch"]


def test_it_looks_once_in_its_time(wires: Container, engine: Engine, crm: Crm) -> None:
    for _ in range(3):
        stages.run(wires, Stage.WATCH)
    assert len(crm.asked) == 1
    rows(engine, "UPDATE subject SET status = 'idle'")
    sweep.sweep(wires)
    assert "watch" not in queued(wires)
    rows(engine, "UPDATE watermark SET at = at - interval '11 minutes' WHERE name = 'linking.watch'")
    with engine.begin() as connection:
        links.save(connection, {BOB: Link(LinkState.LINKED, "001A")})
    sweep.sweep(wires)
    assert "watch" in queued(wires)


def test_nobody_looks_where_nothing_was_ever_looked_for(wires: Container, engine: Engine) -> None:
    rows(engine, "DELETE FROM link")
    sweep.sweep(wires)
    assert queued(wires) == []


def test_nobody_looks_while_salesforce_is_out(wires: Container, engine: Engine) -> None:
    with engine.begin() as connection:
        circuit_breakers.open_circuit(connection, "salesforce", "It is out.", "503", None)
    sweep.sweep(wires)
    assert queued(wires) == []


def test_a_policy_that_can_not_be_read_stops_the_watch_and_no_sweep(wires: Container) -> None:
    Path("policy.toml").write_text("[linking]\nkeys = 4\n")
    sweep.sweep(wires)
    assert queued(wires) == []


def test_it_waits_while_calls_are_short(wires: Container, crm: Crm) -> None:
    wires.__dict__["spending"] = SimpleNamespace(level=lambda: Urgency.DISPUTE)
    stages.run(wires, Stage.WATCH)
    assert crm.asked == []


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (lambda: Unavailable(DESTINATION, "It is out.", code="503"), "503"),
        (lambda: SetupError("Set SALESFORCE_CLIENT_ID."), circuit_breakers.NOT_SET_UP),
    ],
)
def test_what_it_meets_opens_the_circuit_like_any_other_call(
    wires: Container, engine: Engine, crm: Crm, trouble: Callable[[], Exception], code: str
) -> None:
    crm.trouble = trouble()
    stages.run(wires, Stage.WATCH)
    with engine.connect() as connection:
        assert [one.code for one in circuit_breakers.troubled(connection)] == [code]
    assert state(engine) == "idle"
