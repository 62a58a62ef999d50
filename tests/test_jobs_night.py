"""Reconciling every night: once, at its time or as soon after as it can be, and urgent work goes on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Queue as RqQueue
from samples import SITE, SOURCE, due, one, rows
from sqlalchemy import Engine
from sync.fake_api import FakeApi
from sync.fake_crm import FakeCrm, Org
from sync.reconcile.books import FakeBooks
from sync.world import account
from telling import dispute

from connector import jobs, queue
from connector.errors import Unavailable
from connector.events import Urgency
from connector.facts import Facts
from connector.jobs import nightly
from connector.ledger import circuits, locks, snapshots, subjects
from connector.ledger.locks import Lock
from connector.plan import Change, Plan
from connector.policy import Policy, Reconcile
from connector.queue import Stage
from connector.settings import Settings
from connector.sync.apply import Applier
from connector.sync.reconcile import Sides, Window
from connector.wiring import Wiring

NIGHT = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
HERE = (SOURCE, SITE)


def decide(facts: Facts) -> Plan:
    return Plan(facts.subject, (Change("Account", facts.subject, "account", "is", {"Name": facts.code}),))


@dataclass
class Comparing:
    """In place of the comparison itself: what it was asked for."""

    windows: list[Window] = field(default_factory=list)
    run: int | None = None
    trouble: Exception | None = None
    meanwhile: Callable[[], None] = lambda: None
    open: int = 2

    def __call__(
        self, sides: Sides, policy: Any, window: Window, now: datetime, run_id: int, tell: Any
    ) -> Comparing:
        self.windows.append(window)
        self.run, self._tell = run_id, tell
        return self

    def findings(self) -> Iterator[object]:
        self.meanwhile()
        self._tell(1, 2)
        if self.trouble:
            raise self.trouble
        yield object()

    def progress(self) -> dict[str, int]:
        return {"compared": 7}


class Wires(Wiring):
    """The wiring of a scheduler and of a worker, with vendors in memory. ``now``: what its clock says."""

    api: FakeApi
    crm: FakeCrm
    stripe: FakeBooks
    now = NIGHT

    def clock(self) -> datetime:
        return self.now

    def applier(self) -> Applier:
        return Applier(self.engine, self.crm, Org, decide, self.clock, self.worker)

    @property
    def sides(self) -> Sides:
        return Sides(self.engine, self.crm, {SITE: self.api}, {"stripe": self.stripe}, {})


@pytest.fixture
def comparing(monkeypatch: pytest.MonkeyPatch) -> Comparing:
    made = Comparing()
    monkeypatch.setattr(nightly, "Reconciling", made)
    return made


@pytest.fixture
def wires(
    engine: Engine, redis: Redis, comparing: Comparing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Wires:
    """It was switched on yesterday."""
    monkeypatch.chdir(tmp_path)
    made = Wires(Settings(casewire_worker="w"))
    made.api, made.crm, made.stripe = FakeApi(), FakeCrm(), FakeBooks()
    made.__dict__ |= {"engine": engine, "redis": redis, "apis": {HERE: made.api}}
    decided(made, nightly=True)
    last_done(made, NIGHT - timedelta(hours=12))
    return made


def decided(wires: Wires, **changed: Any) -> None:
    wires.__dict__["policy"] = Policy(reconcile=Reconcile(**changed))


def last_done(wires: Wires, at: datetime) -> None:
    rows(
        wires.engine,
        "INSERT INTO watermark (name, at) VALUES ('turn:reconcile', :at) "
        "ON CONFLICT (name) DO UPDATE SET at = :at",
        at=at,
    )


def woken(wires: Wires) -> bool:
    """Whether a sweep wakes the stage."""
    RqQueue(queue.NAME, connection=wires.redis).empty()
    wires.redis.flushall()
    jobs.sweep(wires)
    found = RqQueue(queue.NAME, connection=wires.redis).jobs
    return "connector.jobs.reconcile" in [job.func_name for job in found]


@pytest.mark.parametrize(
    ("now", "done", "expected"),
    [
        (NIGHT - timedelta(minutes=1), NIGHT - timedelta(hours=12), False),
        (NIGHT, NIGHT - timedelta(hours=12), True),
        (NIGHT + timedelta(hours=9), NIGHT - timedelta(hours=12), True),
        (NIGHT + timedelta(hours=9), NIGHT + timedelta(minutes=1), False),
        (NIGHT - timedelta(minutes=1), NIGHT - timedelta(hours=36), True),
    ],
    ids=["too early", "in time", "after a downtime", "done already", "a night was left out"],
)
def test_it_is_woken_once_a_night(wires: Wires, now: datetime, done: datetime, expected: bool) -> None:
    last_done(wires, done)
    wires.now = now
    assert woken(wires) == expected


def test_it_is_woken_only_where_it_is_switched_on(wires: Wires) -> None:
    decided(wires)
    assert not woken(wires)
    jobs.run(wires, Stage.RECONCILE)
    assert rows(wires.engine, "SELECT * FROM run") == []


def test_the_first_time_is_the_night_after_it_was_switched_on(wires: Wires) -> None:
    rows(wires.engine, "DELETE FROM watermark")
    assert not woken(wires)
    begun = one(wires.engine, "SELECT at FROM watermark WHERE name = 'turn:reconcile'").at
    wires.now = begun + timedelta(days=1)
    assert woken(wires)


@pytest.mark.parametrize("destination", ["salesforce", ":".join(HERE)])
def test_it_waits_while_somebody_it_asks_is_out(wires: Wires, destination: str) -> None:
    with wires.engine.begin() as connection:
        circuits.open_circuit(connection, destination, "503", "503", 60)
    assert not woken(wires)


def test_it_fills_in_what_was_missed_compares_and_is_a_run(wires: Wires, comparing: Comparing) -> None:
    wires.api.objects = [account(updated_at=NIGHT - timedelta(hours=1))]
    for _ in range(2):
        jobs.run(wires, Stage.RECONCILE)
    (window,) = comparing.windows
    assert window.until == NIGHT
    assert (window.sites, window.processors) == ((SITE,), None)
    run = one(wires.engine, "SELECT * FROM run")
    assert (run.id, run.command, run.who, run.state) == (comparing.run, "reconcile", "scheduler", "done")
    assert run.progress == {"missing": 1, "compared": 7}
    assert one(wires.engine, "SELECT run_id FROM missed").run_id == run.id
    assert one(wires.engine, "SELECT run_id FROM subject").run_id == run.id


def test_a_dispute_that_only_its_processor_knows_of_is_filled_in(wires: Wires, comparing: Comparing) -> None:
    moment = NIGHT - timedelta(hours=1)
    wires.stripe.items = [dispute("dp_1", at=moment, opened_at=moment)]
    jobs.run(wires, Stage.RECONCILE)
    assert one(wires.engine, "SELECT progress FROM run").progress == {"missing": 1, "compared": 7}
    attempt = one(wires.engine, "SELECT subject, run_id FROM attempt")
    assert tuple(attempt) == ("stripe:dispute:dp_1", comparing.run)


def test_what_is_urgent_is_written_meanwhile(wires: Wires, comparing: Comparing) -> None:
    def a_dispute() -> None:
        with wires.engine.begin() as connection:
            snapshots.store(connection, *HERE, snapshots.clock(connection), [account()])
            subjects.mark_due(connection, [due("bob", Urgency.DISPUTE)])

    comparing.meanwhile = a_dispute
    jobs.run(wires, Stage.RECONCILE)
    assert len(wires.crm.of("Account")) == 1


def test_it_waits_while_another_fills_in(
    wires: Wires, comparing: Comparing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is urgent is written meanwhile."""
    with wires.engine.begin() as connection:
        snapshots.store(connection, *HERE, snapshots.clock(connection), [account()])
        subjects.mark_due(connection, [due("bob", Urgency.DISPUTE)])
    seen: list[int] = []
    with ExitStack() as other:
        assert other.enter_context(locks.alone(wires.engine, Lock.FILLING))

        def nap(_: float) -> None:
            seen.append(len(wires.crm.of("Account")) + len(wires.api.calls))
            other.close()

        monkeypatch.setattr("connector.jobs.nightly.time.sleep", nap)
        jobs.run(wires, Stage.RECONCILE)
    assert seen[0] == 1
    assert len(comparing.windows) == 1


@pytest.mark.parametrize("trouble", [Unavailable("salesforce", "503"), RuntimeError("a shape")])
def test_a_night_that_fails_is_told_and_not_tried_again(
    wires: Wires, comparing: Comparing, trouble: Exception
) -> None:
    comparing.trouble = trouble
    jobs.run(wires, Stage.RECONCILE)
    run = one(wires.engine, "SELECT state, error, ended_at FROM run")
    assert (run.state, run.error, run.ended_at is not None) == ("failed", str(trouble), True)
    assert not woken(wires)
