"""The RQ jobs: they wake what comes next, gather in a burst, and give back what they could not work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from samples import SITE, SOURCE, due, event, make_ready, one, record, rows, statuses
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from sync.fake_api import FakeApi
from sync.fake_crm import FakeCrm, Org
from sync.world import account, decline, invoice, payment
from telling import BOB, bill, carrying, charge, dispute, links, tell

from connector import queue
from connector.container import Container
from connector.errors import SetupError, Unavailable
from connector.jobs import apply, stages, sweep
from connector.jobs.urgent import UrgentLane, lane
from connector.ledger import circuit_breakers, events, leases, locks, match_queue, snapshots, subjects
from connector.ledger.locks import Lock
from connector.models.events import Pointer, Urgency
from connector.models.facts import Facts
from connector.models.plan import Change, Plan
from connector.queue import Stage
from connector.settings import Settings
from connector.sync.apply.applier import Applier
from connector.sync.refresh import account_matching


def decide(facts: Facts) -> Plan:
    if facts.account is None:
        return Plan(facts.subject)
    return Plan(facts.subject, (Change("Account", facts.subject, "account", "is", {"Name": facts.code}),))


class Wires(Container):
    """The wiring of a worker, with vendors in memory. ``trouble``: raised when an applier is asked for."""

    crm: FakeCrm
    api: FakeApi
    trouble: Exception | None = None

    def applier(self) -> Applier:
        if self.trouble:
            raise self.trouble
        return Applier(
            self.engine, self.crm, Org, decide, self.clock, self.worker, checkpoint=self.checkpoint
        )


@pytest.fixture
def wires(engine: Engine, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Wires]:
    monkeypatch.chdir(tmp_path)
    made = Wires(Settings(casewire_worker="w"))
    made.crm, made.api = FakeCrm(), FakeApi([account(), invoice()])
    made.__dict__ |= {"engine": engine, "redis": redis, "apis": {(SOURCE, SITE): made.api}}
    return made


def queued(wires: Wires) -> list[str]:
    """The stages that have a job."""
    return sorted(job.func_name.rpartition(".")[2] for job in queue.job_queue(wires.redis).jobs)


def learn(engine: Engine, *codes: str) -> None:
    with engine.begin() as connection:
        found = [account(id=code, code=code) for code in codes]
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), found)
        subjects.mark_due(connection, [due(code) for code in codes])


def states(engine: Engine) -> dict[str, str]:
    return {row.code: row.status for row in rows(engine, "SELECT code, status FROM subject")}


# ── one stage wakes the next ──────────────────────────────────────────────────────────────────────────────────


def test_a_delivery_goes_through_the_stages_by_their_wakes(engine: Engine, wires: Wires) -> None:
    record(engine, event())
    stages.run(wires, Stage.REFRESH)
    assert queued(wires) == ["apply"]
    stages.run(wires, Stage.APPLY)
    assert statuses(engine) == {"n1": "done"}
    assert set(wires.crm.of("Account")) == {"recurly:acme:account:bob"}


def test_nothing_to_do_wakes_nobody(wires: Wires) -> None:
    for stage in Stage:
        stages.run(wires, stage)
    assert queued(wires) == []


def test_a_full_batch_wakes_the_next(engine: Engine, wires: Wires, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.sync.refresh.refresh.BATCH", 1)
    record(engine, event("n1"), event("n2"))
    stages.run(wires, Stage.REFRESH)
    assert queued(wires) == ["apply", "refresh"]


def test_more_accounts_than_a_batch_wake_the_next(
    engine: Engine, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.sync.apply.applier.BATCH", 2)
    learn(engine, "a", "b", "c")
    stages.run(wires, Stage.APPLY)
    assert queued(wires) == ["apply"]


def test_a_job_takes_its_flag_away_so_that_a_wake_during_it_counts(engine: Engine, wires: Wires) -> None:
    record(engine, event())
    wires.queue.wake(Stage.REFRESH)
    queue.job_queue(wires.redis).empty()
    wires.api.meanwhile = lambda: wires.queue.wake(Stage.REFRESH)
    stages.run(wires, Stage.REFRESH)
    assert "refresh" in queued(wires)


def test_the_functions_that_rq_calls_find_their_wiring(wires: Wires, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "container_from_environment", lambda: wires)
    wires.queue.wake(Stage.REFRESH)
    for job in (stages.refresh, stages.history, stages.apply):
        job()
    assert wires.redis.keys("casewire:waking:*") == []


# ── gathering ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def burst(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """More events wait to be fetched than are worth applying one account after the other."""
    monkeypatch.setattr(apply, "GATHER_UNTIL", 3)
    record(engine, *(event(f"n{number}") for number in range(3)))
    return engine


def test_in_a_burst_accounts_are_gathered_rather_than_written_one_by_one(burst: Engine, wires: Wires) -> None:
    learn(burst, "bob")
    stages.run(wires, Stage.APPLY)
    assert wires.crm.upserts == []
    assert queued(wires) == ["refresh"]


def test_with_few_events_waiting_an_account_is_written_at_once(burst: Engine, wires: Wires) -> None:
    rows(burst, "DELETE FROM event WHERE event_id = 'n0'")
    learn(burst, "bob")
    stages.run(wires, Stage.APPLY)
    assert wires.crm.upserts


@pytest.mark.parametrize(
    ("urgency", "seconds", "written"),
    [
        (Urgency.ROUTINE, 10, False),
        (Urgency.ROUTINE, 16, True),
        (Urgency.FAILURE, 10, False),
        (Urgency.DISPUTE, 1, True),
    ],
)
def test_no_account_waits_longer_for_others_than_its_urgency_allows(
    burst: Engine, wires: Wires, urgency: Urgency, seconds: int, written: bool
) -> None:
    learn(burst, "bob")
    rows(
        burst,
        "UPDATE subject SET urgency = :urgency, due_at = now() - make_interval(secs => :seconds)",
        urgency=int(urgency),
        seconds=seconds,
    )
    stages.run(wires, Stage.APPLY)
    assert bool(wires.crm.upserts) == written


# ── history waits for everything more urgent ──────────────────────────────────────────────────────────────────


def test_histories_are_fetched_when_no_event_waits(engine: Engine, wires: Wires) -> None:
    learn(engine, "bob")
    with engine.begin() as connection:
        subjects.decide_history(connection, (), [due().key])
    record(engine, event())
    stages.run(wires, Stage.HISTORY)
    assert one(engine, "SELECT history FROM subject").history == "wanted"
    rows(engine, "DELETE FROM event")
    stages.run(wires, Stage.HISTORY)
    assert one(engine, "SELECT history FROM subject").history == "done"
    assert queued(wires) == ["apply", "history"]


# ── what is urgent goes first ─────────────────────────────────────────────────────────────────────────────────


def urgent(event_id: str = "d1", code: str = "eve") -> Any:
    """A dispute of an account that the ledger does not know."""
    return event(
        event_id, f"pay-{code}", urgency=Urgency.DISPUTE, pointers=(Pointer("payment", (f"p{code}",)),)
    )


@pytest.fixture
def disputed(wires: Wires) -> Wires:
    wires.api.objects += [
        account(id="acceve", code="eve"),
        payment(id="peve", uuid="ueve", account_code="eve", account_id="acceve", invoice_id=None),
    ]
    return wires


def accounts_sent(wires: Wires) -> list[str]:
    """The accounts in the order in which Salesforce got them."""
    return [
        row["Billing_Key__c"].rpartition(":")[2]
        for object_, sent in wires.crm.upserts
        if object_ == "Account"
        for row in sent
    ]


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.RECONCILE])
def test_every_job_begins_with_what_is_urgent(engine: Engine, disputed: Wires, stage: Stage) -> None:
    """Whichever job a worker takes next, a dispute does not wait for its turn in the queue."""
    record(engine, urgent())
    stages.run(disputed, stage)
    assert accounts_sent(disputed)[0] == "eve"
    assert statuses(engine) == {"d1": "done"}


def test_urgent_work_takes_its_turn_between_two_calls_of_a_batch_of_events(
    engine: Engine, disputed: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dispute arrives while the first call is under way; the batch needs many more."""
    monkeypatch.setattr("connector.jobs.urgent.CHECK_SECONDS", 0.0)
    monkeypatch.setattr("connector.sync.refresh.object_fetcher.CALLS", 1)
    disputed.api.objects += [invoice(id=f"i{n}", uuid=f"ui{n}", number=str(n)) for n in range(10)]
    record(engine, *(event(f"n{n}", f"uuid-ui{n}") for n in range(10)))
    seen: list[int] = []

    def arrive() -> None:
        if not seen:
            record(engine, urgent())
        seen.append(len(disputed.crm.upserts))

    disputed.api.meanwhile = arrive
    stages.run(disputed, Stage.REFRESH)
    assert accounts_sent(disputed) == ["eve"]
    assert seen.index(next(count for count in seen if count)) <= 4, "it waited for one call, and made its own"
    assert len(seen) > 8


def test_urgent_work_takes_its_turn_between_two_calls_to_salesforce(
    engine: Engine, disputed: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.jobs.urgent.CHECK_SECONDS", 0.0)
    monkeypatch.setattr("connector.sync.apply.record_writer.AT_ONCE", 2)

    class Arriving(FakeCrm):
        def upsert(self, object_: str, key_field: str, given: Any) -> Any:
            if not self.upserts:
                record(engine, urgent())
            return super().upsert(object_, key_field, given)

    disputed.crm = Arriving()
    learn(engine, *(f"a{n}" for n in range(8)))
    stages.run(disputed, Stage.APPLY)
    assert accounts_sent(disputed).index("eve") == 2
    assert len(accounts_sent(disputed)) == 9


def test_an_account_of_the_batch_that_becomes_disputed_is_let_go_and_written_at_once(
    engine: Engine, disputed: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.jobs.urgent.CHECK_SECONDS", 0.0)
    monkeypatch.setattr("connector.sync.apply.record_writer.AT_ONCE", 1)

    class Arriving(FakeCrm):
        def upsert(self, object_: str, key_field: str, given: Any) -> Any:
            if not self.upserts:
                with engine.begin() as connection:
                    subjects.mark_due(connection, [due("z", Urgency.DISPUTE)])
            return super().upsert(object_, key_field, given)

    disputed.crm = Arriving()
    learn(engine, "a", "b", "c", "z")
    stages.run(disputed, Stage.APPLY)
    assert accounts_sent(disputed) == ["a", "z", "b", "c"]
    assert states(engine) == dict.fromkeys("abcz", "idle")


def test_histories_make_way_for_every_event_after_each_account(engine: Engine, wires: Wires) -> None:
    learn(engine, *(f"a{n}" for n in range(5)))
    rows(engine, "UPDATE subject SET status = 'idle', history = 'wanted'")
    wires.api.objects += [account(id=f"a{n}", code=f"a{n}") for n in range(5)]
    wires.api.meanwhile = lambda: record(engine, event())
    stages.run(wires, Stage.HISTORY)
    found = rows(engine, "SELECT history, count(*) AS n FROM subject GROUP BY history ORDER BY history")
    assert [(row.history, row.n) for row in found] == [("done", 1), ("wanted", 4)]
    ready = "SELECT count(*) AS n FROM subject WHERE history = 'wanted' AND history_ready_at <= now()"
    assert one(engine, ready).n == 4, "none of them is held"


def test_a_flood_of_disputes_leaves_time_to_the_work_that_it_interrupts(
    engine: Engine, disputed: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece takes three seconds: after two the batch continues, for half of the time that they took."""
    monkeypatch.setattr("connector.jobs.urgent.EVENTS", 1)
    clock = [0.0]

    class SlowLane(UrgentLane):
        def _piece(self, one_by_one: bool) -> int:
            clock[0] += 3.0
            return super()._piece(one_by_one)

    urgent_lane = SlowLane(disputed, monotonic=lambda: clock[0])
    record(engine, *(urgent(f"d{n}") for n in range(5)))
    left = []
    for seconds in (0.0, 2.9, 0.2):
        clock[0] += seconds
        urgent_lane.checkpoint()
        left.append(one(engine, "SELECT count(*) AS n FROM event WHERE status = 'pending'").n)
    assert left == [3, 3, 1]


def test_a_dispute_does_not_wait_for_a_burst_to_be_gathered(burst: Engine, disputed: Wires) -> None:
    record(burst, urgent())
    stages.run(disputed, Stage.REFRESH)
    rows(burst, "UPDATE subject SET due_at = now() - interval '1 second'")
    stages.run(disputed, Stage.APPLY)
    assert "eve" in accounts_sent(disputed)


def test_a_poisonous_dispute_holds_back_neither_others_nor_the_job(engine: Engine, disputed: Wires) -> None:
    def meanwhile() -> None:
        if any("pbad" in refs for _, asked in disputed.api.calls[-1:] for refs in asked):
            raise RuntimeError("a shape nobody has seen")

    disputed.api.meanwhile = meanwhile
    record(engine, urgent("d0", "bad"), urgent("d1"), event("n1"))
    stages.run(disputed, Stage.REFRESH)
    assert statuses(engine) == {"d0": "pending", "d1": "done", "n1": "fetched"}
    assert one(engine, "SELECT tries, lease FROM event WHERE event_id = 'd0'") == (1, None)


def test_a_successor_frees_what_the_lane_of_a_dead_worker_held(engine: Engine, disputed: Wires) -> None:
    record(engine, urgent())
    with engine.begin() as connection:
        assert events.claim(connection, f"{lane(disputed).worker}:token", 1)
        assert leases.release_all(connection, disputed.worker) == 1
    stages.run(disputed, Stage.APPLY)
    assert statuses(engine) == {"d1": "done"}


def test_a_job_that_fails_before_it_claims_anything_is_not_repeated_for_a_minute(
    engine: Engine, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int | None] = []

    def fails(_: Container, limit: int | None) -> int:
        tried.append(limit)
        raise RuntimeError("a statement that PostgreSQL refuses")

    monkeypatch.setattr(stages, "_WORK", {**stages._WORK, Stage.APPLY: fails})
    stages.run(wires, Stage.APPLY)
    assert tried == [None, 1]


# ── batches are bounded by what they load ─────────────────────────────────────────────────────────────────────


def timeline(facts: Facts) -> Plan:
    """The account and a row for each new event."""
    if facts.account is None:
        return Plan(facts.subject)
    new = [one for one in facts.events if not one.on_timeline]
    made = [Change("Account", facts.subject, "account", "is", {"Name": facts.code})]
    made += [Change("Billing_Event__c", one.event_id, "timeline", "said", {"Name": one.kind}) for one in new]
    return Plan(facts.subject, tuple(made))


def heard_of(engine: Engine, code: str, count: int) -> None:
    """So many fetched events of an account."""
    record(engine, *(event(f"{code}{n}") for n in range(count)))
    rows(
        engine,
        "UPDATE event SET status = 'fetched', subject = :subject WHERE status = 'pending'",
        subject=due(code).key,
    )


def test_an_account_with_very_many_events_is_written_some_at_a_time(
    engine: Engine, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.ledger.account_events.NEW_EVENTS", 3)
    learn(engine, "big")
    heard_of(engine, "big", 8)
    applier = Applier(engine, wires.crm, Org, timeline, wires.clock, "w")
    loaded: list[int] = []
    rows(engine, "UPDATE subject SET urgency = 0")
    while (outcome := applier.run()).claimed:
        loaded.append(outcome.written)
        assert outcome.again is (states(engine)["big"] == "due")
    assert loaded == [4, 3, 2], "the account and three events, three, and the rest"
    assert set(statuses(engine).values()) == {"done"}
    assert states(engine) == {"big": "idle"}
    assert {row.tries for row in rows(engine, "SELECT tries FROM subject")} == {0}


def test_what_is_left_of_an_urgent_account_with_many_events_is_routine(
    engine: Engine, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.ledger.account_events.NEW_EVENTS", 3)
    learn(engine, "big")
    heard_of(engine, "big", 8)
    rows(engine, "UPDATE subject SET urgency = 0")
    Applier(engine, wires.crm, Org, timeline, wires.clock, "w").run()
    assert one(engine, "SELECT status, urgency FROM subject") == ("due", int(Urgency.ROUTINE))


def test_news_that_comes_between_the_claim_and_the_reading_is_decided_once(
    engine: Engine, wires: Wires
) -> None:
    """Else the account is due once more for what is written already: an attempt of nothing for each such event."""
    learn(engine, "bob")

    def org() -> Org:
        if not rows(engine, "SELECT 1 FROM event"):
            heard_of(engine, "bob", 1)
            with engine.begin() as connection:
                subjects.mark_due(connection, [due("bob")])
        return Org()

    applier = Applier(engine, wires.crm, org, timeline, wires.clock, "w")
    applier.run()
    assert states(engine) == {"bob": "idle"}
    assert set(statuses(engine).values()) == {"done"}
    assert one(engine, "SELECT count(*) AS n FROM attempt").n == 1


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────


def test_what_nobody_foresaw_in_one_account_holds_back_no_other(engine: Engine, wires: Wires) -> None:
    """A failed batch is worked one by one: the culprit fails alone."""
    learn(engine, "a", "bad", "z")

    class Unforeseen(FakeCrm):
        def upsert(self, object_: str, key_field: str, given: Any) -> Any:
            if any(row[key_field].endswith(":bad") for row in given):
                raise RuntimeError("a shape nobody has seen")
            return super().upsert(object_, key_field, given)

    wires.crm = Unforeseen()
    stages.run(wires, Stage.APPLY)
    assert states(engine) == {"a": "idle", "bad": "due", "z": "idle"}
    for _ in range(subjects.MOST_TRIES):
        make_ready(engine, "subject")
        stages.run(wires, Stage.APPLY)
    sweep.sweep(wires)
    assert states(engine) == {"a": "idle", "bad": "dead", "z": "idle"}


def test_what_nobody_foresaw_in_one_event_holds_back_no_other(engine: Engine, wires: Wires) -> None:
    def meanwhile() -> None:
        if any("bad" in refs for _, asked in wires.api.calls[-1:] for refs in asked):
            raise RuntimeError("a shape nobody has seen")

    record(engine, event("n1"), event("n2", "bad"), event("n3"))
    wires.api.meanwhile = meanwhile
    stages.run(wires, Stage.REFRESH)
    assert statuses(engine) == {"n1": "fetched", "n2": "pending", "n3": "fetched"}
    for _ in range(events.MOST_TRIES):
        make_ready(engine)
        stages.run(wires, Stage.REFRESH)
    sweep.sweep(wires)
    assert statuses(engine)["n2"] == "dead"


def test_when_postgresql_goes_away_in_a_job_no_try_is_spent(engine: Engine, wires: Wires) -> None:
    def gone() -> None:
        wires.api.meanwhile = lambda: None
        raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

    record(engine, event())
    wires.api.meanwhile = gone
    stages.run(wires, Stage.REFRESH)
    assert one(engine, "SELECT status, tries, lease FROM event") == ("pending", 0, None)


def test_a_standby_that_takes_no_writes_is_a_ledger_that_is_away(engine: Engine, wires: Wires) -> None:
    def standby() -> None:
        wires.api.meanwhile = lambda: None
        with engine.begin() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            subjects.mark_due(connection, [due("Rivera Books")])

    record(engine, event())
    wires.api.meanwhile = standby
    with capture_logs() as told:
        stages.run(wires, Stage.REFRESH)
    assert one(engine, "SELECT status, tries, lease FROM event") == ("pending", 0, None)
    assert [line["outcome"] for line in told if line["event"] == "job_failed"] == ["ledger away"]
    assert "Rivera" not in str(told)


def test_a_mistake_in_the_settings_costs_no_tries(engine: Engine, wires: Wires) -> None:
    record(engine, event())
    wires.api.down = SetupError("The key is no key.")
    for _ in range(20):
        make_ready(engine)
        stages.run(wires, Stage.REFRESH)
    assert one(engine, "SELECT status, tries FROM event") == ("pending", 0)


def test_without_salesforce_settings_accounts_wait_and_the_status_says_why(
    engine: Engine, wires: Wires
) -> None:
    learn(engine, "bob")
    wires.trouble = SetupError("Set SALESFORCE_LOGIN_URL.")
    stages.run(wires, Stage.APPLY)
    assert states(engine) == {"bob": "due"}
    with engine.connect() as connection:
        found = circuit_breakers.open_circuits(connection)["salesforce"]
    assert (found.code, found.reason) == (circuit_breakers.NOT_SET_UP, "Set SALESFORCE_LOGIN_URL.")


# ── the sweep finds what nobody woke ──────────────────────────────────────────────────────────────────────────


def _nothing(engine: Engine) -> None:
    pass


def _an_event(engine: Engine) -> None:
    record(engine, event())


def _an_account(engine: Engine) -> None:
    learn(engine, "bob")


def _a_history(engine: Engine) -> None:
    learn(engine, "bob")
    with engine.begin() as connection:
        subjects.decide_history(connection, (), [due().key])
    rows(engine, "UPDATE subject SET status = 'idle'")


def _an_account_whose_time_has_come(engine: Engine) -> None:
    learn(engine, "bob")
    rows(engine, "UPDATE subject SET status = 'idle', look_again_at = now()")


def _a_match_to_be_made_again(engine: Engine) -> None:
    with engine.begin() as connection:
        match_queue.enqueue(connection, ["customer:cus_1"], always=True)


def _a_lease_that_ran_out(engine: Engine) -> None:
    record(engine, event())
    with engine.begin() as connection:
        events.claim(connection, "dead:1", 1)
    make_ready(engine)


def _a_lease_that_is_held(engine: Engine) -> None:
    record(engine, event())
    with engine.begin() as connection:
        events.claim(connection, "alive:1", 1)


WAITING: list[tuple[Callable[[Engine], None], list[str]]] = [
    (_nothing, []),
    (_an_event, ["refresh"]),
    (_an_account, ["apply"]),
    (_a_history, ["history"]),
    (_an_account_whose_time_has_come, ["apply"]),
    (_a_match_to_be_made_again, ["refresh"]),
    (_a_lease_that_ran_out, ["refresh"]),
    (_a_lease_that_is_held, []),
]


@pytest.mark.parametrize(("given", "woken"), WAITING, ids=[given.__name__[1:] for given, _ in WAITING])
def test_the_sweep_wakes_what_waits(
    engine: Engine, wires: Wires, given: Callable[[Engine], None], woken: list[str]
) -> None:
    given(engine)
    sweep.sweep(wires)
    sweep.sweep(wires)
    assert queued(wires) == woken


def test_after_redis_lost_everything_the_sweep_finds_all_work_again(engine: Engine, wires: Wires) -> None:
    record(engine, event())
    learn(engine, "eve")
    wires.queue.wake(Stage.REFRESH)
    wires.redis.flushall()
    sweep.sweep(wires)
    assert queued(wires) == ["apply", "refresh"]


def test_purging_keeps_to_the_settings(engine: Engine, wires: Wires) -> None:
    record(engine, event())
    rows(engine, "UPDATE event SET status = 'done', received_at = '2020-01-01Z'")
    assert sweep.purge(wires).bodies == 0
    wires.settings = Settings(casewire_retention_bodies_days=30)
    assert sweep.purge(wires).bodies == 1


# ── payment processors ────────────────────────────────────────────────────────────────────────────────────────


def test_a_processors_delivery_goes_through_the_stages_by_their_wakes(engine: Engine, wires: Wires) -> None:
    record(engine, carrying("evt_1", dispute("dp_1", "ch_1"), urgency=Urgency.FAILURE))
    stages.run(wires, Stage.REFRESH)
    assert queued(wires) == ["apply"]
    stages.run(wires, Stage.APPLY)
    assert statuses(engine) == {"evt_1": "done"}


def test_the_sweep_joins_what_was_left_when_a_worker_died(engine: Engine, wires: Wires) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    rows(engine, "UPDATE snapshot SET ask_at = NULL")
    bill(engine, account(), payment(gateway_reference="ch_1"))
    sweep.sweep(wires)
    assert links(engine)["dp_1"][0] == BOB
    assert queued(wires) == ["apply", "history"]


def test_matches_that_one_job_leaves_are_made_by_the_next(
    engine: Engine, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_matching, "MOST_AT_ONCE", 10)
    monkeypatch.setattr(account_matching, "AT_ONCE", 10)
    tell(engine, *(charge(f"ch_{n}", customer="cus_1") for n in range(25)))
    bill(engine, account(gateway_customers=("cus_1",)))
    with engine.begin() as connection:
        match_queue.enqueue(connection, ["customer:cus_1"])
    for matched, woken in ((10, True), (20, True), (25, False)):
        wires.redis.flushall()
        stages.run(wires, Stage.REFRESH)
        assert sum(subject == BOB for subject, _ in links(engine).values()) == matched
        assert ("refresh" in queued(wires)) is woken
        assert "apply" in queued(wires)


def test_the_sweep_wakes_the_asking(engine: Engine, wires: Wires) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    sweep.sweep(wires)
    assert queued(wires) == ["refresh"]
    stages.run(wires, Stage.REFRESH)
    assert not rows(engine, "SELECT * FROM snapshot WHERE ask_at IS NOT NULL")


def failures(wires: Wires, codes: int) -> None:
    """So many accounts fail just now at one gateway, and Recurly tells of each."""
    for number in range(codes):
        usual: dict[str, Any] = {"id": f"p{number}", "uuid": f"u{number}", "account_code": f"a{number}"}
        at = wires.clock() - timedelta(minutes=2)
        failed = decline("gateway_timeout", gateway="stripe", **usual | {"created_at": at, "updated_at": at})
        wires.api.objects += [account(id=f"acc{number}", code=f"a{number}"), failed]
        pointer = Pointer("payment", (f"p{number}",))
        record(wires.engine, event(f"n{number}", pointers=(pointer,), kind="payment.failed"))


def incident_ended(engine: Engine) -> bool:
    return one(engine, "SELECT ended_at IS NOT NULL AS ended FROM incident").ended


def test_payments_that_fail_for_many_are_noticed_by_the_job_that_read_them(
    engine: Engine, wires: Wires
) -> None:
    failures(wires, wires.policy.rules.incident.accounts)
    stages.run(wires, Stage.REFRESH)
    assert not incident_ended(engine)
    assert "gateway:stripe" in states(engine)


def test_the_sweep_sees_that_an_incident_is_over(engine: Engine, wires: Wires) -> None:
    """Nothing was tried any more, so no event tells."""
    failures(wires, wires.policy.rules.incident.accounts)
    stages.run(wires, Stage.REFRESH)
    rows(engine, "UPDATE subject SET status = 'idle'")
    now = wires.clock()
    wires.__dict__["clock"] = lambda: now + timedelta(hours=1)
    sweep.sweep(wires)
    assert incident_ended(engine)
    assert set(states(engine).values()) == {"due"}


def test_a_policy_that_cannot_be_read_stops_neither_the_reading_nor_the_sweep(
    engine: Engine, wires: Wires, tmp_path: Path
) -> None:
    failures(wires, wires.policy.rules.incident.accounts)
    stages.run(wires, Stage.REFRESH)
    del wires.__dict__["policy"]
    (tmp_path / "policy.toml").write_text("[nonsense")
    rows(engine, "UPDATE event SET status = 'pending', ready_at = now()")
    sweep.sweep(wires)
    stages.run(wires, Stage.REFRESH)
    assert set(statuses(engine).values()) == {"fetched"}
    assert "apply" in queued(wires)


# ── very much at once ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def many(wires: Wires, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """More accounts than are written one batch after the other; a job is worth it from ten rows on."""
    monkeypatch.setattr("connector.sync.apply.record_writer.IN_BULK", 10)
    budget = wires.policy.budget.model_copy(update={"bulk_from": 200})
    wires.__dict__["policy"] = wires.policy.model_copy(update={"budget": budget})
    codes = [f"acc{number}" for number in range(205)]
    with wires.engine.begin() as connection:
        known = [account(code=code, id=code) for code in [*codes, "bob"]]
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), known)
        subjects.mark_due(connection, [due(code) for code in codes])
    return codes


def written(wires: Wires) -> set[str]:
    return {key.rpartition(":")[2] for key in wires.crm.of("Account")}


def test_very_many_due_accounts_are_left_to_a_bulk_job(wires: Wires, many: list[str]) -> None:
    with wires.engine.begin() as connection:
        subjects.mark_due(connection, [due("bob", Urgency.DISPUTE)])
    stages.run(wires, Stage.APPLY)
    assert written(wires) == {"bob"}, "what is urgent does not wait for it"
    assert "bulk" in queued(wires)
    stages.run(wires, Stage.BULK)
    assert wires.crm.jobs == [("Account", 205)]
    assert written(wires) == {*many, "bob"}
    assert set(states(wires.engine).values()) == {"idle"}


def test_while_salesforce_works_on_the_job_disputes_are_written(wires: Wires, many: list[str]) -> None:
    """Each account of the job is still held, however long it takes."""
    asked: list[set[str]] = []

    class Meanwhile(FakeCrm):
        def bulk_upsert(self, object_: str, key_field: str, rows: Any, *, wait: Any, jobs: Any) -> Any:
            make_due(wires, "bob")
            expire(wires)
            wait(0.0)
            asked.append(written(wires))
            assert held(wires) == 205
            return super().bulk_upsert(object_, key_field, rows, wait=wait, jobs=jobs)

    wires.crm = Meanwhile()
    stages.run(wires, Stage.BULK)
    assert asked == [{"bob"}]
    assert written(wires) == {*many, "bob"}


def make_due(wires: Wires, code: str) -> None:
    with wires.engine.begin() as connection:
        subjects.mark_due(connection, [due(code, Urgency.DISPUTE)])


def expire(wires: Wires) -> None:
    rows(wires.engine, "UPDATE subject SET ready_at = now() WHERE lease IS NOT NULL")


def held(wires: Wires) -> int:
    found = one(
        wires.engine, "SELECT count(*) AS n FROM subject WHERE lease IS NOT NULL AND ready_at > now()"
    )
    return int(found.n)


def test_one_bulk_run_at_a_time(wires: Wires, many: list[str]) -> None:
    with locks.alone(wires.engine, Lock.BULK):
        stages.run(wires, Stage.BULK)
    assert written(wires) == set()
    stages.run(wires, Stage.BULK)
    assert written(wires) == set(many)


def test_a_job_that_fails_as_a_whole_leaves_every_account_due(wires: Wires, many: list[str]) -> None:
    wires.crm.outages["Account"] = Unavailable("salesforce", "Salesforce is unavailable (503).", code="503")
    stages.run(wires, Stage.BULK)
    assert set(states(wires.engine).values()) == {"due"}
    assert {row.tries for row in rows(wires.engine, "SELECT tries FROM subject")} == {0}
