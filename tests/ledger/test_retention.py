"""Retention: bodies go first, rows later, and what was once received stays a duplicate for ever."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from samples import event, one, record, rows, statuses, weak
from sqlalchemy import Engine

from connector.ledger.retention import Purged, purge


def aged(engine: Engine, status: str = "done", days: int = 100) -> None:
    rows(
        engine,
        "UPDATE event SET status = :status, received_at = now() - make_interval(days => :days)",
        status=status,
        days=days,
    )


def a_minute_later(engine: Engine) -> None:
    rows(engine, "UPDATE tombstone SET purged_at = purged_at - interval '61 seconds'")


def test_bodies_go_before_rows(engine: Engine) -> None:
    record(engine, event())
    aged(engine, days=40)
    assert purge(engine, 30, 90) == Purged(bodies=1, buried=0, rows=0)
    assert one(engine, "SELECT body, status FROM event") == (None, "done")
    assert purge(engine, 30, 90) == Purged(0, 0, 0)


def test_a_row_is_removed_a_minute_after_its_tombstone(engine: Engine) -> None:
    record(engine, event())
    aged(engine)
    assert purge(engine, None, 90) == Purged(bodies=0, buried=1, rows=0)
    assert purge(engine, None, 90) == Purged(0, 0, 0)
    a_minute_later(engine)
    assert purge(engine, None, 90) == Purged(bodies=0, buried=0, rows=1)
    assert statuses(engine) == {}


def test_without_periods_everything_is_kept(engine: Engine) -> None:
    record(engine, event())
    aged(engine, days=10_000)
    assert purge(engine, None, None) == Purged(0, 0, 0)
    assert one(engine, "SELECT body FROM event").body == "{}"


def test_what_is_younger_is_kept(engine: Engine) -> None:
    record(engine, event())
    aged(engine, days=29)
    assert purge(engine, 30, 30) == Purged(0, 0, 0)


@pytest.mark.parametrize("status", ["pending", "fetched", "dead", "unknown"])
def test_what_is_not_settled_stays_whole_however_old(engine: Engine, status: str) -> None:
    record(engine, event())
    aged(engine, status)
    purge(engine, 1, 1)
    a_minute_later(engine)
    assert purge(engine, 1, 1) == Purged(0, 0, 0)
    assert one(engine, "SELECT body FROM event").body == "{}"


@pytest.mark.parametrize("status", ["done", "ignored", "buried"])
def test_what_is_settled_ages_whatever_its_fate(engine: Engine, status: str) -> None:
    record(engine, event())
    aged(engine, status)
    assert purge(engine, 1, 1) == Purged(bodies=1, buried=1, rows=0)


def test_a_purged_event_that_is_delivered_again_is_still_a_duplicate(engine: Engine) -> None:
    record(engine, event("n1"), event("ñ:2"))
    aged(engine)
    for _ in range(2):
        purge(engine, None, 1)
        a_minute_later(engine)
    assert statuses(engine) == {}
    record(engine, event("n1"), event("ñ:2"), event("n1", site="eu1"))
    assert [(row.site, row.event_id) for row in rows(engine, "SELECT site, event_id FROM event")] == [
        ("eu1", "n1")
    ]


def test_a_purged_event_known_by_its_body_only_is_worked_when_it_happens_again(engine: Engine) -> None:
    record(engine, weak("w1"))
    aged(engine)
    for _ in range(2):
        purge(engine, None, 1)
        a_minute_later(engine)
    record(engine, weak("w1"))
    assert statuses(engine) == {"w1": "pending"}


def test_what_comes_again_between_tombstone_and_removal_is_not_removed(engine: Engine) -> None:
    record(engine, weak("w1"))
    aged(engine)
    purge(engine, None, 1)
    a_minute_later(engine)
    record(engine, weak("w1"))
    assert purge(engine, None, 1).rows == 0
    assert statuses(engine) == {"w1": "pending"}


def test_one_pass_is_bounded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.ledger.retention.AT_ONCE", 2)
    record(engine, *(event(f"n{number}") for number in range(5)))
    aged(engine)
    assert purge(engine, 1, None).bodies == 2
    assert purge(engine, 1, None).bodies == 2
    assert purge(engine, 1, None).bodies == 1


def test_what_was_missed_and_when_it_was_quiet_is_forgotten_with_the_rows(engine: Engine) -> None:
    for days in (100, 10):
        rows(
            engine,
            "INSERT INTO missed (source, site, object, object_id, subject, found_at) "
            "VALUES ('recurly', 'acme', 'invoice', 'i1', 's', now() - make_interval(days => :days))",
            days=days,
        )
        rows(
            engine,
            "INSERT INTO silence (source, site, since, ended_at) VALUES ('recurly', 'acme', "
            "now() - make_interval(days => :days), now() - make_interval(days => :days))",
            days=days,
        )
    assert purge(engine, None, 90) == Purged(bodies=0, buried=0, rows=2)
    assert purge(engine, None, 90).rows == 0


def test_what_was_purged_is_known_by_its_content(engine: Engine) -> None:
    """Signed content under any id; of the others, other content under the same id is news."""
    at = datetime(2026, 11, 1, tzinfo=UTC)
    gone = (event("signed", content="aa", signed_at=at), event("plain", content="aa"))
    record(engine, *gone)
    aged(engine)
    purge(engine, None, 90)
    a_minute_later(engine)
    purge(engine, None, 90)
    assert rows(engine, "SELECT id FROM event") == []
    record(engine, *gone, event("replayed", content="aa", signed_at=at), event("plain", content="bb"))
    assert statuses(engine) == {"plain": "pending"}
    record(engine, gone[1])
    assert statuses(engine) == {"plain": "pending"}


def test_what_was_recorded_beside_other_content_is_known_too_once_both_are_purged(engine: Engine) -> None:
    both = (event("plain", content="aa"), event("plain", content="bb"))
    record(engine, *both)
    assert statuses(engine) == {"plain": "pending", "plain~bb": "pending"}
    aged(engine)
    purge(engine, None, 90)
    a_minute_later(engine)
    purge(engine, None, 90)
    record(engine, *both)
    assert rows(engine, "SELECT id FROM event") == []
    record(engine, event("plain", content="cc"), *both)
    assert statuses(engine) == {"plain": "pending"}


def test_transmissions_are_forgotten_when_their_signature_is_too_old(engine: Engine) -> None:
    rows(
        engine,
        "INSERT INTO transmission (source, site, id, content, seen_at) VALUES "
        "('paypal', '', 'old', '', now() - interval '6 days'), ('paypal', '', 'new', '', now() - interval '4 days')",
    )
    purge(engine, None, None)
    assert [row.id for row in rows(engine, "SELECT id FROM transmission")] == ["new"]


def test_only_an_event_that_has_its_own_tombstone_is_removed(engine: Engine) -> None:
    """Another's tombstone does not keep it a duplicate: removed without its own, it would be worked twice."""
    record(engine, event("n1"))
    aged(engine)
    assert purge(engine, None, 90).buried == 1
    a_minute_later(engine)
    record(engine, event("n2"))
    aged(engine)
    assert purge(engine, None, 90) == Purged(bodies=0, buried=1, rows=1)
    assert statuses(engine) == {"n2": "done"}


def test_the_oldest_are_buried_first(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.ledger.retention.AT_ONCE", 1)
    record(engine, event("younger"), event("oldest"))
    aged(engine)
    rows(engine, "UPDATE event SET received_at = received_at - interval '1 day' WHERE event_id = 'oldest'")
    purge(engine, None, 90)
    a_minute_later(engine)
    purge(engine, None, 90)
    assert statuses(engine) == {"younger": "done"}


@pytest.mark.parametrize(
    ("state", "days", "left"), [("cleared", 100, 0), ("cleared", 10, 1), ("explained", 100, 1)]
)
def test_only_a_discrepancy_that_was_cleared_long_ago_is_forgotten(
    engine: Engine, state: str, days: int, left: int
) -> None:
    """One that is explained keeps since when it is: ``cleared_at``."""
    rows(
        engine,
        "INSERT INTO discrepancy (key, subject, difference, site, processor, movement, reference, at, sides, state, "
        "cleared_at) VALUES ('k', 's', 'amount', 'acme', 'stripe', 'payment', 'ch_1', now(), '{}', :state, "
        "now() - make_interval(days => :days))",
        state=state,
        days=days,
    )
    assert purge(engine, None, 90).rows == 1 - left
    assert len(rows(engine, "SELECT 1 FROM discrepancy")) == left
