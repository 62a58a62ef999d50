"""Reconciling every night: once, at its time or as soon after as it can be, and urgent work goes on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from samples import SITE, SOURCE, due, one, rows
from sqlalchemy import Engine
from structlog.testing import capture_logs
from sync.fake_api import FakeApi
from sync.fake_crm import FakeCrm, Org
from sync.reconcile.books import FakeBooks
from sync.world import account
from telling import dispute

from connector import queue
from connector.container import Container
from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.jobs import reconcile, stages, sweep
from connector.ledger import circuit_breakers, locks, runs, snapshots, subjects
from connector.ledger.locks import Lock
from connector.models.events import Urgency
from connector.models.facts import Facts
from connector.models.plan import Change, Plan
from connector.policy import Policy, Reconcile
from connector.queue import Stage
from connector.settings import Settings
from connector.sync.apply.applier import Applier
from connector.sync.reconcile.reconciliation import ComparedSystems, Window, WindowChoice

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
        self,
        sides: ComparedSystems,
        policy: Any,
        window: Window,
        now: datetime,
        run_id: int,
        tell: Any,
        known: WindowChoice,
    ) -> Comparing:
        self.windows.append(window)
        self.run, self._tell, self.known = run_id, tell, known
        return self

    def findings(self) -> Iterator[object]:
        self.meanwhile()
        self._tell(1, 2)
        if self.trouble:
            raise self.trouble
        yield object()

    def progress(self, failed: Collection[str]) -> dict[str, Any]:
        out = sorted([*(f"site {site}" for site in self.known.failed), *failed])
        return {"compared": 7, **({"failed": out} if out else {})}


class Wires(Container):
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
    def sides(self) -> ComparedSystems:
        return ComparedSystems(self.engine, self.crm, {SITE: self.api}, {"stripe": self.stripe}, {})


@pytest.fixture
def comparing(monkeypatch: pytest.MonkeyPatch) -> Comparing:
    made = Comparing()
    monkeypatch.setattr(reconcile, "Reconciliation", made)
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
    queue.job_queue(wires.redis).empty()
    wires.redis.flushall()
    sweep.sweep(wires)
    found = queue.job_queue(wires.redis).jobs
    return "connector.jobs.stages.reconcile" in [job.func_name for job in found]


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
    stages.run(wires, Stage.RECONCILE)
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
        circuit_breakers.open_circuit(connection, destination, "503", "503", 60)
    assert not woken(wires)


def test_it_fills_in_what_was_missed_compares_and_is_a_run(wires: Wires, comparing: Comparing) -> None:
    wires.api.objects = [account(updated_at=NIGHT - timedelta(hours=1))]
    for _ in range(2):
        stages.run(wires, Stage.RECONCILE)
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
    stages.run(wires, Stage.RECONCILE)
    assert one(wires.engine, "SELECT progress FROM run").progress == {"missing": 1, "compared": 7}
    attempt = one(wires.engine, "SELECT subject, run_id FROM attempt")
    assert tuple(attempt) == ("stripe:dispute:dp_1", comparing.run)


def test_what_is_urgent_is_written_meanwhile(wires: Wires, comparing: Comparing) -> None:
    def a_dispute() -> None:
        with wires.engine.begin() as connection:
            snapshots.store(connection, *HERE, snapshots.clock(connection), [account()])
            subjects.mark_due(connection, [due("bob", Urgency.DISPUTE)])

    comparing.meanwhile = a_dispute
    stages.run(wires, Stage.RECONCILE)
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

        monkeypatch.setattr("connector.jobs.reconcile.time.sleep", nap)
        stages.run(wires, Stage.RECONCILE)
    assert seen[0] == 1
    assert len(comparing.windows) == 1


# ── a night that fails, or dies ───────────────────────────────────────────────────────────────────────────────


def tried(wires: Wires) -> list[tuple[str, str]]:
    return [tuple(row) for row in rows(wires.engine, "SELECT state, error FROM run ORDER BY id")]


def a_quarter_of_an_hour_later(wires: Wires) -> None:
    rows(wires.engine, "UPDATE run SET touched_at = touched_at - interval '16 minutes'")


@pytest.mark.parametrize("trouble", [Permanent("not allowed"), SetupError("no org"), RuntimeError("a shape")])
def test_a_night_that_fails_is_told_and_not_tried_again(
    wires: Wires, comparing: Comparing, trouble: Exception
) -> None:
    comparing.trouble = trouble
    stages.run(wires, Stage.RECONCILE)
    run = one(wires.engine, "SELECT state, error, ended_at FROM run")
    assert (run.state, run.error, run.ended_at is not None) == ("failed", str(trouble), True)
    a_quarter_of_an_hour_later(wires)
    assert not woken(wires)


def test_one_that_met_what_may_be_well_again_is_tried_again_after_a_while(
    wires: Wires, comparing: Comparing
) -> None:
    comparing.trouble = Unavailable("salesforce", "503")
    with capture_logs() as lines:
        stages.run(wires, Stage.RECONCILE)
    assert [line["outcome"] for line in lines if line["event"] == "reconcile_failed"] == [
        "again in 15 minutes"
    ]
    assert not woken(wires)
    a_quarter_of_an_hour_later(wires)
    assert woken(wires)
    comparing.trouble = None
    stages.run(wires, Stage.RECONCILE)
    assert tried(wires) == [("failed", "503"), ("done", "")]
    a_quarter_of_an_hour_later(wires)
    assert not woken(wires)


def test_after_the_third_time_it_is_left_to_the_next_night(wires: Wires, comparing: Comparing) -> None:
    comparing.trouble = Transient("slow")
    for number in range(4):
        assert woken(wires) == (number < 3)
        stages.run(wires, Stage.RECONCILE)
        a_quarter_of_an_hour_later(wires)
    assert tried(wires) == [("failed", "slow")] * 3
    wires.now = NIGHT + timedelta(days=1)
    last_done(wires, NIGHT)
    assert woken(wires)


def died(wires: Wires) -> None:
    """A worker has begun the night, and was killed."""
    with wires.engine.begin() as connection:
        runs.begin(connection, "reconcile", "scheduler", "every night", {"night": NIGHT.isoformat()})


def test_one_whose_worker_was_killed_is_taken_up_by_another(wires: Wires, comparing: Comparing) -> None:
    died(wires)
    with locks.alone(wires.engine, Lock.NIGHT):
        a_quarter_of_an_hour_later(wires)
        assert not woken(wires), "somebody is at it"
        stages.run(wires, Stage.RECONCILE)
    assert comparing.windows == []
    assert woken(wires)
    stages.run(wires, Stage.RECONCILE)
    assert tried(wires) == [("failed", "Its process ended before it did."), ("done", "")]


def test_one_that_kills_every_worker_is_left_to_the_next_night(wires: Wires, comparing: Comparing) -> None:
    for _ in range(3):
        died(wires)
    a_quarter_of_an_hour_later(wires)
    stages.run(wires, Stage.RECONCILE)
    assert (comparing.windows, len(tried(wires)), woken(wires)) == ([], 3, False)


def test_a_person_at_it_is_none_of_its_own(wires: Wires, comparing: Comparing) -> None:
    with wires.engine.begin() as connection:
        runs.begin(connection, "reconcile", "ada", "month end", {})
    stages.run(wires, Stage.RECONCILE)
    assert tried(wires) == [("running", ""), ("done", "")]


# ── one that is out, and others that are not ──────────────────────────────────────────────────────────────────


@pytest.fixture
def beta(wires: Wires, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """A second site."""
    made = FakeApi()
    wires.__dict__["apis"] = {HERE: wires.api, (SOURCE, "beta"): made}
    monkeypatch.setattr("connector.jobs.reconcile.time.sleep", lambda _: None)
    return made


def test_a_site_that_is_out_is_left_out_and_said(wires: Wires, beta: FakeApi, comparing: Comparing) -> None:
    beta.objects = [account(updated_at=NIGHT - timedelta(hours=1))]
    beta.down = Unavailable("recurly:beta", "401: the key is refused", retry_after=6_000)
    with capture_logs() as lines:
        stages.run(wires, Stage.RECONCILE)
    assert comparing.known.failed == {"beta": "401: the key is refused"}
    run = one(wires.engine, "SELECT state, progress FROM run")
    assert (run.state, run.progress["failed"]) == ("done", ["site beta"])
    (line,) = (line for line in lines if line["event"] == "reconciled")
    assert (line["log_level"], line["outcome"]) == ("warning", "without site beta")


def test_a_processor_that_is_out_is_said(wires: Wires, comparing: Comparing) -> None:
    wires.stripe.error = Permanent("403")
    stages.run(wires, Stage.RECONCILE)
    assert one(wires.engine, "SELECT progress FROM run").progress["failed"] == ["stripe"]


def test_a_site_that_is_out_is_waited_for_an_hour(wires: Wires, beta: FakeApi, comparing: Comparing) -> None:
    with wires.engine.begin() as connection:
        circuit_breakers.open_circuit(connection, "recurly:beta", "503 all day", "503", 60)
    assert not woken(wires)
    wires.now = NIGHT + timedelta(minutes=61)
    assert woken(wires)
    stages.run(wires, Stage.RECONCILE)
    assert (comparing.known.failed, beta.calls) == ({"beta": "503 all day"}, [])


def test_all_sites_that_are_out_are_waited_for(wires: Wires, beta: FakeApi) -> None:
    with wires.engine.begin() as connection:
        for site in (SITE, "beta"):
            circuit_breakers.open_circuit(connection, f"recurly:{site}", "503", "503", 60)
    wires.now = NIGHT + timedelta(hours=9)
    assert not woken(wires)


def test_it_waits_for_recurly_from_its_very_first_call_on(
    wires: Wires, comparing: Comparing, monkeypatch: pytest.MonkeyPatch
) -> None:
    wires.api.objects = [account(updated_at=NIGHT - timedelta(hours=1))]
    wires.api.down = Transient("slow")

    def nap(_: float) -> None:
        wires.api.down = None

    monkeypatch.setattr("connector.jobs.reconcile.time.sleep", nap)
    stages.run(wires, Stage.RECONCILE)
    assert one(wires.engine, "SELECT progress FROM run").progress == {"missing": 1, "compared": 7}
