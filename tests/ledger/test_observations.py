"""What processors told is only added to, once for each event, and all of it together makes the snapshot."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from samples import make_ready, one, record, rows, statuses
from sqlalchemy import Engine, text
from telling import T0, at, carrying, charge, dispute, item, known, payout, tell

from connector.ledger import events, match_queue, observations, retention
from connector.ledger.engine import MIGRATIONS, open_engine
from connector.mappers import match_keys
from connector.models.facts import Kind, ProcessorObject, Stage, Status

KEY = ("stripe", "dispute", "dp_1")


def count(engine: Engine, table: str = "observation") -> int:
    return int(one(engine, f"SELECT count(*) AS n FROM {table}").n)


# ── observations ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_object_is_what_was_told_and_belongs_to_itself(engine: Engine) -> None:
    said = dispute("dp_1", "ch_1", stage=Stage.CHARGEBACK, due_at=at(60), refundable=False)
    (found,) = tell(engine, said)
    assert (found.subject, found.link, found.waits) == ("stripe:dispute:dp_1", "", True)
    assert replace(found.item, known_since=None) == said
    assert found.item.known_since is not None


@pytest.mark.parametrize(
    ("link", "is_open", "is_weak"),
    [
        ("", True, False),
        ("payee", False, False),
        ("gateway reference ch_1", False, False),
        ("invoice number 1001", True, True),
        ("customer cus_1", True, True),
    ],
)
def test_a_match_may_change_unless_a_reference_made_it(link: str, is_open: bool, is_weak: bool) -> None:
    found = observations.ProcessorSnapshot(dispute(), "recurly:acme:account:bob", link)
    assert (found.is_open, found.is_weak) == (is_open, is_weak)


def test_a_charge_is_news_for_others_where_it_says_more_of_the_payment(engine: Engine) -> None:
    keys = ("reference:ch_1", "reference:pi_1")
    said = charge("ch_1", "pi_1", at=at(0), amount=None)
    more = replace(said, at=at(1), invoice_number="1001"), replace(said, at=at(2), amount=Decimal("9.00"))
    found = [tell(engine, one_)[0].changed_keys for one_ in (said, replace(said, at=at(0)), *more)]
    assert found == [keys, (), keys, keys]


def test_the_same_event_tells_the_same_thing_once(engine: Engine) -> None:
    for _ in range(3):
        tell(engine, dispute())
    assert count(engine) == 1


def test_one_event_in_two_deliveries_of_a_batch_is_one_observation(engine: Engine) -> None:
    with engine.begin() as connection:
        observations.store(connection, [("evt_1", dispute()), ("evt_1", dispute()), ("evt_2", dispute())])
    assert count(engine) == 2


def test_events_of_several_objects_and_sources_do_not_mix(engine: Engine) -> None:
    tell(engine, dispute("1"), dispute("1", source="adyen", reason="4853"), charge("1"), dispute("2"))
    assert known(engine, "1").item.reason is None
    assert known(engine, "1", source="adyen").item.reason == "4853"
    assert known(engine, "1", Kind.CHARGE).item.status is Status.SUCCEEDED
    assert count(engine, "snapshot") == 4


STORY = (
    dispute("dp_1", "ch_1", at=at(0), opened_at=at(0), due_at=at(900)),
    dispute("dp_1", at=at(100), status=Status.UNDER_REVIEW, reason="fraudulent"),
    dispute("dp_1", "pi_1", at=at(500), status=Status.LOST, amount=None, invoice_number="1001"),
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_whatever_the_order_of_arrival_the_snapshot_is_the_same(
    engine: Engine, order: tuple[int, ...]
) -> None:
    for number in (*order, order[0]):
        tell(engine, STORY[number])
    row = one(engine, "SELECT refs, version, data FROM snapshot")
    assert row.refs == ["reference:ch_1", "reference:pi_1", "invoice:1001"]
    assert row.version == at(500)
    found = known(engine).item
    assert (found.status, found.reason, found.due_at) == (Status.LOST, "fraudulent", at(900))
    assert (found.amount, found.opened_at) == (Decimal("49.00"), at(0))


def test_two_connections_that_tell_of_one_object_at_once_lose_nothing(engine: Engine) -> None:
    started = threading.Barrier(8)

    def work(number: int) -> None:
        started.wait()
        tell(engine, dispute("dp_1", f"ch_{number}", at=at(number)), by=f"worker{number}")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(8)]:
            done.result()
    assert known(engine).item.references == tuple(f"ch_{n}" for n in range(8))
    assert (known(engine).item.at, count(engine)) == (at(7), 8)


def test_whoever_comes_second_waits_for_the_first_and_sees_what_it_added(engine: Engine) -> None:
    with engine.begin() as first, ThreadPoolExecutor(1) as pool:
        observations.store(first, [("evt_1", dispute("dp_1", "ch_1"))])
        second = pool.submit(tell, engine, dispute("dp_1", "ch_2", at=at(1)))
        with pytest.raises(TimeoutError):
            second.result(timeout=0.3)
        first.commit()
        (found,) = second.result()
    assert found.item.references == ("ch_1", "ch_2")


def test_since_when_an_object_is_known_does_not_change_with_news(engine: Engine) -> None:
    (first,) = tell(engine, STORY[0])
    (later,) = tell(engine, STORY[1])
    assert first.item.known_since == later.item.known_since


def test_news_of_a_joined_object_leaves_it_joined(engine: Engine) -> None:
    tell(engine, STORY[0])
    rows(engine, "UPDATE snapshot SET subject = 'recurly:acme:account:bob', link = 'customer cus_1'")
    (found,) = tell(engine, STORY[2])
    assert (found.subject, found.link) == ("recurly:acme:account:bob", "customer cus_1")
    assert found.item.joined_by == "customer cus_1"


@pytest.mark.parametrize(("payee", "subject"), [("acct_1", "acct_1"), ("", "own"), (None, "own")])
def test_a_payout_is_its_payees_and_waits_for_nothing(
    engine: Engine, payee: str | None, subject: str
) -> None:
    (found,) = tell(engine, payout("po_1", payee))
    assert (found.subject, found.link, found.waits) == (f"stripe:payee:{subject}", observations.PAYEE, False)
    with engine.connect() as connection:
        assert match_queue.next_in_cycle(connection, 10) == []


# ── any text survives ─────────────────────────────────────────────────────────────────────────────────────────

ODD = [
    'say "hi"',
    "back\\slash",
    "a,b",
    "{x}",
    "NULL",
    "née ü 漢字 🎉",
    "it's",
    " blank ",
    "\\",
    '"',
    "tab\there",
]


def test_texts_of_any_kind_come_back_as_they_were(engine: Engine) -> None:
    said = dispute('d"p\\,{1}', *ODD, reason='O\'Neil "x" \\n {', customer="c,1", invoice_number='#"7"')
    tell(engine, said)
    found = known(engine, 'd"p\\,{1}').item
    assert (set(found.references), found.reason, found.customer) == (set(ODD), said.reason, "c,1")
    refs = one(engine, "SELECT refs FROM snapshot").refs
    assert set(refs) == {*(f"reference:{ref}" for ref in ODD), "customer:c,1", 'invoice:#"7"'}
    with engine.connect() as connection:
        match_queue.enqueue(connection, refs)
        tasks = match_queue.claim(connection, 100)
        assert {task.key for task in tasks} == set(refs)
        assert all(len(some) == 1 for some in match_queue.slices(connection, tasks, 2).values())


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_an_array_is_written_so_that_postgresql_reads_the_same(postgres: Engine, values: list[str]) -> None:
    with postgres.connect() as connection:
        read = connection.execute(
            text("SELECT CAST(:it AS text[]) AS found"), {"it": observations.array(values)}
        )
        assert read.scalar_one() == values


def test_an_id_as_long_as_a_source_lets_through_is_kept(engine: Engine) -> None:
    long = "漢" * 255
    tell(engine, dispute(long, long, customer=long, invoice_number=long))
    assert known(engine, long).item.references == (long,)


def test_a_reference_too_long_for_an_index_finds_nothing_and_breaks_nothing(engine: Engine) -> None:
    tell(engine, dispute("dp_1", "x" * 5000, "ch_1"))
    assert known(engine).item.references == ("ch_1", "x" * 5000)
    assert one(engine, "SELECT refs FROM snapshot").refs == ["reference:ch_1"]
    assert match_keys.of_processor(charge("c" * 256)) == ()


OBJECTS = st.builds(
    ProcessorObject,
    kind=st.sampled_from(list(Kind)),
    source=st.sampled_from(("stripe", "adyen")),
    id=st.text(max_size=9),
    at=st.datetimes(timezones=st.just(T0.tzinfo)),
    status=st.sampled_from((None, *Status)),
    stage=st.sampled_from((None, *Stage)),
    reason=st.none() | st.text(st.characters(codec="utf-8"), max_size=9),
    amount=st.none() | st.decimals(0, 10**9, places=2),
    due_at=st.none() | st.datetimes(timezones=st.just(T0.tzinfo)),
    references=st.lists(st.text(max_size=5)).map(tuple),
    truncated=st.booleans(),
    refunded=st.none() | st.booleans(),
    payee=st.none() | st.just("") | st.just("acct_1"),
)


@given(OBJECTS)
def test_what_is_kept_is_what_was_told(said: ProcessorObject) -> None:
    assert observations.decode(observations.encode(said)) == said


def test_what_an_event_carries_comes_back_when_it_is_claimed(engine: Engine) -> None:
    carried = (dispute("dp_1", *ODD), charge("ch_1", "pi_1", opened_at=at(-9)))
    record(engine, carrying("evt_1", *carried))
    with engine.begin() as connection:
        (claimed,) = events.claim(connection, "w:1", 10)
    assert (claimed.carried, claimed.event_id) == (carried, "evt_1")


# ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────


def claimed(engine: Engine, limit: int = 10, lease: float = 60) -> list[str]:
    with engine.begin() as connection:
        return [found.item.id for found in observations.claim_asks(connection, limit, lease)]


def ask_state(engine: Engine) -> tuple[bool, int]:
    row = one(engine, "SELECT ask_at, asks FROM snapshot WHERE id = 'dp_1'")
    return row.ask_at is None, row.asks


def settle(engine: Engine, seconds: float | None, *, spend: bool = True) -> None:
    with engine.begin() as connection:
        observations.asked(connection, [KEY], seconds, spend=spend)


def test_what_is_new_is_asked_for_at_once_but_a_charge_is_not(engine: Engine) -> None:
    tell(engine, dispute("dp_1"), charge("ch_1"), item("re_1", Kind.REFUND), payout("po_1"))
    with engine.connect() as connection:
        assert observations.asks_wait(connection)
    assert claimed(engine) == ["dp_1", "po_1", "re_1"]


def test_an_object_is_asked_for_by_one_worker_at_a_time(engine: Engine) -> None:
    tell(engine, dispute("dp_1"))
    assert claimed(engine) == ["dp_1"]
    assert claimed(engine) == []
    rows(engine, "UPDATE snapshot SET ask_at = now() - interval '1 second'")
    assert claimed(engine) == ["dp_1"], "the first may be dead"
    assert ask_state(engine) == (False, 2)


def test_no_more_are_claimed_than_wanted(engine: Engine) -> None:
    tell(engine, *(dispute(f"dp_{number}") for number in range(5)))
    assert sorted(claimed(engine, 3) + claimed(engine, 3)) == [f"dp_{number}" for number in range(5)]


def test_what_was_answered_is_never_asked_again_even_with_news(engine: Engine) -> None:
    tell(engine, STORY[0])
    claimed(engine)
    settle(engine, None)
    tell(engine, STORY[1], STORY[2])
    assert (claimed(engine), ask_state(engine)) == ([], (True, 1))
    with engine.connect() as connection:
        assert not observations.asks_wait(connection)


def test_what_is_asked_again_waits_and_keeps_waiting_with_news(engine: Engine) -> None:
    tell(engine, STORY[0])
    claimed(engine)
    settle(engine, 3600)
    tell(engine, STORY[1])
    assert (claimed(engine), ask_state(engine)) == ([], (False, 1))


def test_waiting_for_a_destination_that_is_out_does_not_count(engine: Engine) -> None:
    tell(engine, STORY[0])
    for _ in range(3):
        assert claimed(engine) == ["dp_1"]
        settle(engine, 0, spend=False)
    assert ask_state(engine) == (False, 0)


# ── retention and what waits ──────────────────────────────────────────────────────────────────────────────────


def test_what_was_told_outlives_its_event(engine: Engine) -> None:
    record(engine, carrying("evt_1", STORY[0]))
    with engine.begin() as connection:
        (event,) = events.claim(connection, "w:1", 1)
        observations.store(connection, [(event.event_id, one_) for one_ in event.carried])
        events.settle_fetched(connection, "w:1", [events.Fetched(event.id, None)])
    rows(engine, "UPDATE event SET received_at = now() - interval '40 days'")
    retention.purge(engine, 30, 30)
    rows(engine, "UPDATE tombstone SET purged_at = now() - interval '2 minutes'")
    assert retention.purge(engine, 30, 30).rows == 1
    tell(engine, STORY[1])
    assert known(engine).item.references == ("ch_1",)
    record(engine, carrying("evt_1", STORY[0]))
    assert statuses(engine) == {}, "it is known for ever"


# ── the migration ─────────────────────────────────────────────────────────────────────────────────────────────

OLD_ROW = text(
    "INSERT INTO snapshot (source, site, object, id, alias, subject, version, observed_at, data) "
    "VALUES ('recurly', 'acme', :object, :id, :id, 'recurly:acme:account:bob', now(), now(), CAST(:data AS jsonb))"
)


PROCESSOR_ROW = (
    "INSERT INTO snapshot (source, site, object, id, subject, observed_at, data, refs, link) "
    "VALUES ('stripe', '', 'dispute', :id, 'any', now(), '{}', ARRAY['reference:ch_1', 'customer:c'], :link)"
)


def keep_processor_object(engine: Engine, id_: str, link: str) -> None:
    """As the versions before kept it."""
    rows(engine, PROCESSOR_ROW, id=id_, link=link)


def migrate(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        (command.downgrade if revision == "0001" else command.upgrade)(config, revision)


def test_a_ledger_of_the_version_before_is_taken_over_and_can_be_given_back(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for object_, id_, data in (
            ("payment", "p1", '{"gateway_reference": "ch_1", "created_at": "2026-11-20T12:00:00Z"}'),
            ("payment", "p2", '{"gateway_reference": null, "created_at": null}'),
            ("invoice", "i1", '{"number": "1001"}'),
            ("invoice", "i2", '{"number": "PREFIX-1234567890-1234567890"}'),
            ("account", "a1", "{}"),
        ):
            connection.execute(OLD_ROW, {"object": object_, "id": id_, "data": data})
    migrate(engine, "0002")
    found = {row.id: row for row in rows(engine, "SELECT * FROM snapshot")}
    assert {id_: row.refs for id_, row in found.items()} == {
        "p1": ["reference:ch_1"],
        "p2": [],
        "i1": ["invoice:1001"],
        "i2": ["invoice:PREFIX-1234567890-1234567890", "invoice:234567890-1234567890"],
        "a1": [],
    }
    assert {(row.link, row.ask_at, row.asks) for row in found.values()} == {(None, None, 0)}
    assert found["p1"].happened_at is not None
    keep_processor_object(engine, "dp_1", "")
    migrate(engine, "0001")
    assert {row.id for row in rows(engine, "SELECT id FROM snapshot WHERE source = 'recurly'")} == set(found)
    migrate(engine, "0002")
    make_ready(engine)
    engine.dispose()


def test_what_waits_or_was_matched_weakly_by_a_version_before_can_be_matched_again(
    empty_database_url: str,
) -> None:
    engine = open_engine(empty_database_url)
    migrate(engine, "0008")
    links = {
        "dp_1": "",
        "dp_2": "invoice number 1001",
        "dp_3": "customer c",
        "dp_4": "gateway reference ch_1",
    }
    for id_, link in links.items():
        keep_processor_object(engine, id_, link)
    migrate(engine, "head")
    found = {(row.key, row.id) for row in rows(engine, "SELECT key, id FROM match_key")}
    named = ("reference:ch_1", "customer:c")
    is_open = ("dp_1", "dp_2", "dp_3")
    assert found == {(key, id_) for id_ in is_open for key in (*named, f"object:stripe:dispute:{id_}")}
    engine.dispose()


def test_an_answer_of_an_api_is_the_same_observation_only_while_it_says_the_same() -> None:
    said = dispute()
    assert observations.by_answer(said)[0] == observations.by_answer(dispute())[0]
    assert observations.by_answer(said)[0] != observations.by_answer(dispute(status=Status.WON))[0]


@pytest.mark.parametrize("kind", [Kind.DISPUTE, Kind.REFUND, Kind.FRAUD_WARNING, Kind.MANDATE, Kind.PAYOUT])
def test_every_kind_but_a_charge_is_asked_for_where_it_has_an_id(engine: Engine, kind: Kind) -> None:
    said = item("x_1", kind, payee="acct_1") if kind is Kind.PAYOUT else item("x_1", kind)
    tell(engine, said, replace(said, id=""), charge())
    assert [row.id for row in rows(engine, "SELECT id FROM snapshot WHERE ask_at IS NOT NULL")] == ["x_1"]


def test_what_is_to_be_asked_later_is_not_asked_now(engine: Engine) -> None:
    tell(engine, dispute())
    with engine.begin() as connection:
        observations.asked(connection, [KEY], 3600.0)
    with engine.begin() as connection:
        assert observations.claim_asks(connection, 10, 60.0) == []
        assert not observations.asks_wait(connection)


def test_each_try_counts_and_only_that_of_the_object_that_is_named(engine: Engine) -> None:
    tell(engine, dispute("x_1"), item("x_1", Kind.REFUND))
    with engine.begin() as connection:
        assert [one_.asks for one_ in observations.claim_asks(connection, 10, 60.0)] == [1, 1]
        observations.asked(connection, [("stripe", "dispute", "x_1")], None, spend=False)
    found = {
        row.object: (row.asks, row.ask_at is None)
        for row in rows(engine, "SELECT object, asks, ask_at FROM snapshot")
    }
    assert found == {"dispute": (0, True), "refund": (1, False)}


def test_only_what_may_still_be_matched_is_found_by_its_references_disputes_first(engine: Engine) -> None:
    tell(engine, charge("a_charge", "ch_1"), dispute("waits", "ch_1"))
    for id_, link in {"joined": "gateway reference ch_1", "weak": "invoice number 1001"}.items():
        tell(engine, dispute(id_, "ch_1"))
        rows(engine, "UPDATE snapshot SET link = :link WHERE id = :id", link=link, id=id_)
        tell(engine, dispute(id_, "ch_1", status=Status.LOST, at=at(1)))
    task = match_queue.Task("reference:ch_1", 1, "")
    with engine.connect() as connection:
        found = match_queue.slices(connection, [task], 10)["reference:ch_1"]
        assert [id_ for _, (_, _, id_) in found] == ["waits", "weak", "a_charge"]
        rest = match_queue.slices(connection, [replace(task, place=found[0][0])], 1)
        assert rest == {"reference:ch_1": found[1:2]}


def test_an_observation_is_never_changed_by_another_of_the_same_event(engine: Engine) -> None:
    with engine.begin() as connection:
        observations.store(connection, [("evt_1", dispute())])
    with engine.begin() as connection:
        observations.store(connection, [("evt_1", dispute(status=Status.LOST))])
    assert known(engine, "dp_1").item.status is Status.NEEDS_RESPONSE
