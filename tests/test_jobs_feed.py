"""Reading the change feed in its turn, and listening for sources that fall silent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from samples import SITE, SOURCE, event, one, record, rows
from sqlalchemy import Engine
from structlog.testing import capture_logs
from sync.fake_api import FakeApi
from sync.world import account

from connector import queue
from connector.container import Container
from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.jobs import stages, sweep, watch
from connector.ledger import circuit_breakers, locks, source_activity, watermarks
from connector.ledger.locks import Lock
from connector.models.facts import BillingObject
from connector.policy import Policy, Reconcile
from connector.queue import Stage
from connector.settings import Settings

HERE = (SOURCE, SITE)
TURN = f"turn:feed:{SOURCE}:{SITE}"


class Wires(Container):
    """The wiring of a scheduler and of a worker, with a Recurly site in memory."""

    api: FakeApi


@pytest.fixture
def wires(engine: Engine, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Wires]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECURLY_SITE", SITE)
    monkeypatch.setenv("RECURLY_WEBHOOK_SECRETS", "secret")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRETS", "secret")
    made = Wires(Settings(casewire_worker="w"))
    made.api = FakeApi()
    made.__dict__ |= {"engine": engine, "redis": redis, "apis": {HERE: made.api}}
    return made


def decided(wires: Wires, **changed: Any) -> None:
    wires.__dict__["policy"] = Policy(reconcile=Reconcile(**changed))


def queued(wires: Wires) -> list[str]:
    names = (job.func_name.rpartition(".")[2] for job in queue.job_queue(wires.redis).jobs)
    return sorted(names)


def changed(*codes: str) -> list[BillingObject]:
    """Accounts that changed half an hour ago, and of which nobody told."""
    then = datetime.now(UTC) - timedelta(minutes=30)
    return [account(id=code, code=code, updated_at=then) for code in codes]


def an_hour_later(engine: Engine) -> None:
    rows(engine, "UPDATE watermark SET at = at - interval '61 minutes' WHERE name LIKE 'turn:%'")


def turn(wires: Wires) -> None:
    """The scheduler has run for an hour, and wakes what is due."""
    sweep.sweep(wires)
    an_hour_later(wires.engine)
    sweep.sweep(wires)


def emptied(wires: Wires) -> None:
    queue.job_queue(wires.redis).empty()
    wires.redis.delete(*(f"casewire:waking:{stage}" for stage in Stage))


# ── the turn ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_feed_is_read_once_an_hour_and_the_first_time_after_one(wires: Wires, engine: Engine) -> None:
    sweep.sweep(wires)
    assert queued(wires) == []
    an_hour_later(engine)
    sweep.sweep(wires)
    assert queued(wires) == ["feed"]
    stages.run(wires, Stage.FEED)
    asked = len(wires.api.calls)
    emptied(wires)
    sweep.sweep(wires)
    stages.run(wires, Stage.FEED)
    assert (queued(wires), len(wires.api.calls)) == ([], asked)


def test_what_was_missed_is_due_and_said(wires: Wires, engine: Engine) -> None:
    wires.api.objects = changed("bob", "eve")
    turn(wires)
    emptied(wires)
    with capture_logs() as lines:
        stages.run(wires, Stage.FEED)
    assert [
        (line["log_level"], line["scanned"], line["missing"])
        for line in lines
        if line["event"] == "feed_walked"
    ] == [("warning", 2, 2)]
    assert queued(wires) == ["apply"]
    found = rows(engine, "SELECT command, who FROM subject JOIN run ON run.id = run_id WHERE status = 'due'")
    assert set(found) == {("missed", "scheduler")}
    assert len(found) == 2


@pytest.mark.parametrize("changes", [{"feed_minutes": 0}, {"feed_minutes": 120}])
def test_the_policy_says_how_often(wires: Wires, changes: dict[str, int]) -> None:
    decided(wires, **changes)
    turn(wires)
    assert queued(wires) == []


def test_while_the_site_is_out_it_waits(wires: Wires, engine: Engine) -> None:
    with engine.begin() as connection:
        circuit_breakers.open_circuit(connection, ":".join(HERE), "503", "503", 60)
    turn(wires)
    assert queued(wires) == []
    stages.run(wires, Stage.FEED)
    assert wires.api.calls == []


def test_while_very_much_waits_to_be_fetched_it_waits(
    wires: Wires, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "BEHIND", 2)
    record(engine, event("n1"), event("n2"))
    turn(wires)
    assert queued(wires) == ["refresh"]


def test_one_reads_at_a_time(wires: Wires, engine: Engine) -> None:
    turn(wires)
    with locks.alone(engine, Lock.FILLING):
        stages.run(wires, Stage.FEED)
    assert wires.api.calls == []


# ── when it cannot be read ────────────────────────────────────────────────────────────────────────────────────


class Failing(FakeApi):
    """Fails at the first object it is asked for."""

    trouble: Exception

    def changed(self, kind: str, since: datetime | None) -> Any:
        raise self.trouble


@pytest.mark.parametrize(
    ("trouble", "opened"),
    [
        (Unavailable(":".join(HERE), "503", retry_after=60), True),
        (Transient("slow"), False),
        (Permanent("no"), False),
        (RuntimeError("a shape nobody has seen"), False),
    ],
)
def test_a_feed_that_cannot_be_read_is_tried_again_after_a_minute(
    wires: Wires, engine: Engine, trouble: Exception, opened: bool
) -> None:
    failing = Failing()
    failing.trouble = trouble
    wires.__dict__["apis"] = {HERE: failing}
    turn(wires)
    emptied(wires)
    stages.run(wires, Stage.FEED)
    sweep.sweep(wires)
    assert queued(wires) == []
    with engine.connect() as connection:
        assert (":".join(HERE) in circuit_breakers.open_circuits(connection)) == opened
    rows(engine, "DELETE FROM circuit")
    rows(engine, "UPDATE watermark SET at = at - interval '61 seconds' WHERE name LIKE 'turn:%'")
    sweep.sweep(wires)
    assert queued(wires) == ["feed"]


def test_a_long_walk_is_cut_into_jobs_so_that_others_get_their_turn(
    wires: Wires, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "FEED_SECONDS", -1.0)
    then = datetime.now(UTC) - timedelta(minutes=90)
    there = changed("a", "b", "c", "d", "e")
    wires.api.objects = [
        account(id=one_.id, code=one_.id, updated_at=then + timedelta(minutes=number))
        for number, one_ in enumerate(there)
    ]
    turn(wires)
    known = []
    for _ in range(3):
        emptied(wires)
        stages.run(wires, Stage.FEED)
        known.append(one(engine, "SELECT count(*) AS n FROM snapshot").n)
        woken = queued(wires)
    assert known == [2, 3, 4], "each begins with the last moment of the one before"
    assert woken == ["apply", "feed"]


def test_a_policy_that_cannot_be_read_stops_no_sweep(wires: Wires, engine: Engine) -> None:
    Path("policy.toml").write_text("[nonsense")
    record(engine, event())
    sweep.sweep(wires)
    assert queued(wires) == ["refresh"]
    with pytest.raises(SetupError):
        _ = wires.policy


def test_settings_that_are_no_good_stop_no_sweep(wires: Wires, monkeypatch: pytest.MonkeyPatch) -> None:
    del wires.__dict__["apis"]
    monkeypatch.setenv("RECURLY_REGION", "mars")
    record(wires.engine, event())
    sweep.sweep(wires)
    assert queued(wires) == ["refresh"]


# ── silence ───────────────────────────────────────────────────────────────────────────────────────────────────


def spoke(engine: Engine, source: str = SOURCE, site: str = SITE, *, until_minutes_ago: int = 60) -> None:
    """As ever for eight days, three events in five minutes; and then no more."""
    rows(
        engine,
        "INSERT INTO heard (source, site, at, events, last_at) SELECT :source, :site, at, 3, at "
        "FROM generate_series(now() - interval '8 days', now() - make_interval(mins => :mins), "
        "interval '5 minutes') AS at",
        source=source,
        site=site,
        mins=until_minutes_ago,
    )


def listened(wires: Wires) -> list[dict[str, Any]]:
    """What a sweep logs of silences, when it is time to listen."""
    rows(wires.engine, "DELETE FROM watermark WHERE name = 'turn:silence'")
    with capture_logs() as lines:
        sweep.sweep(wires)
    return [dict(line) for line in lines if line["event"].startswith("source_")]


def silent(engine: Engine, of: Sequence[tuple[str, str]] = (HERE, ("stripe", ""))) -> list[str]:
    with engine.connect() as connection:
        return [one_.source for one_ in source_activity.lasting(connection, of)]


def test_a_silence_is_noticed_once_and_the_feed_is_read_at_once(wires: Wires, engine: Engine) -> None:
    spoke(engine)
    (line,) = listened(wires)
    assert (line["event"], line["source"], line["outcome"]) == (
        "source_silent",
        SOURCE,
        "its changes are read",
    )
    assert queued(wires) == ["feed"]
    assert silent(engine) == [SOURCE]
    assert listened(wires) == []


def test_a_silence_ends_once_and_the_feed_is_read_at_once(wires: Wires, engine: Engine) -> None:
    spoke(engine)
    listened(wires)
    stages.run(wires, Stage.FEED)
    emptied(wires)
    record(engine, event(pointers=()))
    (line,) = listened(wires)
    assert line["event"] == "source_speaks_again"
    assert 3590 < line["seconds"] < 4000
    assert "feed" in queued(wires)
    assert silent(engine) == []
    assert listened(wires) == []


def test_of_a_processor_nothing_can_be_read(wires: Wires, engine: Engine) -> None:
    spoke(engine, "stripe", "")
    (line,) = listened(wires)
    assert (line["source"], line["outcome"]) == ("stripe", "look at its webhook endpoint")
    assert queued(wires) == []


def test_where_there_is_no_silence_nothing_is_said(wires: Wires, engine: Engine) -> None:
    spoke(engine, until_minutes_ago=5)
    spoke(engine, "adyen", "")
    assert listened(wires) == [], "one speaks, the other is not set up"
    assert silent(engine) == []


def test_the_policy_turns_listening_off_and_ends_what_lasts(wires: Wires, engine: Engine) -> None:
    spoke(engine)
    listened(wires)
    decided(wires, silence_minutes=0)
    assert [line["event"] for line in listened(wires)] == ["source_speaks_again"]
    assert listened(wires) == []


def test_it_does_not_listen_at_every_sweep(wires: Wires, engine: Engine) -> None:
    listened(wires)
    spoke(engine)
    sweep.sweep(wires)
    assert silent(engine) == []


# ── turns in the ledger ───────────────────────────────────────────────────────────────────────────────────────


def test_a_daily_turn_is_taken_once_and_made_up_for(engine: Engine) -> None:
    now = datetime.now(UTC)
    with engine.begin() as connection:
        assert not watermarks.take_once(connection, "night", now), "from the day it is switched on"
        watermarks.begin(connection, "night")
        assert not watermarks.take_once(connection, "night", now - timedelta(hours=1))
        assert watermarks.take_once(connection, "night", now + timedelta(hours=1))
    with engine.begin() as connection:
        watermarks.begin(connection, "night")
        assert not watermarks.take_once(connection, "night", now)
