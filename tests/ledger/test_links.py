"""Which record each account is: kept once, never for two, and what hung on the old one is told again."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from samples import due, event, one, record, rows, statuses, subject
from sqlalchemy import Engine

from connector.ledger import links, subjects, watermarks
from connector.models.facts import Candidate, Link, LinkState

BOB, EVE = subject("bob"), subject("eve")
LINKED = Link(LinkState.LINKED, "001A", contact_id="003A", how="e-mail", person=True)
REVIEW = Link(
    LinkState.REVIEW, how="2 fit", candidates=(Candidate("001A", "Rivera", ("e-mail", "name"), EVE),)
)


def save(engine: Engine, **found: Link) -> set[str]:
    with engine.begin() as connection:
        return links.save(connection, {subject(code): link for code, link in found.items()})


@pytest.fixture
def known(engine: Engine) -> Engine:
    """bob is idle, with an event that is on the timeline."""
    record(engine, event("n1"))
    rows(engine, "UPDATE event SET status = 'done', subject = :s", s=BOB)
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    rows(engine, "UPDATE subject SET status = 'idle'")
    return engine


def told_again(engine: Engine) -> bool:
    state = one(engine, "SELECT status FROM subject").status
    return (statuses(engine)["n1"], state) == ("fetched", "due")


def test_a_link_is_read_as_it_was_kept(engine: Engine) -> None:
    assert save(engine, bob=LINKED, eve=REVIEW) == set()
    with engine.connect() as connection:
        assert links.load(connection, [BOB, EVE, "x"]) == {BOB: LINKED, EVE: REVIEW}
        assert links.holders(connection, ["001A", "001B"]) == {"001A": BOB}
        assert links.held(connection) == {EVE: REVIEW}
        assert links.held(connection, LinkState.WAITING) == {}
        assert links.numbers(connection) == {LinkState.LINKED: 1, LinkState.REVIEW: 1}


def test_since_when_it_is_so_changes_with_the_state_only(engine: Engine) -> None:
    save(engine, bob=REVIEW)
    rows(engine, "UPDATE link SET since = '2026-11-02T00:00Z'")
    save(engine, bob=Link(LinkState.REVIEW, how="3 fit"))
    assert one(engine, "SELECT since::date AS day, how FROM link").day.isoformat() == "2026-11-02"
    save(engine, bob=LINKED)
    assert one(engine, "SELECT since > now() - interval '1 minute' AS fresh FROM link").fresh


def test_a_record_is_never_two_accounts(engine: Engine) -> None:
    assert save(engine, bob=LINKED) == set()
    assert save(engine, eve=LINKED) == {EVE}
    assert save(engine, bob=LINKED) == set()


def test_of_two_writers_at_once_one_gets_it(engine: Engine) -> None:
    start, taken = threading.Barrier(2), []

    def write(code: str) -> None:
        start.wait()
        taken.extend(save(engine, **{code: LINKED}))

    threads = [threading.Thread(target=write, args=(code,)) for code in ("bob", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert one(engine, "SELECT count(*) AS n FROM link").n == 1


@pytest.mark.parametrize("before", [REVIEW, Link(LinkState.WAITING)])
def test_what_was_told_without_an_account_is_told_again_with_it(known: Engine, before: Link) -> None:
    save(known, bob=before)
    assert not told_again(known)
    save(known, bob=LINKED)
    assert told_again(known)


def test_an_account_that_is_found_at_once_has_nothing_to_tell_again(known: Engine) -> None:
    save(known, bob=Link(LinkState.NEW))
    save(known, bob=LINKED)
    assert not told_again(known)


def test_one_that_loses_the_race_stays_as_it_was(known: Engine) -> None:
    save(known, bob=REVIEW, eve=LINKED)
    assert save(known, bob=LINKED) == {BOB}
    assert not told_again(known)


def test_a_record_that_is_lost_or_another_is_told_everything(known: Engine) -> None:
    save(known, bob=LINKED)
    with known.begin() as connection:
        assert links.move(connection, {BOB: Link(LinkState.LINKED, "001B")}) == set()
    assert told_again(known)
    rows(known, "UPDATE subject SET status = 'idle'")
    rows(known, "UPDATE event SET status = 'done'")
    with known.begin() as connection:
        links.forget(connection, [BOB])
        assert links.load(connection, [BOB]) == {}
    assert told_again(known)


def test_accounts_that_billing_forgot_wait_for_nobody(engine: Engine) -> None:
    save(engine, bob=REVIEW)
    rows(
        engine,
        "INSERT INTO snapshot (source, site, object, id, subject, observed_at, gone, data) "
        "VALUES ('recurly', 'acme', 'account', 'acc1', :s, now(), true, '{}')",
        s=BOB,
    )
    with engine.connect() as connection:
        assert links.held(connection) == {}
        assert links.numbers(connection) == {}
        assert links.exist(connection)


# ── how far something was looked through ──────────────────────────────────────────────────────────────────────


def test_a_watermark_never_goes_back(engine: Engine) -> None:
    with engine.begin() as connection:
        assert watermarks.load(connection, "x") is None
        now = connection.exec_driver_sql("SELECT now()").scalar_one()
        watermarks.save(connection, "x", now)
        watermarks.save(connection, "x", now - timedelta(days=1))
        assert watermarks.load(connection, "x") == now


def test_a_turn_is_taken_once_in_its_time(engine: Engine) -> None:
    hour = timedelta(hours=1)
    with engine.begin() as connection:
        assert watermarks.has_passed(connection, "x", hour)
        assert watermarks.take(connection, "x", hour)
    with engine.begin() as connection:
        assert not watermarks.has_passed(connection, "x", hour)
        assert not watermarks.take(connection, "x", hour)
    rows(engine, "UPDATE watermark SET at = at - interval '2 hours'")
    with engine.begin() as connection:
        assert watermarks.has_passed(connection, "x", hour)
        assert watermarks.take(connection, "x", hour)


def test_how_far_back_something_is_known_only_reaches_further_back(engine: Engine) -> None:
    with engine.begin() as connection:
        now = connection.exec_driver_sql("SELECT now()").scalar_one()
        for days, known in ((1, 1), (2, 2), (0, 2)):
            watermarks.reach_back(connection, "x", now - timedelta(days=days))
            assert watermarks.load(connection, "x") == now - timedelta(days=known)


def test_a_moment_is_taken_once_and_only_where_something_was_looked_at_before(engine: Engine) -> None:
    with engine.begin() as connection:
        now = connection.exec_driver_sql("SELECT now()").scalar_one()
        assert not watermarks.take_once(connection, "x", now)
        assert not watermarks.is_before(connection, "x", now)
        watermarks.save(connection, "x", now - timedelta(hours=1))
        assert watermarks.is_before(connection, "x", now)
        assert not watermarks.is_before(connection, "x", now - timedelta(hours=1))
        assert watermarks.take_once(connection, "x", now)
        assert not watermarks.take_once(connection, "x", now)
        assert not watermarks.is_before(connection, "x", now)


def test_what_was_looked_at_of_late_is_told_the_last_first(engine: Engine) -> None:
    with engine.begin() as connection:
        now = connection.exec_driver_sql("SELECT now()").scalar_one()
        for name, minutes in (("a:1", 30), ("a:2", 10), ("a:3", 90), ("b:1", 1)):
            watermarks.save(connection, name, now - timedelta(minutes=minutes))
        assert watermarks.touched(connection, "a:", timedelta(hours=1)) == ["a:2", "a:1"]


def test_a_link_that_is_kept_again_is_not_another_accounts(engine: Engine) -> None:
    save(engine, bob=LINKED)
    assert save(engine, bob=LINKED, eve=Link(LinkState.NEW)) == set()


def test_only_what_was_done_is_told_again(known: Engine) -> None:
    rows(known, "UPDATE event SET status = 'dead'")
    save(known, bob=REVIEW)
    save(known, bob=LINKED)
    assert statuses(known) == {"n1": "dead"}


def test_what_is_still_held_is_not_told_again(known: Engine) -> None:
    save(known, bob=REVIEW)
    save(known, bob=Link(LinkState.WAITING))
    assert not told_again(known)


def test_those_held_longest_come_first(engine: Engine) -> None:
    save(engine, ann=REVIEW)
    save(engine, bob=REVIEW)
    rows(engine, "UPDATE link SET since = '2026-11-02Z' WHERE subject = :s", s=subject("ann"))
    rows(engine, "UPDATE link SET since = '2026-11-01Z' WHERE subject = :s", s=BOB)
    with engine.connect() as connection:
        assert list(links.held(connection)) == [BOB, subject("ann")]


def test_an_account_that_billing_forgot_still_counts_as_linked(engine: Engine) -> None:
    save(engine, bob=LINKED)
    rows(
        engine,
        "INSERT INTO snapshot (source, site, object, id, subject, observed_at, gone, data) "
        "VALUES ('recurly', 'acme', 'account', 'acc1', :s, now(), true, '{}')",
        s=BOB,
    )
    with engine.connect() as connection:
        assert links.numbers(connection) == {LinkState.LINKED: 1}
