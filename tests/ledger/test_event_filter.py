"""Filters of events: every condition reads an index, whatever the ledger holds; ``--search`` finds words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import event, record, rows
from sqlalchemy import Connection, Engine, text
from sqlalchemy import event as sqlalchemy_event

from connector.ledger import event_actions, queries
from connector.ledger.event_filter import SETTLE_SECONDS, Filter, extend_word_index
from connector.ledger.retention import purge

EVENTS = 40_000
PAGES_ALLOWED = 800
"""The table has some 3,000 pages; 50 events and a few index descents read a fraction of that."""
OLDEST = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def large(engine: Engine) -> Engine:
    """Many settled events of a few kinds, a second apart; the rare ones are the oldest."""
    rows(
        engine,
        """
        INSERT INTO event (source, site, event_id, kind, fate, status, urgency, strong_id, format, pointers, body,
                           subject, received_at)
        SELECT CASE WHEN n = 1 THEN 'stripe' ELSE 'recurly' END, 'acme', 'n' || n,
               CASE WHEN n = 2 THEN 'payment.rare' ELSE 'invoice.kind' || n % 40 END, 'handled',
               CASE WHEN n = 3 THEN 'buried' ELSE 'done' END, 1, true, 'json',
               jsonb_build_array(jsonb_build_array('account', jsonb_build_array('a' || n, 'code-c' || n))),
               CASE WHEN n = 4 THEN '{"reference": "ch_Rare4711"}' ELSE repeat(md5(n::text) || ' ', 9) END,
               CASE WHEN n = 5 THEN NULL ELSE 'recurly:acme:account:c' || n % 5000 END,
               CAST(:oldest AS timestamptz) + n * interval '1 second'
        FROM generate_series(1, :count) AS n
        """,
        oldest=OLDEST,
        count=EVENTS,
    )
    rows(
        engine,
        "INSERT INTO subject (key, source, site, code, status, urgency) "
        "SELECT 'recurly:acme:account:c' || n, 'recurly', 'acme', 'c' || n, 'idle', 1 "
        "FROM generate_series(0, 4999) AS n",
    )
    while extend_word_index(engine, 10_000):
        pass
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE event, subject, event_word")
    return engine


SELECTIVE: dict[str, tuple[dict[str, Any], int]] = {
    "the newest": ({}, 50),
    "a rare source": ({"source": "stripe"}, 1),
    "a common source": ({"source": "recurly"}, 50),
    "a rare kind": ({"kind": "payment.rare"}, 1),
    "a rare kind by a pattern": ({"kind": "*.rare"}, 1),
    "a common kind": ({"kind": "invoice.kind7"}, 50),
    "a rare status": ({"status": "buried"}, 1),
    "a rare status of a common source": ({"source": "recurly", "status": "buried"}, 1),
    "an account": ({"account": "c17"}, EVENTS // 5000),
    "an account that was never fetched": ({"account": "c5"}, EVENTS // 5000),
    "an unknown account": ({"account": "nobody"}, 0),
    "an account by its key": ({"account": "recurly:acme:account:c17"}, EVENTS // 5000),
    "an account and a kind": ({"account": "c17", "kind": "invoice.*"}, EVENTS // 5000),
    "until long ago": ({"until": OLDEST + timedelta(seconds=10)}, 9),
    "since long ago, of a rare kind": ({"since": OLDEST, "kind": "payment.rare"}, 1),
    "since lately, of a common kind": ({"since": OLDEST + timedelta(seconds=EVENTS), "kind": "invoice.*"}, 1),
    "a reference": ({"search": "ch_rare4711"}, 1),
    "a reference of which nothing is known": ({"search": "ch_none"}, 0),
    "a page in the middle": ({"before": EVENTS // 2}, 50),
}


@pytest.fixture
def pages_read(large: Engine) -> Callable[[Callable[[Connection], object]], int]:
    """How many pages of tables and indexes the statements of a call read."""

    def measure(call: Callable[[Connection], object]) -> int:
        statements: list[tuple[str, Any]] = []

        def keep(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            statements.append((statement, parameters))

        with large.connect() as connection:
            sqlalchemy_event.listen(connection, "before_cursor_execute", keep)
            call(connection)
            sqlalchemy_event.remove(connection, "before_cursor_execute", keep)
            connection.rollback()
            plans = [
                connection.exec_driver_sql(
                    f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", values
                )
                .scalars()
                .one()
                for sql, values in statements
            ]
            connection.rollback()
        found = [json.loads(plan) if isinstance(plan, str) else plan for plan in plans]
        return sum(p[0]["Plan"]["Shared Hit Blocks"] + p[0]["Plan"]["Shared Read Blocks"] for p in found)

    return measure


def test_every_filter_reads_few_pages_of_a_large_ledger(large: Engine, pages_read: Any) -> None:
    (first,) = [row.id for row in rows(large, "SELECT min(id) AS id FROM event")]
    found, read = {}, {}
    for name, (wanted, _) in SELECTIVE.items():
        filter_ = Filter(**{k: first + v if k == "before" else v for k, v in wanted.items()})
        with large.connect() as connection:
            found[name] = len(queries.events(connection, filter_))
        read[name] = pages_read(lambda connection, f=filter_: queries.events(connection, f))
    assert found == {name: count for name, (_, count) in SELECTIVE.items()}
    assert {name: pages for name, pages in read.items() if pages > PAGES_ALLOWED} == {}


@pytest.mark.parametrize(
    "count",
    [event_actions.count_replayable, event_actions.count_buriable, event_actions.replay, event_actions.bury],
)
def test_what_replay_and_bury_select_is_read_by_the_same_indexes(pages_read: Any, count: Any) -> None:
    for wanted in (
        {"account": "c17"},
        {"kind": "payment.rare"},
        {"search": "ch_rare4711"},
        {"status": "buried"},
    ):
        assert pages_read(lambda connection, w=wanted: count(connection, Filter(**w))) < PAGES_ALLOWED, wanted


def searched(engine: Engine, term: str) -> list[str]:
    with engine.connect() as connection:
        return [row["event_id"] for row in queries.events(connection, Filter(search=term))]


def settle(engine: Engine) -> None:
    """As if the events had been received some minutes ago."""
    rows(engine, f"UPDATE event SET received_at = received_at - interval '{SETTLE_SECONDS + 1} seconds'")


BODIES = {
    "n1": '{"email": "Jane.Roe@example.com", "note": "it\'s 100% \\\\ done"}',
    "n2": '{"reference": "7994-AB_cd", "name": "Zoë"}',
    "n3": "x" * 200 + " tail",
    "n4": None,
    "n5": '{"note": "an example of how a row is done: ABCD, it and s 7994 then AB CDE"}',
}
"""The last has the words of searches, but not their text."""
SEARCHES = (
    "jane",
    "JANE.ROE",
    "roe@example",
    "7994-ab",
    "ab_cd",
    "zoë",
    "it's",
    "100%",
    "\\",
    "x" * 90,
    "tail",
)


@pytest.mark.parametrize("term", SEARCHES)
def test_a_search_finds_the_same_before_and_after_the_words_are_indexed(engine: Engine, term: str) -> None:
    record(engine, *(event(id_, body=body) for id_, body in BODIES.items()))
    before = searched(engine, term)
    assert before
    settle(engine)
    assert extend_word_index(engine, 100) == len(BODIES)
    assert searched(engine, term) == before


@pytest.mark.parametrize("term", ["ane.roe", "xample", "0% "])
def test_a_word_is_found_by_its_start_only(engine: Engine, term: str) -> None:
    record(engine, *(event(id_, body=body) for id_, body in BODIES.items()))
    assert searched(engine, term) == []
    settle(engine)
    extend_word_index(engine, 100)
    assert searched(engine, term) == []


def test_words_of_young_events_are_not_indexed_yet(engine: Engine) -> None:
    """One with a lower id may still be committed by another process; it would never be found."""
    record(engine, event("n1"), event("n2"), event("n3"))
    rows(
        engine,
        f"UPDATE event SET received_at = now() - interval '{SETTLE_SECONDS + 1} seconds' WHERE event_id <> 'n2'",
    )
    assert extend_word_index(engine, 100) == 1, "n3 is old but behind n2, which is young"
    assert searched(engine, "n3") == ["n3"]
    settle(engine)
    assert extend_word_index(engine, 1) == 1
    assert extend_word_index(engine, 100) == 1


def test_an_event_of_a_mebibyte_is_indexed_and_found_by_its_beginning(engine: Engine) -> None:
    record(engine, event("n1", body="start " + " ".join(f"word{n:06}" for n in range(90_000))), event("n2"))
    settle(engine)
    assert extend_word_index(engine, 100) == 2
    assert searched(engine, "word000017") == ["n1"]


def test_a_purged_body_leaves_no_word_in_the_index(engine: Engine) -> None:
    record(engine, event("n1", body='{"email": "jane@example.com"}'))
    rows(engine, "UPDATE event SET status = 'done', received_at = now() - interval '40 days'")
    extend_word_index(engine, 100)
    purge(engine, 30, None)
    with engine.connect() as connection:
        words = connection.execute(text("SELECT words::text FROM event_word")).scalars().one()
    assert "jane" not in words
    assert searched(engine, "n1") == ["n1"]


def test_a_removed_event_takes_its_words_with_it(engine: Engine) -> None:
    record(engine, event("n1"))
    settle(engine)
    extend_word_index(engine, 100)
    rows(engine, "DELETE FROM event")
    assert rows(engine, "SELECT * FROM event_word") == []
