"""When sources spoke, and the times in which one was unusually quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from samples import SITE, SOURCE, event, record, rows
from sqlalchemy import Engine

from connector.ledger import source_activity

HERE = (SOURCE, SITE)
THEN = datetime.now(UTC).replace(minute=2, second=0, microsecond=0) - timedelta(hours=2)


def received(engine: Engine, event_id: str, at: datetime, **changed: str) -> None:
    record(engine, event(event_id, **changed))
    rows(engine, "UPDATE event SET received_at = :at WHERE event_id = :id", at=at, id=event_id)


def listened(engine: Engine) -> list[tuple[datetime, int]]:
    with engine.begin() as connection:
        source_activity.listen(connection)
        return [(one.at, one.events) for one in source_activity.heard(connection, HERE)]


def test_what_was_received_is_counted_by_five_minutes(engine: Engine) -> None:
    for number, minutes in enumerate((0, 2, 4, 61)):
        received(engine, f"n{number}", THEN + timedelta(minutes=minutes))
    first = THEN - timedelta(minutes=2)
    later = [(first + timedelta(minutes=minutes), events) for minutes, events in ((0, 2), (5, 1), (60, 1))]
    assert listened(engine) == later
    received(engine, "n9", THEN + timedelta(minutes=62))
    assert listened(engine) == [*later[:2], (later[2][0], 2)], "it goes on where it was"
    with engine.connect() as connection:
        assert source_activity.last_heard(connection) == {HERE: THEN + timedelta(minutes=62)}


def test_each_source_is_counted_for_itself(engine: Engine) -> None:
    received(engine, "n1", THEN)
    received(engine, "n2", THEN, source="stripe", site="")
    assert len(listened(engine)) == 1
    with engine.connect() as connection:
        assert set(source_activity.last_heard(connection)) == {HERE, ("stripe", "")}


def test_what_is_older_than_two_weeks_is_neither_counted_nor_kept(engine: Engine) -> None:
    received(engine, "n1", THEN - timedelta(days=15))
    assert listened(engine) == []
    received(engine, "n2", THEN)
    assert len(listened(engine)) == 1
    rows(engine, "UPDATE heard SET at = at - interval '15 days'")
    rows(engine, "DELETE FROM event")
    assert listened(engine) == []


def test_a_silence_begins_and_ends_once(engine: Engine) -> None:
    with engine.begin() as connection:
        assert source_activity.begin(connection, HERE, THEN)
        assert not source_activity.begin(connection, HERE, THEN)
        assert not source_activity.begin(connection, HERE, THEN + timedelta(minutes=1)), "it lasts"
        assert [one.since for one in source_activity.lasting(connection, [HERE])] == [THEN]
        assert source_activity.end(connection, HERE)
        assert not source_activity.end(connection, HERE)
        assert source_activity.lasting(connection, [HERE]) == []


def test_sources_that_are_not_set_up_any_more_are_not_missed(engine: Engine) -> None:
    with engine.begin() as connection:
        source_activity.begin(connection, HERE, THEN)
        assert source_activity.lasting(connection, [("adyen", "")]) == []


def test_who_has_not_spoken_for_two_weeks_is_given_up_and_may_be_silent_anew(engine: Engine) -> None:
    with engine.begin() as connection:
        source_activity.begin(connection, HERE, THEN - timedelta(days=15))
        source_activity.listen(connection)
        assert source_activity.lasting(connection, [HERE]) == []
        assert source_activity.begin(connection, HERE, THEN)


def test_what_was_counted_is_not_counted_again(engine: Engine) -> None:
    """Events of before the last step may be purged: their count stays as it was."""
    received(engine, "n1", THEN)
    received(engine, "n3", THEN + timedelta(minutes=1))
    received(engine, "n2", THEN + timedelta(minutes=30))
    before = listened(engine)
    assert [events for _, events in before] == [2, 1]
    assert listened(engine) == before, "a second look counts nothing twice"
    rows(engine, "DELETE FROM event WHERE event_id = 'n1'")
    assert listened(engine) == before


def test_each_site_was_heard_for_itself(engine: Engine) -> None:
    received(engine, "n1", THEN)
    received(engine, "n2", THEN + timedelta(hours=1), site="eu1")
    assert len(listened(engine)) == 1
    with engine.connect() as connection:
        assert len(source_activity.heard(connection, (SOURCE, "eu1"))) == 1


def test_one_silence_ends_and_no_other(engine: Engine) -> None:
    with engine.begin() as connection:
        source_activity.begin(connection, HERE, THEN)
        source_activity.begin(connection, (SOURCE, "eu1"), THEN)
        source_activity.listen(connection)
        assert source_activity.end(connection, HERE)
        assert [one.site for one in source_activity.lasting(connection, [HERE, (SOURCE, "eu1")])] == ["eu1"]
        assert source_activity.begin(connection, HERE, THEN + timedelta(hours=1))
        assert source_activity.end(connection, HERE)
    ended = rows(engine, "SELECT count(DISTINCT ended_at) AS n FROM silence WHERE ended_at IS NOT NULL")
    assert ended[0].n == 1, "in one transaction; and none that had ended is ended again"


def test_a_silence_that_had_ended_keeps_its_end(engine: Engine) -> None:
    with engine.begin() as connection:
        source_activity.begin(connection, HERE, THEN)
        source_activity.end(connection, HERE)
    rows(engine, "UPDATE silence SET ended_at = '2026-11-01Z'")
    with engine.begin() as connection:
        source_activity.begin(connection, HERE, THEN + timedelta(minutes=1))
        source_activity.end(connection, HERE)
    kept = rows(engine, "SELECT 1 FROM silence WHERE ended_at = '2026-11-01Z'")
    assert len(kept) == 1
